// A handful of emoji by their Slack names; others keep their :name:.

import { el } from "./dom.js";

export const EMOJI = {
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", eyes: "👀", tada: "🎉", fire: "🔥", warning: "⚠️",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", no_entry: "⛔",
  no_entry_sign: "🚫", rotating_light: "🚨", bell: "🔔", no_bell: "🔕", mute: "🔇", red_circle: "🔴",
  large_blue_circle: "🔵", large_green_circle: "🟢", large_yellow_circle: "🟡", large_orange_circle: "🟠",
  white_circle: "⚪", black_circle: "⚫", large_red_square: "🟥", large_green_square: "🟩", question: "❓",
  grey_question: "❔", exclamation: "❗", information_source: "ℹ️", bulb: "💡", mag: "🔍", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", clock1: "🕐", stopwatch: "⏱️", alarm_clock: "⏰", calendar: "📅",
  chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", robot_face: "🤖", brain: "🧠",
  gear: "⚙️", wrench: "🔧", hammer_and_wrench: "🛠️", package: "📦", lock: "🔒", unlock: "🔓", key: "🔑",
  memo: "📝", pushpin: "📌", link: "🔗", arrow_up: "⬆️", arrow_down: "⬇️", arrow_right: "➡️", arrow_left: "⬅️",
  leftwards_arrow_with_hook: "↩️", rewind: "⏪", repeat: "🔁", heart: "❤️", raised_hands: "🙌", pray: "🙏",
  wave: "👋", ok_hand: "👌", point_right: "👉", speech_balloon: "💬", zzz: "💤", desktop_computer: "🖥️",
  floppy_disk: "💾", satellite: "🛰️", construction: "🚧", shield: "🛡️", seedling: "🌱", sparkles: "✨",
  smile: "😄", slightly_smiling_face: "🙂", thinking_face: "🤔", sob: "😭", rocket: "🚀",
};

// Where the machine has no colour font for them, a plain sign stands in, or the name.
const SIGNS = {
  "✅": ["✔", "#1f7a52"], "✔️": ["✔", "#1f7a52"], "❌": ["✘", "#b3261e"], "⚠️": ["⚠", "#8a5a00"],
  "🔴": ["●", "#c62828"], "🔵": ["●", "#2455c3"], "🟢": ["●", "#2eb886"], "🟡": ["●", "#daa038"], "🟠": ["●", "#d9711a"],
  "⚪": ["○", "#6a6875"], "⚫": ["●", "#1d1c25"], "🟥": ["■", "#c62828"], "🟩": ["■", "#2eb886"],
  "ℹ️": ["ℹ", "#2455c3"], "⬆️": ["↑"], "⬇️": ["↓"], "➡️": ["→"], "⬅️": ["←"], "↩️": ["↩"], "❓": ["?"], "❗": ["!", "#b3261e"],
};
const NAMES = new Map(Object.entries(EMOJI).map(([name, sign]) => [sign, name]).reverse());
const KNOWN = new RegExp([...NAMES.keys()].sort((a, b) => b.length - a.length).join("|"), "u");
const inColour = drawsColour();

function drawsColour() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 16;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  brush.font = "14px sans-serif";
  brush.fillText("🔴", 0, 13);
  const pixels = brush.getImageData(0, 0, 16, 16).data;
  for (let at = 0; at < pixels.length; at += 4) if (pixels[at] > pixels[at + 1] + 40) return true;
  return false;
}

export function emoji(name) {
  return name in EMOJI ? glyph(EMOJI[name], name) : `:${name}:`;
}

function glyph(sign, name) {
  if (inColour) return el("span", { title: `:${name}:` }, sign);
  const [plain, colour] = SIGNS[sign] ?? [`:${name}:`];
  const node = el("span", { title: `:${name}:`, class: sign in SIGNS ? "sign" : "emoji-name" }, plain);
  if (colour) node.style.color = colour;
  return node;
}

// Text in which emoji were written as characters.
export function withEmoji(text) {
  if (inColour) return [text];
  const nodes = [];
  let rest = text;
  for (let match = KNOWN.exec(rest); match !== null; match = KNOWN.exec(rest)) {
    if (match.index > 0) nodes.push(rest.slice(0, match.index));
    nodes.push(glyph(match[0], NAMES.get(match[0])));
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) nodes.push(rest);
  return nodes;
}

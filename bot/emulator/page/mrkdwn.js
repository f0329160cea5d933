// Slack's mrkdwn as DOM nodes.

import { el, link } from "./dom.js";
import { EMOJI, emoji, withEmoji } from "./emoji.js";
import { store } from "./store.js";

export function unescape(text) {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

const INLINE = new RegExp(
  [
    "```([\\s\\S]+?)```",
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]+?)(?<=\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]+?)(?<=\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]+?)(?<=\\S)~(?![\\w~])",
    "(?<![\\w:]):([a-z0-9_+'-]+):(?![\\w:])",
  ].join("|"),
);

export function inline(text) {
  const nodes = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match !== null; match = INLINE.exec(rest)) {
    if (match.index > 0) nodes.push(withEmoji(unescape(rest.slice(0, match.index))));
    nodes.push(token(match));
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) nodes.push(withEmoji(unescape(rest)));
  return nodes;
}

function token([whole, pre, code, reference, bold, italic, strike, name]) {
  if (pre !== undefined) return el("pre", {}, unescape(pre.replace(/^\n|\n$/g, "")));
  if (code !== undefined) return el("code", {}, unescape(code));
  if (reference !== undefined) return referenceNode(reference);
  if (bold !== undefined) return el("strong", {}, inline(bold));
  if (italic !== undefined) return el("em", {}, inline(italic));
  if (strike !== undefined) return el("s", {}, inline(strike));
  return name in EMOJI ? emoji(name) : whole;
}

function referenceNode(reference) {
  const [target, label] = split(reference);
  if (target.startsWith("@")) return mention(store.userName(target.slice(1), label), target.slice(1));
  if (target.startsWith("#")) return el("span", { class: "mention" }, `#${store.channelName(target.slice(1), label)}`);
  if (target.startsWith("!date^")) return dateNode(target, label);
  if (target.startsWith("!subteam^")) return mention(store.groupName(target.slice(9), label));
  if (target.startsWith("!")) return mention(target.slice(1), target.slice(1));
  return link(unescape(target), unescape(label ?? target));
}

function split(reference) {
  const at = reference.indexOf("|");
  return at < 0 ? [reference, undefined] : [reference.slice(0, at), reference.slice(at + 1)];
}

export function mention(name, id) {
  const own = id !== undefined && (id === store.me || ["here", "channel", "everyone"].includes(id));
  return el("span", { class: own ? "mention own" : "mention" }, `@${name.replace(/^@/, "")}`);
}

function dateNode(target, label) {
  const [, epoch, format, address] = target.split("^");
  const when = new Date(Number(epoch) * 1000);
  if (Number.isNaN(when.getTime())) return label ?? target;
  const shown = el("time", { datetime: when.toISOString(), title: when.toString() }, formatDate(when, format));
  return address ? link(address, shown) : shown;
}

export function formatDate(when, format) {
  const day = (options) => when.toLocaleDateString([], options);
  const time = (options) => when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...options });
  const pretty = (usual) => {
    const days = Math.round((startOfDay(when) - startOfDay(new Date())) / 86_400_000);
    return { 0: "today", "-1": "yesterday", 1: "tomorrow" }[days] ?? usual;
  };
  const long = day({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const plain = day({ day: "numeric", month: "long", year: "numeric" });
  const short = day({ day: "numeric", month: "short", year: "numeric" });
  const known = {
    date_num: day({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date: plain,
    date_short: short,
    date_long: long,
    date_pretty: pretty(plain),
    date_short_pretty: pretty(short),
    date_long_pretty: pretty(long),
    time: time({}),
    time_secs: time({ second: "2-digit" }),
    ago: ago(when),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => known[name] ?? whole);
}

function startOfDay(when) {
  return new Date(when.getFullYear(), when.getMonth(), when.getDate());
}

function ago(when) {
  const minutes = Math.round((Date.now() - when.getTime()) / 60_000);
  if (Math.abs(minutes) < 60) return `${minutes} minutes ago`;
  return `${Math.round(minutes / 60)} hours ago`;
}

// Lines that begin with > become a quote; everything else flows, keeping its line breaks.
export function mrkdwn(text) {
  const box = el("div", { class: "mrkdwn" });
  let quote = [];
  let plain = [];
  const flushPlain = () => {
    if (plain.length) box.append(el("div", { class: "lines" }, inline(plain.join("\n"))));
    plain = [];
  };
  const flushQuote = () => {
    if (quote.length) box.append(el("blockquote", { class: "lines" }, inline(quote.join("\n"))));
    quote = [];
  };
  for (const line of text.split("\n")) {
    if (line.startsWith("&gt;")) {
      flushPlain();
      quote.push(line.slice(4).trimStart());
    } else {
      flushQuote();
      plain.push(line);
    }
  }
  flushQuote();
  flushPlain();
  return box;
}

// For attributes; plainText is for everything that can hold nodes.
export function plainString(text) {
  return unescape(text).replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);
}

export function plainText(text) {
  return withEmoji(plainString(text));
}

export function textObject(object) {
  if (object.type === "mrkdwn") return mrkdwn(object.text);
  return el("div", { class: "lines" }, plainText(object.text));
}

// The markdown block speaks CommonMark; its common part is close enough to mrkdwn.
export function markdown(text) {
  const turned = text
    .replace(/^#{1,6}\s+(.+)$/gm, "*$1*")
    .replace(/\*\*(.+?)\*\*/g, "*$1*")
    .replace(/^[-*]\s+/gm, "• ")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>");
  return mrkdwn(turned);
}

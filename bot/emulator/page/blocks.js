// Block Kit as DOM nodes.

import { chart } from "./chart.js";
import { el, link, safeUrl } from "./dom.js";
import { element } from "./elements.js";
import { markdown, mrkdwn, plainText, textObject } from "./mrkdwn.js";
import { richText } from "./rich_text.js";
import { store } from "./store.js";

// act(block, element, choice) sends what a person did; state holds what is chosen (block id, action id).
export function renderBlocks(blocks, { act, state = {} }) {
  return blocks.map((block) => {
    const draw = DRAW[block.type] ?? unknown;
    const node = draw(block, { act, state });
    node.classList.add("block");
    if (block.block_id) node.dataset.testid = `block-${block.block_id}`;
    return node;
  });
}

const DRAW = {
  header: (block) => el("h3", { class: "block-header" }, plainText(block.text.text)),
  divider: () => el("hr"),
  section,
  context: (block) =>
    el(
      "div",
      { class: "context" },
      block.elements.map((item) => (item.type === "image" ? picture(item, "tiny") : textObject(item))),
    ),
  actions: (block, tools) => el("div", { class: "actions" }, block.elements.map((item) => element(block, item, tools))),
  image: (block) =>
    el(
      "figure",
      {},
      block.title && el("figcaption", {}, plainText(block.title.text)),
      picture(block, "large"),
    ),
  input: inputBlock,
  rich_text: (block) => richText(block),
  table: (block) => table(block, false),
  data_table: (block) => table(block, true),
  data_visualization: (block) => chart(block),
  markdown: (block) => markdown(block.text),
  alert: (block) => el("div", { class: "alert" }, textObject(block.text)),
  card,
  carousel: (block, tools) => el("div", { class: "carousel" }, block.elements.map((item) => card(item, tools))),
  video: (block) => el("div", {}, link(block.title_url ?? block.video_url, plainText(block.title.text))),
};

function unknown(block) {
  return el("div", { class: "unknown" }, `[${block.type} block]`);
}

function section(block, tools) {
  const fields = block.fields && el("div", { class: "fields" }, block.fields.map((field) => textObject(field)));
  const text = el("div", { class: "section-text" }, block.text && textObject(block.text), fields);
  if (!block.accessory) return el("div", { class: "section" }, text);
  const side = block.accessory.type === "image" ? picture(block.accessory, "thumb") : element(block, block.accessory, tools);
  return el("div", { class: "section with-accessory" }, text, el("div", { class: "accessory" }, side));
}

function inputBlock(block, tools) {
  return el(
    "div",
    { class: "input" },
    el("label", {}, plainText(block.label.text), block.optional && el("span", { class: "faint" }, " (optional)")),
    element(block, block.element, tools),
    block.hint && el("div", { class: "hint" }, plainText(block.hint.text)),
    el("div", { class: "error", testid: `modal-error-${block.block_id}`, hidden: true }),
  );
}

// Only files of this server are shown; other addresses are named, because this page loads nothing from outside.
export function picture(item, size) {
  const address = localAddress(item);
  const alt = item.alt_text ?? item.title ?? "";
  if (address) return el("img", { class: `picture ${size}`, src: address, alt, title: alt });
  const outside = item.image_url && safeUrl(item.image_url);
  const said = el("span", { class: "picture-outside" }, `[image] ${alt}`);
  return outside ? link(outside, said) : said;
}

function localAddress(item) {
  const file = item.slack_file;
  if (!file) return null;
  const found = [...store.files.values()].find((known) => known.id === file.id || known.url_private === file.url);
  return found ? new URL(found.url_private).pathname : null;
}

function table(block, hasHeader) {
  const settings = block.column_settings ?? [];
  const row = (cells, tag) =>
    el("tr", {}, cells.map((cell, column) => el(tag, { class: settings[column]?.align ?? "" }, cellContent(cell))));
  const [first, ...rest] = block.rows;
  const caption = typeof block.caption === "string" && block.caption;
  return el(
    "div",
    { class: "table" },
    el(
      "table",
      {},
      caption && el("caption", {}, caption),
      el("thead", {}, row(first, "th")),
      el("tbody", { class: hasHeader ? "striped" : "" }, rest.map((cells) => row(cells, "td"))),
    ),
  );
}

function cellContent(cell) {
  if (cell.type === "rich_text") return richText(cell);
  return String(cell.text ?? cell.value ?? "");
}

function card(block, tools) {
  return el(
    "div",
    { class: "card" },
    block.hero_image && picture(block.hero_image, "large"),
    block.title && el("strong", {}, textObject(block.title)),
    block.subtitle && el("div", { class: "faint" }, textObject(block.subtitle)),
    block.body && textObject(block.body),
    block.actions && el("div", { class: "actions" }, block.actions.map((item) => element(block, item, tools))),
  );
}

export function renderAttachment(attachment, tools) {
  const colour = /^[0-9a-fA-F]{3,8}$/.test(attachment.color ?? "") ? `#${attachment.color}` : NAMED[attachment.color];
  const bar = el("div", { class: "bar-colour" });
  if (colour) bar.style.backgroundColor = colour;
  const plain = attachment.blocks
    ? renderBlocks(attachment.blocks, tools)
    : [
        attachment.title && el("strong", {}, inlineTitle(attachment)),
        attachment.text && mrkdwn(attachment.text),
        attachment.footer && el("div", { class: "faint" }, attachment.footer),
      ];
  return el(
    "div",
    { class: "attachment" },
    bar,
    el("div", { class: "attachment-body" }, attachment.pretext && mrkdwn(attachment.pretext), plain),
  );
}

const NAMED = { good: "#2eb886", warning: "#daa038", danger: "#a30200" };

function inlineTitle(attachment) {
  const title = plainText(attachment.title);
  return attachment.title_link ? link(attachment.title_link, title) : title;
}

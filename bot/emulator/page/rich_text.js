// The rich_text block: sections, lists, quotes and preformatted text.

import { el, link } from "./dom.js";
import { emoji } from "./emoji.js";
import { formatDate, mention } from "./mrkdwn.js";
import { store } from "./store.js";

export function richText(block) {
  return el("div", { class: "rich" }, block.elements.map(part));
}

function part(item) {
  switch (item.type) {
    case "rich_text_list": {
      const list = el(item.style === "ordered" ? "ol" : "ul", {}, item.elements.map((entry) => el("li", {}, part(entry))));
      if (item.indent) list.style.marginLeft = `${item.indent * 1.5}em`;
      return list;
    }
    case "rich_text_preformatted":
      return el("pre", {}, item.elements.map(piece));
    case "rich_text_quote":
      return el("blockquote", { class: "lines" }, item.elements.map(piece));
    default:
      return el("div", { class: "lines" }, item.elements.map(piece));
  }
}

function piece(item) {
  return styled(bare(item), item.style ?? {});
}

function bare(item) {
  switch (item.type) {
    case "link":
      return link(item.url, item.text ?? item.url);
    case "emoji":
      return emoji(item.name);
    case "user":
      return mention(store.userName(item.user_id), item.user_id);
    case "usergroup":
      return mention(store.groupName(item.usergroup_id));
    case "channel":
      return el("span", { class: "mention" }, `#${store.channelName(item.channel_id)}`);
    case "broadcast":
      return mention(item.range, item.range);
    case "date":
      return formatDate(new Date(item.timestamp * 1000), item.format ?? "{date} {time}");
    default:
      return item.text ?? "";
  }
}

function styled(node, style) {
  let found = node;
  for (const [name, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) {
    if (style[name]) found = el(tag, {}, found);
  }
  return found;
}

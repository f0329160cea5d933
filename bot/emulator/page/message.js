// One message: author, text or blocks, attachments, files, reactions, and the way into its thread.

import { picture, renderAttachment, renderBlocks } from "./blocks.js";
import { dayOf, el, link, timeOf } from "./dom.js";
import { emoji } from "./emoji.js";
import { collect } from "./elements.js";
import { mrkdwn } from "./mrkdwn.js";
import { ask, store } from "./store.js";

const QUICK = ["eyes", "white_check_mark", "+1"];

// where: "channel" or "thread". openThread(ts) and forget(message) come from the page.
export function renderMessage(message, { where, openThread, forget }) {
  const testid = where === "thread" && !message.is_reply && !message.ephemeral_for ? "thread-root" : `message-${message.ts}`;
  const node = el("article", { class: classes(message), testid, "data-ts": message.ts });
  const tools = {
    act: (block, item, choice) =>
      ask("click", {
        user: store.me,
        channel: message.channel,
        ts: message.ts,
        action_id: item.action_id,
        block_id: block.block_id,
        choice: choice ?? null,
        values: collect(node),
      }),
  };
  node.append(avatar(message), el("div", { class: "body" }, body(message, tools, { where, openThread, forget })));
  if (!message.deleted && !message.ephemeral_for) node.append(toolbar(message, { where, openThread }));
  return node;
}

function classes(message) {
  const found = ["message"];
  if (message.ephemeral_for) found.push("ephemeral");
  if (message.deleted) found.push("tombstone");
  return found.join(" ");
}

function avatar(message) {
  const name = store.fullName(message.user);
  const hue = [...message.user].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  const box = el("div", { class: "avatar", "aria-hidden": "true" }, message.bot_id ? "◆" : name.slice(0, 1).toUpperCase());
  box.style.backgroundColor = `hsl(${hue} 45% 45%)`;
  return box;
}

function body(message, tools, { where, openThread, forget }) {
  if (message.deleted) return [el("div", { class: "faint" }, "This message was deleted."), footer(message, where, openThread)];
  const blocks = message.blocks ?? [];
  const says = blocks.length ? renderBlocks(blocks, tools) : message.text ? [mrkdwn(message.text)] : [];
  return [
    message.ephemeral_for &&
      el(
        "div",
        { class: "only-you", testid: "only-visible-to-you" },
        "Only visible to you",
        el("button", { type: "button", class: "plain", on: { click: () => forget(message) } }, "Dismiss"),
      ),
    message.broadcast && el("div", { class: "only-you" }, "↳ replied to a thread"),
    head(message),
    el("div", { class: "says" }, says),
    (message.attachments ?? []).map((attachment) => renderAttachment(attachment, tools)),
    (message.files ?? []).map(fileNode),
    reactions(message),
    warnings(message),
    where === "channel" && footer(message, where, openThread),
  ];
}

function head(message) {
  return el(
    "div",
    { class: "head" },
    el("span", { class: "author" }, store.fullName(message.user)),
    message.bot_id && el("span", { class: "badge" }, "APP"),
    store.users.get(message.user)?.is_guest && el("span", { class: "badge" }, "GUEST"),
    el("time", { title: `${dayOf(message.ts)} ${timeOf(message.ts)}` }, timeOf(message.ts)),
    message.edited && el("span", { class: "edited", title: editedTitle(message) }, "(edited)"),
  );
}

function editedTitle(message) {
  const times = message.edits?.length ?? 1;
  return `Edited ${times === 1 ? "once" : `${times} times`}, last at ${timeOf(message.edited.ts)}`;
}

function fileNode(file) {
  if (file.mode === "tombstone") return el("div", { class: "file faint" }, "This file was deleted.");
  const path = new URL(file.url_private).pathname;
  if (!file.mimetype.startsWith("image/")) {
    return el("div", { class: "file", testid: `file-${file.id}` }, link(path, file.title), el("span", { class: "faint" }, ` ${file.size} bytes`));
  }
  const image = picture({ slack_file: { id: file.id }, alt_text: file.alt_txt || file.title }, "large");
  return el("figure", { class: "file", testid: `file-${file.id}` }, el("figcaption", {}, file.title), link(path, image));
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  return el(
    "div",
    { class: "reactions" },
    message.reactions.map((reaction) =>
      el(
        "button",
        {
          type: "button",
          class: reaction.users.includes(store.me) ? "reaction own" : "reaction",
          testid: `reaction-${reaction.name}`,
          title: `${reaction.users.map((user) => store.fullName(user)).join(", ")} reacted with :${reaction.name}:`,
          on: { click: () => react(message, reaction.name) },
        },
        emoji(reaction.name), ` ${reaction.count}`,
      ),
    ),
  );
}

function react(message, name) {
  return ask("react", { user: store.me, channel: message.channel, ts: message.ts, name });
}

function warnings(message) {
  const found = store.notices.filter((notice) => notice.ts === message.ts && notice.user === store.me);
  return found.slice(-1).map((notice) => el("div", { class: "warning", testid: "ack-warning" }, `⚠ ${notice.text}`));
}

function footer(message, where, openThread) {
  if (where !== "channel" || !message.reply_count) return null;
  const count = message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`;
  return el(
    "button",
    { type: "button", class: "replies", testid: "thread-open", on: { click: () => openThread(message.ts) } },
    el("strong", {}, count),
    el("span", { class: "faint" }, ` Last reply at ${timeOf(message.latest_reply)}`),
  );
}

function toolbar(message, { where, openThread }) {
  const quick = QUICK.map((name) =>
    el("button", { type: "button", title: `React with :${name}:`, testid: `react-${name}`, on: { click: () => react(message, name) } }, emoji(name)),
  );
  const root = message.is_reply ? message.thread_ts : message.ts;
  const reply =
    where === "channel" &&
    el(
      "button",
      {
        type: "button",
        title: "Reply in thread",
        class: "words",
        testid: message.reply_count ? "thread-reply" : "thread-open",
        on: { click: () => openThread(root) },
      },
      "Reply",
    );
  const shortcuts = store.app.shortcuts
    .filter((known) => known.type === "message")
    .map((known) =>
      el(
        "button",
        {
          type: "button",
          class: "words",
          testid: `shortcut-${known.callback_id}`,
          on: {
            click: () =>
              ask("shortcut", { user: store.me, callback_id: known.callback_id, channel: message.channel, ts: message.ts }),
          },
        },
        known.name,
      ),
    );
  return el("div", { class: "toolbar" }, quick, reply, shortcuts);
}

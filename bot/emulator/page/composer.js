// Where people type: messages, replies and slash commands.

import { el } from "./dom.js";
import { ask, store } from "./store.js";

// place: {channel, thread?}; testid: "composer" or "thread-composer"; say(text) shows a short notice.
export function composer({ channel, thread, testid, say }) {
  const where = thread ? "Reply…" : `Message ${channel.is_im ? store.app.name : `#${channel.name}`}`;
  const field = el("textarea", { rows: 1, placeholder: where, testid, "aria-label": where });
  const hints = el("div", { class: "hints", testid: "command-hints", hidden: true });
  const submit = async () => {
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    hints.hidden = true;
    grow();
    const body = { user: store.me, channel: channel.id, text };
    if (thread) body.thread_ts = thread;
    const answer = await ask(text.startsWith("/") ? "slash" : "message", body);
    if (!answer.ok) {
      field.value = text;
      say(`Not sent: ${answer.error}`);
    }
  };
  const grow = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  field.addEventListener("input", () => {
    grow();
    offer(field, hints);
  });
  const send = el(
    "button",
    { type: "submit", class: "send", testid: `${testid}-send`, "aria-label": "Send" },
    "➤",
  );
  return el(
    "form",
    {
      class: "composer",
      on: {
        submit: (event) => {
          event.preventDefault();
          submit();
        },
      },
    },
    hints,
    field,
    send,
  );
}

function offer(field, hints) {
  const typed = field.value;
  const fitting = typed.startsWith("/")
    ? store.app.commands.filter((known) => `${known.command} `.startsWith(typed) || typed.startsWith(`${known.command} `))
    : [];
  hints.replaceChildren(
    ...fitting.map((known) =>
      el(
        "button",
        {
          type: "button",
          on: {
            click: () => {
              field.value = `${known.command} `;
              hints.hidden = true;
              field.focus();
            },
          },
        },
        el("strong", {}, known.command),
        el("code", {}, known.usage_hint),
        el("span", { class: "faint" }, known.description),
      ),
    ),
  );
  hints.hidden = fitting.length === 0;
}

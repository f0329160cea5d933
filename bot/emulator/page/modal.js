// The stack of open modals; only the uppermost is shown, as in Slack.

import { renderBlocks } from "./blocks.js";
import { el } from "./dom.js";
import { collect } from "./elements.js";
import { plainText } from "./mrkdwn.js";
import { ask, store } from "./store.js";

let shown = { id: "", hash: "", box: null };

export function renderModals(overlays) {
  const stack = store.views[store.me] ?? [];
  const view = stack.at(-1);
  if (!view) {
    overlays.replaceChildren();
    shown = { id: "", hash: "", box: null };
    return;
  }
  if (view.id === shown.id && view.hash === shown.hash) return;
  const typed = view.id === shown.id && shown.box ? collect(shown.box) : {};
  const box = dialog(view, stack.length);
  overlays.replaceChildren(el("div", { class: "shade" }, box));
  restore(box, typed);
  shown = { id: view.id, hash: view.hash, box };
  (box.querySelector("[autofocus]") ?? box.querySelector(".field") ?? box).focus();
}

function dialog(view, depth) {
  const busy = (on) => {
    for (const button of box.querySelectorAll("footer button")) button.disabled = on;
  };
  const submit = async () => {
    busy(true);
    const answer = await ask("submit", { user: store.me, view_id: view.id, values: collect(box) });
    busy(false);
    showErrors(box, answer);
  };
  const close = (everything) => ask("close", { user: store.me, view_id: view.id, everything });
  const tools = {
    act: (block, item, choice) =>
      ask("view_click", {
        user: store.me,
        view_id: view.id,
        action_id: item.action_id,
        block_id: block.block_id,
        choice: choice ?? null,
        values: collect(box),
      }),
    state: view.state.values,
  };
  const box = el(
    "form",
    {
      class: "dialog modal",
      role: "dialog",
      "aria-modal": "true",
      testid: "modal",
      tabindex: "-1",
      on: {
        submit: (event) => {
          event.preventDefault();
          if (view.submit) submit();
        },
      },
    },
    el(
      "header",
      {},
      el("h2", { testid: "modal-title" }, plainText(view.title.text)),
      el("button", { type: "button", class: "plain cross", testid: "modal-cross", "aria-label": "Close all", on: { click: () => close(true) } }, "✕"),
    ),
    el("div", { class: "dialog-body" }, renderBlocks(view.blocks, tools), el("div", { class: "error", testid: "modal-problem", hidden: true })),
    el(
      "footer",
      {},
      el(
        "button",
        { type: "button", class: "button", testid: "modal-close", on: { click: () => close(false) } },
        view.close ? plainText(view.close.text) : depth > 1 ? "Back" : "Close",
      ),
      view.submit &&
        el("button", { type: "submit", class: "button primary", testid: "modal-submit", disabled: view.submit_disabled }, plainText(view.submit.text)),
    ),
  );
  return box;
}

function showErrors(box, answer) {
  for (const place of box.querySelectorAll(".error")) place.hidden = true;
  const show = (place, text) => {
    place.textContent = text;
    place.hidden = false;
  };
  for (const [block, text] of Object.entries(answer.errors ?? {})) {
    const place = box.querySelector(`[data-testid="modal-error-${CSS.escape(block)}"]`);
    if (place) show(place, text);
  }
  if (answer.ok === false) show(box.querySelector('[data-testid="modal-problem"]'), `Not sent: ${answer.error}`);
  else if (answer.problem && answer.problem !== "not_sent") {
    show(box.querySelector('[data-testid="modal-problem"]'), "We had some trouble connecting. Try again?");
  }
}

// An update of a view must not lose what is being typed.
function restore(box, typed) {
  for (const node of box.querySelectorAll("input[data-action], textarea[data-action]")) {
    const value = typed[node.dataset.block]?.[node.dataset.action];
    if (typeof value === "string" && value && !node.value) node.value = value;
  }
}

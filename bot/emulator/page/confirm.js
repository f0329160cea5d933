// The confirmation dialog that an element may ask for. It lives in the client alone.

import { el } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";

export function confirmed(dialog) {
  return new Promise((resolve) => {
    const answer = (yes) => () => {
      shade.remove();
      resolve(yes);
    };
    const yes = el(
      "button",
      { type: "button", class: `button ${dialog.style ?? "primary"}`, testid: "confirm-yes", on: { click: answer(true) } },
      plainText(dialog.confirm.text),
    );
    const no = el(
      "button",
      { type: "button", class: "button", testid: "confirm-no", on: { click: answer(false) } },
      plainText(dialog.deny.text),
    );
    const box = el(
      "div",
      { class: "dialog", role: "alertdialog", "aria-modal": "true", testid: "confirm-dialog" },
      el("header", {}, el("h2", {}, plainText(dialog.title.text))),
      el("div", { class: "dialog-body" }, textObject(dialog.text)),
      el("footer", {}, no, yes),
    );
    const shade = el("div", { class: "shade top" }, box);
    document.body.append(shade);
    yes.focus();
  });
}

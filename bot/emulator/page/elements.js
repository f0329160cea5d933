// Interactive elements. Each input node carries readValue(), so that a form can be collected.

import { el, safeUrl } from "./dom.js";
import { plainString, plainText } from "./mrkdwn.js";
import { confirmed } from "./confirm.js";
import { store } from "./store.js";

export function element(block, item, { act, state = {} }) {
  const held = state[block.block_id]?.[item.action_id] ?? {};
  const send = async (choice) => {
    if (item.confirm && !(await confirmed(item.confirm))) return;
    await act(block, item, choice);
  };
  // In an input block a change is only sent when the app asked for it; elsewhere always.
  const changed = block.type === "input" && !block.dispatch_action ? null : send;
  const node = (DRAW[item.type] ?? unsupported)(item, { held, send, changed });
  node.dataset.testid = `action-${item.action_id}`;
  if (node.readValue) {
    node.dataset.block = block.block_id;
    node.dataset.action = item.action_id;
  }
  return node;
}

export function collect(container) {
  const values = {};
  for (const node of container.querySelectorAll("[data-action]")) {
    (values[node.dataset.block] ??= {})[node.dataset.action] = node.readValue();
  }
  return values;
}

const DRAW = {
  button,
  overflow,
  plain_text_input: typed,
  email_text_input: (item, tools) => typed(item, tools, "email"),
  url_text_input: (item, tools) => typed(item, tools, "url"),
  number_input: (item, tools) => typed(item, tools, "text"),
  static_select: (item, tools) => select(item, tools, options(item), tools.held.selected_option?.value),
  users_select: (item, tools) => select(item, tools, people(), tools.held.selected_user),
  conversations_select: (item, tools) => select(item, tools, channels(), tools.held.selected_conversation),
  channels_select: (item, tools) => select(item, tools, channels(), tools.held.selected_channel),
  multi_static_select: (item, tools) =>
    select(item, tools, options(item), (tools.held.selected_options ?? []).map((option) => option.value), true),
  multi_users_select: (item, tools) => select(item, tools, people(), tools.held.selected_users, true),
  radio_buttons: (item, tools) => choices(item, tools, "radio"),
  checkboxes: (item, tools) => choices(item, tools, "checkbox"),
  datepicker: (item, tools) => picker(item, tools, "date", tools.held.selected_date),
  timepicker: (item, tools) => picker(item, tools, "time", tools.held.selected_time),
};

function unsupported(item) {
  return el("span", { class: "unknown" }, `[${item.type}]`);
}

function button(item, { send }) {
  const node = el("button", { type: "button", class: `button ${item.style ?? ""}` }, plainText(item.text.text));
  if (item.accessibility_label) node.setAttribute("aria-label", item.accessibility_label);
  node.addEventListener("click", async () => {
    const href = item.url && safeUrl(item.url);
    if (href) window.open(href, "_blank", "noopener");
    node.disabled = true;
    try {
      await send();
    } finally {
      node.disabled = false;
    }
  });
  return node;
}

function overflow(item, { send }) {
  const menu = el(
    "div",
    { class: "menu", hidden: true, role: "menu" },
    item.options.map((option) =>
      el(
        "button",
        {
          type: "button",
          role: "menuitem",
          testid: `option-${option.value}`,
          on: {
            click: () => {
              menu.hidden = true;
              send(option.value);
            },
          },
        },
        plainText(option.text.text),
      ),
    ),
  );
  const toggle = (event) => {
    event.stopPropagation();
    menu.hidden = !menu.hidden;
  };
  const opener = el("button", { type: "button", class: "button dots", "aria-label": "More actions", on: { click: toggle } }, "⋯");
  // The wrapper has the test id; a click on it reaches the opener by its place.
  return el("span", { class: "overflow" }, opener, menu);
}

function typed(item, { held, changed }, kind = "text") {
  const tag = item.multiline ? "textarea" : "input";
  const node = el(tag, {
    class: "field",
    type: item.multiline ? null : kind,
    placeholder: item.placeholder ? plainString(item.placeholder.text) : null,
    rows: item.multiline ? 4 : null,
    autocomplete: "off",
  });
  node.value = held.value ?? "";
  node.readValue = () => node.value;
  if (item.focus_on_load) node.autofocus = true;
  if (changed) node.addEventListener("change", () => changed(node.value));
  return node;
}

function options(item) {
  const flat = (list) => list.map((option) => ({ value: option.value, label: plainString(option.text.text) }));
  if (item.options) return flat(item.options);
  return item.option_groups.flatMap((group) =>
    flat(group.options).map((option) => ({ ...option, group: plainString(group.label.text) })),
  );
}

function people() {
  return [...store.users.values()].map((user) => ({ value: user.id, label: user.real_name || user.name }));
}

function channels() {
  return [...store.channels.values()]
    .filter((channel) => !channel.is_im)
    .map((channel) => ({ value: channel.id, label: `#${channel.name}` }));
}

function select(item, { changed }, offered, chosen, multiple = false) {
  const held = new Set([chosen].flat().filter(Boolean));
  const node = el("select", { class: "field", multiple, size: multiple ? Math.min(offered.length, 6) : null });
  if (!multiple) {
    const empty = item.placeholder ? plainText(item.placeholder.text) : "Select an option";
    node.append(el("option", { value: "" }, empty));
  }
  for (const { value, label, group } of offered) {
    const option = el("option", { value }, label);
    option.selected = held.has(value);
    if (group === undefined) node.append(option);
    else groupNode(node, group).append(option);
  }
  const read = () => (multiple ? [...node.selectedOptions].map((option) => option.value) : node.value);
  node.readValue = read;
  if (changed) node.addEventListener("change", () => read() !== "" && changed(read()));
  return node;
}

function groupNode(select, label) {
  const found = [...select.querySelectorAll("optgroup")].find((group) => group.label === label);
  if (found) return found;
  const fresh = el("optgroup", { label });
  select.append(fresh);
  return fresh;
}

let groups = 0;

function choices(item, { held, changed }, kind) {
  groups += 1;
  const chosen = [held.selected_option ?? held.selected_options ?? []].flat().map((option) => option.value);
  const name = `choice-${groups}`;
  const inputs = item.options.map((option) => {
    const box = el("input", { type: kind, name, value: option.value, testid: `option-${option.value}` });
    box.checked = chosen.includes(option.value);
    return [box, option];
  });
  const read = () => {
    const values = inputs.filter(([box]) => box.checked).map(([box]) => box.value);
    return kind === "radio" ? (values[0] ?? "") : values;
  };
  const node = el(
    "div",
    { class: "choices" },
    inputs.map(([box, option]) =>
      el(
        "label",
        {},
        box,
        el("span", {}, plainText(option.text.text)),
        option.description && el("span", { class: "faint" }, plainText(option.description.text)),
      ),
    ),
  );
  node.readValue = read;
  if (changed) node.addEventListener("change", () => changed(read()));
  return node;
}

function picker(item, { changed }, kind, chosen) {
  const node = el("input", { class: "field", type: kind });
  node.value = chosen ?? "";
  node.readValue = () => node.value;
  if (changed) node.addEventListener("change", () => changed(node.value));
  return node;
}

// The page: keeps what it shows in step with the server, and draws no more than what changed.

import { renderBlocks } from "./blocks.js";
import { composer } from "./composer.js";
import { dayOf, el } from "./dom.js";
import { collect } from "./elements.js";
import { renderMessage } from "./message.js";
import { renderModals } from "./modal.js";
import { renderActing, renderSidebar } from "./sidebar.js";
import { ask, store } from "./store.js";

const $ = (id) => document.getElementById(id);
const RECONNECT_MS = 1000;

function connect() {
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/page/socket`);
  socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  socket.addEventListener("close", () => setTimeout(connect, RECONNECT_MS));
}

function hear(update) {
  switch (update.type) {
    case "snapshot":
      return start(update.snapshot);
    case "message":
      return hearMessage(update);
    case "gone": {
      const channel = store.channels.get(update.channel_id);
      channel?.messages.delete(update.ts);
      channel?.ephemerals.delete(update.ts);
      return drawMessages();
    }
    case "views":
      store.views = update.views;
      return renderModals($("overlays"));
    case "home":
      store.homes[update.user] = update.view;
      return update.user === store.me && store.place.id === "home" ? drawMessages() : undefined;
    case "connections":
      store.connections = update.connections;
      return renderSidebar($("places"), { go });
    case "warning":
      store.notices.push(update.notice);
      if (!update.notice.user || update.notice.user === store.me) say(`⚠ ${update.notice.text}`, "ack-toast");
      return update.notice.ts ? redraw(update.notice.channel, update.notice.ts) : undefined;
    case "joined":
    case "opened_im":
      store.addChannel(update.channel);
      return drawAll();
  }
}

function start(snapshot) {
  store.load(snapshot);
  const wanted = new URLSearchParams(location.hash.slice(1));
  const people = store.people();
  store.me ||= (people.find((user) => user.name === wanted.get("as")) ?? people[0]).id;
  if (!store.current() && store.place.kind === "channel") {
    const channels = [...store.channels.values()].filter((channel) => !channel.is_im);
    const first = channels.find((channel) => channel.name === wanted.get("channel")) ?? channels[0];
    store.place = { kind: "channel", id: first?.id ?? "" };
    for (const channel of channels) if (channel !== first) store.markSeen(channel);
  }
  $("team").textContent = store.team.name;
  document.title = store.team.name;
  drawAll();
}

function drawAll() {
  renderActing($("acting-as"));
  drawPlace();
  drawThread();
  renderModals($("overlays"));
}

function go(place) {
  store.place = place;
  store.thread = "";
  if (place.kind === "app") ask("open_home", { user: store.me, tab: place.id });
  remember();
  drawPlace();
  drawThread();
}

function remember() {
  const channel = store.place.kind === "channel" ? `&channel=${store.current()?.name ?? ""}` : "";
  history.replaceState(null, "", `#as=${store.userName(store.me)}${channel}`);
}

function drawPlace() {
  const channel = store.current();
  drawBar(channel);
  drawMessages();
  const member = channel?.members.includes(store.me);
  const slot = $("composer-slot");
  if (!channel) slot.replaceChildren();
  else if (!member) slot.replaceChildren(invitation(channel));
  else slot.replaceChildren(composer({ channel, testid: "composer", say }));
  $("messages").scrollTop = $("messages").scrollHeight;
}

function drawBar(channel) {
  if (store.place.kind === "app") {
    const tab = (id, label) =>
      el(
        "button",
        { type: "button", class: store.place.id === id ? "tab here" : "tab", testid: `${id}-tab`, on: { click: () => go({ kind: "app", id }) } },
        label,
      );
    $("bar").replaceChildren(el("h1", {}, store.app.name), el("nav", { class: "tabs" }, tab("home", "Home"), tab("messages", "Messages")));
    return;
  }
  $("bar").replaceChildren(
    el("h1", { testid: "place-name" }, `# ${channel?.name ?? ""}`),
    el("span", { class: "faint topic" }, channel?.topic ?? ""),
    el("span", { class: "faint members" }, `${channel?.members.length ?? 0} members`),
  );
}

function invitation(channel) {
  const join = async () => {
    await ask("join", { user: store.me, channel: channel.id });
    drawAll();
  };
  return el("div", { class: "invitation" }, `You are not in #${channel.name}.`, el("button", { type: "button", class: "button primary", testid: "join", on: { click: join } }, "Join"));
}

function drawMessages() {
  const box = $("messages");
  if (store.place.kind === "app" && store.place.id === "home") box.replaceChildren(homeView());
  else {
    const channel = store.current();
    box.replaceChildren(...(channel ? withDays(store.inChannel(channel)) : [el("p", { class: "faint empty" }, "No messages yet.")]));
    if (channel) store.markSeen(channel);
  }
  renderSidebar($("places"), { go });
}

function withDays(messages) {
  let day = "";
  return messages.flatMap((message) => {
    const today = dayOf(message.ts);
    const nodes = today === day ? [] : [el("div", { class: "day" }, el("span", {}, today))];
    day = today;
    return [...nodes, renderMessage(message, { where: "channel", openThread, forget })];
  });
}

function homeView() {
  const view = store.homes[store.me];
  if (!view) return el("p", { class: "faint empty", testid: "home-empty" }, "This app has nothing to show here yet.");
  const act = (block, item, choice) =>
    ask("view_click", {
      user: store.me,
      view_id: view.id,
      action_id: item.action_id,
      block_id: block.block_id,
      choice: choice ?? null,
      values: collect(box),
    });
  const box = el("div", { class: "home", testid: "home" });
  box.append(...renderBlocks(view.blocks, { act, state: view.state.values }));
  return box;
}

function hearMessage({ message, root, files }) {
  for (const file of files) store.files.set(file.id, file);
  const channel = store.channels.get(message.channel);
  if (!channel) return;
  (message.ephemeral_for ? channel.ephemerals : channel.messages).set(message.ts, message);
  if (root) channel.messages.set(root.ts, root);
  redraw(channel.id, message.ts);
  if (root) redraw(channel.id, root.ts);
  if (store.current() === channel) store.markSeen(channel);
  renderSidebar($("places"), { go });
}

// Draw one message anew where it stands, or add it at the end: what a person is doing elsewhere is not disturbed.
function redraw(channelId, ts) {
  const channel = store.channels.get(channelId);
  if (!channel || store.current() !== channel) return;
  const message = channel.messages.get(ts) ?? channel.ephemerals.get(ts);
  if (!message || (message.ephemeral_for && message.ephemeral_for !== store.me)) return;
  if (store.inChannel(channel).includes(message)) put($("messages"), message, "channel");
  if (store.thread && (message.ts === store.thread || message.thread_ts === store.thread)) {
    put($("thread").querySelector(".messages"), message, "thread");
  }
}

function put(box, message, where) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const old = box.querySelector(`[data-ts="${message.ts}"]`);
  const fresh = renderMessage(message, { where, openThread, forget });
  if (old) old.replaceWith(fresh);
  else {
    box.querySelector(".empty")?.remove();
    const day = dayOf(message.ts);
    const days = box.querySelectorAll(".day");
    if (where === "channel" && days[days.length - 1]?.textContent !== day) box.append(el("div", { class: "day" }, el("span", {}, day)));
    box.append(fresh);
  }
  if (atEnd) toTheEnd(box);
}

function openThread(ts) {
  store.thread = ts;
  drawThread();
}

function drawThread() {
  const pane = $("thread");
  const channel = store.current();
  const root = channel?.messages.get(store.thread);
  pane.hidden = !root;
  document.body.classList.toggle("with-thread", Boolean(root));
  if (!root) return pane.replaceChildren();
  const all = [root, ...store.inThread(channel, root.ts)];
  const list = el("div", { class: "messages" }, all.map((message) => renderMessage(message, { where: "thread", openThread, forget })));
  pane.replaceChildren(
    el(
      "header",
      { class: "bar" },
      el("h1", {}, "Thread"),
      el("span", { class: "faint topic" }, channel.is_im ? "" : `# ${channel.name}`),
      el("button", { type: "button", class: "plain cross", testid: "thread-close", "aria-label": "Close thread", on: { click: () => openThread("") } }, "✕"),
    ),
    list,
    channel.members.includes(store.me) ? composer({ channel, thread: root.ts, testid: "thread-composer", say }) : el("div", {}),
  );
  toTheEnd(list);
}

function toTheEnd(list) {
  const go = () => (list.scrollTop = list.scrollHeight);
  go();
  for (const picture of list.querySelectorAll("img")) picture.addEventListener("load", go, { once: true }); // until then it has no height
}

function forget(message) {
  store.channels.get(message.channel)?.ephemerals.delete(message.ts);
  drawMessages();
  drawThread();
}

function say(text, testid = "toast") {
  const toast = el("div", { class: "toast", testid }, text);
  $("toasts").append(toast);
  setTimeout(() => toast.remove(), 8000);
}

$("acting-as").addEventListener("change", (event) => {
  store.me = store.people().find((user) => user.name === event.target.value).id;
  if (store.place.kind === "app") ask("open_home", { user: store.me, tab: store.place.id });
  remember();
  drawAll();
});

document.addEventListener("click", () => {
  for (const menu of document.querySelectorAll(".menu")) menu.hidden = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const forms = document.querySelectorAll('[data-testid="modal-close"]');
  if (forms.length) forms[forms.length - 1].click();
  for (const menu of document.querySelectorAll(".menu")) menu.hidden = true;
});

connect();

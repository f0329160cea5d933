// Channels, the app, and who is acting.

import { el } from "./dom.js";
import { store } from "./store.js";

export function renderSidebar(places, { go }) {
  const channels = [...store.channels.values()].filter(
    (channel) => !channel.is_im && (!channel.is_private || channel.members.includes(store.me)),
  );
  places.replaceChildren(
    el("h2", {}, "Channels"),
    ...channels.map((channel) => entry(channel, { go })),
    el("h2", {}, "Apps"),
    appEntry({ go }),
  );
}

function entry(channel, { go }) {
  const here = store.place.kind === "channel" && store.place.id === channel.id;
  const unread = here ? 0 : store.unread(channel);
  const member = channel.members.includes(store.me);
  return el(
    "button",
    {
      type: "button",
      class: ["entry", here && "here", unread && "unread", !member && "outside"].filter(Boolean).join(" "),
      testid: `channel-${channel.name}`,
      on: { click: () => go({ kind: "channel", id: channel.id }) },
    },
    el("span", { class: "sign" }, channel.is_private ? "⌂" : "#"),
    el("span", { class: "name" }, channel.name),
    unread > 0 && el("span", { class: "count", testid: `unread-${channel.name}` }, String(unread)),
  );
}

function appEntry({ go }) {
  const direct = store.directChannel();
  const unread = direct && store.place.id !== "messages" ? store.unread(direct) : 0;
  return el(
    "button",
    {
      type: "button",
      class: `entry ${store.place.kind === "app" ? "here" : ""} ${unread ? "unread" : ""}`,
      testid: "app-home",
      on: { click: () => go({ kind: "app", id: "home" }) },
    },
    el("span", { class: "sign" }, "◆"),
    el("span", { class: "name" }, store.app.name),
    el("span", {
      class: store.connections ? "dot on" : "dot",
      testid: "app-connected",
      title: store.connections ? `${store.connections} Socket Mode connection(s)` : "The app is not connected",
    }),
    unread > 0 && el("span", { class: "count" }, String(unread)),
  );
}

export function renderActing(select) {
  const chosen = store.users.get(store.me)?.name;
  select.replaceChildren(
    ...store.people().map((user) => {
      const option = el("option", { value: user.name }, `${user.real_name || user.name}${user.is_guest ? " (guest)" : ""}`);
      option.selected = user.name === chosen;
      return option;
    }),
  );
}

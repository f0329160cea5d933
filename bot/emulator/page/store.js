// What the page knows, and how it asks the server to do things.

export const store = {
  me: "",
  users: new Map(),
  channels: new Map(),
  groups: [],
  files: new Map(),
  homes: {},
  views: {},
  app: { name: "", commands: [], shortcuts: [] },
  notices: [],
  connections: 0,
  team: { name: "" },
  place: { kind: "channel", id: "" }, // kind: channel or app; id: the channel's, or the tab's name
  thread: "",
  seen: {}, // user and channel: the newest ts they have looked at

  load(snapshot) {
    this.users = new Map(snapshot.users.map((user) => [user.id, user]));
    this.channels = new Map(snapshot.channels.map((channel) => [channel.id, withMaps(channel)]));
    this.groups = snapshot.groups;
    this.files = new Map(snapshot.files.map((file) => [file.id, file]));
    Object.assign(this, {
      homes: snapshot.homes,
      views: snapshot.views,
      app: snapshot.app,
      notices: snapshot.notices,
      connections: snapshot.connections,
      team: snapshot.team,
    });
  },
  addChannel(channel) {
    this.channels.set(channel.id, withMaps(channel));
  },
  people() {
    return [...this.users.values()].filter((user) => user.id !== this.app.bot_user_id);
  },
  userName(id, label) {
    return this.users.get(id)?.name ?? label ?? id;
  },
  fullName(id) {
    const user = this.users.get(id);
    return id === "USLACKBOT" ? "Slackbot" : user?.real_name || user?.name || id;
  },
  channelName(id, label) {
    return this.channels.get(id)?.name ?? label ?? id;
  },
  groupName(id, label) {
    return this.groups.find((group) => group.id === id)?.handle ?? label ?? id;
  },
  directChannel() {
    return [...this.channels.values()].find((channel) => channel.is_im && channel.members.includes(this.me));
  },
  current() {
    if (this.place.kind === "channel") return this.channels.get(this.place.id);
    return this.place.id === "messages" ? this.directChannel() : undefined;
  },
  visibleIn(channel) {
    const mine = [...channel.ephemerals.values()].filter((message) => message.ephemeral_for === this.me);
    return [...channel.messages.values(), ...mine].sort((one, other) => Number(one.ts) - Number(other.ts));
  },
  inChannel(channel) {
    return this.visibleIn(channel).filter((message) => {
      if (message.ephemeral_for && message.thread_ts) return false;
      return !message.is_reply || message.broadcast;
    });
  },
  inThread(channel, root) {
    return this.visibleIn(channel).filter((message) => message.thread_ts === root && message.ts !== root);
  },
  unread(channel) {
    if (!channel.members.includes(this.me)) return 0;
    const since = Number(this.seen[`${this.me} ${channel.id}`] ?? 0);
    return this.inChannel(channel).filter((message) => Number(message.ts) > since && message.user !== this.me).length;
  },
  markSeen(channel) {
    const newest = this.inChannel(channel).at(-1);
    if (newest) this.seen[`${this.me} ${channel.id}`] = newest.ts;
  },
};

function withMaps(channel) {
  const byTs = (messages) => new Map(messages.map((message) => [message.ts, message]));
  return { ...channel, messages: byTs(channel.messages), ephemerals: byTs(channel.ephemerals) };
}

export async function ask(command, body) {
  const answer = await fetch(`/_control/${command}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.json();
}

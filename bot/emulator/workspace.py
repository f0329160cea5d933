"""What has been said and done in the emulated workspace, in memory. Knows no transport."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

from bot.emulator.clock import WorkspaceClock
from bot.emulator.definition import Definition, Person
from bot.emulator.entities import Change, Channel, File, Notice, View
from bot.emulator.errors import RefusalError
from bot.emulator.message import Message

SLACKBOT = "USLACKBOT"


class Workspace:
    """People, channels, messages, files and views; tells its subscribers about every change."""

    def __init__(self, definition: Definition, *, clock: WorkspaceClock) -> None:
        self.definition = definition
        self.clock = clock
        self.base = ""  # the server's own address, known once it listens
        self._subscribers: list[Callable[[Change], None]] = []
        self.reset()

    def reset(self) -> None:
        """Forget everything said and done; the definition's people and channels stay."""
        app, created = self.definition.app, int(self.clock.now())
        self.people: dict[str, Person] = {person.id: person for person in self.definition.people}
        self.people[app.bot_user_id] = Person(id=app.bot_user_id, name=app.name, real_name=app.name)
        self.channels: dict[str, Channel] = {
            given.id: Channel(
                id=given.id,
                name=given.name,
                members=list(given.members),
                is_private=given.is_private,
                is_archived=given.is_archived,
                is_read_only=given.is_read_only,
                topic=given.topic,
                created=created,
            )
            for given in self.definition.channels
        }
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}  # user: ids of open modals, the uppermost last
        self.homes: dict[str, View] = {}  # user: the published home
        self.notices: list[Notice] = []
        self.statuses: dict[tuple[str, str], str] = {}  # channel and thread: what the assistant is doing

    # Subscriptions

    def subscribe(self, listener: Callable[[Change], None]) -> None:
        self._subscribers.append(listener)

    def unsubscribe(self, listener: Callable[[Change], None]) -> None:
        self._subscribers.remove(listener)

    def tell(self, change: Change) -> None:
        for listener in tuple(self._subscribers):
            listener(change)

    # Finding

    def person(self, name_or_id: str) -> Person:
        """Find somebody by id or handle. Raises user_not_found."""
        wanted = name_or_id.removeprefix("@")
        for person in self.people.values():
            if wanted in {person.id, person.name}:
                return person
        raise RefusalError("user_not_found")

    def channel(self, name_or_id: str) -> Channel:
        """Find a channel by id or name; a person's id means the app's conversation with them."""
        if name_or_id in self.people and name_or_id != self.definition.app.bot_user_id:
            return self.direct(name_or_id)
        wanted = name_or_id.removeprefix("#")
        for channel in self.channels.values():
            if wanted in {channel.id, channel.name}:
                return channel
        raise RefusalError("channel_not_found")

    def direct(self, user: str) -> Channel:
        """Return the app's conversation with somebody, opened when it does not exist."""
        bot = self.definition.app.bot_user_id
        found = next((c for c in self.channels.values() if c.is_im and user in c.members), None)
        if found is None:
            found = Channel(id=f"D{user[1:]}", name="", members=[user, bot], is_im=True, created=int(self.clock.now()))
            self.channels[found.id] = found
            self.tell(Change(kind="opened_im", channel=found.id, user=user))
        return found

    def ready_files(self) -> frozenset[str]:
        return frozenset(file.id for file in self.files.values() if file.shares and not file.deleted)

    # Messages

    def post(self, channel: Channel, *, user: str, ts: str | None = None, **fields: Any) -> Message:
        """Add a message; a thread whose root is gone is not joined, as with Slack: look at the result."""
        root = channel.messages.get(fields.pop("thread_ts", None) or "")
        thread: dict[str, Any] = {} if root is None else {"thread_ts": root.ts, "parent_user_id": root.user}
        stamp = ts or self.clock.next_ts()
        message = Message(channel=channel.id, ts=stamp, user=user, team=self.definition.team_id, **fields, **thread)
        if root is not None:
            root.thread_ts = root.ts
        else:
            message.broadcast = False
        channel.messages[message.ts] = message
        self.tell(Change(kind="posted", channel=channel.id, message=message, user=user))
        return message

    def edit(self, message: Message, *, by: str | None, **fields: Any) -> None:
        """Change what a message says; `by` None leaves no mark (streams grow without one)."""
        before = self.shape(message)
        if by is not None:
            message.remember(now=self.clock.now())
            message.edited = {"user": by, "ts": self.clock.next_ts()}
        for key, value in fields.items():
            setattr(message, key, value)
        kind = "ephemeral" if message.ephemeral_for else "edited"
        self.tell(Change(kind=kind, channel=message.channel, message=message, before=before))

    def delete(self, message: Message) -> None:
        """Remove a message; a root with replies leaves a tombstone."""
        channel, before = self.channels[message.channel], self.shape(message)
        if message.ephemeral_for:
            channel.ephemerals.pop(message.ts, None)
            self.tell(Change(kind="ephemeral_deleted", channel=channel.id, message=message))
            return
        if channel.replies(message.ts):
            message.remember(now=self.clock.now())
            message.deleted, message.text, message.blocks, message.attachments = True, "", [], []
        else:
            channel.messages.pop(message.ts, None)
        self.tell(Change(kind="deleted", channel=channel.id, message=message, before=before))

    def whisper(self, channel: Channel, *, to: str, user: str, **fields: Any) -> Message:
        """Add a message that only one person sees."""
        message = Message(
            channel=channel.id,
            ts=self.clock.next_ts(),
            user=user,
            team=self.definition.team_id,
            ephemeral_for=to,
            **fields,
        )
        channel.ephemerals[message.ts] = message
        self.tell(Change(kind="ephemeral", channel=channel.id, message=message, user=to))
        return message

    def slackbot_says(self, text: str, *, channel: Channel, to: str) -> Message:
        return self.whisper(channel, to=to, user=SLACKBOT, text=text)

    def message(self, channel: Channel, ts: str) -> Message:
        """Raises message_not_found, also for what was deleted."""
        found = channel.messages.get(ts)
        if found is None or found.deleted:
            raise RefusalError("message_not_found")
        return found

    def react(self, message: Message, name: str, *, user: str) -> None:
        users = message.reactions.setdefault(name, [])
        if user in users:
            raise RefusalError("already_reacted")
        users.append(user)
        self.tell(Change(kind="reacted", channel=message.channel, message=message, user=user, detail=name))

    def unreact(self, message: Message, name: str, *, user: str) -> None:
        users = message.reactions.get(name, [])
        if user not in users:
            raise RefusalError("no_reaction")
        users.remove(user)
        if not users:
            del message.reactions[name]
        self.tell(Change(kind="unreacted", channel=message.channel, message=message, user=user, detail=name))

    def join(self, channel: Channel, user: str) -> bool:
        """Return False when they were there already."""
        if user in channel.members:
            return False
        channel.members.append(user)
        self.tell(Change(kind="joined", channel=channel.id, user=user))
        return True

    # Shapes

    def shape(self, message: Message, *, all_metadata: bool = True) -> dict[str, Any]:
        """Shape a message for the Web API, with its files and, on a thread's root, its replies counted."""
        found = message.to_api(all_metadata=all_metadata)
        files = [self.files[file_id] for file_id in message.files if file_id in self.files]
        if files:
            found["files"] = [
                {"id": file.id, "mode": "tombstone"} if file.deleted else file.to_api(base=self.base) for file in files
            ]
            found["upload"] = False
        replies = [] if message.is_reply else self.channels[message.channel].replies(message.ts)
        if replies:
            users = list(dict.fromkeys(reply.user for reply in replies))
            found |= {
                "reply_count": len(replies),
                "reply_users_count": len(users),
                "reply_users": users[:5],
                "latest_reply": replies[-1].ts,
                "subscribed": False,
            }
        return found

    def warn(self, text: str, **where: str) -> None:
        """Record what Slack would show a person when an app does not answer."""
        notice = Notice(at=self.clock.now(), text=text, **where)
        self.notices.append(notice)
        self.tell(Change(kind="warning", channel=notice.channel, user=notice.user, detail=text))

    def permalink(self, message: Message) -> str:
        link = f"{self.base}/archives/{message.channel}/p{message.ts.replace('.', '')}"
        return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else link

    def handles(self) -> dict[str, dict[str, str]]:
        """Handles to ids, for what people type."""
        return {
            "names": {person.name: person.id for person in self.people.values()},
            "channels": {channel.name: channel.id for channel in self.channels.values() if channel.name},
            "groups": {group.handle: group.id for group in self.definition.groups},
        }


def new_id(letter: str, *, taken: Iterable[str] = ()) -> str:
    """Make an id of Slack's shape, such as F07K3W5Q2ZB."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
    while True:
        found = letter + "0" + "".join(secrets.choice(alphabet) for _ in range(9))
        if found not in taken:
            return found

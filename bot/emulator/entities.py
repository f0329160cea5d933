"""The things in a workspace besides messages: channels, files, views, and what happened to them."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.message import Message


@dataclass(slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    members: list[str]
    is_private: bool = False
    is_archived: bool = False
    is_read_only: bool = False
    is_im: bool = False
    topic: str = ""
    created: int = 0
    messages: dict[str, Message] = field(default_factory=dict)  # by ts, oldest first
    ephemerals: dict[str, Message] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The word of events and scopes: channels, groups or im."""
        if self.is_im:
            return "im"
        return "groups" if self.is_private else "channels"

    def replies(self, root: str) -> list[Message]:
        return [message for message in self.messages.values() if message.is_reply and message.thread_ts == root]

    def roots(self) -> list[Message]:
        """What the channel itself shows: everything but replies, and the replies sent to it as well."""
        return [message for message in self.messages.values() if not message.is_reply or message.broadcast]

    def to_api(self, *, member: str) -> dict[str, Any]:
        if self.is_im:
            partner = next((user for user in self.members if user != member), member)
            return {"id": self.id, "is_im": True, "user": partner, "created": self.created, "is_archived": False}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_member": member in self.members,
            "is_general": False,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "created": self.created,
            "creator": self.members[0] if self.members else "",
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(self.members),
        }


@dataclass(slots=True, kw_only=True)
class File:
    id: str
    name: str
    user: str
    team: str
    expected: int  # bytes announced before the upload
    created: int
    title: str = ""
    alt_txt: str = ""
    content: bytes | None = None  # None until the upload arrived
    completed: bool = False
    deleted: bool = False
    shares: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # channel id: where it stands

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def path(self) -> str:
        return f"/files-pri/{self.team}-{self.id}/{self.name}"

    def to_api(self, *, base: str) -> dict[str, Any]:
        suffix = self.name.rpartition(".")[2].lower()
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": suffix or "binary",
            "pretty_type": suffix.upper() or "Binary",
            "user": self.user,
            "size": len(self.content or b""),
            "mode": "hosted",
            "is_external": False,
            "is_public": bool(self.shares),
            "alt_txt": self.alt_txt,
            "url_private": f"{base}{self.path}",
            "url_private_download": f"{base}{self.path}?download=1",
            "permalink": f"{base}/files/{self.user}/{self.id}/{self.name}",
            "channels": list(self.shares),
            "shares": {"public": self.shares} if self.shares else {},
        }


@dataclass(slots=True, kw_only=True)
class View:
    id: str
    user: str
    team: str
    app_id: str
    bot_id: str
    content: dict[str, Any]  # as the app gave it, with ids
    state: dict[str, dict[str, Any]]
    hash: str
    root_view_id: str
    previous_view_id: str | None = None

    def to_api(self) -> dict[str, Any]:
        given = self.content
        return {
            "id": self.id,
            "team_id": self.team,
            "type": given["type"],
            "blocks": given.get("blocks", []),
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "external_id": given.get("external_id", ""),
            "state": {"values": self.state},
            "hash": self.hash,
            "title": given.get("title"),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "clear_on_close": bool(given.get("clear_on_close")),
            "notify_on_close": bool(given.get("notify_on_close")),
            "submit_disabled": bool(given.get("submit_disabled")),
            "root_view_id": self.root_view_id,
            "previous_view_id": self.previous_view_id,
            "app_id": self.app_id,
            "app_installed_team_id": self.team,
            "bot_id": self.bot_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that happened, told to whoever subscribed: the event feed, the page, the state file.

    kind: posted, edited, deleted, reacted, unreacted, ephemeral, ephemeral_deleted, joined, opened_im, views,
          home, warning, file, connections.
    """

    kind: str
    channel: str = ""
    user: str = ""
    message: Message | None = None
    before: Mapping[str, Any] | None = None  # a message's shape before it was edited or deleted
    detail: str = ""  # reaction name, or id of what changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What Slack would show a person when an app misbehaves."""

    at: float
    text: str
    user: str = ""
    channel: str = ""
    ts: str = ""  # the message whose button was pressed
    view_id: str = ""

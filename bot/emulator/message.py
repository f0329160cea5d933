"""One message, with the history of what it said before, and its shape in the Web API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a message said until it was changed. Slack forgets this; readers of transcripts need it."""

    until: float  # epoch seconds
    text: str
    blocks: list[dict[str, Any]]
    attachments: list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Message:
    channel: str
    ts: str
    user: str
    team: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    username: str | None = None
    subtype: str | None = None
    broadcast: bool = False
    ephemeral_for: str | None = None
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited: dict[str, str] | None = None
    edits: list[Edit] = field(default_factory=list)
    deleted: bool = False  # a tombstone: kept only while it has replies
    thread_locked: bool = False
    stream_until: float | None = None  # epoch seconds while it is streaming

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def remember(self, *, now: float) -> None:
        """Put what it says now into its history, before it is changed."""
        self.edits.append(Edit(until=now, text=self.text, blocks=self.blocks, attachments=self.attachments))

    def to_api(self, *, all_metadata: bool = True) -> dict[str, Any]:
        """Shape it as Slack returns it from chat.* and conversations.*; files are left to the workspace."""
        if self.deleted:
            return {
                "type": "message",
                "subtype": "tombstone",
                "text": "This message was deleted.",
                "user": "USLACKBOT",
                "hidden": True,
                "ts": self.ts,
                "thread_ts": self.thread_ts or self.ts,
            }
        found: dict[str, Any] = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        found["team"] = self.team
        optional = {
            "subtype": self.subtype,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "username": self.username,
            "blocks": self.blocks or None,
            "attachments": self.attachments or None,
            "thread_ts": self.thread_ts,
            "parent_user_id": self.parent_user_id if self.is_reply else None,
            "edited": self.edited,
            "is_locked": True if self.thread_locked else None,
        }
        found.update({key: value for key, value in optional.items() if value is not None})
        if self.metadata is not None:
            whole = {"event_type": self.metadata["event_type"], "event_payload": self.metadata["event_payload"]}
            found["metadata"] = whole if all_metadata else {"event_type": self.metadata["event_type"]}
        if self.reactions:
            found["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()
            ]
        return found

"""One call of one method, as the methods see it, and how a method is described."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.emulator.core import Emulator
from bot.emulator.definition import AppDefinition
from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.web_api.arguments import Arguments
from bot.emulator.workspace import Workspace

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    emulator: Emulator
    args: Arguments

    @property
    def workspace(self) -> Workspace:
        return self.emulator.workspace

    @property
    def app(self) -> AppDefinition:
        return self.emulator.definition.app

    @property
    def bot(self) -> dict[str, str]:
        """Who speaks when the app speaks."""
        return {"user": self.app.bot_user_id, "bot_id": self.app.bot_id, "app_id": self.app.id}

    def channel(self, key: str = "channel", *, named: bool = False) -> Channel:
        """Find the channel; named: a name will do as well as an id, as in chat.postMessage."""
        wanted = self.args.text(key)
        found = self.workspace.channel(wanted)
        visible = not found.is_private or self.app.bot_user_id in found.members
        by_name = wanted.removeprefix("#") == found.name
        if not visible or (by_name and not named):
            raise RefusalError("channel_not_found")
        return found

    def member_channel(self, key: str = "channel", *, named: bool = False) -> Channel:
        """Find a channel that the app is in. Raises channel_not_found, not_in_channel or is_archived."""
        found = self.channel(key, named=named)
        if found.is_archived:
            raise RefusalError("is_archived")
        if self.app.bot_user_id not in found.members:
            raise RefusalError("not_in_channel")
        return found

    def need_scope(self, *wanted: str) -> None:
        """Raise missing_scope unless the app holds one of these."""
        if wanted and not set(wanted) & set(self.app.scopes):
            raise RefusalError("missing_scope", needed=",".join(wanted), provided=",".join(self.app.scopes))

    def page(self, items: Sequence[Item], *, default: int = 100, most: int = 999) -> tuple[list[Item], str]:
        """Cut out the page that limit and cursor ask for; return it with the cursor of the next one, or ""."""
        limit = self.args.number("limit", default)
        if limit < 1 or limit > 1000:
            raise RefusalError("invalid_limit")
        start = _offset(self.args.text("cursor"))
        end = start + min(limit, most)
        following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
        return list(items[start:end]), following


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise RefusalError("invalid_cursor") from error


Handler = Callable[[Call], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """tier: 1 to 4, or None for a limit of its own. scopes: any one of them will do. required: argument names."""

    handler: Handler
    tier: int | None = None
    scopes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    app_token: bool = False

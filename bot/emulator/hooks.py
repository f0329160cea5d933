"""response_url: five answers within half an hour, to the person or to the channel."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.emulator.content import Content, read_content
from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.message import Message
from bot.emulator.workspace import Workspace


@dataclass(slots=True, kw_only=True)
class Hook:
    channel: str
    user: str
    born: float
    source: Message | None  # the message whose button was pressed
    uses: int = 0


class Hooks:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, Hook] = {}

    def new_url(self, *, channel: str, user: str, source: Message | None = None) -> str:
        hook_id = secrets.token_urlsafe(18)
        self._known[hook_id] = Hook(channel=channel, user=user, born=self._workspace.clock.now(), source=source)
        return f"{self._workspace.base}/hooks/{hook_id}"

    def use(self, hook_id: str, body: Mapping[str, Any]) -> None:
        """Answer once. Raises expired_url, used_url and what chat.postMessage would say of the content."""
        hook, settings = self._known.get(hook_id), self._workspace.definition.settings
        if hook is None or self._workspace.clock.now() - hook.born > settings.hook_ttl_s:
            raise RefusalError("expired_url")
        if hook.uses >= settings.hook_uses:
            raise RefusalError("used_url")
        self.answer(hook, body)
        hook.uses += 1

    def answer(self, hook: Hook, body: Mapping[str, Any]) -> None:
        """Do what the body asks; an acknowledgement with a payload comes here as well."""
        blocks = body.get("blocks")
        if isinstance(blocks, list) and any(isinstance(b, Mapping) and b.get("type") == "markdown" for b in blocks):
            raise RefusalError("invalid_blocks")
        if body.get("delete_original"):
            if hook.source is not None:
                self._workspace.delete(hook.source)
            return
        content = read_content(body, ready_files=self._workspace.ready_files())
        if content.is_empty:
            raise RefusalError("no_text")
        if body.get("replace_original") and hook.source is not None:
            self._workspace.edit(hook.source, by=self._workspace.definition.app.bot_user_id, **content.fields())
            return
        self._say(self._workspace.channels[hook.channel], hook, body, content)

    def _say(self, channel: Channel, hook: Hook, body: Mapping[str, Any], content: Content) -> None:
        app = self._workspace.definition.app
        who = {"user": app.bot_user_id, "bot_id": app.bot_id, "app_id": app.id}
        thread = body.get("thread_ts")
        if body.get("response_type") == "in_channel":
            fields = {**content.fields(), "subtype": "bot_message"}
            self._workspace.post(channel, thread_ts=thread, **who, **fields)
        else:
            self._workspace.whisper(channel, to=hook.user, thread_ts=thread, **who, **content.fields())

    def answer_ack(self, payload: Any, *, channel: str, user: str) -> None:
        """Treat the payload of a slash command's acknowledgement as its first answer, outside the five."""
        if isinstance(payload, Mapping) and any(payload.get(key) for key in ("text", "blocks", "attachments")):
            hook = Hook(channel=channel, user=user, born=self._workspace.clock.now(), source=None)
            self.answer(hook, payload)

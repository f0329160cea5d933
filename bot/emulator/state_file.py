"""Keeps what was said over a restart: messages, members and files in one JSON document; no ephemerals, as in Slack."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

from bot.emulator.entities import Change, Channel, File
from bot.emulator.message import Edit, Message
from bot.emulator.workspace import Workspace

log = logging.getLogger(__name__)
SAVE_EVERY_S = 1.0


class StateFile:
    def __init__(self, path: Path, workspace: Workspace) -> None:
        self._path, self._workspace = path, workspace
        self._dirty = False
        workspace.subscribe(self._hear)

    def _hear(self, _change: Change) -> None:
        self._dirty = True

    async def keep(self) -> None:
        """Write whenever something changed, once a second at most. Runs until cancelled."""
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            if self._dirty:
                self.save()

    def save(self) -> None:
        self._dirty = False
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(json.dumps(dump(self._workspace)), encoding="utf-8")
        fresh.replace(self._path)

    def load(self) -> bool:
        """Return False when there is nothing to load."""
        if not self._path.exists():
            return False
        restore(self._workspace, json.loads(self._path.read_text(encoding="utf-8")))
        return True


def dump(workspace: Workspace) -> dict[str, Any]:
    return {
        "channels": [
            {
                **{
                    key: getattr(channel, key)
                    for key in ("id", "name", "members", "is_private", "is_archived", "is_im", "is_read_only", "topic")
                },
                "created": channel.created,
                "messages": [dataclasses.asdict(message) for message in channel.messages.values()],
            }
            for channel in workspace.channels.values()
        ],
        "files": [
            {**dataclasses.asdict(file), "content": base64.b64encode(file.content or b"").decode()}
            for file in workspace.files.values()
            if file.content is not None
        ],
    }


def restore(workspace: Workspace, saved: dict[str, Any]) -> None:
    """Put back what `dump` saved; later timestamps continue after the last one."""
    for given in saved["channels"]:
        messages = given.pop("messages")
        channel = Channel(**given)
        for item in messages:
            edits = [Edit(**edit) for edit in item.pop("edits")]
            message = Message(**item, edits=edits)
            channel.messages[message.ts] = message
            workspace.clock.not_before(message.ts)
        workspace.channels[channel.id] = channel
    for item in saved["files"]:
        content = base64.b64decode(item.pop("content"))
        workspace.files[item["id"]] = File(**item, content=content)

"""What a message carries, checked: text, blocks, attachments, metadata. Shared by chat.* and response URLs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.emulator.blocks import check_attachments, check_message_blocks, with_ids
from bot.emulator.errors import RefusalError
from bot.emulator.mrkdwn import escape, escape_blocks

LONGEST_TEXT = 40_000  # Slack cuts a post's text here
LONGEST_EDIT = 4_000  # and refuses an update's beyond this
LONGEST_METADATA = 8_192  # bytes; unpublished, so a guess on the generous side


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """None: not given at all, which an update reads differently from empty."""

    text: str | None
    blocks: list[dict[str, Any]] | None
    attachments: list[dict[str, Any]] | None

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.blocks or self.attachments)

    def fields(self) -> dict[str, Any]:
        return {"text": self.text or "", "blocks": self.blocks or [], "attachments": self.attachments or []}


def read_content(given: Mapping[str, Any], *, ready_files: frozenset[str]) -> Content:
    """Check and normalise. Raises Slack's own words for what is wrong with it."""
    blocks = decoded(given.get("blocks"), code="invalid_blocks_format")
    attachments = decoded(given.get("attachments"), code="invalid_attachments")
    text, markdown = given.get("text"), given.get("markdown_text")
    if markdown is not None:
        if text or blocks:
            raise RefusalError("markdown_text_conflict")
        blocks, text = [{"type": "markdown", "text": str(markdown)}], str(markdown)
    if blocks:
        check_message_blocks(blocks, ready_files=ready_files)
    if attachments:
        check_attachments(attachments, ready_files=ready_files)
    return Content(
        text=None if text is None else escape(str(text))[:LONGEST_TEXT],
        blocks=None if blocks is None else with_ids(escape_blocks(blocks)),
        attachments=None if attachments is None else _numbered(escape_blocks(attachments)),
    )


def _numbered(attachments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for number, attachment in enumerate(attachments, start=1):
        blocks = {"blocks": with_ids(attachment["blocks"])} if "blocks" in attachment else {}
        colour = str(attachment.get("color", "")).removeprefix("#")
        found.append(
            {
                "fallback": "[no preview available]",
                **attachment,
                **blocks,
                "id": number,
                **({"color": colour} if colour else {}),
            }
        )
    return found


def decoded(value: Any, *, code: str) -> Any:
    """Read JSON that came as text in a form; anything else stays."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError as error:
        raise RefusalError(code) from error


def read_metadata(value: Any) -> dict[str, Any] | None:
    """Return the metadata, {} for a wish to remove it, None when none was given."""
    found = decoded(value, code="invalid_metadata_format")
    if found is None:
        return None
    if found == {}:
        return {}
    if not isinstance(found, Mapping):
        raise RefusalError("invalid_metadata_format")
    event_type, payload = found.get("event_type"), found.get("event_payload")
    if not isinstance(event_type, str) or not event_type or not isinstance(payload, Mapping):
        raise RefusalError("invalid_metadata_schema")
    if len(json.dumps(found).encode()) > LONGEST_METADATA:
        raise RefusalError("metadata_too_large")
    return {"event_type": event_type, "event_payload": dict(payload)}

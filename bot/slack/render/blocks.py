"""Block Kit's bricks, and what a rendered message is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Block = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What goes to Slack.

    text:     what notifications and screen readers say; never empty.
    blocks:   above the coloured bar.
    coloured: inside an attachment with a bar in `color`; buttons live there too.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    coloured: tuple[Block, ...] = ()
    color: str | None = None
    broadcast: bool = False

    @property
    def digest(self) -> str:
        """Names the content; block ids, which change with each edit, are not part of it."""
        content = [self.text, list(self.blocks), list(self.coloured), self.color]
        return hashlib.sha256(json.dumps(_without_ids(content), sort_keys=True).encode()).hexdigest()[:32]

    def payload(self, *, stamp: str) -> dict[str, Any]:
        """Arguments for chat.postMessage and chat.update.

        stamp: makes block ids new, because Slack keeps a select's old state under an old id.
        All three keys are always there: an update without `blocks` or `attachments` would mix old and new.
        """
        blocks = [{**block, "block_id": f"{stamp}.{i}"} for i, block in enumerate(self.blocks)]
        inner = [{**block, "block_id": f"{stamp}.a{i}"} for i, block in enumerate(self.coloured)]
        attachments = [{"color": self.color or "#dddddd", "fallback": self.text, "blocks": inner}] if inner else []
        return {"text": self.text, "blocks": blocks, "attachments": attachments}

    def all_blocks(self) -> tuple[Block, ...]:
        return (*self.blocks, *self.coloured)


def _without_ids(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_ids(item) for key, item in value.items() if key != "block_id"}
    if isinstance(value, (list, tuple)):
        return [_without_ids(item) for item in value]
    return value


def plain(text: str) -> Block:
    """A plain_text object; the text must have passed `esc(plain=True)` where it came from outside."""
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    """A mrkdwn object of our own words and escaped text; verbatim, so that Slack links nothing by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text[:150])}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def lines(*texts: str) -> Block:
    return section("\n".join(text for text in texts if text))


def fields(*pairs: tuple[str, str]) -> Block:
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in pairs]}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = False) -> Block:
    found: Block = {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(no)}
    if danger:
        found["style"] = "danger"
    return found


def value_of(**ids: str) -> str:
    """Write a button's value: ids and a nonce, nothing else; anybody in the channel can read it."""
    return json.dumps(ids, separators=(",", ":"), sort_keys=True)


def read_value(text: str | None) -> dict[str, str]:
    """Read a button's value back. What is no such value reads as empty: then the click is refused."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): item for key, item in found.items() if isinstance(item, str)}


def button(
    label: str, action_id: str, value: str, *, style: str | None = None, confirm_with: Block | None = None
) -> Block:
    found: Block = {"type": "button", "text": plain(label), "action_id": action_id, "value": value}
    if style:
        found["style"] = style
    if confirm_with:
        found["confirm"] = confirm_with
    return found


def option(label: str, value: str) -> Block:
    return {"text": plain(label[:75]), "value": value}


def overflow(action_id: str, options: Sequence[Block]) -> Block:
    return {"type": "overflow", "action_id": action_id, "options": list(options)}


def texts_of(value: Any) -> Iterator[str]:
    """Every text a reader sees in blocks, in reading order."""
    if isinstance(value, Mapping):
        if value.get("type") in ("plain_text", "mrkdwn") and isinstance(value.get("text"), str):
            yield value["text"]
            return
        for item in value.values():
            yield from texts_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from texts_of(item)

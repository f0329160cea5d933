"""A channel as a person would read it, in plain text: authors, blocks, buttons, threads, and what edits replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.emulator.entities import Channel
from bot.emulator.message import Message
from bot.emulator.mrkdwn import unescape
from bot.emulator.workspace import SLACKBOT, Workspace

REFERENCE = re.compile(r"<([@#!]?)([^<>|\n]+)(?:\|([^<>\n]*))?>")


def transcript(workspace: Workspace, channel: Channel, *, history: bool = True) -> str:
    """Render roots in order, each with its thread below it; ephemerals stand where they were seen."""
    title = f"#{channel.name}" if channel.name else "direct messages"
    lines = [title, ""]
    whispers = [message for message in channel.ephemerals.values() if not message.is_reply]
    plain = [message for message in channel.messages.values() if not message.is_reply]
    for root in sorted([*plain, *whispers], key=_order):
        lines += _message(workspace, root, indent="", history=history)
        hidden = [m for m in channel.ephemerals.values() if m.is_reply and m.thread_ts == root.ts]
        for reply in sorted([*channel.replies(root.ts), *hidden], key=_order):
            lines += _message(workspace, reply, indent="    ", history=history)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _order(message: Message) -> float:
    return float(message.ts)


def _message(workspace: Workspace, message: Message, *, indent: str, history: bool) -> Iterator[str]:
    author = workspace.people.get(message.user)
    name = "Slackbot" if message.user == SLACKBOT else author.name if author else message.user
    marks = []
    if message.ephemeral_for:
        seen_by = workspace.people.get(message.ephemeral_for)
        marks.append(f"only visible to {seen_by.name if seen_by else message.ephemeral_for}")
    if message.broadcast:
        marks.append("also sent to the channel")
    if message.edited:
        marks.append(f"edited {len(message.edits)} x")
    if message.deleted:
        marks.append("deleted")
    noted = f" ({', '.join(marks)})" if marks else ""
    yield f"{indent}[{_clock(float(message.ts))}] {name}{noted}"
    if history:
        for edit in message.edits:
            until = _clock(edit.until)
            for line in content_lines(workspace, edit.text, edit.blocks, edit.attachments):
                yield f"{indent}  ~ until {until}: {line}"
    for line in content_lines(workspace, message.text, message.blocks, message.attachments):
        yield f"{indent}  {line}"
    for file_id in message.files:
        file = workspace.files.get(file_id)
        if file is not None:
            yield f"{indent}  [file {file.name}: {file.title or file.name}, {len(file.content or b'')} bytes]"
    if message.reactions:
        shown = (f":{emoji}: {len(users)}" for emoji, users in message.reactions.items())
        yield f"{indent}  {'  '.join(shown)}"


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%H:%M:%S")


def content_lines(
    workspace: Workspace, text: str, blocks: Iterable[Mapping[str, Any]], attachments: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Return what a reader sees; text counts only where no blocks stand."""
    shown = [line for block in blocks for line in _block(block)]
    bars: list[str] = []
    for attachment in attachments:
        parts = [line for block in attachment.get("blocks", []) for line in _block(block)]
        parts = parts or [str(attachment[key]) for key in ("pretext", "title", "text") if attachment.get(key)]
        bars += [f"| {line}" for part in parts for line in part.splitlines()]
    if text and not shown:
        shown = text.splitlines()
    return [readable(workspace, line) for part in [*shown, *bars] for line in part.splitlines()]


def readable(workspace: Workspace, text: str) -> str:
    """Put names for ids, and characters for entities."""

    def name(match: re.Match[str]) -> str:
        sign, target, label = match.groups()
        if sign == "@" and target in workspace.people:
            return f"@{workspace.people[target].name}"
        if sign == "!" and target.startswith("date^"):
            return label or target
        if sign == "!":
            return label or f"@{target}"
        if sign == "#" and target in workspace.channels:
            return f"#{workspace.channels[target].name}"
        return f"{label} ({target})" if label and not sign else label or target

    return unescape(REFERENCE.sub(name, text))


def _block(block: Mapping[str, Any]) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield f"## {block['text']['text']}"
        case "divider":
            yield "---"
        case "context":
            parts = (element.get("text", element.get("alt_text", "")) for element in block["elements"])
            yield " · ".join(str(part) for part in parts)
        case "actions":
            yield " ".join(_element(element) for element in block["elements"])
        case "image":
            yield f"[image: {block.get('alt_text', '')}]"
        case "table" | "data_table":
            yield from (" | ".join(_cell(cell) for cell in row) for row in block["rows"])
        case "rich_text":
            yield from ("".join(_rich(part)) for part in block["elements"])
        case "input":
            yield f"{block['label']['text']}: {_element(block['element'])}"
        case _:
            yield from _texts(block)


def _texts(block: Mapping[str, Any]) -> Iterator[str]:
    for key in ("title", "text", "body"):
        value = block.get(key)
        if value:
            yield str(value["text"] if isinstance(value, Mapping) else value)
    yield from (str(field["text"]).replace("\n", " ") for field in block.get("fields", []))
    if "accessory" in block:
        yield _element(block["accessory"])


def _element(element: Mapping[str, Any]) -> str:
    kind = element.get("type")
    if kind == "button":
        return f"[{element['text']['text']}]"
    if kind == "image":
        return f"[image: {element.get('alt_text', '')}]"
    options = " / ".join(option["text"]["text"] for option in element.get("options", []))
    return f"[{'⋮' if kind == 'overflow' else '▾'} {options}]" if options else f"[{kind}]"


def _cell(cell: Mapping[str, Any]) -> str:
    if cell.get("type") == "rich_text":
        return " ".join("".join(_rich(part)) for part in cell["elements"])
    return str(cell.get("text", cell.get("value", "")))


def _rich(part: Mapping[str, Any]) -> Iterator[str]:
    for element in part.get("elements", []):
        if "elements" in element:
            yield f"• {''.join(_rich(element))}\n"
        elif element["type"] == "user":
            yield f"<@{element['user_id']}>"
        elif element["type"] == "emoji":
            yield f":{element['name']}:"
        else:
            yield str(element.get("text") or element.get("url") or "")

"""Slack's limits, checked before sending, and the plainer renderings to fall back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Any

from bot.slack.render.blocks import Block, Rendered, plain, texts_of
from bot.slack.render.replies import cut_markup, plainly

TEXT_MAX = 3900  # chat.update refuses above 4,000
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
TEXT_BUDGET = 10_000  # Slack refuses somewhere about 12,000 characters of block text; unpublished
SIMPLE_MAX = 2800  # one section of 3,000, with room for the note
VIEW_BYTES = 250_000
PRIVATE_METADATA = 3000

ID_MAX = 255
# type of block -> (most, least) elements
ELEMENTS = {"actions": (25, 1), "context": (10, 1)}
TEXT_LIMITS = {"header": 150, "section": 3000}
FIELD_MAX, FIELDS_MAX = 2000, 10
BUTTON_TEXT, BUTTON_VALUE, OPTION_TEXT, OPTION_VALUE = 75, 2000, 75, 150
CONFIRM_LIMITS = {"title": 100, "text": 300, "confirm": 30, "deny": 30}


class Level(IntEnum):
    """How plain a rendering is."""

    FULL = 0
    SIMPLE = 1  # one plain section and the buttons: no colour, no columns
    TEXT = 2


def _length(text: Any) -> int:
    return len(text.get("text", "")) if isinstance(text, Mapping) else 0


def _text(text: Any, limit: int, where: str) -> Iterator[str]:
    if not isinstance(text, Mapping) or text.get("type") not in ("plain_text", "mrkdwn"):
        yield f"{where}: is no text object"
    elif not 1 <= _length(text) <= limit:
        yield f"{where}: {_length(text)} characters, allowed are 1 to {limit}"


def _confirm(found: Any, where: str) -> Iterator[str]:
    for key, limit in CONFIRM_LIMITS.items():
        yield from _text(found.get(key), limit, f"{where}/{key}")


def _options(options: Sequence[Any], most: int, where: str) -> Iterator[str]:
    if not 1 <= len(options) <= most:
        yield f"{where}: {len(options)} options, allowed are 1 to {most}"
    for i, option in enumerate(options):
        yield from _text(option.get("text"), OPTION_TEXT, f"{where}/{i}/text")
        if not 1 <= len(option.get("value", "")) <= OPTION_VALUE:
            yield f"{where}/{i}/value: too long or empty"


def _element(element: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(element.get("action_id", "")) > ID_MAX:
        yield f"{where}/action_id: too long"
    kind = element.get("type")
    if kind == "button":
        yield from _text(element.get("text"), BUTTON_TEXT, f"{where}/text")
        if len(element.get("value", "")) > BUTTON_VALUE:
            yield f"{where}/value: too long"
    if kind in ("overflow", "static_select"):
        yield from _options(element.get("options", ()), 5 if kind == "overflow" else 100, f"{where}/options")
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{where}/confirm")


def _section(block: Block, where: str) -> Iterator[str]:
    fields = block.get("fields", ())
    if not fields and "text" not in block:
        yield f"{where}: a section needs text or fields"
    if len(fields) > FIELDS_MAX:
        yield f"{where}/fields: {len(fields)}, allowed are {FIELDS_MAX}"
    for i, field in enumerate(fields):
        yield from _text(field, FIELD_MAX, f"{where}/fields/{i}")
    if "accessory" in block:
        yield from _element(block["accessory"], f"{where}/accessory")


def _block(block: Block, where: str) -> Iterator[str]:
    kind = block.get("type", "")
    if len(block.get("block_id", "")) > ID_MAX:
        yield f"{where}/block_id: too long"
    if kind in TEXT_LIMITS and (kind == "header" or "text" in block):
        yield from _text(block.get("text"), TEXT_LIMITS[kind], f"{where}/text")
    if kind == "section":
        yield from _section(block, where)
    if kind in ELEMENTS:
        most, least = ELEMENTS[kind]
        elements = block.get("elements", ())
        if not least <= len(elements) <= most:
            yield f"{where}/elements: {len(elements)}, allowed are {least} to {most}"
        for i, element in enumerate(elements):
            yield from _element(element, f"{where}/elements/{i}")
    if kind == "input":
        yield from _text(block.get("label"), 2000, f"{where}/label")
        yield from _element(block.get("element", {}), f"{where}/element")


def _unique(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        ids = [element.get("action_id") for element in block.get("elements", ()) if element.get("action_id")]
        if len(ids) != len(set(ids)):
            yield f"action_id used twice in one block: {ids}"


def faults(rendered: Rendered) -> list[str]:
    """What Slack would refuse; empty when nothing."""
    blocks = rendered.all_blocks()
    found = [fault for i, block in enumerate(blocks) for fault in _block(block, f"/blocks/{i}")]
    found += _unique(blocks)
    if not rendered.text.strip() or len(rendered.text) > TEXT_MAX:
        found.append(f"/text: {len(rendered.text)} characters, allowed are 1 to {TEXT_MAX}")
    if len(blocks) > MESSAGE_BLOCKS:
        found.append(f"/blocks: {len(blocks)}, allowed are {MESSAGE_BLOCKS}")
    total = sum(len(text) for text in texts_of(blocks))
    if total > TEXT_BUDGET:
        found.append(f"/blocks: {total} characters of text, allowed are {TEXT_BUDGET}")
    return found


def view_faults(view: Mapping[str, Any]) -> list[str]:
    """The same for a modal or an App Home."""
    blocks = view.get("blocks", ())
    found = [fault for i, block in enumerate(blocks) for fault in _block(block, f"/blocks/{i}")]
    if len(blocks) > VIEW_BLOCKS:
        found.append(f"/blocks: {len(blocks)}, allowed are {VIEW_BLOCKS}")
    for key in ("title", "submit", "close"):
        if key in view:
            found += _text(view[key], 24, f"/{key}")
    if len(view.get("private_metadata", "")) > PRIVATE_METADATA:
        found.append("/private_metadata: too long")
    if len(repr(view).encode()) > VIEW_BYTES:
        found.append("view: larger than 250 kB")
    return found


def degrade(rendered: Rendered, level: Level) -> Rendered:
    """The same content, plainer. Buttons survive SIMPLE, because people must still be able to act."""
    if level is Level.FULL:
        return rendered
    said = "\n".join(
        plainly(text)
        for block in rendered.all_blocks()
        if block.get("type") not in ("actions", "header")
        for text in texts_of(block)
    )
    if level is Level.TEXT:
        parts = rendered.text if not said else f"{rendered.text}\n{said}"
        return replace(rendered, text=cut_markup(parts, TEXT_MAX), blocks=(), coloured=(), color=None)
    body: tuple[Block, ...] = ({"type": "section", "text": plain(cut_markup(said or rendered.text, SIMPLE_MAX))},)
    acts = tuple(block for block in rendered.all_blocks() if block.get("type") == "actions")
    return replace(rendered, text=rendered.text[:TEXT_MAX], blocks=(*body, *acts), coloured=(), color=None)


def fit(rendered: Rendered, level: Level = Level.FULL) -> tuple[Rendered, Level]:
    """The richest rendering from `level` on that Slack will take."""
    for candidate in Level:
        if candidate < level:
            continue
        found = degrade(rendered, candidate)
        if not faults(found):
            return found, candidate
    return degrade(rendered, Level.TEXT), Level.TEXT

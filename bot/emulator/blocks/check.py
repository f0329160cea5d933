"""Checks whole messages, attachments and views, and gives every block and action the id it lacks."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bot.emulator.blocks import figures, layout
from bot.emulator.blocks.report import PLAIN, Report
from bot.emulator.errors import RefusalError, bad_blocks

BLOCKS: Final[Mapping[str, Callable[[Report, Mapping[str, Any], str], None]]] = {
    "actions": layout.actions,
    "alert": layout.alert,
    "card": figures.card,
    "carousel": figures.carousel,
    "container": figures.container,
    "context": layout.context,
    "data_table": figures.table,
    "data_visualization": figures.chart,
    "divider": layout.divider,
    "header": layout.header,
    "image": layout.image,
    "input": layout.input_block,
    "markdown": layout.markdown,
    "rich_text": layout.rich_text,
    "section": layout.section,
    "table": figures.table,
    "video": layout.video,
}
NOT_IN_VIEWS: Final = frozenset({"markdown", "table", "data_table", "data_visualization", "card", "carousel"})
MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_CHARACTERS = 12_000  # undocumented; reports put the line between 12,000 and 13,200
CHARTS_A_MESSAGE = 2
VIEW_BYTES = 250_000
VIEW_FIELDS: Final = frozenset(
    {
        "blocks",
        "callback_id",
        "clear_on_close",
        "close",
        "external_id",
        "notify_on_close",
        "private_metadata",
        "submit",
        "submit_disabled",
        "title",
        "type",
    }
)


def check_message_blocks(blocks: Any, *, ready_files: frozenset[str], at: str = "/blocks") -> None:
    """Raise invalid_blocks, invalid_blocks_format or msg_blocks_too_long."""
    if not isinstance(blocks, list):
        raise RefusalError("invalid_blocks_format")
    report = Report(surface="message", ready_files=ready_files)
    _check(report, blocks, most=MESSAGE_BLOCKS, at=at)
    if sum(isinstance(block, Mapping) and block.get("type") == "data_visualization" for block in blocks) > (
        CHARTS_A_MESSAGE
    ):
        report.fail(f"no more than {CHARTS_A_MESSAGE} data_visualization blocks allowed", at)
    if report.problems:
        raise bad_blocks(report.problems)
    if report.characters > MESSAGE_CHARACTERS:
        raise RefusalError("msg_blocks_too_long")


def check_attachments(attachments: Any, *, ready_files: frozenset[str]) -> None:
    if not isinstance(attachments, list) or not all(isinstance(item, Mapping) for item in attachments):
        raise RefusalError("invalid_attachments")
    if len(attachments) > 100:
        raise RefusalError("too_many_attachments")
    for number, attachment in enumerate(attachments):
        if "blocks" in attachment:
            check_message_blocks(attachment["blocks"], ready_files=ready_files, at=f"/attachments/{number}/blocks")


def check_view(view: Any, *, surface: str, ready_files: frozenset[str]) -> dict[str, Any]:
    """Return the view, or raise invalid_arguments or view_too_large.

    surface: modal or home.
    """
    if not isinstance(view, Mapping):
        raise bad_blocks([("expected an object", "/view")], code="invalid_arguments")
    if len(str(view).encode()) > VIEW_BYTES:
        raise RefusalError("view_too_large")
    report = Report(surface=surface, ready_files=ready_files)
    if view.get("type") != surface:
        report.fail(f"must be one of: {surface}", "/view/type")
    report.known(view, VIEW_FIELDS, "/view")
    report.string(view, "private_metadata", "/view", most=3000, least=0)
    report.string(view, "callback_id", "/view", most=255, least=0)
    if surface == "modal":
        report.text(view, "title", "/view", most=24, kinds=PLAIN, required=True)
        report.text(view, "close", "/view", most=24, kinds=PLAIN)
        report.text(view, "submit", "/view", most=24, kinds=PLAIN)
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        _check(report, blocks, most=VIEW_BLOCKS, at="/view/blocks")
        kinds = [block.get("type") for block in blocks if isinstance(block, Mapping)]
        if surface == "modal" and "input" in kinds and view.get("submit") is None:
            report.fail("missing required field: submit (the view has input blocks)", "/view")
    else:
        report.fail("missing required field: blocks", "/view")
    if report.problems:
        raise bad_blocks(report.problems, code="invalid_arguments")
    return dict(view)


def _check(report: Report, blocks: Sequence[Any], *, most: int, at: str) -> None:
    if len(blocks) > most:
        report.fail(f"no more than {most} items allowed", at)
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        place = f"{at}/{number}"
        if not isinstance(block, Mapping):
            report.fail("expected an object", place)
            continue
        kind = block.get("type")
        if kind not in BLOCKS or (report.surface != "message" and kind in NOT_IN_VIEWS):
            report.fail(f"unsupported type: {kind}", f"{place}/type")
            continue
        block_id = report.string(block, "block_id", place, most=255)
        if block_id is not None and block_id in seen:
            report.fail(f"block_id {block_id} already exists", f"{place}/block_id")
        seen.add(block_id or "")
        BLOCKS[str(kind)](report, block, place)


def with_ids(blocks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return copies in which every block, and every element that can be used, has an id, as Slack stores them."""
    return [_with_ids(block) for block in blocks]


def _with_ids(block: Mapping[str, Any]) -> dict[str, Any]:
    found = {**block, "block_id": block.get("block_id") or secrets.token_urlsafe(4)[:5]}
    fresh = itertools.count()
    for key in ("accessory", "element"):
        if isinstance(found.get(key), Mapping):
            found[key] = _with_action_id(found[key], next(fresh))
    if found["type"] == "actions":
        found["elements"] = [_with_action_id(element, next(fresh)) for element in found["elements"]]
    return found


def _with_action_id(element: Mapping[str, Any], number: int) -> dict[str, Any]:
    if element.get("type") == "image" or element.get("action_id"):
        return dict(element)
    return {**element, "action_id": f"{secrets.token_urlsafe(3)[:4]}{number}"}

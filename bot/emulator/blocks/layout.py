"""The blocks that people read: sections, headers, context, actions, inputs, pictures, rich text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.emulator.blocks.elements import ACCESSORIES, IN_ACTIONS, IN_INPUT, check_element, check_image
from bot.emulator.blocks.report import EITHER, PLAIN, Report

CONTEXT_TEXT = 2000
RICH_PARTS: Final = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
RICH_ELEMENTS: Final = frozenset(
    {"text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "color", "date", "team"}
)


def header(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"text", "level"}, at)
    report.text(block, "text", at, most=150, kinds=PLAIN, required=True)


def section(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"text", "fields", "accessory", "expand"}, at)
    if block.get("text") is None and block.get("fields") is None:
        report.fail("must provide text or fields", at)
    report.text(block, "text", at, most=3000, kinds=EITHER)
    for number, field in enumerate(report.items(block, "fields", at, most=10, required=False)):
        report.text_object(field, f"{at}/fields/{number}", most=2000, kinds=EITHER)
    if "accessory" in block:
        check_element(report, block["accessory"], f"{at}/accessory", allowed=ACCESSORIES)


def divider(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, frozenset(), at)


def context(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"elements"}, at)
    for number, element in enumerate(report.items(block, "elements", at, most=10)):
        place = f"{at}/elements/{number}"
        if isinstance(element, Mapping) and element.get("type") == "image":
            check_image(report, element, place)
        else:
            report.text_object(element, place, most=CONTEXT_TEXT, kinds=EITHER)


def actions(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"elements"}, at)
    seen: set[str] = set()
    for number, element in enumerate(report.items(block, "elements", at, most=25)):
        place = f"{at}/elements/{number}"
        check_element(report, element, place, allowed=IN_ACTIONS)
        action_id = element.get("action_id") if isinstance(element, Mapping) else None
        if isinstance(action_id, str) and action_id in seen:
            report.fail(f"action_id {action_id} already exists in this block", f"{place}/action_id")
        seen.add(str(action_id))


def image(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"image_url", "slack_file", "alt_text", "title"}, at)
    check_image(report, block, at)
    report.text(block, "title", at, most=2000, kinds=PLAIN)


def input_block(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"label", "element", "hint", "optional", "dispatch_action"}, at)
    report.text(block, "label", at, most=2000, kinds=PLAIN, required=True)
    report.text(block, "hint", at, most=2000, kinds=PLAIN)
    if "element" in block:
        check_element(report, block["element"], f"{at}/element", allowed=IN_INPUT)
    else:
        report.fail("missing required field: element", at)


def markdown(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"text"}, at)
    report.characters += len(report.string(block, "text", at, most=12_000, required=True) or "")


def video(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.string(block, "alt_text", at, most=2000, required=True)
    report.text(block, "title", at, most=200, kinds=PLAIN, required=True)
    for key in ("thumbnail_url", "video_url"):
        report.string(block, key, at, most=3000, required=True)


def alert(report: Report, block: Mapping[str, Any], at: str) -> None:
    if report.surface != "modal":
        report.fail("alert blocks are only allowed in modals", f"{at}/type")
    report.text(block, "text", at, most=200, kinds=EITHER, required=True)


def rich_text(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.known(block, {"elements"}, at)
    for number, part in enumerate(report.items(block, "elements", at, most=1000)):
        _rich_part(report, part, f"{at}/elements/{number}")


def _rich_part(report: Report, part: Any, at: str) -> None:
    if not isinstance(part, Mapping) or part.get("type") not in RICH_PARTS:
        report.fail("unsupported rich text element", at)
        return
    is_list = part["type"] == "rich_text_list"
    if is_list and part.get("style") not in {"bullet", "ordered"}:
        report.fail("must be one of: bullet, ordered", f"{at}/style")
    for number, element in enumerate(report.items(part, "elements", at, most=1000, least=0)):
        place = f"{at}/elements/{number}"
        if is_list:
            _rich_part(report, element, place)
        elif not isinstance(element, Mapping) or element.get("type") not in RICH_ELEMENTS:
            report.fail("unsupported rich text element", place)
        elif element["type"] == "text":
            report.characters += len(report.string(element, "text", place, most=12_000, required=True) or "")
        elif element["type"] == "link":
            report.string(element, "url", place, most=3000, required=True)

"""Interactive elements and what they are made of: options, confirmation dialogs, placeholders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from bot.emulator.blocks.report import EITHER, PLAIN, Report

SELECTS: Final = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "users", "conversations", "channels", "external")
)
SINGLE_SELECTS: Final = frozenset(kind for kind in SELECTS if not kind.startswith("multi_"))
PICKERS: Final = frozenset({"datepicker", "timepicker"})
CHOICES: Final = frozenset({"checkboxes", "radio_buttons"})
TYPED: Final = frozenset(
    {
        "plain_text_input",
        "rich_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "file_input",
        "datetimepicker",
    }
)
ACCESSORIES: Final = SELECTS | PICKERS | CHOICES | {"button", "image", "overflow", "workflow_button"}
IN_ACTIONS: Final = SINGLE_SELECTS | PICKERS | CHOICES | {"button", "overflow", "workflow_button", "datetimepicker"}
IN_INPUT: Final = SELECTS | PICKERS | CHOICES | TYPED
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 (refused, not bound)
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
COMMON: Final = {"action_id", "confirm", "focus_on_load", "placeholder"}


def check_element(report: Report, value: Any, at: str, *, allowed: frozenset[str]) -> None:
    if not isinstance(value, Mapping):
        report.fail("expected an object", at)
        return
    kind = value.get("type")
    if kind not in allowed:
        report.fail(f"unsupported type: {kind}", f"{at}/type")
        return
    if kind != "image":
        report.string(value, "action_id", at, most=255)
    if "confirm" in value:
        check_confirm(report, value["confirm"], f"{at}/confirm")
    if "placeholder" in value:
        report.text(value, "placeholder", at, most=150, kinds=PLAIN)
    CHECKS[str(kind)](report, value, at)


def check_button(report: Report, value: Mapping[str, Any], at: str) -> None:
    report.known(value, {"action_id", "confirm", "text", "value", "url", "style", "accessibility_label"}, at)
    report.text(value, "text", at, most=75, kinds=PLAIN, required=True)
    report.string(value, "value", at, most=2000)
    report.string(value, "url", at, most=3000)
    report.string(value, "accessibility_label", at, most=75)
    if value.get("style") not in {None, "primary", "danger"}:
        report.fail("must be one of: primary, danger", f"{at}/style")


def check_image(report: Report, value: Mapping[str, Any], at: str) -> None:
    """Check the fields that image blocks and image elements share."""
    report.string(value, "alt_text", at, most=2000, required=True)
    address, file = value.get("image_url"), value.get("slack_file")
    if (address is None) == (file is None):
        report.fail("must provide exactly one of: image_url, slack_file", at)
    elif address is not None:
        if not isinstance(address, str) or not address.startswith(("http://", "https://")) or len(address) > 3000:
            report.fail("invalid url", f"{at}/image_url")
        elif urlsplit(address).hostname in LOOPBACK:
            # Slack's servers fetch the picture; a laptop's own address is nothing to them.
            report.fail("downloading image failed", f"{at}/image_url")
    elif not _names_ready_file(report, file):
        report.fail("invalid slack file", f"{at}/slack_file")


def _names_ready_file(report: Report, file: Any) -> bool:
    """A file can be shown by id or by its private address, once it is shared somewhere."""
    if not isinstance(file, Mapping):
        return False
    return any(file.get("id") == ready or f"-{ready}/" in str(file.get("url", "")) for ready in report.ready_files)


def check_confirm(report: Report, value: Any, at: str) -> None:
    if not isinstance(value, Mapping):
        report.fail("expected an object", at)
        return
    report.known(value, {"title", "text", "confirm", "deny", "style"}, at)
    report.text(value, "title", at, most=100, kinds=PLAIN, required=True)
    report.text(value, "text", at, most=300, kinds=EITHER, required=True)
    report.text(value, "confirm", at, most=30, kinds=PLAIN, required=True)
    report.text(value, "deny", at, most=30, kinds=PLAIN, required=True)
    if value.get("style") not in {None, "primary", "danger"}:
        report.fail("must be one of: primary, danger", f"{at}/style")


def check_option(report: Report, value: Any, at: str, *, kinds: frozenset[str]) -> None:
    if not isinstance(value, Mapping):
        report.fail("expected an object", at)
        return
    report.known(value, {"text", "value", "description", "url"}, at)
    report.text(value, "text", at, most=75, kinds=kinds, required=True)
    report.string(value, "value", at, most=150, required=True)
    report.text(value, "description", at, most=75, kinds=kinds)


def _check_options(report: Report, value: Mapping[str, Any], at: str, *, most: int, kinds: frozenset[str]) -> None:
    for number, option in enumerate(report.items(value, "options", at, most=most)):
        check_option(report, option, f"{at}/options/{number}", kinds=kinds)
    values = [option.get("value") for option in value.get("options") or [] if isinstance(option, Mapping)]
    for key in ("initial_option", "initial_options"):
        chosen = value.get(key) or []
        for option in chosen if isinstance(chosen, list) else [chosen]:
            if not isinstance(option, Mapping) or option.get("value") not in values:
                report.fail("initial option must be one of the options", f"{at}/{key}")


def check_static_select(report: Report, value: Mapping[str, Any], at: str) -> None:
    report.known(
        value,
        COMMON | {"options", "option_groups", "initial_option", "initial_options", "max_selected_items"},
        at,
    )
    if "option_groups" not in value:
        _check_options(report, value, at, most=100, kinds=PLAIN)
        return
    if "options" in value:
        report.fail("only one of options and option_groups may be given", at)
    for number, group in enumerate(report.items(value, "option_groups", at, most=100)):
        place = f"{at}/option_groups/{number}"
        if isinstance(group, Mapping):
            report.text(group, "label", place, most=75, kinds=PLAIN, required=True)
            _check_options(report, group, place, most=100, kinds=PLAIN)
        else:
            report.fail("expected an object", place)


def check_choices(report: Report, value: Mapping[str, Any], at: str) -> None:
    report.known(value, (COMMON - {"placeholder"}) | {"options", "initial_option", "initial_options"}, at)
    _check_options(report, value, at, most=10, kinds=EITHER)


def check_overflow(report: Report, value: Mapping[str, Any], at: str) -> None:
    report.known(value, {"action_id", "confirm", "options"}, at)
    _check_options(report, value, at, most=5, kinds=PLAIN)


def check_typed(report: Report, value: Mapping[str, Any], at: str) -> None:
    for key, most in (("min_length", 3000), ("max_length", 3000)):
        length = value.get(key)
        if length is not None and (not isinstance(length, int) or not 0 <= length <= most):
            report.fail(f"must be between 0 and {most}", f"{at}/{key}")
    if value.get("type") == "number_input" and not isinstance(value.get("is_decimal_allowed"), bool):
        report.fail("missing required field: is_decimal_allowed", at)
    if isinstance(value.get("initial_value"), str):
        report.string(value, "initial_value", at, most=3000, least=0)


def check_picker(report: Report, value: Mapping[str, Any], at: str) -> None:
    day = value.get("initial_date")
    if day is not None and not DATE.fullmatch(str(day)):
        report.fail("must be a date of the form YYYY-MM-DD", f"{at}/initial_date")


def _accept(_report: Report, _value: Mapping[str, Any], _at: str) -> None:
    """Nothing beyond the common fields is checked."""


Check = Callable[[Report, Mapping[str, Any], str], None]
CHECKS: Final[Mapping[str, Check]] = {
    **dict.fromkeys(SELECTS, _accept),
    **dict.fromkeys(TYPED, check_typed),
    **dict.fromkeys(PICKERS, check_picker),
    **dict.fromkeys(CHOICES, check_choices),
    "static_select": check_static_select,
    "multi_static_select": check_static_select,
    "button": check_button,
    "image": check_image,
    "overflow": check_overflow,
    "workflow_button": _accept,
}

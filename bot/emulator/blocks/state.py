"""What a person has chosen or typed in blocks, in Slack's shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bot.emulator.errors import bad_arguments

State = dict[str, dict[str, Any]]

OPTION: Final = frozenset({"static_select", "external_select", "radio_buttons", "overflow"})
OPTIONS: Final = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})
KEYS: Final = {
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}
STATELESS: Final = frozenset({"button", "overflow", "image", "workflow_button"})


def elements(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield every block that holds an element that can be used, with that element."""
    for block in blocks:
        nested = block.get("elements", []) if block.get("type") == "actions" else []
        for element in (block.get("accessory"), block.get("element"), *nested, *block.get("actions", [])):
            if isinstance(element, Mapping) and element.get("action_id"):
                yield block, element


def initial_state(blocks: Sequence[Mapping[str, Any]]) -> State:
    found: State = {}
    for block, element in elements(blocks):
        if element["type"] not in STATELESS:
            found.setdefault(str(block["block_id"]), {})[str(element["action_id"])] = _initial(element)
    return found


def _initial(element: Mapping[str, Any]) -> dict[str, Any]:
    kind = element["type"]
    if kind in OPTION:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in OPTIONS:
        return {"type": kind, "selected_options": list(element.get("initial_options") or [])}
    if kind in KEYS:
        key = KEYS[kind]
        return {"type": kind, key: element.get(key.replace("selected_", "initial_").replace("_value", ""))}
    return {"type": kind, "value": element.get("initial_value")}


def entry(element: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Give the state of an element for a plain value: a text, an option's value, a list of them, an id, a date.

    Raises invalid_arguments when the element offers no such option.
    """
    kind = str(element["type"])
    if kind in OPTION:
        return {"type": kind, "selected_option": None if value in (None, "") else _option(element, str(value))}
    if kind in OPTIONS:
        many = value if isinstance(value, list) else [] if value in (None, "") else [value]
        return {"type": kind, "selected_options": [_option(element, str(item)) for item in many]}
    if kind in KEYS:
        return {"type": kind, KEYS[kind]: value or None}
    return {"type": kind, "value": str(value) if value not in (None, "") else None}


def _option(element: Mapping[str, Any], value: str) -> Mapping[str, Any]:
    offered = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        offered += group["options"]
    for option in offered:
        if option["value"] == value:
            found: Mapping[str, Any] = option
            return found
    raise bad_arguments(f"{element['action_id']} offers no option {value}")


def merge(blocks: Sequence[Mapping[str, Any]], state: State, values: Mapping[str, Mapping[str, Any]]) -> State:
    """Put plain values (block id, action id, value) into a state."""
    found = {block_id: dict(entries) for block_id, entries in state.items()}
    for block, element in elements(blocks):
        given = values.get(str(block["block_id"]), {})
        if element["action_id"] in given and element["type"] not in STATELESS:
            found.setdefault(str(block["block_id"]), {})[str(element["action_id"])] = entry(
                element, given[element["action_id"]]
            )
    return found


def missing(blocks: Sequence[Mapping[str, Any]], state: State) -> dict[str, str]:
    """Say what Slack's own client refuses before it submits: block id to sentence."""
    found: dict[str, str] = {}
    for block, element in elements(blocks):
        if block.get("type") != "input":
            continue
        block_id = str(block["block_id"])
        held = state.get(block_id, {}).get(str(element["action_id"]), {})
        value = next((item for key, item in held.items() if key != "type"), None)
        if not value:
            if not block.get("optional"):
                found[block_id] = "Please complete this required field."
        elif sentence := _unfit(element, value):
            found[block_id] = sentence
    return found


def _unfit(element: Mapping[str, Any], value: Any) -> str:
    if element["type"] == "number_input":
        try:
            number = float(value)
        except ValueError:
            return "Enter a number."
        low, high = element.get("min_value"), element.get("max_value")
        if (low is not None and number < float(low)) or (high is not None and number > float(high)):
            return f"Enter a number between {low} and {high}."
    elif isinstance(value, str):
        if len(value) < int(element.get("min_length") or 0):
            return f"Enter at least {element['min_length']} characters."
        if len(value) > int(element.get("max_length") or 3000):
            return f"Enter at most {element.get('max_length') or 3000} characters."
    return ""

"""As much of JSON Schema 2020-12 as the schema of faultline.yaml uses; a keyword that is not known here is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TYPES: Mapping[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}
WORDS = {"title", "description", "default", "examples", "format", "discriminator", "why", "$schema", "$defs"}


def faults(value: Any, schema: Mapping[str, Any], *, root: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Everything about a value that the schema does not allow, each with its place."""
    for keyword, told in schema.items():
        if keyword in WORDS or keyword in ("properties", "additionalProperties"):
            continue
        yield from RULES[keyword](value, told, root, place)
    if isinstance(value, dict):
        yield from _object(value, schema, root, place)


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for key, item in value.items():
        inside = known.get(key, others)
        if inside is False:
            yield f"{place}.{key}: is no key"
        elif inside is not True:
            yield from faults(item, inside, root=root, place=f"{place}.{key}")


def _type(value: Any, told: str, _root: Any, place: str) -> Iterator[str]:
    if not isinstance(value, TYPES[told]) or (isinstance(value, bool) and told != "boolean"):
        yield f"{place}: is no {told}"


def _ref(value: Any, told: str, root: Mapping[str, Any], place: str) -> Iterator[str]:
    target = root
    for part in told.removeprefix("#/").split("/"):
        target = target[part]
    yield from faults(value, target, root=root, place=place)


def _some(fits: range) -> Any:
    def rule(value: Any, told: list[Mapping[str, Any]], root: Mapping[str, Any], place: str) -> Iterator[str]:
        each = [list(faults(value, option, root=root, place=place)) for option in told]
        if sum(not found for found in each) not in fits:
            yield f"{place}: fits {sum(not found for found in each)} of {len(told)}: {each}"

    return rule


def _holds(says: Any, check: Any) -> Any:
    def rule(value: Any, told: Any, _root: Any, place: str) -> Iterator[str]:
        if not check(value, told):
            yield f"{place}: {value!r} is not {says} {told}"

    return rule


def _items(value: Any, told: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from faults(item, told, root=root, place=f"{place}[{number}]")


def _required(value: Any, told: list[str], _root: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{place}.{key}: is missing" for key in told if key not in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


RULES: Mapping[str, Any] = {
    "type": _type,
    "$ref": _ref,
    "anyOf": _some(range(1, 100)),
    "oneOf": _some(range(1, 2)),
    "items": _items,
    "required": _required,
    "enum": _holds("one of", lambda value, told: value in told),
    "const": _holds("equal to", lambda value, told: value == told),
    "pattern": _holds("like", lambda value, told: not isinstance(value, str) or bool(re.search(told, value))),
    "minLength": _holds("as long as", lambda value, told: not isinstance(value, str) or len(value) >= told),
    "minimum": _holds("at least", lambda value, told: not _number(value) or value >= told),
    "maximum": _holds("at most", lambda value, told: not _number(value) or value <= told),
    "exclusiveMinimum": _holds("more than", lambda value, told: not _number(value) or value > told),
}

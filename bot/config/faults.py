"""Turns what pydantic found into lines for a person: file, line, key, what was found, what is expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.config.misplaced import looks_secret
from bot.config.places import Place, YamlFile

SHOWN = 60  # characters of a wrong value
Schema = Mapping[str, Any]


def dotted(place: Sequence[str | int]) -> str:
    """Write a place as people read it.

    >>> dotted(("sources", "prometheus", 0, "url"))
    'sources.prometheus[0].url'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "(top level)"


def suggest(word: str, known: Iterable[str]) -> str:
    """Guess what was meant, else list what there is."""
    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {listed}" if names else "there is none"


def explain_faults(
    error: ValidationError, file: YamlFile, model: type[BaseModel], *, without: Iterable[Place] = ()
) -> list[tuple[int, str]]:
    """One line a fault, with its place in the file. `without`: places that were complained about already."""
    schema = model.model_json_schema(by_alias=True)
    skipped = set(without)
    found: list[tuple[int, str]] = []
    for fault in error.errors(include_url=False):
        place = _in_file(fault["loc"], file)
        if (*place, *_missing(fault)) in skipped or place in skipped:
            continue
        empty = place == fault["loc"] and fault["type"] == "missing"  # the key is there and holds nothing
        key = dotted(place if empty else (*place, *_missing(fault)))
        found.append((file.line(place) or 0, f"{file.at(place)}: {key}: {_explain(fault, place, schema)}"))
    return found


def _missing(fault: ErrorDetails) -> Place:
    return (fault["loc"][-1],) if fault["type"] == "missing" else ()


def _in_file(loc: Place, file: YamlFile) -> Place:
    """Drop the parts of a location that are pydantic's and not the file's."""
    found: Place = ()
    for part in loc:
        if (*found, part) in file.lines:
            found = (*found, part)
    return found


def _explain(fault: ErrorDetails, place: Place, schema: Schema) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return f"is no key here; {suggest(str(place[-1]), _keys(schema, place[:-1]))}"
    if kind == "missing":
        name = str(fault["loc"][-1])
        if place == fault["loc"]:
            told = _property(schema, place).get("description", "a value")
            return f"found nothing (an unquoted # begins a comment), expected: {told}"
        told = _property(schema, (*place, name)).get("description", "")
        return "is missing" + (f": {told}" if told else "")
    return f"found {shown(fault['input'])}, {_expected(fault)}"


def _expected(fault: ErrorDetails) -> str:
    text = fault["msg"].removeprefix("Value error, ")
    if text.startswith("Input should be"):
        return "expected " + text.removeprefix("Input should be").strip()
    if fault["type"] == "union_tag_not_found":
        return "expected the key 'kind', which says what it is: webhook or airflow"
    if fault["type"] == "union_tag_invalid":
        return f"expected one of {fault['ctx']['expected_tags']} as its 'kind'"
    return text


def shown(value: Any) -> str:
    """Quote a wrong value, unless it is long, a whole mapping, or may be a secret."""
    match value:
        case None:
            return "nothing"
        case Mapping():
            return f"a mapping of {', '.join(map(str, value)) or 'nothing'}"[:SHOWN]
        case list() | tuple():
            return f"a list of {len(value)}"
        case str() if looks_secret(value):
            return "what looks like a secret"
        case str():
            return repr(value if len(value) <= SHOWN else f"{value[:SHOWN]}...")
        case BaseModel():
            return "this"
        case _:
            return repr(value)[:SHOWN]


def _property(schema: Schema, place: Place) -> Schema:
    """The part of a JSON schema that describes a place; empty when nothing does."""
    return next(iter(_walk(schema, place)), {})


def _keys(schema: Schema, place: Place) -> set[str]:
    return {name for part in _walk(schema, place) for name in part.get("properties", {})}


def _walk(schema: Schema, place: Place) -> list[Schema]:
    """All branches of a JSON schema that a place may mean."""
    parts = _branches(schema, schema)
    for step in place:
        inside: list[Schema] = []
        for part in parts:
            if isinstance(step, int):
                inside += _branches(schema, part.get("items", {}))
            elif step in part.get("properties", {}):
                inside += _branches(schema, part["properties"][step])
            elif isinstance(part.get("additionalProperties"), Mapping):
                inside += _branches(schema, part["additionalProperties"])
        parts = inside
    return parts


def _branches(root: Schema, part: Schema) -> list[Schema]:
    if "$ref" in part:
        target = root["$defs"][part["$ref"].rpartition("/")[2]]
        return _branches(root, {**target, **{name: value for name, value in part.items() if name != "$ref"}})
    found = [
        one for name in ("anyOf", "oneOf", "allOf") for option in part.get(name, ()) for one in _branches(root, option)
    ]
    return [part, *found] if "properties" in part or not found else found

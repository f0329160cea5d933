"""The published forms of the configuration: the JSON schema, and the table of keys in docs/configuration.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.config.settings import Settings

Schema = Mapping[str, Any]


def schema_text() -> str:
    """The JSON schema as it is published: one final newline, keys in the order of the code."""
    return json.dumps(Settings.json_schema(), indent=2, ensure_ascii=False) + "\n"


def key_table() -> str:
    """Every key with its meaning, its default, and the default's reason, as Markdown, one table a section."""
    schema = Settings.json_schema()
    return "\n".join(_section(schema, "", schema, "Top level"))


def _section(root: Schema, path: str, part: Schema, title: str) -> Iterator[str]:
    yield f"### {title}\n"
    if path and part.get("description"):
        yield f"{part['description']}\n"
    yield "| key | meaning | default |\n|---|---|---|"
    inside: list[tuple[str, Schema, str]] = []
    for name, told in part.get("properties", {}).items():
        nested, form = _nested(root, told)
        where = f"{path}.{name}".lstrip(".")
        inside += [(f"{where}{form}", section, f"`{where}{form}`{label}") for section, label in nested]
        required = name in part.get("required", ())
        default = _default(told, required=required, nested=bool(nested))
        yield f"| `{name}` | {_cell(told.get('description', ''))} | {default} |"
    yield ""
    for where, section, name in inside:
        yield from _section(root, where, section, name)


def _default(told: Schema, *, required: bool, nested: bool) -> str:
    if required:
        return "required"
    reason, default = _cell(told.get("why", "")), told.get("default")
    why = f": {reason}" if reason else ""
    if default is None:
        return reason or "none"
    if nested and isinstance(default, dict):
        return f"see below{why}"
    if default in ([], {}):
        return f"none{why}"
    return f"`{json.dumps(default) if not isinstance(default, str) else default}`{why}"


def _nested(root: Schema, told: Schema) -> tuple[list[tuple[Schema, str]], str]:
    """The sections behind a key, and how they hang there: directly, in a list, or by name."""
    for form, inner in (
        ("", told),
        ("[]", _branch(told, "items")),
        (".NAME", _branch(told, "additionalProperties")),
    ):
        found = [_resolve(root, ref) for ref in _refs(inner)]
        sections = [one for one in found if "properties" in one]
        if sections:
            several = len(sections) > 1
            return [(one, f" ({one['title']})" if several else "") for one in sections], form
    return [], ""


def _branch(told: Schema, name: str) -> Schema:
    inner = told.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _refs(told: Schema) -> list[str]:
    found = [told["$ref"]] if "$ref" in told else []
    return found + [
        ref for name in ("anyOf", "oneOf", "allOf") for option in told.get(name, ()) for ref in _refs(option)
    ]


def _resolve(root: Schema, ref: str) -> Schema:
    target: Schema = root["$defs"][ref.rpartition("/")[2]]
    return target


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

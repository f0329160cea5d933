"""A call's arguments, in whatever way an SDK chose to send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from bot.emulator.errors import RefusalError, bad_arguments

FALSE: Final = frozenset({"", "0", "false", "False", "no", "None", "null"})


class Arguments:
    """Lenient reading: `1`, "1", "true" and true mean the same; JSON may come as a value or as text."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def has(self, key: str) -> bool:
        return self.given.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.given.get(key)
        if value is None:
            return default
        if isinstance(value, Mapping | list):
            raise bad_arguments(f"{key} must be a string")
        return str(value)

    def optional(self, key: str) -> str | None:
        return self.text(key) or None

    def flag(self, key: str) -> bool:
        value = self.given.get(key)
        return value not in FALSE if isinstance(value, str) else bool(value)

    def number(self, key: str, default: int) -> int:
        value = self.given.get(key)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise bad_arguments(f"{key} must be an integer") from error

    def json(self, key: str) -> Any:
        value = self.given.get(key)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            raise bad_arguments(f"{key} must be JSON") from error

    def list(self, key: str) -> list[str]:
        """Read a list, or words separated by commas."""
        value = self.given.get(key)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [word for word in self.text(key).split(",") if word]


async def read_arguments(request: web.Request) -> Arguments:
    """Merge query and body: JSON (even an empty one), form or multipart."""
    found: dict[str, Any] = dict(request.query)
    if request.method == "POST":
        kind = request.content_type
        if kind == "application/json":
            found |= _object(await request.text())
        elif kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            found |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return Arguments(found)


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise RefusalError("invalid_json") from error
    if not isinstance(found, dict):
        raise RefusalError("json_not_object")
    return found

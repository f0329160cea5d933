"""Collects what is wrong with a block, and asks the questions that most blocks share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

PLAIN = frozenset({"plain_text"})
MRKDWN = frozenset({"mrkdwn"})
EITHER = PLAIN | MRKDWN


@dataclass(slots=True, kw_only=True)
class Report:
    """Problems so far: sentence and JSON pointer.

    surface:      message, modal or home.
    ready_files:  ids of files that are shared and may be shown in blocks.
    characters:   text counted so far; Slack bounds the sum over a message.
    """

    surface: str
    ready_files: frozenset[str] = frozenset()
    problems: list[tuple[str, str]] = field(default_factory=list)
    characters: int = 0

    def fail(self, sentence: str, at: str) -> None:
        self.problems.append((sentence, at))

    def known(self, thing: Mapping[str, Any], fields: Collection[str], at: str) -> None:
        for key in thing:
            if key not in fields and key not in {"type", "block_id"}:
                self.fail(f"invalid additional property: {key}", at)

    def string(
        self, thing: Mapping[str, Any], key: str, at: str, *, most: int, required: bool = False, least: int = 1
    ) -> str | None:
        value = thing.get(key)
        if value is None:
            if required:
                self.fail(f"missing required field: {key}", at)
            return None
        if not isinstance(value, str):
            self.fail("must be a string", f"{at}/{key}")
            return None
        if len(value) > most:
            self.fail(f"must be less than {most + 1} characters", f"{at}/{key}")
        elif len(value) < least:
            self.fail(f"must be more than {least - 1} characters", f"{at}/{key}")
        return value

    def text(
        self, thing: Mapping[str, Any], key: str, at: str, *, most: int, kinds: frozenset[str], required: bool = False
    ) -> None:
        """Check a text object at thing[key]."""
        if thing.get(key) is None:
            if required:
                self.fail(f"missing required field: {key}", at)
            return
        self.text_object(thing[key], f"{at}/{key}", most=most, kinds=kinds)

    def text_object(self, value: Any, at: str, *, most: int, kinds: frozenset[str]) -> None:
        if not isinstance(value, Mapping):
            self.fail("expected an object", at)
            return
        if value.get("type") not in kinds:
            self.fail(f"must be one of: {', '.join(sorted(kinds))}", f"{at}/type")
        extra = {"emoji"} if value.get("type") == "plain_text" else {"verbatim"}
        self.known(value, {"text"} | extra, at)
        said = self.string(value, "text", at, most=most, required=True)
        self.characters += len(said or "")

    def items(
        self, thing: Mapping[str, Any], key: str, at: str, *, most: int, least: int = 1, required: bool = True
    ) -> list[Any]:
        value = thing.get(key)
        if value is None:
            if required:
                self.fail(f"missing required field: {key}", at)
            return []
        if not isinstance(value, list):
            self.fail("expected an array", f"{at}/{key}")
            return []
        if len(value) > most:
            self.fail(f"no more than {most} items allowed", f"{at}/{key}")
        elif len(value) < least:
            self.fail(f"no fewer than {least} item{'s' if least > 1 else ''} allowed", f"{at}/{key}")
        return value

    def number(self, thing: Mapping[str, Any], key: str, at: str) -> None:
        value = thing.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail("must be a number", f"{at}/{key}")

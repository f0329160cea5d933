"""Label sets and the matchers that select them, as in Prometheus and Alertmanager."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from bot.errors import BadInputError

Labels = tuple[tuple[str, str], ...]  # sorted by name: hashable, and equal when the sets are equal


def labels_of(mapping: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Freeze a label set."""
    return tuple(sorted(dict(mapping).items()))


def labels_json(labels: Labels) -> str:
    """Write a label set as docs/recordings.md wants it: a JSON object with sorted keys."""
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)


class MatchOp(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


MAX_PATTERN = 200  # a person's regex never needs more; bounds what a hostile one can cost
MAX_REPEATS = 4  # in one alternative: each multiplies the cost by the length of the value


def _repeats_nest(pattern: str) -> bool:
    """Whether a group that repeats something is itself repeated: exponential in Python's engine, at any depth."""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]])+\]", "x", pattern)  # escapes and classes hold no groups
    plain = re.sub(r"\(\?:", "(", plain)
    if "(?" in plain or max(sum(sign in "*+{?" for sign in part) for part in plain.split("|")) > MAX_REPEATS:
        return True
    open_groups = [False]
    for sign, following in zip(plain, [*plain[1:], ""], strict=True):
        if sign == "(":
            open_groups.append(False)
        elif sign == ")" and len(open_groups) > 1:
            inner = open_groups.pop()
            if inner and following in ("*", "+", "{"):
                return True
            open_groups[-1] |= inner
        elif sign in "*+{?|":  # (a|a)* and (a?){30} are as exponential as (a*)*
            open_groups[-1] = True
    return False


@dataclass(frozen=True)
class Matcher:
    """One condition on one label. A label that is absent counts as the empty string, as in Alertmanager."""

    name: str
    op: MatchOp
    value: str

    def __post_init__(self) -> None:
        if self.op not in (MatchOp.REGEX, MatchOp.NOT_REGEX):
            return
        if len(self.value) > MAX_PATTERN or _repeats_nest(self.value):
            raise BadInputError(
                f"the pattern of {self.name} is too complicated: at most {MAX_PATTERN} characters, no nested repeats"
            )
        try:
            re.compile(self.value)
        except re.error as error:
            raise BadInputError(f"{self.name}{self.op}{self.value!r} is not a regular expression: {error}") from error

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.value)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Patterns are anchored at both ends, as in Prometheus."""
        found = labels.get(self.name, "")
        match self.op:
            case MatchOp.EQUAL:
                return found == self.value
            case MatchOp.NOT_EQUAL:
                return found != self.value
            case MatchOp.REGEX:
                return self._pattern.fullmatch(found) is not None
            case MatchOp.NOT_REGEX:
                return self._pattern.fullmatch(found) is None

    def __str__(self) -> str:
        return f"{self.name}{self.op}{json.dumps(self.value, ensure_ascii=False)}"


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Say whether every matcher holds."""
    return all(matcher.matches(labels) for matcher in matchers)


TOKEN = re.compile(
    r"""\s*(?P<name>[A-Za-z_][A-Za-z0-9_./-]*)\s*(?P<op>=~|!~|!=|=(?!=))\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s,"}]+)\s*,?"""
)
UNESCAPE = re.compile(r'\\(["\\])')  # as amtool: any other backslash belongs to the pattern


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Read `model=fraud, node=~"n-0.*"`, with or without braces, as amtool does.

    Raises BadInputError that quotes the part that could not be read.

    >>> [str(m) for m in parse_matchers('{model="fraud", entity=~"n-.*"}')]
    ['model="fraud"', 'entity=~"n-.*"']
    """
    rest = text.strip().replace("\u201c", '"').replace("\u201d", '"')  # Slack clients write curly quotes
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1].strip()
    if not rest:
        raise BadInputError('no matcher given: write for example model="fraud"')
    found: list[Matcher] = []
    while rest:
        token = TOKEN.match(rest)
        if token is None:
            raise BadInputError(
                f'cannot read a matcher at {rest[:40]!r}: write name="value", name!="value" or name=~"regex"'
            )
        value = token["value"]
        if value.startswith('"'):
            value = UNESCAPE.sub(r"\1", value[1:-1])
        found.append(Matcher(token["name"], MatchOp(token["op"]), value))
        rest = rest[token.end() :].strip()
    return tuple(found)

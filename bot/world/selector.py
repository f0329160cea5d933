"""The part of PromQL that is understood here: a plain selector, a number, and `vector(number)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|Inf|NaN)\Z", re.IGNORECASE)
VECTOR = re.compile(r"vector\(\s*(?P<number>[^()\s]+)\s*\)\Z")
NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
MATCHER = re.compile(
    r"\s*(?P<label>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op>=~|!~|!=|=)\s*(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\s*"
)
ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class ParseError(ValueError):
    """What cannot be read, in Prometheus' words and with its column."""

    def __init__(self, column: int, because: str) -> None:
        super().__init__(f"1:{column}: parse error: {because}")


@dataclass(frozen=True, slots=True)
class Matcher:
    label: str
    op: str
    value: str
    pattern: re.Pattern[str]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Compare one label; an absent one counts as empty, patterns are anchored at both ends."""
        found = labels.get(self.label, "")
        same = self.pattern.fullmatch(found) is not None if self.op.endswith("~") else found == self.value
        return same is not self.op.startswith("!")


@dataclass(frozen=True, slots=True)
class Selector:
    matchers: tuple[Matcher, ...]

    def holds(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.holds(labels) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    vector: bool  # wrapped in vector()


def parse(text: str) -> Selector | Number:
    """Read one expression. Raises ParseError for anything beyond a selector or a number."""
    expression = text.strip()
    if not expression:
        raise ParseError(1, "no expression found in input")
    if NUMBER.match(expression):
        return Number(float(expression), vector=False)
    wrapped = VECTOR.match(expression)
    if wrapped and NUMBER.match(wrapped["number"]):
        return Number(float(wrapped["number"]), vector=True)
    if expression.count("(") > expression.count(")"):
        raise ParseError(len(expression) + 1, "unclosed left parenthesis")
    return parse_selector(expression)


def parse_selector(expression: str) -> Selector:
    """Read `name{label="value", ...}`. Raises ParseError."""
    name = NAME.match(expression)
    position = name.end() if name else 0
    matchers = [_matcher("__name__", "=", name[0], 1)] if name else []
    rest = expression[position:].lstrip()
    position = len(expression) - len(rest)
    if rest.startswith("{"):
        position += 1
        while not expression.startswith("}", position):
            found = MATCHER.match(expression, position)
            if found is None:
                raise ParseError(position + 1, 'unexpected input inside braces, expected label matcher or "}"')
            value = ESCAPE.sub(lambda part: ESCAPED.get(part[1], part[1]), found["quoted"][1:-1])
            matchers.append(_matcher(found["label"], found["op"], value, position + 1))
            position = found.end()
            if expression.startswith(",", position):
                position += 1
                while expression.startswith(" ", position):
                    position += 1
            elif not expression.startswith("}", position):
                raise ParseError(position + 1, "unexpected end of input inside braces")
        position += 1
    if position < len(expression):
        raise ParseError(position + 1, f"unexpected {expression[position:][:20]!r}: only plain selectors are simulated")
    if not any(matcher.holds({}) is False for matcher in matchers):
        raise ParseError(1, "vector selector must contain at least one non-empty matcher")
    return Selector(tuple(matchers))


def _matcher(label: str, op: str, value: str, column: int) -> Matcher:
    try:
        pattern = re.compile(value if op.endswith("~") else re.escape(value))
    except re.error as error:
        raise ParseError(column, f"error parsing regexp: {error}") from error
    return Matcher(label, op, value, pattern)

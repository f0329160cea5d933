"""The filters and orders of MLflow's two searches, as far as clients of a registry use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

CLAUSE = re.compile(
    r"\s*(?P<key>[A-Za-z_.]+(?:`[^`]+`|\"[^\"]+\")?[A-Za-z0-9_.]*)\s*"
    r"(?P<op>!=|<=|>=|=|<|>|ILIKE|LIKE)\s*(?P<value>'[^']*'|\"[^\"]*\"|\d+)\s*\Z",
    re.IGNORECASE,
)
AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
ORDER = re.compile(r"\s*(?P<key>[A-Za-z_.]+)(?:\s+(?P<way>ASC|DESC))?\s*\Z", re.IGNORECASE)

R = TypeVar("R")
Row = Mapping[str, str | int]


class InvalidSearchError(ValueError):
    """What MLflow would answer with INVALID_PARAMETER_VALUE; the text is its message."""


@dataclass(frozen=True, slots=True)
class Clause:
    key: str
    op: str
    value: str

    def holds(self, row: Row) -> bool:
        """Compare one attribute or tag; an absent one never holds."""
        if self.key not in row:
            return False
        found = row[self.key]
        if self.op in {"LIKE", "ILIKE"}:
            pattern = re.escape(self.value).replace("%", ".*").replace("_", ".")
            flags = re.IGNORECASE if self.op == "ILIKE" else 0
            return re.fullmatch(pattern, str(found), flags) is not None
        if isinstance(found, int):
            return NUMERIC[self.op](found, int(self.value))
        return (found == self.value) is (self.op == "=")


NUMERIC: Mapping[str, Callable[[int, int], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    "<": lambda found, wanted: found < wanted,
    "<=": lambda found, wanted: found <= wanted,
    ">": lambda found, wanted: found > wanted,
    ">=": lambda found, wanted: found >= wanted,
}


def clauses(text: str, *, attributes: Mapping[str, type]) -> tuple[Clause, ...]:
    """Read `name = 'x' AND tags.team = 'y'`.

    attributes: the keys that may be asked for besides `tags.*`, with int for numbers.
    Raises InvalidSearchError in MLflow's words.
    """
    if not text.strip():
        return ()
    found: list[Clause] = []
    for part in AND.split(text.strip()):
        clause = CLAUSE.match(part)
        if clause is None:
            raise InvalidSearchError(f"Invalid clause(s) in filter string: {', '.join(part.split())}")
        key, op, value = clause["key"], clause["op"].upper(), clause["value"].strip("'\"")
        key = key.replace("`", "").replace('"', "")
        tag = key.startswith(("tags.", "tag."))
        if not tag and key not in attributes:
            raise InvalidSearchError(f"Invalid attribute key '{key}' specified. Valid keys are '{sorted(attributes)}'")
        numeric = not tag and attributes[key] is int
        if (op in NUMERIC and op not in {"=", "!="} and not numeric) or (
            numeric and (op not in NUMERIC or not value.isdigit())
        ):
            raise InvalidSearchError(f"Invalid comparator for attribute '{key}': {op} {clause['value']}")
        found.append(Clause(f"tags.{key.partition('.')[2]}" if tag else key, op, value))
    return tuple(found)


def ordered(rows: Sequence[R], orders: Sequence[str], *, key: Callable[[R, str], Any]) -> list[R]:
    """Sort by `name ASC`, `version_number DESC`; the first order counts most. Raises InvalidSearchError."""
    result = list(rows)
    for order in reversed(orders):
        found = ORDER.match(order)
        if found is None or any(key(row, found["key"]) is None for row in rows):
            raise InvalidSearchError(f"Invalid order_by clause '{order}'")
        ways = (found["way"] or "").upper()
        result.sort(key=partial(_sorting, key=key, name=found["key"]), reverse=ways == "DESC")
    return result


def _sorting(row: R, *, key: Callable[[R, str], Any], name: str) -> Any:
    return key(row, name)

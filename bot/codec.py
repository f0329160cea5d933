"""Domain values to JSON and back: what the store keeps and the outbox carries."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import to_json

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def encode(value: object) -> str:
    """Write a domain value (dataclasses, enums, aware datetimes, tuples) as JSON.

    NaN and infinities occur in evidence, since a gap has no observed value; they travel as strings, because
    JSON has no word for them and PostgreSQL refuses the words Python would use.
    """
    return to_json(value, inf_nan_mode="strings").decode()


def decode(kind: type[T], text: str) -> T:
    """Read back a value of `kind`, a dataclass or a union of them.

    Raises pydantic.ValidationError when the text is not such a value.
    """
    return cast("T", _adapter(cast("Any", kind)).validate_json(text))

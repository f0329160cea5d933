"""Reads an instant vector whose series are known by comparing bytes, without building an object a series.

An answer is head, label set, value, label set, value, …, tail. What stands between a label set and its value, and
between a value and the next label set, is the same bytes all through one answer, because one instant has one timestamp
and one server writes JSON in one way. So the answer is cut there, each label set is looked up by its bytes, and the
values are parsed as one JSON array.

Nothing is assumed: every byte is accounted for (head and tail parse as the envelope, a label set is known or parses,
values are of the alphabet of numbers), and JSON can be read in one way only. What does not fit, whether another form of
answer, an odd one or a broken one, is None here and goes to `prometheus_answer.py`, which says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from pydantic_core import from_json

from bot.domain.series import Floats, Rows
from bot.sources.label_rows import UNSEEN
from bot.sources.prometheus_answer import Metric, NotUnderstoodError, envelope, finite

BLOCK = 128 * 1024  # bytes cut at a time: pieces stay in the processor's cache, which halves the time of large answers
NUMBERS = b"0123456789+-.eE,NaInf"  # digits, NaN and Inf, and the comma that joins them
WS = rb"[ \t\n\r]*"  # JSON's white space; Python's \s has more
OPENING = re.compile(rb'"result"%b:%b\[%b(\{%b"metric"%b:%b)\{' % ((WS,) * 6))
FIRST_VALUE = re.compile(
    rb'\}(%b,%b"value"%b:%b\[%b-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?%b,%b")' % ((WS,) * 7)
    + rb'[^"]*("%b\]%b\})(%b,%b)?' % ((WS,) * 4)
)


@dataclass(frozen=True, slots=True)
class Scanned:
    rows: Rows  # (k,) UNSEEN where the label set was not known
    values: Floats  # (k,) in the signal's unit; NaN is no sample
    unseen: Sequence[tuple[int, bytes, Metric]]  # place in `rows`, the label set as bytes, and read
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class _Form:
    """How this answer is written, read off its first series."""

    opening: bytes  # `{"metric":`
    middle: bytes  # `,"value":[1700000000.123,"`
    closing: bytes  # `"]}`
    joint: bytes  # closing, comma and opening
    start: int  # where the first series' opening begins

    @classmethod
    def of(cls, body: bytes) -> _Form | None:
        begin = OPENING.search(body)
        first = begin and FIRST_VALUE.search(body, begin.end())
        if not begin or not first:
            return None
        opening = begin[1]
        middle, closing, comma = first.groups()
        return cls(opening, middle, closing, closing + (comma or b",") + opening, begin.start(1))


def scan(body: bytes, known: Mapping[bytes, int]) -> Scanned | None:
    """Read a vector; None when it is not one, or not written as Prometheus and its kin write theirs.

    known: rows by label set, in the bytes in which the server writes it.
    """
    form = _Form.of(body)
    if form is None:
        return None
    last = body.rfind(form.middle) + len(form.middle)
    end = body.find(b'"', last)
    if not body.startswith(form.closing, end):
        return None
    try:
        flaw = _flaw(body[: form.start], body[end + len(form.closing) :])
        rows: list[Rows] = []
        values: list[Floats] = []
        unseen: list[tuple[int, bytes, Metric]] = []
        before = 0
        for block in _blocks(body, form, end):
            texts, numbers = _cut(block, form)
            found = np.fromiter(map(known.get, texts, repeat(UNSEEN)), np.int64, count=len(texts))
            unseen += [
                (before + place, texts[place], _label_set(texts[place]))
                for place in np.flatnonzero(found == UNSEEN).tolist()
            ]
            rows.append(found)
            values.append(_floats(numbers))
            before += len(texts)
    except (NotUnderstoodError, ValueError, OverflowError):
        return None
    return Scanned(np.concatenate(rows), finite(np.concatenate(values)), unseen, flaw)


def _flaw(head: bytes, tail: bytes) -> str:
    """Parse what is around the series. Raises ValueError or NotUnderstoodError.

    Two different stand-ins for the series must both turn up as the result: else they are not its items, but those
    of another list, or of one that a later key of the same name replaces.
    """
    for stand_in in (1, 2):
        kind, result, flaw = envelope(from_json(b"%b%d%b" % (head, stand_in, tail)))
        if kind != "vector" or result != [stand_in]:
            raise NotUnderstoodError("not a vector")
    return flaw


def _blocks(body: bytes, form: _Form, end: int) -> Iterator[bytes]:
    """Cut into pieces of about BLOCK bytes, each from the start of a label set to the end of a value."""
    at = form.start + len(form.opening)
    while (cut := body.find(form.joint, at + BLOCK, end)) >= 0:
        yield body[at:cut]
        at = cut + len(form.joint)
    yield body[at:end]


def _cut(block: bytes, form: _Form) -> tuple[list[bytes], list[bytes]]:
    """Take label sets and values apart; what is not where it belongs ends up in one of them and spoils it."""
    text, *pieces = block.split(form.middle)
    texts, numbers = [text], []
    joint = form.joint
    last = pieces.pop() if pieces else b""
    for piece in pieces:
        number, _, text = piece.partition(joint)
        numbers.append(number)
        texts.append(text)
    numbers.append(last)
    return texts, numbers


def _label_set(text: bytes) -> Metric:
    """Parse one label set. Raises ValueError where it is none of plain texts."""
    metric = from_json(text)
    if not isinstance(metric, dict) or not all(isinstance(value, str) for value in metric.values()):
        raise ValueError("not a label set")
    return metric


def _floats(numbers: list[bytes]) -> Floats:
    """Parse as one array; infinities become NaN. Raises ValueError or OverflowError for anything but plain numbers.

    A JSON parser reads floats four times as fast as float(), to the same bit, and each value to its whole length.
    """
    joined = b",".join(numbers)
    if joined.translate(None, NUMBERS):
        raise ValueError("not plain numbers")
    if b"I" in joined:
        joined = joined.replace(b"+Inf", b"NaN").replace(b"-Inf", b"NaN")
    read = from_json(b"[%b]" % joined)
    if len(read) != len(numbers):
        raise ValueError("a value holds a comma")
    return np.fromiter(read, np.float64, count=len(read))

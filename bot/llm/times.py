"""Read times of day and dates out of a sentence and hold them against the times of facts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.domain.explanation import Fact
from bot.pipeline.phrasing import own_text

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Capitalised and whole: "decreased 27 %" and "may 3" are no dates.
MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
CLOCK = re.compile(
    r"(?<![\d:])(?:T)?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d+)?)?"
    r"(?:\s*(?P<half>am|pm)\b)?(?:\s*(?:UTC|GMT|Z)\b)?(?P<zone>\s*(?:[+\-]\d{2}:?\d{2}|\b(?:(?:CE|CES|E[SD]|P[SD]|M[SD]|I[S]|J[S]|B[S])T)\b))?",
    re.IGNORECASE,
)
ISO_DATE = re.compile(r"(?<![\d\-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?=T|\b)")
DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}})\s+{MONTH}\b(?:\s+\d{{4}})?")
MONTH_DAY = re.compile(rf"\b{MONTH}\s+(?P<day>\d{{1,2}})\b(?:,?\s+\d{{4}})?")
RELATIVE = re.compile(
    r"\b(?:yesterday|tomorrow|last\s+(?:week|night|month)|midnight|noon|next\s+week)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What a sentence says about time, and the sentence without it."""

    clocks: tuple[tuple[int, int], ...]  # hour and minute, UTC
    days: tuple[tuple[int, int], ...]  # month and day
    relative: bool  # says "yesterday" or the like, which no fact can bear out
    foreign: bool  # a zone other than UTC: nothing here is told in one
    rest: str


def read_times(text: str) -> Times:
    """Find clock times and dates, and blank them out.

    >>> read_times("fell at 10:31 UTC on 24 Nov").clocks, read_times("fell at 10:31 UTC on 24 Nov").days
    (((10, 31),), ((11, 24),))
    """
    clocks: list[tuple[int, int]] = []
    days: list[tuple[int, int]] = []
    foreign = False

    def clock(match: re.Match[str]) -> str:
        nonlocal foreign
        hour = int(match["hour"])
        half = (match["half"] or "").lower()
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        clocks.append((hour, int(match["minute"])))
        foreign |= match["zone"] is not None
        return " "

    def day(match: re.Match[str]) -> str:
        month = match["month"]
        number = int(month) if month.isdigit() else MONTHS.index(month[:3].lower()) + 1
        days.append((number, int(match["day"])))
        return " "

    rest = text
    for pattern in (ISO_DATE, DAY_MONTH, MONTH_DAY):
        rest = pattern.sub(day, rest)
    rest = CLOCK.sub(clock, rest)
    return Times(
        clocks=tuple(clocks),
        days=tuple(days),
        relative=RELATIVE.search(rest) is not None,
        foreign=foreign,
        rest=rest,
    )


def _minutes(at: datetime) -> set[tuple[int, int]]:
    """The minute as cut and as rounded: both are printed in practice."""
    near = at + timedelta(seconds=30)
    return {(at.hour, at.minute), (near.hour, near.minute)}


def times_hold(times: Times, facts: Iterable[Fact]) -> bool:
    """Whether every time of day and date is that of one of the facts."""
    clocks: set[tuple[int, int]] = set()
    dates: set[date] = set()
    for fact in facts:
        if fact.time is not None:
            clocks |= _minutes(fact.time)
            dates.add(fact.time.date())
        if not fact.user_controlled:
            clocks |= set(read_times(own_text(fact)).clocks)
    known = {(at.month, at.day) for at in dates}
    return not times.relative and not times.foreign and set(times.clocks) <= clocks and set(times.days) <= known

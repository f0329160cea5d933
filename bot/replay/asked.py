"""Reads which stretch of the past a person means: two moments, dates, or lengths before now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.errors import BadInputError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604_800.0}
PART = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])")
LENGTH = re.compile(rf"({PART.pattern})+")
FORMS = (
    "write a date (2026-09-14), a moment (2026-09-14T08:30, UTC unless it has a zone), or a length before now (7d, 36h)"
)
LONGEST = timedelta(days=366)  # of a span: half a million ticks
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # nobody has older samples; a year with a digit missing ends here


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSpan:
    begin: datetime
    end: datetime


def span_of(from_: str, to: str | None, *, now: datetime) -> AskedSpan:
    """Read `--from` and `--to`; without `--to`, until now. Raises BadInputError in one line.

    >>> noon = datetime(2026, 9, 21, 12, tzinfo=UTC)
    >>> span = span_of("7d", None, now=noon)
    >>> f"{span.begin:%d %H:%M} to {span.end:%d %H:%M}"
    '14 12:00 to 21 12:00'
    """
    begin = _moment(from_, "--from", now=now)
    end = now if to is None else _moment(to, "--to", now=now)
    for option, moment in (("--from", begin), ("--to", end)):
        if moment > now:
            raise BadInputError(f"{option} {moment:%Y-%m-%dT%H:%MZ} lies in the future; leave --to out to end now")
        if moment < OLDEST:
            raise BadInputError(f"{option} {moment.isoformat()} lies before the year 2000; is a digit missing?")
    if begin >= end:
        raise BadInputError(
            f"--from {begin:%Y-%m-%dT%H:%MZ} is not before --to {end:%Y-%m-%dT%H:%MZ}; a date means its midnight in UTC"
        )
    if end - begin > LONGEST:
        raise BadInputError(f"the span holds {(end - begin).days:,} days; at most {LONGEST.days} are replayed at once")
    return AskedSpan(begin=begin, end=end)


def _moment(text: str, option: str, *, now: datetime) -> datetime:
    """Read one end of a span, aware and in UTC."""
    told = text.strip()
    wrong = BadInputError(f"{option} {_shown(text)!r} is no moment: {FORMS}")
    try:
        if LENGTH.fullmatch(told):
            return now - timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in PART.findall(told)))
        moment = datetime.fromisoformat(told)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


def _shown(text: str) -> str:
    return text[:60]

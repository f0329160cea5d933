"""Numbers, times and durations as people write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from bot.slack.render.escape import esc

RATIOS = frozenset({"ratio", "fraction"})
BYTES = frozenset({"bytes", "byte", "b"})
SECONDS = frozenset({"s", "seconds", "second"})
MILLISECONDS = frozenset({"ms", "milliseconds"})
STEPS = ("B", "kB", "MB", "GB", "TB", "PB")
KILO = 1000.0  # as disks and networks are sold


def _digits(value: float) -> str:
    """Three significant digits, without an exponent where people would not write one."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e12 or size < 1e-4:
        return f"{value:.2e}"
    decimals = 2 - math.floor(math.log10(size))
    text = f"{round(value, decimals):,.{max(0, min(decimals, 6))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bytes(value: float) -> str:
    step = 0
    while abs(value) >= KILO and step < len(STEPS) - 1:
        value /= KILO
        step += 1
    return f"{_digits(value)} {STEPS[step]}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size and size < 1:
        return f"{_digits(value * 1000)} ms"
    if size < 120:
        return f"{_digits(value)} s"
    if size < 7200:
        return f"{_digits(value / 60)} min"
    return f"{_digits(value / 3600)} h"


def quantity(value: float | None, unit: str) -> str:
    """Write a measured value with its unit; NaN and None read as "no data".

    >>> quantity(0.973, "ratio"), quantity(0.25, "s"), quantity(1234.5, "ms"), quantity(3.2e9, "bytes")
    ('97.3 %', '250 ms', '1.23 s', '3.2 GB')
    """
    if value is None or not math.isfinite(value):
        return "no data"
    kind = unit.lower()
    if kind in RATIOS or unit == "%":
        return f"{_digits(value * (1 if unit == '%' else 100))} %"
    if kind in BYTES:
        return _bytes(value)
    if kind in SECONDS or kind in MILLISECONDS:
        return _seconds(value / (1000 if kind in MILLISECONDS else 1))
    return f"{_digits(value)} {esc(unit, limit=20)}".rstrip()


def duration(span: timedelta) -> str:
    """Two units at most, as people say it.

    >>> duration(timedelta(minutes=95)), duration(timedelta(seconds=20)), duration(timedelta(days=2))
    ('1 h 35 min', 'under a minute', '2 d')
    """
    minutes = max(0, round(span.total_seconds() / 60))
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    words = [f"{n} {word}" for n, word in ((days, "d"), (hours, "h"), (mins, "min")) if n]
    return " ".join(words[:2]) or "under a minute"


def clock_text(at: datetime) -> str:
    """UTC, for plain text and for clients that cannot format dates."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def date_markup(at: datetime, form: str = "{date_short_pretty} {time}") -> str:
    """A time that each reader sees in their own zone."""
    return f"<!date^{int(at.timestamp())}^{form}|{clock_text(at)}>"


def time_markup(at: datetime) -> str:
    return date_markup(at, "{time}")

"""How many predictions a stretch of time has, against the same hour of other days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.pipeline.quality.rules import FAR
from detectors.own_history import robust_z

LEAST_DAYS = 3  # at the same time of day; before that, all windows are compared with
HALF = 0.5  # of the usual volume: less is a collapse, whatever the spread
SMALL = 20.0  # rows; a log that usually has fewer is too quiet to say so


def volume_of(number: int, rows: int, before: Mapping[int, int], *, a_day: int) -> QualityFinding | None:
    """Tell when a window has far fewer rows than usual, none included.

    number: of the window; the day has `a_day` of them. before: rows by number of earlier windows.
    """
    slot = number % a_day
    # the neighbours too: people are not punctual to the quarter of an hour
    same = [n for place, n in before.items() if min((place - slot) % a_day, (slot - place) % a_day) <= 1]
    usual = np.array(same if len(same) >= 3 * LEAST_DAYS else list(before.values()), dtype=np.float64)
    if len(usual) < 3 * LEAST_DAYS:
        return None
    middle = float(np.median(usual))
    z = float(robust_z(np.array([float(rows)]), usual[:, None], floor=np.array([max(0.05 * middle, middle**0.5)]))[0])
    if middle < SMALL or rows >= HALF * middle or not z <= -FAR:
        return None
    return QualityFinding(
        path=QualityPath.DATA_QUALITY,
        page=True,
        what=f"{rows:,} predictions were logged, usually {middle:,.0f} at this time of day",
        about="",
        statistic="volume",
        value=float(rows),
        expected=middle,
        scale=max((middle - rows) / abs(z), 1.0),
        p=None,
        worse=True,
        n=rows,
        rule=f"below {HALF:.0%} of the median and {FAR:g} sigma under it",
    )


def slots_a_day(seconds: float) -> int:
    """Windows in a day; at least one."""
    return max(1, round(86_400.0 / seconds))


def time_of(number: int, seconds: float) -> float:
    """Seconds since 1970 at which window `number` begins.

    >>> time_of(2, 900.0)
    1800.0
    """
    return number * seconds


def number_of(at: datetime, seconds: float) -> int:
    """Number of the window that a moment lies in."""
    return int(at.timestamp() // seconds)

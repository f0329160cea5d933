"""Silence: a series that used to report and does not, judged against its own rhythm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PATIENCE = 3.0  # own intervals: one or two lost scrapes are weather
HABIT = 1.5  # a silence this much longer than the longest usual one is new
LEARNING = 0.1  # share of a new interval that goes into the own interval
FORGET_S = 7 * 86_400.0  # how long a flaky week is remembered
GONE_S = 86_400.0  # a series silent for a day has ended; saying so longer is noise
REGULAR = 10  # samples before anything can be called a rhythm


def allowed_s(interval_s: Floats, longest_s: Floats, *, step_s: float) -> Floats:
    """How long each series may be silent, in seconds; NaN where it has no interval yet.

    >>> allowed_s(np.array([60.0, 900.0]), np.array([0.0, 0.0]), step_s=60.0).tolist()
    [180.0, 2700.0]
    """
    return np.maximum(np.maximum(PATIENCE * interval_s, PATIENCE * step_s), HABIT * longest_s)


def learn(interval_s: Floats, longest_s: Floats, *, waited_s: Floats, arrived: Flags, step_s: float) -> None:
    """Take the wait (n,) before an arrived sample into the own interval and the longest usual silence, in place.

    The interval moves by at most half of itself a sample, so an outage does not become a rhythm; and a silence counts
    as usual only up to what was allowed, so flakiness is accepted step by step.

    >>> interval, longest = np.array([60.0]), np.array([0.0])
    >>> learn(interval, longest, waited_s=np.array([3600.0]), arrived=np.array([True]), step_s=60.0)
    >>> interval.tolist(), longest.tolist()
    ([63.0], [180.0])
    """
    first = arrived & np.isnan(interval_s) & np.isfinite(waited_s)
    np.copyto(interval_s, waited_s, where=first)
    known = arrived & np.isfinite(interval_s) & np.isfinite(waited_s)
    half = 0.5 * interval_s
    usual = np.minimum(waited_s, allowed_s(interval_s, longest_s, step_s=step_s))
    np.copyto(longest_s, np.maximum(longest_s * np.exp(-waited_s / FORGET_S), usual), where=known)
    np.add(interval_s, LEARNING * np.clip(waited_s - interval_s, -half, half), out=interval_s, where=known)


def silent(missing_s: Floats, interval_s: Floats, longest_s: Floats, seen: NDArray[np.float32], step_s: float) -> Flags:
    """Whether each series (n,) is silent beyond its habit; never for one without a rhythm, or gone for a day.

    >>> seen = np.array([50, 50, 2], dtype=np.float32)
    >>> every_minute = np.full(3, 60.0)
    >>> silent(np.array([240.0, 120.0, 240.0]), every_minute, np.zeros(3), seen, 60.0).tolist()
    [True, False, False]
    """
    allowed = allowed_s(interval_s, longest_s, step_s=step_s)
    gone = np.maximum(GONE_S, PATIENCE * allowed)
    return (seen >= REGULAR) & (missing_s > allowed) & (missing_s <= gone)

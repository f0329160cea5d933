"""Silence: a series that used to report and does not, judged against its own rhythm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.state import ROWS, BankState

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

PATIENCE = 3.0  # own intervals: one or two lost scrapes are weather
HABIT = 1.5  # a silence this much longer than the longest usual one is new
LEARNING = 0.4  # share of the mean wait of five samples that goes into the own interval
FORGET_S = 7 * 86_400.0  # how long a flaky week is remembered
GONE_S = 86_400.0  # a series silent for a day has ended; saying so longer is noise
REGULAR = 10  # samples before anything can be called a rhythm


def allowed_s(interval_s: Floats, longest_s: Floats, *, step_s: float) -> Floats:
    """How long each series may be silent, in seconds; NaN where it has no interval yet.

    >>> allowed_s(np.array([60.0, 900.0]), np.array([0.0, 0.0]), step_s=60.0).tolist()
    [180.0, 2700.0]
    """
    return np.maximum(np.maximum(PATIENCE * interval_s, PATIENCE * step_s), HABIT * longest_s)


def learn_interval(interval_s: NDArray[np.floating], waited_s: Floats) -> None:
    """Take the mean wait (n,) of a batch into the own interval, in place; NaN is its first.

    It moves by at most half of itself a lesson, so an outage does not become a rhythm.

    >>> interval = np.array([60.0, np.nan])
    >>> learn_interval(interval, np.array([3600.0, 60.0]))
    >>> interval.tolist()
    [72.0, 60.0]
    """
    np.copyto(interval_s, np.where(np.isnan(interval_s), waited_s, interval_s), casting="same_kind")
    half = 0.5 * interval_s
    np.add(interval_s, LEARNING * np.clip(waited_s - interval_s, -half, half), out=interval_s, casting="same_kind")


def learn(state: BankState, rows: Rows, waited_s: Floats) -> None:
    """Learn from the wait (k,) of series that are back; in place.

    A silence counts as usual only up to what was allowed, so flakiness is accepted step by step.
    """
    known = np.isfinite(waited_s)
    rows, waited_s = rows[known], waited_s[known]
    if not len(rows):
        return
    fresh = np.isnan(state.interval_s[rows])
    state.interval_s[rows] = np.where(fresh, waited_s, state.interval_s[rows])
    interval_s, longest_s = state.interval_s[rows].astype(np.float64), state.longest_s[rows].astype(np.float64)
    usual = np.minimum(waited_s, allowed_s(interval_s, longest_s, step_s=state.step_s))
    state.longest_s[rows] = np.maximum(longest_s * np.exp(-waited_s / FORGET_S), usual)


def silent(missing_s: Floats, state: BankState, rows: Rows) -> Flags:
    """Whether each of some series (k,) is silent beyond its habit; never for one without a rhythm, or gone for a day.

    missing_s: (k,) seconds since its last sample; NaN when never seen.
    """
    interval_s, longest_s = state.interval_s[rows].astype(np.float64), state.longest_s[rows].astype(np.float64)
    allowed = allowed_s(np.where(np.isnan(interval_s), state.step_s, interval_s), longest_s, step_s=state.step_s)
    gone = np.maximum(GONE_S, PATIENCE * allowed)
    regular: Flags = state.hot[ROWS["seen"], rows] >= REGULAR
    overdue: Flags = (missing_s > allowed) & (missing_s <= gone)
    return overdue & regular

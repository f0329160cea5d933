"""Counters: series that only grow, turned into their increase a second; a fall is a restart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rate(NamedTuple):
    """What a step of counters says; every array is (k,)."""

    rate: Floats  # increase a second; NaN without two samples
    reset: NDArray[np.bool_]  # the counter began anew since the sample before


def rate_of(before: Floats, now: Floats, waited_s: Floats) -> Rate:
    """Increase a second since the sample before.

    before, now: (k,) values of the counters; NaN for no sample. waited_s: (k,) seconds between them, positive.
    Returns      after a fall the increase is the present value: it counted from zero.
    Source:      as Prometheus' `increase` treats a reset, without its extrapolation to the edges of a window.

    >>> rate, reset = rate_of(np.array([100.0, 100.0]), np.array([160.0, 30.0]), np.array([60.0, 60.0]))
    >>> rate.tolist(), reset.tolist()
    ([1.0, 0.5], [False, True])
    """
    reset = now < before
    grown = np.where(reset, now, now - before)
    return Rate(rate=grown / waited_s, reset=reset)


def rates_of(times_s: Floats, values: Floats) -> Floats:
    """Turn a block of counters into rates, each against the sample before it, holes or not.

    times_s: (t,) seconds since 1970, ascending. values: (t, k) of the counters; NaN or infinite for no sample.
    Returns  (t, k) increase a second; NaN where there is no sample, and for the first.

    >>> rates_of(np.array([0.0, 60.0, 120.0]), np.array([[0.0], [np.nan], [240.0]])).ravel().tolist()
    [nan, nan, 2.0]
    """
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    before = np.vstack([np.full((1, values.shape[1]), -1), last[:-1]])
    waited_s = times_s[:, None] - times_s[before]
    paired = known & (before >= 0) & (waited_s > 0)
    rate = rate_of(np.take_along_axis(values, before, axis=0), values, np.where(paired, waited_s, 1.0)).rate
    return np.where(paired, rate, np.nan)


RESETS = 0.002  # share of samples at which a counter may begin anew
BUSY = 0.3  # share of samples at which one that counts often grows


def cumulative(values: Floats) -> NDArray[np.bool_]:
    """Tell from history which series only grow, though nobody said that they are counters.

    values: (t, n); NaN or infinite for no sample.
    Returns (n,): True where the series grew at some time and hardly ever fell, and then towards zero. A series that
            never moved, or has no two samples, is none.

    >>> grows, level = np.arange(100.0), 5 + np.arange(100.0) % 3
    >>> cumulative(np.stack([grows, level], axis=1)).tolist()
    [True, False]
    """
    return _only_grows(values) & (_rises(values) > 0)


def counts_often(values: Floats) -> NDArray[np.bool_]:
    """Tell from history which series grow at many of their samples: a level that crept up once is no counter.

    values: (t, n); NaN or infinite for no sample. Returns (n,).

    >>> crept = np.r_[np.zeros(50), np.ones(50)]
    >>> counts_often(np.stack([np.arange(100.0), crept], axis=1)).tolist()
    [True, False]
    """
    return _only_grows(values) & (_rises(values) >= BUSY)


def _rises(values: Floats) -> Floats:
    known, steps = _steps(values)
    return np.asarray((known & (steps > 0)).sum(axis=0) / np.maximum(known.sum(axis=0), 1), dtype=np.float64)


def _only_grows(values: Floats) -> NDArray[np.bool_]:
    known, steps = _steps(values)
    falls = (known & (steps < 0)).sum(axis=0)
    return np.asarray((known.sum(axis=0) > 0) & (falls <= 1 + RESETS * known.sum(axis=0)), dtype=np.bool_)


def _steps(values: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Differences to the sample before, holes skipped: (t, n) whether there is one, and what it is."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values))[:, None], -1), axis=0)
    before = np.vstack([np.full((1, values.shape[1]), -1), last[:-1]])
    paired = known & (before >= 0)
    steps = np.where(paired, values - np.take_along_axis(values, before, axis=0), 0.0)
    return paired, steps

"""Shares of rows, such as missing values or errors: how sure one is, whether two differ, whether one is too high."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


def wilson(events: ArrayLike, trials: ArrayLike, *, z: float) -> tuple[Floats, Floats]:
    """Interval of a rate that holds for few trials and for rates near 0 and 1.

    events, trials: (n,) counts, events of the trials; NaN gives NaN. z: half width in standard errors.
    Returns (low, high), each (n,), between 0 and 1; without trials anything is possible: 0 and 1.
    Source: Wilson (1927).

    >>> low, high = wilson(np.array([0.0, 5.0]), np.array([0.0, 100.0]), z=1.96)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.0215], [1.0, 0.1118])
    """
    k, n = np.asarray(events, np.float64), np.asarray(trials, np.float64)
    some = np.where(n == 0, 1.0, n)
    rate = k / some
    middle = (rate + z**2 / (2.0 * some)) / (1.0 + z**2 / some)
    half = z / (1.0 + z**2 / some) * np.sqrt(rate * (1.0 - rate) / some + z**2 / (4.0 * some**2))
    low, high = np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
    return np.where(n == 0, 0.0, low), np.where(n == 0, 1.0, high)


def two_proportions(
    events: ArrayLike, trials: ArrayLike, events_ref: ArrayLike, trials_ref: ArrayLike
) -> tuple[Floats, Floats]:
    """Do two rates differ: the pooled two-sample z-test.

    events, trials, events_ref, trials_ref: (n,) counts.
    Returns (z, p), each (n,): z in standard errors, positive when the rate is above the reference's; p two-sided. NaN
    where either has no trials; 0 and 1 where nothing, or everything, happened in both.
    Source: the square of z is Pearson's chi-square (1900) of the two by two table.

    >>> z, p = two_proportions(np.array([30.0]), np.array([100.0]), np.array([20.0]), np.array([100.0]))
    >>> z.round(3).tolist(), p.round(3).tolist()
    ([1.633], [0.102])
    """
    k, n = np.asarray(events, np.float64), np.asarray(trials, np.float64)
    k_ref, n_ref = np.asarray(events_ref, np.float64), np.asarray(trials_ref, np.float64)
    judged = (n > 0) & (n_ref > 0)
    n, n_ref = np.where(judged, n, np.nan), np.where(judged, n_ref, np.nan)
    pooled = (k + k_ref) / (n + n_ref)
    error = np.sqrt(np.maximum(pooled * (1.0 - pooled), 0.0) * (1.0 / n + 1.0 / n_ref))
    z: Floats = (k / n - k_ref / n_ref) / np.where(error == 0, 1.0, error)
    return z, 2.0 * stats.norm.sf(np.abs(z))


def binomial_above(events: ArrayLike, trials: ArrayLike, rate: ArrayLike) -> Floats:
    """How likely so many events or more are at a given rate: one-sided and exact.

    events, trials: (n,) counts. rate: (n,) or one number, from 0 to 1. NaN in any gives NaN.
    Returns (n,) p-values; 1 without trials.
    Source: the binomial distribution's upper tail (Clopper & Pearson 1934).

    >>> binomial_above(np.array([9.0, 0.0]), np.array([10.0, 0.0]), 0.5).round(4).tolist()
    [0.0107, 1.0]
    """
    k, n = np.asarray(events, np.float64), np.asarray(trials, np.float64)
    found: Floats = np.asarray(stats.binom.sf(k - 1.0, n, np.asarray(rate, np.float64)), np.float64)
    return found

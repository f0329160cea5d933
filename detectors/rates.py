"""Rates: an interval for one, a comparison of two, and how surprising a count is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, norm

Floats = NDArray[np.float64]


def wilson(events: ArrayLike, trials: ArrayLike, *, z: float) -> tuple[Floats, Floats]:
    """Return the score interval of a rate: lower and upper bound, in the shape of the arguments.

    z: standard normal quantile, 3.29 for two-sided one in a thousand. Without trials: (0, 1).
    Source: Wilson (1927).

    >>> low, high = wilson(10, 100, z=1.96)
    >>> float(low.round(3)), float(high.round(3))
    (0.055, 0.174)
    """
    n = np.asarray(trials, np.float64)
    some = np.where(n > 0, n, 1.0)
    rate = np.asarray(events, np.float64) / some
    middle = (rate + z**2 / (2.0 * some)) / (1.0 + z**2 / some)
    half = z / (1.0 + z**2 / some) * np.sqrt(rate * (1.0 - rate) / some + z**2 / (4.0 * some**2))
    low, high = np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def two_proportions(
    events: ArrayLike, trials: ArrayLike, events_ref: ArrayLike, trials_ref: ArrayLike
) -> tuple[Floats, Floats]:
    """Return z and two-sided p of the difference of two rates, with pooled variance.

    Above zero: the first rate is larger. NaN without trials on one side, or when both rates are 0 or both are 1.

    >>> z, p = two_proportions(30, 100, 10, 100)
    >>> float(z.round(2)), float(p.round(4))
    (3.54, 0.0004)
    """
    k1, n1, k0, n0 = (np.asarray(part, np.float64) for part in (events, trials, events_ref, trials_ref))
    usable = (n1 > 0) & (n0 > 0)
    one, two = np.where(n1 > 0, n1, 1.0), np.where(n0 > 0, n0, 1.0)
    pooled = (k1 + k0) / (one + two)
    variance = pooled * (1.0 - pooled) * (1.0 / one + 1.0 / two)
    usable = usable & (variance > 0)
    z = np.where(usable, (k1 / one - k0 / two) / np.sqrt(np.where(usable, variance, 1.0)), np.nan)
    return z, 2.0 * norm.sf(np.abs(z))


def binomial_above(events: ArrayLike, trials: ArrayLike, rate: ArrayLike) -> Floats:
    """Return the exact probability of so many events or more, at a given rate a trial.

    >>> float(binomial_above(3, 10, 0.1).round(4))
    0.0702
    """
    k, n, p = (np.asarray(part, np.float64) for part in (events, trials, rate))
    return np.asarray(binom.sf(k - 1.0, n, p), np.float64)

"""How unusual a statistic is for itself: against its own last windows, whatever theory says of independent rows."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEW = 5  # values below which neither middle nor spread are known
SIGMA = 1.4826  # median absolute deviations of a normal distribution


def rank_p(value: Floats, history: Floats) -> Floats:
    """Return how often the history was at least as large: (1 + #{h >= value}) / (H + 1).

    value: (f,); history: (h, f), NaN where there was no value. Returns (f,); NaN for a value that is NaN.
    .01 takes at least 99 values. Source: Davison & Hinkley (1997), Monte Carlo tests.

    >>> rank_p(np.array([5.0]), np.arange(4.0)[:, None])
    array([0.2])
    """
    known = np.isfinite(history)
    above = (known & (history >= value)).sum(axis=0)
    found: Floats = (1.0 + above) / (known.sum(axis=0) + 1.0)
    return np.where(np.isfinite(value), found, np.nan)


def robust_z(value: Floats, history: Floats, *, floor: Floats) -> Floats:
    """Score how many robust sigmas a value lies above the middle of its history.

    value: (f,); history: (h, f), NaN where there was no value; floor: (f,) or one, the least sigma.
    Returns (f,); NaN with fewer than five values. Source: Iglewicz & Hoaglin (1993).

    >>> robust_z(np.array([10.0]), np.arange(5.0)[:, None], floor=np.array([0.1])).round(2)
    array([5.4])
    """
    known = np.isfinite(history).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without any value: NaN is what they shall give
        middle = np.nanmedian(np.where(np.isfinite(history), history, np.nan), axis=0)
        spread = SIGMA * np.nanmedian(np.abs(np.where(np.isfinite(history), history, np.nan) - middle), axis=0)
    z: Floats = (value - middle) / np.maximum(spread, floor)
    return np.where(known >= FEW, z, np.nan)

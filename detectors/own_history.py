"""How unusual a statistic is by its own earlier values: rows are not independent, so textbook p-values lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FEWEST = 5  # earlier values; of fewer a median and its spread are luck
SIGMA = 1.4826  # standard deviations a median absolute deviation, for a Gaussian


def rank_p(value: ArrayLike, history: ArrayLike) -> Floats:
    """How likely an ordinary window is at least as bad as this one, judged by those before it.

    value:   (f,) now; larger is worse. history: (h, f) of earlier windows; NaN entries are left out.
    Returns  (f,) from 1 / (h + 1), worse than all, to 1; 1 without any history; NaN where the value is NaN.
    Source:  the rank test of exchangeable windows, as in conformal prediction (Vovk et al. 2005).

    >>> rank_p(np.array([9.0, 0.0]), np.array([[1.0, 1.0], [2.0, np.nan], [3.0, 3.0]])).tolist()
    [0.25, 1.0]
    """
    now, before = np.asarray(value, np.float64), np.asarray(history, np.float64)
    known = ~np.isnan(before)
    p: Floats = (1.0 + (before >= now).sum(0)) / (known.sum(0) + 1.0)
    return np.where(np.isnan(now), np.nan, p)


def robust_z(value: ArrayLike, history: ArrayLike, *, floor: ArrayLike) -> Floats:
    """How far the value sits above the median of its history, in robust standard deviations.

    value:   (f,) now, in any unit. history: (h, f) of earlier windows; what is not finite is left out.
    floor:   (f,) or one number, in the same unit: the least spread that is believed.
    Returns  (f,) in sigmas, positive above the median; NaN where the value is NaN or fewer than FEWEST entries are
             left; infinite for any departure where both floor and spread are 0.
    Source:  Iglewicz & Hoaglin (1993), the modified z-score.

    >>> robust_z(np.array([9.0]), np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), floor=0.1).round(3).tolist()
    [4.047]
    """
    now, before = np.asarray(value, np.float64), np.asarray(history, np.float64)
    before = np.where(np.isfinite(before), before, np.nan)
    middle = _median(before)
    spread = np.maximum(SIGMA * _median(np.abs(before - middle)), np.asarray(floor, np.float64))
    away = now - middle
    with np.errstate(divide="ignore"):
        return np.where(away == 0, 0.0, away / np.where((away == 0) & (spread == 0), 1.0, spread))


def _median(values: Floats) -> Floats:
    """Median over the first axis without NaN; NaN where fewer than FEWEST are left."""
    known = (~np.isnan(values)).sum(0)
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, len(values) - 1)
    pair = np.take_along_axis(ordered, low[None], 0)[0] + np.take_along_axis(ordered, high[None], 0)[0]
    return np.where(known >= FEWEST, pair / 2.0, np.nan)

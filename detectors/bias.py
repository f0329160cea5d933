"""Calibration in the large: mean probability less the share that came true."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def offset(sum_p: ArrayLike, sum_y: ArrayLike, sum_var: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Return the mean difference of probability and outcome, and its standard error, from sums over n rows.

    sum_var: of p (1 - p). NaN without rows. Source: Spiegelhalter (1986).

    >>> mean, error = offset(55.0, 50.0, 20.0, 100)
    >>> float(mean.round(2)), float(error.round(3))
    (0.05, 0.045)
    """
    p, y, variance, rows = (np.asarray(part, np.float64) for part in (sum_p, sum_y, sum_var, n))
    some = np.where(rows > 0, rows, np.nan)
    return (p - y) / some, np.sqrt(variance) / some


def against(now: ArrayLike, now_se: ArrayLike, usual: ArrayLike, usual_se: ArrayLike, spread: ArrayLike) -> Floats:
    """Score an offset against a recent baseline: models may be biased from the start, so zero is no measure.

    spread: how far windows of the baseline lie apart by themselves. Infinite when there is no uncertainty at all.

    >>> float(against(0.03, 0.006, 0.0, 0.002, 0.004).round(1))
    4.0
    """
    parts = [np.asarray(part, np.float64) for part in (now_se, usual_se, spread)]
    sigma = np.sqrt(sum(part**2 for part in parts))
    difference = np.asarray(now, np.float64) - np.asarray(usual, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(difference / sigma, np.float64)

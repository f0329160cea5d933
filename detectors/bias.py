"""Calibration in the large: whether a model promises, on average, what comes true, and whether that changed lately."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def offset(sum_p: ArrayLike, sum_y: ArrayLike, sum_var: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """How far predicted probabilities lie above what came true.

    sum_p, sum_y: (w,) sums over labelled rows of the probability and of the outcome, 0 or 1.
    sum_var:      (w,) sum of p (1 - p). n: (w,) labelled rows.
    Returns       (mean of p - y, its standard error were every p right), each (w,); NaN without rows.
    Source:       Cox (1958); Spiegelhalter (1986).

    >>> off, error = offset(np.array([60.0]), np.array([50.0]), np.array([16.0]), np.array([100.0]))
    >>> off.tolist(), error.tolist()
    ([0.1], [0.04])
    """
    rows = np.asarray(n, np.float64)
    rows = np.where(rows > 0, rows, np.nan)
    off: Floats = (np.asarray(sum_p, np.float64) - np.asarray(sum_y, np.float64)) / rows
    error: Floats = np.sqrt(np.maximum(np.asarray(sum_var, np.float64), 0.0)) / rows
    return off, error


def against(now: ArrayLike, now_se: ArrayLike, usual: ArrayLike, usual_se: ArrayLike, spread: ArrayLike) -> Floats:
    """Compare an offset with that of a recent mature baseline: a model may be biased from the start and do no harm.

    now, usual:       (w,) offsets, as `offset` gives them. now_se, usual_se: (w,) their standard errors.
    spread:           (w,) standard deviation of the baseline's own windows about their mean; 0 when it is not known.
    Returns           (w,) in standard errors, the three added in quadrature; positive when the model promises more than
                      it did. NaN where one is NaN, and where all three are 0: then nothing is known of chance.

    >>> against(np.array([0.1]), np.array([0.03]), np.array([0.0]), np.array([0.04]), np.array([0.0])).round(3).tolist()
    [2.0]
    """
    parts = [np.asarray(one, np.float64) ** 2 for one in (now_se, usual_se, spread)]
    error = np.sqrt(parts[0] + parts[1] + parts[2])
    found: Floats = (np.asarray(now, np.float64) - np.asarray(usual, np.float64)) / np.where(error > 0, error, np.nan)
    return found

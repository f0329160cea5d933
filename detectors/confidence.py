"""Accuracy without labels: scores, calibrated on a reference, promise how often they are right (CBPE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]


def calibration(hits: ArrayLike, trials: ArrayLike) -> Floats:
    """Learn how often a score of each bin came true, never falling from bin to bin.

    hits, trials: (b,) counts by score bin, ascending. Bins without trials are filled in between their neighbours.
    Returns (b,) probabilities; NaN without any trial. Source: isotonic regression, Barlow et al. (1972).

    >>> calibration([1, 0, 9], [10, 0, 10])
    array([0.1, 0.5, 0.9])
    """
    k, n = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    seen = np.flatnonzero(n > 0)
    if not len(seen):
        return np.full(len(n), np.nan)
    fitted = isotonic_regression(k[seen] / n[seen], weights=n[seen]).x
    return np.interp(np.arange(len(n)), seen, fitted)


@dataclass(frozen=True, slots=True)
class Estimate:
    accuracy: float
    sd: float  # of the accuracy that labels would show


def estimate(answered: ArrayLike, chance: ArrayLike) -> Estimate:
    """Estimate the accuracy of answers from how likely each is right.

    answered: (b, c) answers by score bin and class; chance: (b, c) that such an answer is right.
    NaN without answers. Source: Kivimäki et al. (2025), confidence-based performance estimation.

    >>> found = estimate([[80, 0], [0, 20]], [[0.9, 0.1], [0.2, 0.8]])
    >>> round(found.accuracy, 2), round(found.sd, 3)
    (0.88, 0.032)
    """
    counts, p = np.asarray(answered, np.float64), np.asarray(chance, np.float64)
    total = counts.sum()
    if not total:
        return Estimate(float("nan"), float("nan"))
    known = np.where(counts > 0, p, 0.0)
    variance = (counts * known * (1.0 - known)).sum() / total
    return Estimate(float((counts * known).sum() / total), float(np.sqrt(variance / total)))

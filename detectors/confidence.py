"""Accuracy without labels: what a model's own scores, calibrated on a reference, say of its answers (CBPE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Accuracy as the scores tell it, from 0 to 1; NaN when nothing was answered."""

    accuracy: float
    sd: float  # by chance alone, were the scores well calibrated and nothing changed in what they mean


def calibration(hits: ArrayLike, trials: ArrayLike) -> Floats:
    """Probability that an answer of each score bin comes true, never falling with the score.

    hits, trials: (b,) counts of the reference by score bin, ascending: rows that came true, and rows.
    Returns (b,) from 0 to 1. A bin without trials is interpolated between its neighbours, beyond the last it takes
    their value; NaN only if there are no trials at all.
    Source: isotonic regression by pooling adjacent violators (Barlow et al. 1972); as a calibration of scores
    Zadrozny & Elkan (2002).

    >>> calibration(np.array([1.0, 3.0, 2.0, 0.0, 9.0]), np.array([10.0, 10.0, 10.0, 0.0, 10.0])).tolist()
    [0.1, 0.25, 0.25, 0.575, 0.9]
    """
    true, rows = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    known = np.flatnonzero(rows > 0)
    if not len(known):
        return np.full(rows.shape, np.nan)
    fitted = isotonic_regression(true[known] / rows[known], weights=rows[known]).x
    return np.interp(np.arange(len(rows)), known, np.clip(fitted, 0.0, 1.0))


def estimate(answered: ArrayLike, chance: ArrayLike) -> Estimate:
    """Estimate accuracy from how sure the model was of what it answered.

    answered: (b, c) predictions by score bin and class answered. chance: (b, c) probability that such an answer is
              right; NaN is allowed where nothing was answered.
    Returns   NaN when nothing was answered, or something of which no chance is known.
    Blind to  what changes the meaning of a score: when P(y | x) moves, the estimate stands still.
    Source:   confidence-based performance estimation, arXiv 2505.05295, from counts.

    >>> found = estimate(np.array([[80.0, 0.0], [0.0, 20.0]]), np.array([[0.9, np.nan], [0.1, 0.6]]))
    >>> round(found.accuracy, 3), round(found.sd, 4)
    (0.84, 0.0346)
    """
    rows, right = np.asarray(answered, np.float64), np.asarray(chance, np.float64)
    n = float(rows.sum())
    if n <= 0:
        return Estimate(accuracy=float("nan"), sd=float("nan"))
    right = np.where(rows > 0, right, 0.0)
    variance = float((rows * right * (1.0 - right)).sum()) / n
    return Estimate(accuracy=float((rows * right).sum()) / n, sd=float(np.sqrt(variance / n)))

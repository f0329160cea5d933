"""Errors of a regression from sums: their size with its uncertainty, and a sum that finds a lasting change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ErrorSize:
    """In the unit of the target; NaN without labels."""

    mae: Floats
    rmse: Floats
    bias: Floats  # prediction less truth
    mae_se: Floats  # of the mean of the errors that count up to a limit


def error_size(residuals: ArrayLike) -> ErrorSize:
    """Read the size of errors off their sums.

    residuals: (..., 7) rows predicted, rows labelled, and the sums of e, |e|, e^2, |e| up to a limit, and its square.

    >>> found = error_size([3, 2, 0.0, 4.0, 10.0, 4.0, 10.0])
    >>> float(found.mae), float(found.rmse.round(2)), float(found.mae_se.round(2))
    (2.0, 2.24, 0.71)
    """
    sums = np.asarray(residuals, np.float64)
    n = np.where(sums[..., 1] > 0, sums[..., 1], np.nan)
    clipped = sums[..., 5] / n
    variance = np.maximum(sums[..., 6] / n - clipped**2, 0.0)
    return ErrorSize(
        mae=np.asarray(sums[..., 3] / n),
        rmse=np.asarray(np.sqrt(sums[..., 4] / n)),
        bias=np.asarray(sums[..., 2] / n),
        mae_se=np.asarray(np.sqrt(variance / n)),
    )


def cusum_step(total: ArrayLike, z: ArrayLike, *, drift: float, cap: float) -> Floats:
    """Add a standardised mean to a one-sided sum that never falls below zero.

    drift: what a healthy mean loses a step; cap: what one step may count for. Source: Page (1954).

    >>> float(cusum_step(1.0, 9.0, drift=1.0, cap=4.0))
    4.0
    """
    score = np.minimum(np.asarray(z, np.float64), cap)
    return np.maximum(0.0, np.asarray(total, np.float64) + score - drift)

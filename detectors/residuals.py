"""How wrong a model of numbers is, from sums over its labelled rows, and whether that creeps up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSize:
    """Size of the errors; every array has the shape of the sums without their last axis; NaN without labels."""

    mae: Floats  # mean absolute error, in the target's unit
    rmse: Floats  # root mean square error, in the target's unit
    bias: Floats  # mean of prediction - target: positive when the model says too much
    mae_se: Floats  # standard error of the mean absolute error, of clipped errors; NaN below two labels


def error_size(residuals: ArrayLike) -> ErrorSize:
    """Read the size of the errors off their sums.

    residuals: (..., 7) sums of e = prediction - target, in the target's unit: rows predicted, rows labelled, e, |e|,
               e^2, clipped |e|, and its square. NaN in a sum gives NaN for what is made of it.
    Returns    NaN without labels. The standard error is of clipped sizes: a single wild row would inflate it so much
               that nothing else were seen beside it.

    >>> found = error_size(np.array([5.0, 4.0, 2.0, 10.0, 30.0, 10.0, 30.0]))
    >>> float(found.mae), float(found.bias), float(found.rmse.round(3)), float(found.mae_se.round(3))
    (2.5, 0.5, 2.739, 0.645)
    """
    sums = np.asarray(residuals, np.float64)
    n = np.where(sums[..., 1] > 0, sums[..., 1], np.nan)
    clipped = sums[..., 5] / n
    variance = np.maximum(sums[..., 6] / n - clipped**2, 0.0) * n / np.where(n > 1, n - 1.0, np.nan)
    return ErrorSize(
        mae=np.asarray(sums[..., 3] / n),
        rmse=np.asarray(np.sqrt(np.maximum(sums[..., 4], 0.0) / n)),
        bias=np.asarray(sums[..., 2] / n),
        mae_se=np.asarray(np.sqrt(variance / n)),
    )


def cusum_step(total: ArrayLike, z: ArrayLike, *, drift: float, cap: float) -> Floats:
    """Take a window's standardised mean into a one-sided sum.

    total: (n,) sums before, at least 0, in sigmas. z: (n,) window means in sigmas, positive is worse; clipped at `cap`
           either way, so that one wild window is no alarm by itself. NaN leaves the sum as it is.
    drift: sigmas taken away at each step: half of the shift that matters.
    Source: Page (1954), winsorised as in robust CUSUM (Lucas & Crosier 1982).

    >>> cusum_step(np.array([1.0, 1.0, 1.0]), np.array([2.0, 99.0, np.nan]), drift=0.5, cap=3.0).tolist()
    [2.5, 3.5, 1.0]
    """
    before, score = np.asarray(total, np.float64), np.asarray(z, np.float64)
    after = np.maximum(before + np.clip(score, -cap, cap) - drift, 0.0)
    return np.where(np.isnan(score), before, after)

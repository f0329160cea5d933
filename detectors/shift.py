"""Small lasting shifts: a bank of two-sided cumulative sums, each tuned to one size, for all series at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Allowance k (half the shift a chart is best at) and threshold h, both in sigmas of the long-run mean. Siegmund's
# ARL0 of each is above 10 million samples on independent noise; the margin pays for what real noise adds.
ALLOWANCES = np.array([0.25, 0.5, 1.0])
LIMITS = np.array([30.0, 17.0, 10.0])
CLIP = 3.0  # sigmas: one wild sample may not raise a sum by more
SATURATION = 2.0  # limits: sums stop here, so that they come down again in finite time
DRIFT_RATE = 1.0 / 30.0  # weight of a sample in the short-term mean whose wandering is measured
MOST_INFLATED = 12.0  # clipped residuals then no longer reach the smallest allowance: such a series only wanders


def inflation(wander: Floats, variance: Floats) -> Floats:
    """How much wider the mean of these residuals wanders than that of independent ones of the same variance.

    wander:   (n,) variance of their exponential mean with weight DRIFT_RATE, unit squared.
    variance: (n,) of the residuals themselves.
    Returns   (n,) between 1 and MOST_INFLATED; 1 on a flat series.
    Source:   the idea of batch means (Conway 1963): it needs no model of the correlation, so an unlearnt slow wave
              counts as well as an AR(1). For that one it tends to sqrt((1 + phi) / (1 - phi)).

    >>> inflation(np.array([1 / 59, 4 / 59, 0.0]), np.array([1.0, 1.0, 0.0])).round(2).tolist()
    [1.0, 2.0, 1.0]
    """
    ratio = wander / np.where(variance > 0.0, variance, 1.0) * (2.0 - DRIFT_RATE) / DRIFT_RATE
    wide: Floats = np.clip(np.sqrt(ratio), 1.0, MOST_INFLATED)
    return wide


def accumulate(sums: Floats, since_s: Floats, *, z: Floats, time_s: float, live: Flags) -> None:
    """Advance every chart by one sample, in place.

    sums:    (K, 2, n) upper and lower sums, in sigmas; saturate at twice their limit.
    since_s: (K, 2, n) time of the first sample after the last zero: the maximum-likelihood onset of the shift.
    z:       (n,) in inflated sigmas, finite where live.
    live:    (n,) series with a sample that counts; the others keep their sums.
    Source:  Page (1954).

    >>> sums, since = np.zeros((3, 2, 1)), np.full((3, 2, 1), np.nan)
    >>> accumulate(sums, since, z=np.array([2.0]), time_s=60.0, live=np.array([True]))
    >>> sums[:, 0, 0].tolist(), sums[:, 1, 0].tolist()
    ([1.75, 1.5, 1.0], [0.0, 0.0, 0.0])
    """
    ready = np.where(live, z, 0.0)
    moved = sums + np.stack([ready, -ready])
    moved -= ALLOWANCES[:, None, None]
    np.maximum(moved, 0.0, out=moved)
    np.minimum(moved, SATURATION * LIMITS[:, None, None], out=moved)
    np.copyto(since_s, time_s, where=(sums <= 0.0) & (moved > 0.0) & live)
    np.copyto(sums, moved, where=live)


def strongest(sums: Floats) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """The chart nearest to (or furthest beyond) its limit.

    Returns (n,) its sum in multiples of the limit, and its allowance's and side's index (side 0 is up).

    >>> score, chart, side = strongest(np.array([[[0.0], [15.0]], [[0.0], [0.0]], [[0.0], [0.0]]]))
    >>> float(score[0]), int(chart[0]), int(side[0])
    (0.5, 0, 1)
    """
    n = sums.shape[-1]
    flat = (sums / LIMITS[:, None, None]).reshape(2 * len(LIMITS), n)
    best = flat.argmax(axis=0)
    return flat[best, np.arange(n)], best // 2, best % 2


def size_of(total: Floats, chart: NDArray[np.intp], samples: Floats) -> Floats:
    """Estimate the shift behind a sum: the allowance plus the mean excess since its zero, in inflated sigmas.

    >>> size_of(np.array([10.0]), np.array([1]), np.array([20.0])).tolist()
    [1.0]
    """
    return ALLOWANCES[chart] + total / np.maximum(samples, 1.0)

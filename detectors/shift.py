"""Small lasting shifts: a bank of two-sided cumulative sums, each tuned to one size, for all series at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

# Allowance k (half the shift a chart is best at) and threshold h, both in sigmas of the long-run mean. Siegmund's
# ARL0 of each is above 10 million samples on independent noise; the margin pays for what real noise adds.
ALLOWANCES = np.array([[0.25], [0.5], [1.0]], dtype=np.float32)
LIMITS = np.array([[33.0], [19.0], [11.0]], dtype=np.float32)
CLIP = 3.0  # sigmas: one wild sample may not raise a sum by more
SATURATION = 2.0  # limits: sums are held here at each lesson, so that they come down again in finite time
MOST_INFLATED = 12.0  # clipped residuals then no longer reach the smallest allowance: such a series only wanders
_SHARE = 1.0 / LIMITS
_COST = ALLOWANCES / LIMITS


def accumulate(upper: Floats, lower: Floats, z: Floats, out: Floats) -> None:
    """Advance every chart by one sample, in place.

    upper, lower: (3, n) sums in multiples of their limits; whoever calls holds them to SATURATION now and then.
    z:   (n,) sample in sigmas of the long-run mean, clipped to ±CLIP; finite; 0 for a series whose sums rest.
    out: (n,) the largest sum of each series: 1 is the limit.
    Source: Page (1954); the limits after Siegmund (1985).

    >>> upper, lower, best = np.zeros((3, 1)), np.zeros((3, 1)), np.zeros(1)
    >>> accumulate(upper, lower, np.array([2.0]), best)
    >>> (upper * LIMITS).round(2).tolist(), lower.tolist(), best.round(3).tolist()
    ([[1.75], [1.5], [1.0]], [[0.0], [0.0], [0.0]], [0.091])
    """
    for chart in range(len(ALLOWANCES)):  # a chart at a time: its rows stay in the nearest cache
        share, cost = _SHARE[chart, 0], _COST[chart, 0]
        moved = z * share
        high, low = upper[chart], lower[chart]
        np.add(high, moved, out=high)
        np.subtract(high, cost, out=high)
        np.maximum(high, 0.0, out=high)
        np.subtract(low, moved, out=low)
        np.subtract(low, cost, out=low)
        np.maximum(low, 0.0, out=low)
        if chart == 0:
            np.maximum(high, low, out=out)
        else:
            np.maximum(out, high, out=out)
            np.maximum(out, low, out=out)


def strongest(sums: Floats) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """The chart nearest to (or furthest beyond) its limit.

    sums:   (6, n) upper then lower sums in multiples of their limits.
    Returns (n,) its sum, its allowance's index, and its side's (0 is up).

    >>> score, chart, side = strongest(np.array([[0.0], [0.2], [0.0], [0.5], [0.0], [0.0]]))
    >>> float(score[0]), int(chart[0]), int(side[0])
    (0.5, 0, 1)
    """
    best = sums.argmax(axis=0)
    return sums[best, np.arange(sums.shape[-1])], best % len(LIMITS), best // len(LIMITS)

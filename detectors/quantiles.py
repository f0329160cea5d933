"""Bins of equal mass and usual bounds, read off the quantiles of a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FENCES = 3.0  # interquartile ranges beyond the outermost thousandth


def edges(tiles: ArrayLike, *, bins: int) -> Floats:
    """Choose inner edges so that each bin of the reference holds about the same share, and none is empty.

    tiles: (t,) ascending, the largest value of each of t slices of equal mass. The ends are open: bin k holds
    edges[k - 1] <= x < edges[k]. Equal edges are one, so a column of few values has few bins, a constant one bin.
    A value that alone fills a bin has one to itself, closed at the next value: were the zeros of a mostly empty column
    counted with its least amounts, nobody would see them turn into these.

    >>> edges(np.arange(1.0, 101.0), bins=4)
    array([25., 50., 75.])
    >>> edges([0, 0, 0, 0, 0, 1, 1, 1], bins=10)
    array([1.])
    >>> edges(np.r_[np.zeros(80), np.arange(1.0, 21.0)], bins=10)
    array([ 1., 10.])
    """
    values = np.asarray(tiles, np.float64)
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        return np.zeros(0)
    places = np.ceil(np.arange(1, bins) / bins * len(values)).astype(np.intp) - 1
    chosen = values[np.clip(places, 0, len(values) - 1)]
    distinct, counts = np.unique(values, return_counts=True)
    heavy = np.flatnonzero(counts >= len(values) / bins)
    behind = np.minimum(heavy + 1, len(distinct) - 1)
    chosen = np.unique(np.concatenate([chosen, distinct[heavy], distinct[behind]]))
    found: Floats = chosen[chosen > values[0]]
    return found


def bounds(tiles: ArrayLike) -> tuple[float, float]:
    """Return the range outside which a value is taken for a fault.

    tiles: as `edges`. Three interquartile ranges beyond the outermost thousandth; where half of all values are alike,
    the whole range instead. A constant column has no range of its own: nothing is out of it.

    >>> low, high = bounds(np.arange(1.0, 1001.0))
    >>> float(low), float(high)
    (-1497.5, 2498.5)
    """
    values = np.asarray(tiles, np.float64)
    values = np.sort(values[np.isfinite(values)])
    if not len(values) or values[0] == values[-1]:
        return float("-inf"), float("inf")
    first, third = (float(np.quantile(values, share)) for share in (0.25, 0.75))
    low, high = float(values[0]), float(values[-1])
    reach = FENCES * (third - first) if third > first else FENCES * (high - low)
    return low - reach, high + reach

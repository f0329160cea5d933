"""Where to cut a numeric column into bins, and from where on a value is out of range: both from its quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TAIL = 0.001  # of rows on each side may lie beyond the range and be healthy
REACH = 3.0  # interquartile ranges beyond it that are still believed
ROUNDING = 1e-9  # relative: a constant that is computed wobbles in its last digits


def edges(tiles: ArrayLike, *, bins: int) -> Floats:
    """Choose inner edges for `bins` bins of about equal mass, none of them empty in the reference.

    tiles:  (t,) ascending quantile values, in the column's unit: the largest value of each of t slices of equal mass, t
            several times `bins`. NaN is left out; an infinite value is never an edge.
    Returns (k,) ascending, distinct, k < bins: bin i holds edges[i - 1] <= x < edges[i], and the ends are open. None
            for a constant.

    An edge is a value that occurs, and never the least one, so each bin holds something. A value that alone fills more
    than a bin gets one of its own, closed at the next value: a column of zeros with a tail is cut just above zero, or a
    change of its zeros would not be seen. A cut that would leave less than half a bin behind it is skipped.

    >>> edges(np.arange(100.0), bins=4).tolist()
    [24.0, 49.0, 74.0]
    >>> edges(np.repeat([0.0, 1.0], [97, 3]), bins=10).tolist()
    [1.0]
    >>> edges(np.r_[np.zeros(80), np.arange(20.0) + 1.0], bins=10).tolist()
    [1.0, 10.0]
    """
    ordered = _known(tiles)
    t, width = len(ordered), max(len(ordered) // bins, 1)
    found: list[float] = []
    begun, last = 0, float(ordered[0]) if t else np.nan  # tiles below the last edge, and that edge
    for cut in range(1, bins if t else 1):
        place = max(round(cut * t / bins) - 1, 0)
        value = float(ordered[place])
        left, right = np.searchsorted(ordered, value, "left"), np.searchsorted(ordered, value, "right")
        fills = right - left >= width  # a bin, alone
        if value == last and fills and right < t:  # it begins this bin: end the bin behind it
            value = float(ordered[right])
        elif value <= last or not (fills or place + 1 - begun >= width / 2.0):
            continue
        if np.isfinite(value):
            found.append(value)
            begun, last = int(np.searchsorted(ordered, value, "left")), value
    return np.array(found, np.float64)


def bounds(tiles: ArrayLike) -> tuple[float, float]:
    """Say from where on a value is out of range: REACH interquartile ranges beyond the .1 % and 99.9 % quantiles.

    tiles:  (t,) ascending quantile values, in the column's unit, as for `edges`; t at least 1 / TAIL, else the ends are
            the first and the last but one of what there is. What is not finite is left out.
    Returns (low, high), both still in range; (-inf, inf) when nothing finite is left.

    Where the middle half is one value, the range between the outer quantiles stands in for three interquartile ranges:
    a column of 95 % zeros keeps its tail, and the same again beyond it. Where those are one value, too, it is the range
    of all rows. A constant has no range: a column that comes alive is no fault. Either way a healthy column has hardly
    more than twice TAIL of its rows outside, far below the one point at which somebody is called.
    Source: Tukey's fences (1977), begun at outer quantiles, so that skewed columns have room.

    >>> bounds(np.arange(1000.0))
    (-1498.5, 2496.5)
    >>> bounds(np.r_[np.zeros(950), np.arange(50.0)])
    (-48.0, 96.0)
    >>> bounds(np.full(1000, 2.0))
    (-inf, inf)
    """
    ordered = _known(tiles)
    ordered = ordered[np.isfinite(ordered)]
    t = len(ordered)
    if not t:
        return -np.inf, np.inf
    beyond = max(round(TAIL * t), 1)  # tiles; the last of them below ends with the quantile
    low, high = float(ordered[beyond - 1]), float(ordered[max(t - 1 - beyond, 0)])
    quarters = np.quantile(ordered, [0.25, 0.75])
    reach = REACH * float(quarters[1] - quarters[0])
    if reach == 0:
        if low == high:
            low, high = float(ordered[0]), float(ordered[-1])
        if high - low <= ROUNDING * abs(high):
            return -np.inf, np.inf
        reach = high - low
    return low - reach, high + reach


def _known(tiles: ArrayLike) -> Floats:
    """The values (t,) without NaN."""
    values = np.asarray(tiles, np.float64)
    return values[~np.isnan(values)]

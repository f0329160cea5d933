"""Do two samples of categories come from one source: Pearson's chi-square, with rare cells pooled so that it holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]

EXPECTED = 5.0  # rows a cell should expect in the smaller sample; below, the chi-square tail is wrong (Cochran 1954)


class Pooled(NamedTuple):
    """Counts of two samples whose rare cells are one cell; both (f, b), 0 where there is none."""

    reference: Floats
    current: Floats


def pool_rare(reference: ArrayLike, current: ArrayLike) -> Pooled:
    """Pool the cells that would expect fewer than EXPECTED rows in the smaller sample.

    reference, current: (f, b) counts; NaN for a cell that a column does not have.
    Returns the counts, each pool in the place of its last cell. Rare cells are pooled in their order, neighbours first,
    and a pool is closed as soon as it expects enough: of fifty bins of a score some twenty stay, not one. What is left
    over joins the last pool, else the rarest other cell, but never the most frequent one: a category that was nearly
    absent would vanish in it. So two cells stay wherever there are two, if need be thin: see `p_value`.

    What is expected rests on both samples together, so given those totals the choice is fixed and no p-value is bent.

    >>> pooled = pool_rare([[900.0, 40.0, 30.0, 60.0]], [[80.0, 4.0, 3.0, 13.0]])
    >>> pooled.reference.tolist(), pooled.current.tolist()
    ([[900.0, 0.0, 70.0, 60.0]], [[80.0, 0.0, 7.0, 13.0]])
    """
    before, now = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    there = np.isfinite(before) & np.isfinite(now)
    cells = np.stack([np.where(there, before, 0.0), np.where(there, now, 0.0)])  # (2, f, b)
    n, m = cells.sum(-1, keepdims=True)
    both = cells.sum(0)
    expected = both * np.minimum(n, m) / np.maximum(n + m, 1.0)
    rows = np.arange(len(both))
    rare = expected < EXPECTED
    rare[rows, both.argmax(-1)] = False
    other = np.where(rare, np.inf, both)
    target = np.where((~rare).sum(-1) > 1, other.argmin(-1), -1)  # for what is left over; -1: it stays by itself
    pool = np.zeros((3, len(both)))  # reference, current, expected
    for place in range(both.shape[-1]):
        one = rare[:, place]
        pool += np.where(one, [*cells[:, :, place], expected[:, place]], 0.0)
        full = one & (pool[2] >= EXPECTED)
        cells[:, :, place] = np.where(one, np.where(full, pool[:2], 0.0), cells[:, :, place])
        pool[:, full] = 0.0
        target[full] = place
    target = np.where(target < 0, rare.argmax(-1), target)
    cells[:, rows, target] += pool[:2]
    return Pooled(reference=cells[0], current=cells[1])


def pearson(pooled: Pooled) -> Floats:
    """Pearson's statistic of the table of two samples, (f,): squared departures in units of what chance makes them.

    pooled: counts (f, b). Where a sample is empty it is 0.

    >>> pearson(Pooled(np.array([[50.0, 50.0]]), np.array([[40.0, 60.0]]))).round(3).tolist()
    [2.02]
    """
    before, now = pooled
    both = before + now
    n, m = before.sum(-1, keepdims=True), now.sum(-1, keepdims=True)
    # squares over what is expected, both rows of the table in one term a cell; where `both` is 0, so is the square
    found: Floats = ((before * m - now * n) ** 2 / np.maximum(n * m * both, 1.0)).sum(-1)
    return found


def p_value(statistic: ArrayLike, pooled: Pooled) -> Floats:
    """How likely a chi-square statistic of pooled counts is at least so large when both samples have one source.

    statistic: (f,) worked out on `pooled`, (f, b), as `pool_rare` makes it.
    Returns    (f,); NaN where a sample is empty or there are fewer than two cells.

    Two cells of which one expects fewer than EXPECTED rows are tested exactly (Fisher 1935; twice the smaller tail,
    so rather too careful), whatever the statistic says.

    >>> pooled = Pooled(np.array([[50.0, 50.0], [99.0, 1.0]]), np.array([[40.0, 60.0], [95.0, 5.0]]))
    >>> p_value([2.0, 9.0], pooled).round(3)
    array([0.157, 0.212])
    """
    before, now = pooled
    both = before + now
    n, m = before.sum(-1), now.sum(-1)
    cells = (both > 0).sum(-1)
    judged = (n > 0) & (m > 0) & (cells >= 2)
    found: Floats = np.full(n.shape, np.nan)
    found[judged] = stats.chi2.sf(np.asarray(statistic, np.float64)[judged], cells[judged] - 1)
    seen = np.where(both > 0, both, np.inf)
    thin = judged & (cells == 2) & (seen.min(-1, initial=np.inf) < EXPECTED * (n + m) / np.maximum(np.minimum(n, m), 1))
    if thin.any():
        rows, rarest = np.flatnonzero(thin), seen[thin].argmin(-1)
        drawn = now[rows, rarest]
        of = stats.hypergeom((n + m)[thin], both[rows, rarest], m[thin])
        found[thin] = np.minimum(1.0, 2.0 * np.minimum(of.sf(drawn - 1.0), of.cdf(drawn)))
    return found


def chi_square(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Test whether two samples have the same shares of categories.

    reference, current: (f, b) counts of f columns; NaN for a category that a column does not have.
    Returns (f,) p-values; NaN where a sample is empty or fewer than two categories were seen.
    Cells that expect fewer than EXPECTED rows in either sample are pooled: see `pool_rare` and `p_value`.
    Source: Pearson (1900), without Yates' correction.

    >>> chi_square([[50.0, 50.0, np.nan]], [[40.0, 60.0, np.nan]]).round(3).tolist()
    [0.155]
    """
    pooled = pool_rare(reference, current)
    return p_value(pearson(pooled), pooled)

"""Level and spread of each series, learnt robustly one sample at a time, and the k-of-n score of a large departure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.float32]

TO_SIGMA = 1.2533  # sqrt(pi / 2): mean absolute deviation of a Gaussian to its sigma
CLIP = 3.0  # sigmas a sample may pull the level by: Huber's usual choice is 1.5 to 3, ours is the lazier end
SPREAD_CLIP = 4.0  # sigmas a sample may add to the spread: higher, so that growing noise is learnt within hours
RATE_CAP = 0.02  # no sample of a slow series weighs more, or its spread would be that of fifty samples
THREE_OF_FIVE = 6.0  # sigmas
TWO_OF_THREE = 12.0  # sigmas: so large that a third witness would only cost time


def rate(waited_s: Floats, *, memory_s: Floats | float, cap: float) -> Floats:
    """Weight of one sample in an average with exponential memory, at an irregular cadence.

    waited_s: (n,) seconds since the sample before; NaN weighs like the cap.

    >>> rate(np.array([60.0, 86400.0]), memory_s=1200.0, cap=0.1).tolist()
    [0.05, 0.1]
    """
    weight: Floats = np.fmin(waited_s / memory_s, cap)
    return weight


NARROWEST = 0.25  # of the other side's sigma: the level itself wobbles by what the wilder side does to it
TAIL_SHARE = 0.005  # of samples of a series that lie beyond its tail on a side …
TAIL_STEP = 0.1  # sigmas the tail moves out for one of them; in by TAIL_SHARE of that for each other sample
TAIL_USUAL = 3.0  # sigmas: about the tail of Gaussian noise; where it is longer, limits grow in proportion
TAIL_MOST = 9.0


def learn_tail(tail: Floats, *, z: Floats, where: Flags) -> None:
    """Follow the quantile of each side's scores beyond which TAIL_SHARE of samples lie, in place.

    tail: (2, n) in sigmas, above and below. z: (n,) a score that began no episode.
    Source: stochastic approximation of a quantile, Robbins & Monro (1951); Tierney (1983).

    >>> tail = np.array([[3.0], [3.0]])
    >>> learn_tail(tail, z=np.array([4.0]), where=np.array([True]))
    >>> tail.round(2).tolist()
    [[3.1], [3.0]]
    """
    beyond = np.stack([z, -z]) > tail
    moved = np.clip(tail + TAIL_STEP * (beyond - TAIL_SHARE), 0.5 * TAIL_USUAL, TAIL_MOST)
    np.copyto(tail, moved, where=where)


def learn_side(sigma: Floats, count: Counts, *, size: Floats, weight: Floats, limit: Floats, where: Flags) -> None:
    """Learn the spread of one side of a baseline from residuals on that side, in place.

    sigma, count: (…, n) robust sigma in the series' unit and samples behind it.
    size:   (…, n) absolute residual; limit: beyond it a residual counts as the limit; the first two count in full.
    weight: what a sample counts for once there are many.
    where:  residuals on this side.

    The spread is that of samples **given** that they lie on this side. On a count that is mostly zero the rare ones
    then define the upper spread, where a median absolute deviation would be zero and every event a sensation.

    >>> sigma, count = np.array([1.0]), np.array([9.0], dtype=np.float32)
    >>> here = {"limit": np.array([4.0]), "where": np.array([True])}
    >>> learn_side(sigma, count, size=np.array([100.0]), weight=np.array([0.01]), **here)
    >>> sigma.round(3).tolist()
    [1.401]
    """
    early = np.maximum(weight, 1.0 / (count + 1.0))
    counted = np.where(count < 2.0, size, np.minimum(size, limit))
    np.add(sigma, early * (TO_SIGMA * counted - sigma), out=sigma, where=where)
    np.add(count, np.float32(1.0), out=count, where=where)


def confirmed(recent_z: Floats) -> Floats:
    """Score of a large departure in multiples of its limit, signed; beyond ±1 it is confirmed.

    recent_z: (5, n) last five scores in sigmas, oldest first, no NaN.

    Three of five beyond the limit on one side is the median of five beyond it; two of three the median of three.

    >>> confirmed(np.array([[0.0], [0.0], [99.0], [0.0], [0.0]])).tolist()
    [0.0]
    >>> confirmed(np.array([[0.0], [0.0], [0.0], [-24.0], [-30.0]])).tolist()
    [-2.0]
    """
    a, b, c, d, e = recent_z
    late = np.maximum(np.minimum(c, d), np.minimum(np.maximum(c, d), e))
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    # of two pairs, the larger minimum and the smaller maximum enclose the median together with the fifth
    five = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))
    wide, sharp = five / THREE_OF_FIVE, late / TWO_OF_THREE
    score: Floats = np.where(np.abs(wide) >= np.abs(sharp), wide, sharp)
    return score


def median_of_three(recent: Floats) -> Floats:
    """Median of the last three of a window (…, n) with at least three rows: robust, and only a sample late.

    Where the oldest of them is NaN, the last sample as it is.

    >>> median_of_three(np.array([[1.0], [9.0], [2.0]])).tolist()
    [2.0]
    """
    a, b, c = recent[-3], recent[-2], recent[-1]
    middle = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    known: Floats = np.where(np.isnan(middle), c, middle)
    return known

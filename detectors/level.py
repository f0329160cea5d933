"""Level and spread of each series, learnt robustly, a batch of samples at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.state import RECENT

Floats = NDArray[np.floating]

TO_SIGMA = 1.2533  # sqrt(pi / 2): mean absolute deviation of a Gaussian to its sigma
CLIP = 3.5  # sigmas a sample counts for at most: Huber's usual choice is 1.5 to 3; with ours, noise may grow
NARROWEST = 0.25  # of the other side's sigma: the level itself wobbles by what the wilder side does to it
FAST_S = 1_200.0  # follows the slope of a day that was never seen before, not a jump
SLOW_S = 10_800.0  # follows a drifting week; slow enough that a leak of hours leaves it behind
SPREAD_S = 28_800.0  # shorter, and on correlated noise the spread would be that of a handful of samples
FAST_CAP, SLOW_CAP = 0.05, 0.02  # a sample: twenty and fifty at least, whatever the cadence
UNCLIPPED = 2.0  # samples of a side that count in full: before them there is nothing to clip by
SETTLING = 0.1  # least weight of a batch for the slow baseline while a departure is suspected
DRIFT_RATE = 1.0 / 6.0  # weight of a batch in the short-term mean whose wandering is measured
WANDER_TO_VARIANCE = RECENT * (2.0 - DRIFT_RATE) / DRIFT_RATE  # variance of independent residuals to that of the mean


def rate(interval_s: Floats, *, memory_s: float, cap: float, batch: int) -> Floats:
    """Weight of a batch of samples in an average with exponential memory.

    interval_s: (n,) seconds between samples; NaN weighs like the cap. cap: most a single sample may weigh.

    >>> rate(np.array([60.0, 86400.0, np.nan]), memory_s=1200.0, cap=0.1, batch=1).tolist()
    [0.05, 0.1, 0.1]
    """
    weight: Floats = np.fmin(interval_s * (batch / memory_s), cap * batch)
    return weight


class Batch(NamedTuple):
    """A batch of samples against its expectation; every array is (n,)."""

    mean: Floats  # residual in the series' unit, each sample clipped to CLIP sigmas
    up: Floats  # sum of clipped scores above, in sigmas
    down: Floats  # sum of clipped scores below, positive
    ups: Floats  # number of samples above; those that equal the expectation count on neither side
    downs: Floats
    highest: Floats  # largest score, unclipped
    lowest: Floats  # smallest
    last: Floats  # residual of the last sample, clipped, unit


def batch_of(scores: Floats, inv_up: Floats, inv_down: Floats) -> Batch:
    """Sum up a batch.

    scores: (b, n) in sigmas, oldest first; no NaN. inv_up, inv_down: (n,) 1 / sigma on each side.

    >>> one = np.ones(1)
    >>> batch_of(np.array([[2.0], [-1.0], [0.0], [99.0]]), one, 2 * one).mean.tolist()
    [1.25]
    """
    highest, lowest = scores.max(axis=0), scores.min(axis=0)
    above = np.maximum(scores, 0.0)
    below = scores - above
    # a sample above zero by any amount counts as one: no comparison, which would leave the fast lane of arithmetic
    ups = np.minimum(above * 1e6, 1.0).sum(axis=0)
    downs = -np.maximum(below * 1e6, -1.0).sum(axis=0)
    np.minimum(above, CLIP, out=above)
    np.maximum(below, -CLIP, out=below)
    up, down = above.sum(axis=0), -below.sum(axis=0)
    sigma_up, sigma_down = 1.0 / inv_up, 1.0 / inv_down
    return Batch(
        mean=(up * sigma_up - down * sigma_down) / len(scores),
        up=up,
        down=down,
        ups=ups,
        downs=downs,
        highest=highest,
        lowest=lowest,
        last=above[-1] * sigma_up + below[-1] * sigma_down,
    )


def learn_side(sigma: Floats, count: Floats, *, total: Floats, number: Floats, weight: Floats, widest: Floats) -> None:
    """Learn the spread of one side of a baseline from a batch, in place.

    sigma, count: (n,) robust sigma in the series' unit and samples behind it.
    total:  (n,) sum of absolute residuals on this side, unit. number: how many there are in the batch.
    weight: (n,) what a whole batch counts for once there are many. widest: unclipped largest of them, unit.

    The spread is that of samples **given** that they lie on this side. On a count that is mostly zero the rare ones
    then define the upper spread, where a median absolute deviation would be zero and every event a sensation. While
    fewer than UNCLIPPED samples were seen on a side, the largest counts in full.

    >>> sigma, count = np.array([1.0]), np.array([9.0])
    >>> learn_side(
    ...     sigma, count, total=np.array([4.0]), number=np.ones(1), weight=np.array([0.05]), widest=np.array([100.0])
    ... )
    >>> sigma.round(3).tolist()
    [1.401]
    """
    some = np.maximum(number, 1.0)
    np.add(count, number, out=count)
    share = np.maximum(weight * (1.0 / RECENT), 1.0 / np.maximum(count, 1.0))  # of one sample
    share = np.minimum(share * number, 1.0)
    fresh = count - number < UNCLIPPED
    size = np.where(fresh & (number > 0), np.maximum(total / some, np.abs(widest)), total / some)
    sigma += share * (TO_SIGMA * size - sigma)


def learn_wander(drift: Floats, wander: Floats, *, mean: Floats, sigma: Floats, weight: Floats) -> None:
    """Follow how far the mean of residuals wanders by itself, in place.

    drift:  (n,) short-term mean of residuals, unit; wander: (n,) its variance.
    mean:   (n,) of a batch. sigma: (n,) of single residuals. weight: (n,) of a batch.
    Source: the idea of batch means (Conway 1963): it needs no model of the correlation, so an unlearnt slow wave
            counts as well as an AR(1). For that one the long-run sigma tends to sqrt((1 + phi) / (1 - phi)).

    >>> drift, wander = np.zeros(1), np.zeros(1)
    >>> learn_wander(drift, wander, mean=np.ones(1), sigma=np.ones(1), weight=np.full(1, 0.1))
    >>> drift.round(3).tolist(), wander.round(4).tolist()
    ([0.167], [0.0028])
    """
    drift += DRIFT_RATE * (mean - drift)
    # three sigmas, squared, at most: a shift that is only now building up shall not excuse itself
    most = 9.0 * np.maximum(wander, sigma * sigma * (1.0 / WANDER_TO_VARIANCE))
    wander += weight * (np.minimum(drift * drift, most) - wander)

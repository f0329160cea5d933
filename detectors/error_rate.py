"""Is a model wrong more often than usual: a cumulative sum over labels as they come, with few false alarms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def step(total: ArrayLike, errors: ArrayLike, labels: ArrayLike, *, usual: ArrayLike, worse: ArrayLike) -> Floats:
    """Take a window's labels into the sum.

    total:        (n,) sums before, at least 0; log-likelihood ratios, natural logarithm.
    errors:       (n,) wrong predictions of `labels` (n,); without labels, or NaN, the sum stays as it is.
    usual, worse: (n,) or one number, 0 < usual < worse < 1: error rates while all is well, and worth an alarm.
    Returns       (n,) sums after.
    Source:       Page (1954); optimal by Lorden (1971): no rule with so rare false alarms is sooner in the worst case.

    >>> errors, labels = np.array([40.0, 20.0]), np.array([500.0, 500.0])
    >>> step(np.array([0.0, 1.0]), errors, labels, usual=0.06, worse=0.08).round(3).tolist()
    [1.614, 0.0]
    """
    before, k, n = np.asarray(total, np.float64), np.asarray(errors, np.float64), np.asarray(labels, np.float64)
    p0, p1 = np.asarray(usual, np.float64), np.asarray(worse, np.float64)
    gained = k * np.log(p1 / p0) + (n - k) * np.log((1.0 - p1) / (1.0 - p0))
    return np.where(np.isnan(gained) | (n <= 0), before, np.maximum(before + gained, 0.0))


def threshold(
    *,
    usual: float,
    worse: float,
    labels: int | ArrayLike,
    looks: int,
    false_share: float,
    rng: np.random.Generator,
    runs: int = 2000,
) -> float:
    """Find by simulation what the sum exceeds by chance only seldom.

    usual, worse: as for `step`. labels: of each look, one number or (looks,). looks: how often the sum is looked at.
    false_share:  of runs of so many looks, the share that may exceed the threshold while all is well.
    Returns       that quantile of the largest sum; alarm on sums *above* it. Its own error shrinks with `runs`.

    >>> rng = np.random.default_rng(1)
    >>> round(threshold(usual=0.06, worse=0.08, labels=500, looks=90, false_share=0.05, rng=rng), 1)
    5.8
    """
    each = np.broadcast_to(np.asarray(labels, np.int64), (looks,))
    total, highest = np.zeros(runs), np.zeros(runs)
    for n in each.tolist():
        total = step(total, rng.binomial(n, usual, runs), n, usual=usual, worse=worse)
        highest = np.maximum(highest, total)
    return float(np.quantile(highest, 1.0 - false_share, method="higher"))

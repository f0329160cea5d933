"""A rate of errors that rises a little and stays: Bernoulli CUSUM over batches of labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def step(total: ArrayLike, errors: ArrayLike, labels: ArrayLike, *, usual: float, worse: float) -> Floats:
    """Add a batch to the sum, which never falls below zero.

    total, errors, labels: one shape; errors of so many labels. usual < worse: the two rates it decides between.
    Source: Page (1954), Lorden (1971).

    >>> float(step(0.0, 50, 500, usual=0.06, worse=0.08).round(2))
    4.71
    """
    k, n = np.asarray(errors, np.float64), np.asarray(labels, np.float64)
    gain = k * np.log(worse / usual) + (n - k) * np.log((1.0 - worse) / (1.0 - usual))
    found: Floats = np.maximum(0.0, np.asarray(total, np.float64) + gain)
    return found


def threshold(
    *,
    usual: float,
    worse: float,
    labels: ArrayLike,
    looks: int,
    false_share: float,
    rng: np.random.Generator,
    runs: int = 2000,
) -> float:
    """Simulate the limit that a healthy rate passes in `false_share` of runs of so many looks.

    labels: at each look, one number or (looks,).

    >>> rng = np.random.default_rng(1)
    >>> 5 < threshold(usual=0.06, worse=0.08, labels=500, looks=90, false_share=0.05, rng=rng) < 6.5
    True
    """
    each = np.broadcast_to(np.asarray(labels), (looks,))
    total, highest = np.zeros(runs), np.zeros(runs)
    for number in each:
        total = step(total, rng.binomial(int(number), usual, runs), np.full(runs, number), usual=usual, worse=worse)
        highest = np.maximum(highest, total)
    return float(np.quantile(highest, 1.0 - false_share))

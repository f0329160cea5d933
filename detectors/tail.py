"""Tails: how much wilder than a Gaussian a series is by its own history, and how rare a score therefore is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

THRESHOLD = 2.8  # sigmas, after division by the series' own tail factor: what SHARE of samples lies beyond, each side
SHARE = 0.0025  # of samples; a Gaussian's own share beyond 2.8 on a side
STEP = 0.05  # relative step of the tail factor for one batch beyond
MOST = 4.0  # factor: no history makes a series deaf
LEARNING = 0.05  # weight of one excess: the last twenty or so tell the shape
SHAPES = (-0.2, 0.5)  # of the tail; beyond, a handful of excesses has told too much


def follow(factor: Floats, highest: Floats, batch: int) -> None:
    """Move the tail factor so that SHARE of samples lie beyond THRESHOLD, in place.

    factor:  (n,) at least 1; scores are divided by it, so it is estimated on what it makes of them.
    highest: (n,) largest score of a batch, in sigmas. batch: samples in it.
    Source:  stochastic approximation of a quantile, Robbins & Monro (1951), in logarithms so that it is free of scale.

    >>> factor = np.array([1.0, 2.0])
    >>> follow(factor, np.array([3.0, 1.0]), batch=5)
    >>> factor.round(4).tolist()
    [1.0494, 1.9988]
    """
    step = (highest > THRESHOLD).astype(factor.dtype)
    step -= batch * SHARE
    step *= STEP
    step += 1.0
    np.multiply(factor, step, out=factor)
    np.clip(factor, 1.0, MOST, out=factor)


def learn_excess(moments: Floats, excess: Floats) -> None:
    """Take excesses beyond the threshold into their mean and mean square (2, n), in place.

    >>> moments = np.array([[0.4], [0.3]])
    >>> learn_excess(moments, np.array([1.4]))
    >>> moments.round(3).tolist()
    [[0.45], [0.383]]
    """
    moments[0] += LEARNING * (excess - moments[0])
    moments[1] += LEARNING * (excess * excess - moments[1])


def p_value(z: Floats, moments: Floats) -> Floats:
    """Probability that an ordinary sample of the series is as far out as `z` (n,), on its side.

    z:       (n,) absolute score, divided by the tail factor; NaN gives NaN.
    moments: (2, n) of the excesses. Below the threshold a Gaussian stands in: nothing is decided there.
    Source:  peaks over threshold with a generalised Pareto tail (Pickands 1975), its shape and scale by moments
             (Hosking & Wallis 1987), as in streaming SPOT (Siffer et al. 2017).

    >>> p_value(np.array([0.0, 2.8, 4.0, 8.0]), np.array([[0.4] * 4, [0.32] * 4])).round(7).tolist()
    [0.5, 0.0025, 0.0001245, 0.0]
    """
    mean = np.maximum(moments[0], 1e-3)
    variance = np.maximum(moments[1] - mean * mean, 1e-6)
    ratio = mean * mean / variance
    shape = np.clip(0.5 * (1.0 - ratio), *SHAPES)
    scale = mean * (1.0 - shape)
    beyond = np.maximum(z - THRESHOLD, 0.0)
    exponential = np.exp(-beyond / scale)
    near = np.abs(shape) < 1e-3
    safe = np.where(near, 1.0, shape)
    pareto = np.maximum(1.0 + safe * beyond / scale, 1e-12) ** (-1.0 / safe)
    below = 0.5 * (SHARE / 0.5) ** (np.minimum(z, THRESHOLD) / THRESHOLD) ** 1.62
    found: Floats = np.where(z < THRESHOLD, below, SHARE * np.where(near, exponential, pareto))
    return found

"""Tails: how much wilder than a Gaussian a series is by its own history, and how rare a score therefore is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

THRESHOLD = 2.8  # sigmas, after division by the series' own tail factor: what SHARE of samples lies beyond, each side
SHARE = 0.0025  # of samples; a Gaussian's own share beyond 2.8 on a side
STEP = 0.05  # relative step of the tail factor for one batch beyond
MOST = 4.0  # factor: no history makes a series deaf
LEARNING = 0.05  # weight of one excess: the last twenty or so tell the scale
RARE = 1e-4  # the probability at which what was promised is held against what came
REPAIR = 0.12  # relative step of the scale for one batch that was rarer than RARE
LONGEST = 0.6  # most that is repaired, as a logarithm: a burst may not make a series deaf for weeks


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
    """Take excesses beyond the threshold into their mean; stretch the scale where one was rarer than RARE; in place.

    moments: (2, n) mean excess in sigmas, and the logarithm of what its scale is stretched by. excess: (n,) in sigmas.

    >>> moments = np.array([[0.4], [0.0]])
    >>> learn_excess(moments, np.array([2.4]))
    >>> moments.round(3).tolist()
    [[0.5], [0.12]]
    """
    rare = p_value(THRESHOLD + excess, moments) < RARE
    moments[0] += LEARNING * (excess - moments[0])
    moments[1] += REPAIR * rare
    np.minimum(moments[1], LONGEST, out=moments[1])


def relax(moments: Floats, batch: int) -> None:
    """Take back a little of the stretch (2, n) with each batch, in place: in the long run RARE is as rare as it says.

    Source: adaptive conformal inference, Gibbs & Candes (2021), here on the scale of the tail.

    >>> moments = np.array([[0.4], [0.3]])
    >>> relax(moments, batch=5)
    >>> moments.round(5).tolist()
    [[0.4], [0.29994]]
    """
    np.maximum(moments[1] - REPAIR * RARE * batch, 0.0, out=moments[1])


def p_value(z: Floats, moments: Floats) -> Floats:
    """Probability that an ordinary sample of the series is as far out as `z` (n,), on its side.

    z:       (n,) absolute score, divided by the tail factor; NaN gives NaN.
    moments: (2, n) of the excesses, as `learn_excess` keeps them. Below the threshold a Gaussian stands in: nothing is
             decided there.
    Source:  peaks over threshold (Pickands 1975) as in streaming SPOT (Siffer et al. 2017), with an exponential tail,
             the limit of the generalised Pareto family for shape 0: a shape told from dozens of excesses is luck.

    >>> p_value(np.array([0.0, 2.8, 4.0, 8.0]), np.array([[0.4] * 4, [0.0] * 4])).round(7).tolist()
    [0.5, 0.0025, 0.0001245, 0.0]
    """
    scale = np.maximum(moments[0], 1e-3) * np.exp(moments[1])
    below = 0.5 * (SHARE / 0.5) ** (np.minimum(z, THRESHOLD) / THRESHOLD) ** 1.62
    found: Floats = np.where(z < THRESHOLD, below, SHARE * np.exp(-np.maximum(z - THRESHOLD, 0.0) / scale))
    return found

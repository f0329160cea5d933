"""Entities in the live bank: how far the series of each are from their usual at the same time, and how rare that is.

Evidence and a ranking, never a page: what pages is an episode of a series. Series of one host share its load, so "by
chance" overstates; each entity's own history says what agreement is usual for it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from detectors import tail

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

CLIP = 6.0  # sigmas: one wild series of many is the series' news, not the entity's
BOTH_SIDES = 2.0 * tail.SHARE  # of an ordinary series' samples beyond tail.THRESHOLD, which its tail factor sees to
SPREAD_ALONE = 0.6  # sigmas: standard deviation of |z| of one Gaussian series
LEARNING = 1.0 / 200.0  # weight of a tick: the usual agreement follows within hours at a minute
HUBER = 3.0  # spreads: an incident moves what is usual by no more
SETTLED = 400  # ticks before the own history speaks: as many as one sample in tail.SHARE takes
FAINTEST = 1e-12  # smaller probabilities are no smaller: neither tail is known so far out


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What agreement is usual for each entity; every array is (k,) but `excess`. Changed in place by `agree`."""

    ticks: Floats  # on which it had a series with a score
    middle: Floats  # of the mean |z|
    spread: Floats  # one sigma of the mean |z|
    factor: Floats  # by which its tail is wider than a Gaussian's
    excess: Floats  # (2, k) moments of what lies beyond tail.THRESHOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One opinion an entity; every array is (k,)."""

    present: Counts  # series with a score at this tick
    beyond: Counts  # of them, farther than tail.THRESHOLD from their line
    mean_z: Floats  # mean |z|, each clipped at CLIP; NaN without a series
    chance: Floats  # probability of at least `beyond`, were the series independent; 1 without a series
    p: Floats  # how often the entity's own history goes as far; NaN until SETTLED and without a series

    def surprise(self) -> Floats:
        """Rank entities by this (k,): -log10 of the own history's probability, of chance's where there is none yet."""
        known = np.where(np.isfinite(self.p), self.p, self.chance)
        found: Floats = -np.log10(np.maximum(known, FAINTEST))
        return found


def new_usual(k: int) -> Usual:
    """Return the memory of `k` entities that were never seen.

    >>> new_usual(2).ticks.tolist()
    [0.0, 0.0]
    """
    excess = np.repeat([[0.4], [0.0]], k, axis=1)  # of a Gaussian beyond 2.8 sigma, roughly
    return Usual(ticks=np.zeros(k), middle=np.zeros(k), spread=np.zeros(k), factor=np.ones(k), excess=excess)


def grow(usual: Usual, k: int) -> Usual:
    """Make room for `k` entities: new ones at the end, the old ones unchanged (and copied).

    Raises ValueError when `k` is smaller than the memory.

    >>> grow(new_usual(2), 3).factor.tolist()
    [1.0, 1.0, 1.0]
    """
    held = len(usual.ticks)
    if k < held:
        raise ValueError(f"cannot shrink the memory of {held} entities to {k}")
    more = new_usual(k - held)
    joined = {f.name: np.concatenate([getattr(usual, f.name), getattr(more, f.name)], axis=-1) for f in fields(Usual)}
    return Usual(**joined)


def agree(usual: Usual, *, z: NDArray[np.floating], entity_of: Counts) -> tuple[Usual, Agreement]:
    """Judge every entity at one tick, and learn from it.

    usual:     of k entities; updated in place.
    z:         (n,) score of each series in sigmas, as `Judgements.z`; NaN: none.
    entity_of: (n,) the entity of each series, below k; negative: of none.
    Returns    the memory after the tick, and an opinion an entity that nothing changes later.
    Raises     ValueError when lengths disagree or an entity is unknown.

    Sources: the binomial tail for chance; for the own history peaks over threshold as in tail.py, over a mean that is
             learnt with clipped updates (Huber 1981).

    >>> z, entity_of = np.array([0.5, 4.0, 5.0, np.nan, 1.0, -0.2]), np.array([0, 1, 1, 1, 0, -1])
    >>> _, seen = agree(new_usual(2), z=z, entity_of=entity_of)
    >>> seen.present.tolist(), seen.beyond.tolist(), seen.mean_z.tolist(), seen.chance.round(6).tolist()
    ([2, 2], [0, 2], [0.75, 4.5], [1.0, 2.5e-05])
    """
    k = len(usual.ticks)
    if z.shape != entity_of.shape or z.ndim != 1:
        raise ValueError(f"{z.shape} scores and {entity_of.shape} entities: expected one of each for every series")
    if entity_of.size and int(entity_of.max()) >= k:
        raise ValueError(f"entity {int(entity_of.max())} of {k}: grow the memory first")
    rows = np.flatnonzero((entity_of >= 0) & np.isfinite(z))
    of, far = entity_of[rows], np.abs(z[rows]).astype(np.float64)
    present = np.bincount(of, minlength=k)
    beyond = np.bincount(of[far > tail.THRESHOLD], minlength=k)
    total = np.bincount(of, weights=np.minimum(far, CLIP), minlength=k)
    mean_z = np.where(present > 0, total / np.maximum(present, 1), np.nan)
    chance = np.ones(k)
    some = np.flatnonzero(beyond)
    chance[some] = bdtrc(beyond[some] - 1, present[some], BOTH_SIDES)
    p = _against_history(usual, mean_z, present)
    return usual, Agreement(present=present, beyond=beyond, mean_z=mean_z, chance=chance, p=p)


def _against_history(usual: Usual, mean_z: Floats, present: Counts) -> Floats:
    """Return how rare the mean |z| (k,) is for each entity, then learn from it."""
    p = np.full(len(mean_z), np.nan)
    rows = np.flatnonzero(present)
    ticks, middle, spread = usual.ticks[rows], usual.middle[rows], usual.spread[rows]
    fresh = ticks == 0
    middle = np.where(fresh, mean_z[rows], middle)
    spread = np.where(fresh, SPREAD_ALONE / np.sqrt(present[rows]), spread)
    factor, excess = usual.factor[rows], usual.excess[:, rows]
    away = (mean_z[rows] - middle) / spread
    score = np.maximum(away / factor, 0.0)
    p[rows] = np.where(ticks >= SETTLED, tail.p_value(score, excess), np.nan)
    tail.relax(excess, batch=1)
    out = np.flatnonzero((score > tail.THRESHOLD) & (ticks >= 1.0 / LEARNING))  # before, the spread itself is a guess
    learnt = excess[:, out]
    tail.learn_excess(learnt, np.minimum(score[out] - tail.THRESHOLD, CLIP))
    excess[:, out] = learnt
    tail.follow(factor, score, batch=1)
    step = np.clip(away, -HUBER, HUBER)
    weight = np.maximum(LEARNING, 1.0 / (ticks + 2.0))
    usual.ticks[rows] = ticks + 1.0
    usual.middle[rows] = middle + weight * step * spread
    # the square keeps the spread a standard deviation, so that tail.THRESHOLD means what it means for a series
    usual.spread[rows] = spread * np.sqrt(1.0 + weight * (step * step - 1.0))
    usual.factor[rows], usual.excess[:, rows] = factor, excess
    return p

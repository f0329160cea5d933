"""What each series should be now, and how far it usually strays: one of three predictors a series.

The fast level serves while the hour was never seen: it follows an unknown daily slope and sees jumps. Later the slow
level, which a leak of hours leaves behind; or the daily profile, where it explains more. Between lessons the
expectation is a line in time, so that a tick pays a multiplication and an addition for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.level import NARROWEST, WANDER_TO_VARIANCE
from detectors.season import SLOT_S, Position
from detectors.shift import MOST_INFLATED
from detectors.spike import THREE_OF_FIVE
from detectors.state import RECENT, Hot

Floats = NDArray[np.floating]

ROUNDING = 1e-9  # of the value: what arithmetic alone may move a constant series by
COARSE = 2e-7  # of the distance from the origin: what 32 bits round to
TINY = 1e-18  # keeps divisions defined on an exact zero; its square is still a number in 32 bits
RAREST = 0.02  # of an event's size: what rare events leave as a standard deviation however long ago the last one was
SHIFT_FLOOR = 2.0  # least sigmas: a lasting shift as large as the floor counts as three of its sigmas
PROFILE_NOISE = 18.0  # lessons: pi / 2 for the median times the 60 samples over which slots share an error, in fives
WANDER = 0.1  # of the way the level went lately: one fast lag behind an unknown slope is no surprise
YOUNG = 40.0  # samples: with so many every sigma is doubled, for spread and level are half luck


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What surrounds a preparation; every array is (n,)."""

    profile: tuple[Floats, Floats]  # usual values of the slots before and after
    spread: tuple[Floats, Floats]  # robust sigmas there
    lessons: Floats  # in the emptier of the two
    settled: NDArray[np.bool_]
    seasonal: NDArray[np.bool_]
    origin: Floats
    floor_abs: Floats
    floor_rel: Floats
    waiting_h: Floats | float  # hours an episode has kept the level from following


def prepare(hot: Hot, near: Around, where: Position) -> None:
    """Write the expectation and the scales of the coming ticks, in place.

    The line begins at the centre of the slot before; `where.share` of a slot has passed since.
    """
    before, after = near.profile
    # choices are products with 0 or 1: they stay in the fast lane of arithmetic, which a selection leaves
    settled, seasonal = near.settled.astype(np.float32), near.seasonal.astype(np.float32)
    level = hot.fast + settled * (hot.slow - hot.fast)
    hot.base[:] = level + seasonal * (before + hot.offset - level)
    hot.slope[:] = seasonal * (after - before) * np.float32(1.0 / SLOT_S)
    now = hot.base + hot.slope * (where.share * SLOT_S)
    size = np.abs(near.origin + now)
    floor = np.fmax(near.floor_abs, near.floor_rel * size) * (1.0 / THREE_OF_FIVE)  # NaN is no floor
    least = np.maximum(np.fmax(floor, ROUNDING * size), np.maximum(COARSE * np.abs(now), TINY)).astype(np.float32)
    hourly = near.spread[0] * (1.0 - where.share) + near.spread[1] * where.share
    hourly *= settled
    unsure = WANDER * (1.0 + near.waiting_h) * np.abs(hot.fast - hot.slow) * (1.0 - settled)
    young = 1.0 + YOUNG / np.maximum(hot.seen, 1.0)
    widest = np.maximum(hot.up, hot.down)
    for sigma, other, tail, inverse in (
        (hot.up, hot.down, hot.tail_up, hot.inv_up),
        (hot.down, hot.up, hot.tail_down, hot.inv_down),
    ):
        scale = np.maximum(np.maximum(sigma, NARROWEST * other), hourly) + unsure
        inverse[:] = 1.0 / np.maximum(scale * young * tail, least)
    # before the first lesson nothing is known of the spread: scores are in the series' own unit
    new = np.flatnonzero(hot.seen < RECENT)
    hot.inv_up[new] = hot.inv_down[new] = 1.0
    usual = np.sqrt(variance_of(hot))
    long = np.minimum(np.maximum(np.sqrt(hot.wander * WANDER_TO_VARIANCE), usual), MOST_INFLATED * usual)
    doubt = np.sqrt(1.0 + seasonal * PROFILE_NOISE / np.maximum(near.lessons, 1.0))
    long = np.maximum(np.maximum(long, RAREST * widest), SHIFT_FLOOR * least) * doubt * young
    hot.inv_long[:] = settled / long


def variance_of(hot: Hot) -> Floats:
    """Variance (n,) of residuals: that of each side, weighed by how often samples lie there.

    >>> row = dict.fromkeys(Hot._fields, np.ones(1, np.float32))
    >>> variance_of(Hot(**row | {"seen": np.full(1, 100.0), "up": np.full(1, 2.0), "down_count": np.zeros(1)})).tolist()
    [0.04]
    """
    both = hot.up_count * hot.up * hot.up + hot.down_count * hot.down * hot.down
    variance: Floats = both / np.maximum(hot.seen, 1.0)
    return variance

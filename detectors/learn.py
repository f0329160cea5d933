"""What the bank learns from a sample that has left the confirmation window without starting an episode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.level import CLIP, NARROWEST, RATE_CAP, SPREAD_CLIP, TO_SIGMA, learn_side, learn_tail, rate
from detectors.season import DAY_S, MEMORY_S, slot_of
from detectors.shift import DRIFT_RATE
from detectors.state import FAST, SEASON, SLOW, BankState

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FAST_S = 1_200.0  # follows the slope of a day that was never seen before, not a jump
SLOW_S = 10_800.0  # follows a drifting week; slow enough that a leak of hours leaves it behind
SPREAD_S = 28_800.0  # shorter, and on correlated noise the spread would be that of a handful of samples
FAST_CAP, SLOW_CAP = 0.05, 0.02  # twenty and fifty samples at least, whatever the cadence
OPEN_MINDED = 10.0  # samples before which nothing is clipped: there is no spread to clip by
SEASON_AT = 0.7  # of the slow level's variance of errors; then the season is used …
SEASON_OFF = 0.9  # … and above this dropped again
PROVEN = 40.0  # samples predicted before anything is concluded from them
DRIFT_CLIP = 9.0  # three sigmas, squared: a shift that is only now building up shall not excuse itself
SETTLING = 0.1  # least weight of a sample while a shift is suspected


def learn(
    state: BankState,
    *,
    x: Floats,
    z: Floats,
    time_s: Floats,
    profile: Floats,
    waited_s: Floats,
    least: Floats,
    calm: Floats,
    where: Flags,
    keep_profile: bool,
) -> None:
    """Learn one sample a series, in place.

    x, z, time_s: (n,) the sample, its score and its time.
    profile: (n,) what the profile said then, NaN where it knew nothing.
    least:  (n,) smallest sigma that matters, series' unit.
    calm:   (n,) 0 to 1, weight of the sample for the baseline; small while a shift is suspected.
    where:  (n,) series that learn now.
    keep_profile: leave the daily profile alone (history it was made of is being replayed).
    """
    residual = x - state.level
    residual[SEASON] -= profile
    valid = np.broadcast_to(where, residual.shape) & np.isfinite(residual)
    residual = np.where(valid, residual, 0.0)
    open_minded = state.count < OPEN_MINDED
    low = np.where(open_minded, -np.inf, -np.maximum(np.maximum(state.down, NARROWEST * state.up), least))
    high = np.where(open_minded, np.inf, np.maximum(np.maximum(state.up, NARROWEST * state.down), least))
    pull = np.clip(residual, CLIP * low, CLIP * high)
    early = 1.0 / (state.count + 1.0)
    settling = np.maximum(calm, SETTLING)
    weight = np.maximum(early, rate(waited_s, memory_s=SPREAD_S, cap=RATE_CAP) * settling)
    slow = np.maximum(early, rate(waited_s, memory_s=SLOW_S, cap=SLOW_CAP)) * settling
    slow[FAST] = np.maximum(early[FAST], rate(waited_s, memory_s=FAST_S, cap=FAST_CAP))
    _learn_profile(state, x=x, pull=pull, time_s=time_s, waited_s=waited_s, where=where, kept=keep_profile)
    np.add(state.level, slow * pull, out=state.level, where=valid)
    size = np.abs(residual)
    above = residual > 0.0
    sigma, count = np.where(above, state.up, state.down), np.where(above, state.up_count, state.down_count)
    side = valid & (residual != 0.0)
    learn_side(sigma, count, size=size, weight=weight, limit=SPREAD_CLIP * np.where(above, high, -low), where=side)
    np.copyto(state.up, sigma, where=above)
    np.copyto(state.up_count, count, where=above)
    np.copyto(state.down, sigma, where=~above)
    np.copyto(state.down_count, count, where=~above)
    bounded = np.clip(residual, SPREAD_CLIP * low, SPREAD_CLIP * high)
    np.add(state.variance, weight * (bounded * bounded - state.variance), out=state.variance, where=valid)
    np.add(state.drift, DRIFT_RATE * (bounded - state.drift), out=state.drift, where=valid)
    squared = np.minimum(state.drift * state.drift, DRIFT_CLIP * np.maximum(state.wander, DRIFT_RATE * state.variance))
    np.add(state.wander, np.maximum(early, weight / 3.0) * (squared - state.wander), out=state.wander, where=valid)
    np.add(state.count, np.float32(1.0), out=state.count, where=valid)
    learn_tail(state.tail, z=z, where=where & (state.count[SLOW] >= PROVEN))
    if not keep_profile:
        limit = SPREAD_CLIP * np.maximum(high[SLOW:], -low[SLOW:]).max(axis=0)  # one for both, or the narrow one wins
        _weigh_season(state, np.minimum(size[SLOW:], limit), waited_s, valid[SEASON])


def _learn_profile(
    state: BankState, *, x: Floats, pull: Floats, time_s: Floats, waited_s: Floats, where: Flags, kept: bool
) -> None:
    """Take the sample, its surprise clipped, into its hour; and how far samples of that hour usually stray."""
    rows = np.flatnonzero(where)
    slots = slot_of(time_s[rows])
    count = state.profile_count[slots, rows]
    weight = np.maximum(rate(waited_s[rows], memory_s=MEMORY_S, cap=0.2), 1.0 / (count + 1.0))
    used = np.where(state.seasonal[rows], SEASON, SLOW)
    if not kept:
        known = state.seasonal[rows]
        tamed = state.profile[slots, rows] + state.level[SEASON, rows] + pull[SEASON, rows]
        value = np.where(known & (count > 0), tamed, x[rows])
        state.profile[slots, rows] += weight * (value - state.profile[slots, rows])
        state.profile_count[slots, rows] = count + 1.0
    spread = state.spread[slots, rows]
    state.spread[slots, rows] = spread + weight * (TO_SIGMA * np.abs(pull[used, rows]) - spread)


def _weigh_season(state: BankState, size: Floats, waited_s: Floats, where: Flags) -> None:
    """Use the season where it predicts clearly better than the slow level alone; with hysteresis."""
    weight = np.maximum(rate(waited_s, memory_s=DAY_S, cap=RATE_CAP), 1.0 / (state.count[SEASON] + 1.0))
    np.add(state.contest, weight * (size * size - state.contest), out=state.contest, where=where)
    limit = np.where(state.seasonal, SEASON_OFF, SEASON_AT) * state.contest[0]
    better = np.where(state.count[SEASON] >= PROVEN, state.contest[1] < limit, state.seasonal)
    turned = where & (better != state.seasonal)
    if turned.any():
        state.spread[:, turned] = 0.0  # it described the errors of the other predictor
        np.copyto(state.seasonal, better, where=turned)

"""What the bank learns from a batch of samples that started no episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import tail
from detectors.level import (
    CLIP,
    FAST_CAP,
    FAST_S,
    SETTLING,
    SLOW_CAP,
    SLOW_S,
    SPREAD_S,
    TO_SIGMA,
    Batch,
    learn_side,
    learn_wander,
    rate,
)
from detectors.predict import variance_of
from detectors.season import MEMORY_S
from detectors.state import RECENT, Hot

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

CONTEST_S = 86_400.0  # over which season and slow level are compared
CONTEST_CLIP = 5.0  # mean errors of the worse one: beyond, a sample counts as so many
PROVEN = 40.0  # samples before anything is concluded from them


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of the time tables that a lesson writes; every array is (n,) and changed in place."""

    profile: Floats  # usual value of this half-hour
    spread: Floats  # robust sigma there
    visits: NDArray[np.uint8]
    between: Floats  # what the profile says for the moment, interpolated


def learn(
    hot: Hot,
    batch: Batch,
    table: Table,
    *,
    now: Floats,
    score: Floats,
    interval_s: Floats,
    proving: Floats,
    seasonal: Flags,
    keep_profile: bool,
) -> None:
    """Learn one batch a series, in place.

    now: (n,) what was expected. score: (n,) present complaint, in limits. interval_s: (n,) between samples.
    proving: (n,) samples since the profile could first predict; 0 or less before.
    keep_profile: leave the daily profile alone (history it was made of is being replayed).
    """
    calm = np.maximum(1.0 - score, SETTLING)
    early = RECENT / np.maximum(hot.seen, RECENT)
    fast = np.maximum(early, rate(interval_s, memory_s=FAST_S, cap=FAST_CAP, batch=RECENT))
    slow = np.maximum(early, rate(interval_s, memory_s=SLOW_S, cap=SLOW_CAP, batch=RECENT)) * calm
    spread = np.maximum(early, rate(interval_s, memory_s=SPREAD_S, cap=SLOW_CAP, batch=RECENT) * calm)
    season = table.between + hot.offset
    from_slow, from_season = now - hot.slow, now - season  # what a residual against them is larger by
    if not keep_profile:  # what was fitted cannot be compared with what was predicted
        _contest(hot, batch.last + from_slow, batch.last + from_season, interval_s, proving)
    sigma_up, sigma_down = 1.0 / hot.inv_up, 1.0 / hot.inv_down
    most, least = CLIP * sigma_up, -CLIP * sigma_down
    young = np.flatnonzero(hot.seen <= 2 * RECENT)
    most[young], least[young] = np.inf, -np.inf  # there is nothing to clip by yet
    of_slow, of_season = batch.mean + from_slow, batch.mean + from_season
    usual = of_slow + seasonal * (of_season - of_slow)
    _learn_table(table, mean=now + batch.mean, usual=np.abs(usual), calm=calm, interval_s=interval_s, kept=keep_profile)
    hot.fast[:] += fast * _between(batch.mean + (now - hot.fast), least, most)
    hot.slow[:] += slow * _between(of_slow, least, most)
    hot.offset[:] += slow * _between(of_season, least, most)
    for spread_of, count, total, number, widest in (
        (hot.up, hot.up_count, batch.up * sigma_up, batch.ups, batch.highest * sigma_up),
        (hot.down, hot.down_count, batch.down * sigma_down, batch.downs, batch.lowest * sigma_down),
    ):
        learn_side(spread_of, count, total=total, number=number, weight=spread, widest=widest)
    sigma = np.sqrt(variance_of(hot))
    # against the predictor that the sums use, also while the fast level still serves
    learn_wander(hot.drift, hot.wander, mean=usual, sigma=sigma, weight=np.maximum(early, spread / 3.0))
    tail.follow(hot.tail_up, batch.highest, RECENT)
    tail.follow(hot.tail_down, -batch.lowest, RECENT)


def _between(residual: Floats, least: Floats, most: Floats) -> Floats:
    clipped: Floats = np.minimum(np.maximum(residual, least), most)
    return clipped


def _contest(hot: Hot, slow: Floats, season: Floats, interval_s: Floats, proving: Floats) -> None:
    """Follow the errors of the two predictors on the same samples; clipped, so that no outlier decides."""
    weight = rate(interval_s, memory_s=CONTEST_S, cap=0.02, batch=RECENT)
    weight = np.maximum(weight, RECENT / np.maximum(proving, RECENT)) * (proving > 0)
    slow, season = np.abs(slow), np.abs(season)
    most = CONTEST_CLIP * np.maximum(hot.slow_error, hot.season_error)
    most[proving <= PROVEN] = np.inf
    hot.slow_error[:] += weight * (np.minimum(slow, most) - hot.slow_error)
    hot.season_error[:] += weight * (np.minimum(season, most) - hot.season_error)


def _learn_table(table: Table, *, mean: Floats, usual: Floats, calm: Floats, interval_s: Floats, kept: bool) -> None:
    """Take the batch into its half-hour; and how far samples of that hour usually stray."""
    number = table.visits.astype(np.float32)
    weight = np.maximum(np.fmin(interval_s * (RECENT / MEMORY_S), 0.5), 1.0 / (number + 1.0)) * calm
    if not kept:
        table.profile[:] += weight * (mean - table.profile)
        np.add(table.visits, table.visits < 250, out=table.visits, casting="unsafe")
    table.spread[:] += weight * (TO_SIGMA * usual - table.spread)

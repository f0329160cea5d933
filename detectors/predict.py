"""What each series should be now, and how far it usually strays: one of three predictors a series.

The fast level serves while the hour was never seen: it follows an unknown daily slope and sees jumps. Later the slow
level, which a leak of hours leaves behind; or the daily profile, where it explains more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import shift
from detectors.judgement import Guards
from detectors.level import NARROWEST, THREE_OF_FIVE
from detectors.season import DAY_S, at, position
from detectors.state import FAST, SEASON, SLOW, BankState

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

ROUNDING = 1e-9  # of the value: what arithmetic alone may move a constant series by
TINY = 1e-150  # keeps divisions defined on an exact zero; its square is still a number
SETTLED_S = DAY_S - 1_800.0  # age at which an hour of the day can have been seen before
MIN_VISIT = 1.0  # samples in each neighbouring slot before the profile speaks
SPARSE_S = 1_200.0  # own interval above which slots stay empty: such a series does without a profile
RAREST = 0.02  # of an event's size: what rare events leave as a standard deviation however long ago the last one was
SHIFT_FLOOR = 2.0  # least sigmas: a lasting shift as large as the floor counts as three of its sigmas
PROFILE_NOISE = 90.0  # samples: pi / 2 for the median times the 60 over which neighbouring slots share an error
WANDER = 0.1  # of the way the level went lately: one fast lag behind an unknown slope is no surprise


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One row a series; units are the series' own."""

    profile: Floats  # (n,) daily profile now; NaN where it knows nothing
    settled: Flags  # (n,) past the first day, with this hour seen before
    used: NDArray[np.intp]  # (n,) the predictor
    expected: Floats  # (n,) NaN before the first sample
    scale: Floats  # (n,) one robust sigma on the side of the sample
    least: Floats  # (n,) smallest sigma worth the name
    sigma: Floats  # (n,) standard deviation of clipped residuals, for sums
    inflation: Floats  # (n,) how much wider their mean wanders than if they were independent


def begin(state: BankState, x: Floats, profile: Floats, *, here: Flags, time_s: float) -> None:
    """A first sample is the level until there are more; in place."""
    first = here & (state.seen == 0)
    np.copyto(state.level[:SEASON], x, where=first)
    np.copyto(state.born_s, time_s, where=first & np.isnan(state.born_s))
    np.copyto(state.level[SEASON], x - profile, where=here & np.isnan(state.level[SEASON]) & np.isfinite(profile))


def least_sigma(expected: Floats, guards: Guards) -> Floats:
    """Smallest sigma (n,) that matters: with it a departure as large as the floor just reaches the limit.

    >>> guards = Guards(direction=np.zeros(1, np.int8), floor_abs=np.array([0.6]), floor_rel=np.zeros(1))
    >>> least_sigma(np.array([1.0]), guards).round(3).tolist()
    [0.1]
    """
    known = np.where(np.isfinite(expected), expected, 0.0)
    return np.maximum(guards.floor(known) / THREE_OF_FIVE, np.maximum(ROUNDING * np.abs(known), TINY))


def predict(state: BankState, x: Floats, guards: Guards, *, here: Flags, time_s: float) -> Prediction:
    """Predict one column and let series begin.

    x:    (n,) samples, NaN for none. here: (n,) which there are.
    """
    where = position(time_s)
    visits = np.minimum(state.profile_count[where.before], state.profile_count[where.after])
    known = visits >= MIN_VISIT
    aged = time_s - state.born_s >= SETTLED_S
    settled = aged & (known | (state.interval_s > SPARSE_S))
    profile = np.where(aged & known, at(state.profile, where), np.nan)
    begin(state, x, profile, here=here, time_s=time_s)
    seasonal = aged & known & state.seasonal & np.isfinite(state.level[SEASON])
    used = np.where(seasonal, SEASON, np.where(settled, SLOW, FAST))
    rows = np.arange(len(state))
    expected = state.level[used, rows] + np.where(seasonal, profile, 0.0)
    least = least_sigma(expected, guards)
    above = np.where(here, x >= expected, state.side >= 0)
    up, down = state.up[used, rows], state.down[used, rows]
    sigma = np.maximum(np.where(above, up, down), NARROWEST * np.where(above, down, up))
    variance = state.variance[used, rows]
    unsure = _unsure(state, time_s)
    sigma = np.where(settled, np.maximum(sigma, at(state.spread, where)), sigma + unsure)
    return Prediction(
        profile=profile,
        settled=settled,
        used=used,
        expected=expected,
        scale=np.maximum(sigma, least),
        least=least,
        sigma=np.maximum(np.maximum(np.sqrt(variance), RAREST * np.maximum(up, down)), SHIFT_FLOOR * least),
        inflation=shift.inflation(state.wander[used, rows], variance)
        * np.sqrt(1.0 + np.where(seasonal, PROFILE_NOISE / np.maximum(visits, 1.0), 0.0)),
    )


def _unsure(state: BankState, time_s: float) -> Floats:
    """Room for a daily slope that was never seen; it grows while an episode keeps the level from following."""
    wandered = np.abs(state.level[FAST] - state.level[SLOW])
    hours = np.where(state.side != 0, (time_s - state.opened_s) / 3_600.0, 0.0)
    return WANDER * (1.0 + np.fmax(hours, 0.0)) * np.where(np.isnan(wandered), 0.0, wandered)

"""Is this series anomalous? Scores of the large and the small departure against the thresholds it has earned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import episodes, shift
from detectors.judgement import Guards
from detectors.level import TAIL_USUAL, confirmed
from detectors.predict import TINY, Prediction
from detectors.state import BankState

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Sides = NDArray[np.int8]

DEPARTED = 2.0  # sigmas: a departure is dated from its first sample beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One row a series."""

    score: Floats  # (2, n) absolute, in nominal limits for a series of this age and tail: large departure, small shift
    large: Flags  # (n,) beyond the series' own threshold
    large_side: Sides
    large_s: Floats  # estimated onset, seconds since 1970
    small: Flags
    small_side: Sides
    small_s: Floats
    small_size: Floats  # in long-run sigmas


def departing(departed_s: Floats, *, z: Floats, here: Flags, time_s: float) -> None:
    """Remember since when each side (2, n) has been departed from, in place; NaN when it is not.

    >>> since = np.array([[np.nan], [30.0]])
    >>> departing(since, z=np.array([5.0]), here=np.array([True]), time_s=60.0)
    >>> since.tolist()
    [[60.0], [nan]]
    """
    beyond = np.stack([z, -z]) > DEPARTED
    np.copyto(departed_s, np.where(beyond, np.where(np.isnan(departed_s), time_s, departed_s), np.nan), where=here)


def complain(state: BankState, now: Prediction, guards: Guards, *, time_s: float) -> Complaint:
    """Compare both scores with their thresholds; a shift must also be as large as the floor."""
    wide = confirmed(state.recent_z)
    narrow, chart, side = shift.strongest(state.sums)
    score = np.stack([np.abs(wide), narrow]) / episodes.youth(state.seen)
    large_side = np.sign(wide).astype(np.int8)
    score[0] /= np.maximum(np.where(large_side > 0, state.tail[0], state.tail[1]) / TAIL_USUAL, 1.0)
    limit = episodes.threshold(state.record, state.chatter)
    rows = np.arange(len(state))
    since_s = state.sums_s[chart, side, rows]
    interval_s = np.where(np.isfinite(state.interval_s), state.interval_s, state.step_s)
    samples = (time_s - since_s) / np.maximum(interval_s, TINY) + 1.0
    total = state.sums[chart, side, rows]
    size = shift.size_of(total, chart, np.where(np.isfinite(samples), samples, 1.0))
    floor = guards.floor(now.expected)
    # a sum remembers sigmas of another hour: unless a recent sample is that far away, the shift is not that large
    farthest = np.fmax.reduce(np.where(side == 0, 1.0, -1.0) * (state.recent_x - now.expected), axis=0)
    matters = (size * now.sigma * now.inflation >= floor) & (farthest >= floor)
    started_s = state.departed_s[np.where(large_side < 0, 1, 0), rows]
    return Complaint(
        score=score,
        large=score[0] >= limit[0],
        large_side=large_side,
        large_s=np.where(np.isfinite(started_s), started_s, time_s),
        small=(score[1] >= limit[1]) & matters,
        small_side=np.where(side == 0, np.int8(1), np.int8(-1)),
        small_s=np.where(np.isfinite(since_s), since_s, time_s),
        small_size=size,
    )

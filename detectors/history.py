"""A block of history before the first live column: daily profiles from its medians, and what they are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.judgement import Guards, Kind
from detectors.learn import PROVEN
from detectors.lesson import SETTLED_S, redraw
from detectors.screen import LARGEST
from detectors.season import DAY_S, judge_season, median_finite, profile_of, slot_of
from detectors.state import RECENT, ROWS, SUMS, BankState

Floats = NDArray[np.float64]

DOUBTED = 1e4  # nothing explains more; the root of it widens the errors


def seed(state: BankState, times_s: Floats, values: Floats) -> Floats:
    """Make profiles from a block; returns by how much larger errors without the season were, (n,) at least 1."""
    usable = np.where(np.abs(values) <= LARGEST, values, np.nan)
    seen = np.isfinite(usable)
    rows = np.arange(len(state))
    first, last = seen.argmax(axis=0), len(times_s) - 1 - seen[::-1].argmax(axis=0)
    whole = seen.any(axis=0) & (times_s[last] - times_s[first] >= SETTLED_S)
    np.copyto(state.origin, usable[first, rows], where=whole)
    usable = usable - state.origin
    profile, counts = profile_of(times_s, usable)
    np.copyto(state.profile, np.where(np.isnan(profile), 0.0, profile), where=whole, casting="same_kind")
    np.copyto(state.visits, np.minimum(-(-counts // RECENT), 250), where=whole, casting="unsafe")
    np.copyto(state.born_s, times_s[0] - DAY_S, where=whole)
    np.copyto(state.lesson_s, times_s[first] - state.step_s, where=whole)
    state.hot[ROWS["inv_up"], whole] = state.hot[ROWS["inv_down"], whole] = 1.0
    middle, _ = median_finite(usable)
    fitted = usable - profile[slot_of(times_s)]
    alone, explained = median_finite(np.abs(usable - middle))[0], median_finite(np.abs(fitted))[0]
    np.copyto(state.seasonal, judge_season(alone, explained), where=whole)
    # both as medians; what is predicted live soon replaces them
    np.copyto(state.hot[ROWS["slow_error"]], alone, where=whole, casting="same_kind")
    np.copyto(state.hot[ROWS["season_error"]], explained, where=whole, casting="same_kind")
    return np.where(whole & state.seasonal, np.clip(alone / np.maximum(explained, 1e-30), 1.0, DOUBTED), 1.0)


def doubt(state: BankState, lead: Floats, guards: Guards) -> None:
    """Widen errors of a season that was only fitted to a middle between them and those of the level alone.

    They count as few samples, so that live ones soon decide.
    """
    wider = np.sqrt(lead).astype(np.float32)
    doubted = lead > 1.0
    for name in ("up", "down"):
        state.hot[ROWS[name]] *= wider
        count = state.hot[ROWS[f"{name}_count"]]
        np.minimum(count, PROVEN - 1.0, out=count, where=doubted)
    state.hot[ROWS["wander"]] *= wider * wider
    state.hot[SUMS, doubted] = 0.0
    fitted = doubted & (state.kind == Kind.SHIFT)  # told by sums of errors that were only fitted
    state.side[fitted], state.kind[fitted] = 0, Kind.NONE
    redraw(state, slice(0, len(state)), None, float(state.clock[0]), guards)

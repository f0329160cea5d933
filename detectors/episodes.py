"""Episodes: how much evidence opens one, how much ends it, and thresholds that learn a series' own unrest.

Only series that complain or already have an episode come here, so nothing in this file is paid by the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import gaps, shift
from detectors.judgement import Kind
from detectors.state import KEPT, RING, ROWS, SUMS, BankState, Rows
from detectors.tick import Tick

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

MIN_SAMPLES = 20  # before this the fast level itself is being learnt
QUIET = 3.0  # sigmas: a sample nearer than this to the baseline is clean, half of what opens
CLEAN_SAMPLES = 5.0  # in a row; as many as the confirmation window holds, so none of the episode is left in it
RECOVERED = 6.0  # long-run sigmas of evidence that a small shift has ended
MARGIN = 1.2  # above the largest excursion that ended by itself
RECORD_MEMORY_S = 7 * 86_400.0
RECORD_CAP = 3.0  # limits: no history makes a series deaf
OVER = 0.25  # limits: below this an excursion has ended
CHATTER_MEMORY_S = 86_400.0
FREE_EPISODES = 2.0  # a day; each further one raises the threshold by CHATTER_STEP
CHATTER_STEP = 0.25
CHATTER_CAP = 3.0
CALM = 2.0  # short-term mean of squared scores below which a wild series is calm again; 1 is usual
ADOPT_S = 86_400.0  # a state that has lasted a day is the new normal


def threshold(record: Floats, chatter: Floats) -> Floats:
    """Limits a score must pass, in multiples of its nominal limit: (k,), at least 1.

    Higher for a series whose ordinary excursions come near, and for one that keeps crying wolf.

    >>> threshold(np.array([0.4, 1.5]), np.array([0.0, 0.0])).round(2).tolist()
    [1.0, 1.8]
    """
    habit = np.clip(MARGIN * record, 1.0, RECORD_CAP)
    wolf = 1.0 + CHATTER_STEP * np.clip(chatter - FREE_EPISODES, 0.0, CHATTER_CAP / CHATTER_STEP)
    limits: Floats = habit * wolf
    return limits


def learn_record(excursion: Floats, record: Floats, *, score: Floats, idle: Flags) -> None:
    """Keep the highest excursion (n,) that ended without an episode, in place.

    idle: (n,) series without an episode. The present excursion counts only once it is over: else a slow rise would
    lift its own threshold ahead of itself.

    >>> excursion, record = np.array([0.8, 0.5]), np.zeros(2)
    >>> learn_record(excursion, record, score=np.array([0.1, 0.5]), idle=np.ones(2, bool))
    >>> excursion.tolist(), record.tolist()
    ([0.0, 0.5], [0.8, 0.0])
    """
    over = score < OVER
    np.maximum(record, excursion * (over & idle), out=record)
    np.multiply(excursion, ~over & idle, out=excursion)


def recovery(clean: Floats, *, level: Flags, quiet: Flags, short_of: Floats) -> tuple[Floats, Flags]:
    """Advance the evidence that an episode is over by one sample.

    clean:    (k,) evidence so far. level: large departure (else a small shift).
    quiet:    (k,) the sample is near the baseline.
    short_of: (k,) by how much the sample falls short of half the shift, in long-run sigmas.
    Returns   the evidence now, and whether it suffices.

    A small shift ends by a cumulative sum too: single samples near the baseline say nothing about it.

    >>> large = {"level": np.array([True]), "short_of": np.array([0.0])}
    >>> recovery(np.array([4.0]), quiet=np.array([True]), **large)[1].tolist()
    [True]
    >>> recovery(np.array([4.0]), quiet=np.array([False]), **large)[0].tolist()
    [0.0]
    """
    counted = np.where(quiet, clean + 1.0, 0.0)
    summed = np.maximum(clean + short_of, 0.0)
    now = np.where(level, counted, summed)
    return now, np.where(level, now >= CLEAN_SAMPLES, now >= RECOVERED)


def rest(state: BankState) -> None:
    """While an episode lasts its sums and excursions rest."""
    active = np.flatnonzero(state.side)
    if len(active):
        state.hot[SUMS, active] = 0.0
        state.hot[ROWS["excursion"], active] = 0.0


def end(state: BankState, tick: Tick, values: NDArray[np.float64]) -> None:
    """End episodes whose series is back, whose state has become the new normal, or that fell silent for a day."""
    active = np.flatnonzero(state.side)
    if not len(active):
        return
    here, side, kind = tick.here[active], state.side[active], state.kind[active]
    hot = state.hot[:, active]
    residual = np.where(here, values[active] - state.origin[active] - tick.line[active], 0.0)
    long = np.clip(residual * hot[ROWS["inv_long"]], -shift.CLIP, shift.CLIP)
    z = np.where(here, tick.z[active], 0.0)
    clean, over = recovery(
        state.clean[active],
        level=kind != Kind.SHIFT,
        quiet=np.where(kind == Kind.SPREAD, hot[ROWS["power"]] < CALM, z * side < QUIET),
        short_of=state.size[active] / 2.0 - long * side,
    )
    state.clean[active[here]] = clean[here]
    adopted = here & (tick.time_s - state.opened_s[active] >= ADOPT_S)
    if adopted.any():
        _adopt(state, tick, active[adopted], values)
    silent = ~here & (tick.time_s - np.where(state.present[active], tick.last_s, state.last_s[active]) > gaps.GONE_S)
    done = active[(here & over) | adopted | silent]
    _remember(state, done, tick.time_s)
    state.side[done] = 0
    state.kind[done] = Kind.NONE
    state.hot[ROWS["power"], done] = 1.0


def _remember(state: BankState, rows: Rows, time_s: float) -> None:
    """Keep what an ended episode looked like, so that a later one can be held against it."""
    for past, now in (
        (state.past_s, state.opened_s[rows]),
        (state.past_peak, state.peak[rows]),
        (state.past_lasted_s, (time_s - state.opened_s[rows]).astype(np.float32)),
    ):
        past[1:, rows] = past[:-1, rows]
        past[0, rows] = now


def _adopt(state: BankState, tick: Tick, rows: Rows, values: NDArray[np.float64]) -> None:
    """Take the present state, the median of the last five samples, for the new normal."""
    newest = (int(state.place[0]) - 1 - np.arange(4)) % KEPT
    now = values[rows] - state.origin[rows]
    recent = np.vstack([np.where(np.isnan(state.kept[newest][:, rows]), now, state.kept[newest][:, rows]), now])
    level = np.median(recent, axis=0).astype(np.float32)
    moved = level - tick.line[rows]
    for name in ("fast", "slow"):
        state.hot[ROWS[name], rows] = level
    for name in ("offset", "base"):
        state.hot[ROWS[name], rows] += moved
    state.hot[RING, rows] = 0.0

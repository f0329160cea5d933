"""Episodes: how much evidence opens one, how much ends it, and thresholds that learn a series' own unrest.

Only series that complain or already have an episode come here, so nothing in this file is paid by the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import gaps, shift
from detectors.judgement import Guards, Judgements, Kind
from detectors.look import onset_of, residuals_of, sample_time, samples_of
from detectors.predict import variance_of
from detectors.spike import confirmed, median_of_three
from detectors.state import KEPT, LOWER, RING, ROWS, SUMS, UPPER, BankState, Hot

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

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
ADOPT_S = 86_400.0  # a state that has lasted a day is the new normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a tick works out for all series; arrays are (n,) and filled part by part."""

    time_s: float
    last_s: float  # time of the column before; NaN when there was none
    here: Flags  # has a sample
    line: NDArray[np.float32]  # expectation, relative to the origin
    z: NDArray[np.float32]  # sigmas; NaN without a sample
    score: NDArray[np.float32]  # in nominal limits

    @classmethod
    def begin(cls, n: int, *, time_s: float, last_s: float) -> Tick:
        """Room for `n` series.

        >>> len(Tick.begin(3, time_s=60.0, last_s=0.0).z)
        3
        """
        line, z, score = np.empty((3, n), dtype=np.float32)
        return cls(time_s=time_s, last_s=last_s, here=np.empty(n, dtype=np.bool_), line=line, z=z, score=score)


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


def follow(state: BankState, tick: Tick, guards: Guards, *, values: NDArray[np.float64]) -> None:
    """Close and open episodes, in place."""
    active = np.flatnonzero(state.side)
    if len(active):
        _close(state, tick, active, values)
    loud = tick.score >= 1.0
    if not loud.any():
        _settle(state, active)
        return
    seen = state.hot[ROWS["seen"]]
    _open(state, tick, guards, np.flatnonzero(loud & tick.here & (seen >= MIN_SAMPLES)), values)
    _settle(state, np.flatnonzero(state.side))


def _settle(state: BankState, active: Rows) -> None:
    """While an episode lasts its sums and excursions rest."""
    if len(active):
        state.hot[SUMS, active] = 0.0
        state.hot[ROWS["excursion"], active] = 0.0


def _close(state: BankState, tick: Tick, active: Rows, values: NDArray[np.float64]) -> None:
    """End episodes whose series is back, whose state has become the new normal, or that fell silent for a day."""
    here = tick.here[active]
    side = state.side[active]
    level = state.kind[active] == Kind.LEVEL
    hot = state.hot[:, active]
    residual = np.where(here, values[active] - state.origin[active] - tick.line[active], 0.0)
    long = np.clip(residual * hot[ROWS["inv_long"]], -shift.CLIP, shift.CLIP)
    z = np.where(here, tick.z[active], 0.0)
    clean, over = recovery(
        state.clean[active],
        level=level,
        quiet=z * side < QUIET,
        short_of=state.size[active] / 2.0 - long * side,
    )
    state.clean[active[here]] = clean[here]
    adopted = here & (tick.time_s - state.opened_s[active] >= ADOPT_S)
    if adopted.any():
        _adopt(state, active[adopted], values)
    silent = ~here & (tick.time_s - np.where(state.present[active], tick.last_s, state.last_s[active]) > gaps.GONE_S)
    done = active[(here & over) | adopted | silent]
    state.side[done] = 0
    state.kind[done] = Kind.NONE


def _adopt(state: BankState, rows: Rows, values: NDArray[np.float64]) -> None:
    """Take the present state for the new normal."""
    _, residuals = residuals_of(state, rows)
    now = values[rows] - state.origin[rows]
    recent = np.vstack([residuals[-4:], np.zeros(len(rows))])
    at = state.hot[ROWS["base"], rows] + state.hot[ROWS["slope"], rows] * (
        state.kept_s[state.place[0] - 1] - state.clock[1]
    )
    recent[:-1] += at
    recent[-1] = now
    recent[-1] = np.where(np.isfinite(now), now, at)
    level = np.median(np.where(np.isfinite(recent), recent, recent[-1]), axis=0)
    moved = (level - at).astype(np.float32)
    for name in ("fast", "slow"):
        state.hot[ROWS[name], rows] = level
    for name in ("offset", "base"):
        state.hot[ROWS[name], rows] += moved
    state.hot[RING, rows] = 0.0


def _open(state: BankState, tick: Tick, guards: Guards, rows: Rows, values: NDArray[np.float64]) -> None:
    """Begin episodes. A large departure to the other side of an episode replaces it; so does one of a shift."""
    if not len(rows):
        return
    hot = state.hot[:, rows]
    wide, sharp = confirmed(*hot[RING])
    large_score = np.where(np.abs(wide) >= np.abs(sharp), wide, sharp)
    large_side = np.sign(large_score).astype(np.int8)
    limit = threshold(state.record[rows], state.chatter[rows])
    side, kind = state.side[rows], state.kind[rows]
    active = side != 0
    large = (np.abs(large_score) >= limit) & ((side != large_side) | (kind == Kind.SHIFT))
    narrow, _, below = shift.strongest(hot[SUMS])
    small_side = np.where(below == 0, np.int8(1), np.int8(-1))
    small = (narrow >= limit) & ~active & ~large
    departed = hot[ROWS["departed"]]
    samples = np.where(np.sign(departed) == large_side, np.abs(departed), 1.0)
    onset_s = sample_time(state, rows, samples - 1.0, now_s=tick.time_s)
    size = np.zeros(len(rows))
    if small.any():
        some = np.flatnonzero(small)
        small[some], onset_s[some], size[some] = _small(
            state, tick, guards, rows[some], side=small_side[some], values=values
        )
    new = large | small
    if not new.any():
        return
    to = np.where(large, large_side, small_side)
    fresh = new & (~active | (side != to))
    at = rows[fresh]
    waited = np.where(np.isfinite(state.opened_s[at]), tick.time_s - state.opened_s[at], 0.0)
    state.chatter[at] = state.chatter[at] * np.exp(-np.maximum(waited, 0.0) / CHATTER_MEMORY_S) + 1.0
    state.opened_s[at] = tick.time_s
    state.peak[at] = np.nan
    state.onset_s[at] = onset_s[fresh]
    at = rows[new]
    state.side[at] = to[new]
    state.kind[at] = np.where(large, np.int8(Kind.LEVEL), np.int8(Kind.SHIFT))[new]
    state.size[at] = size[new]
    state.clean[at] = 0.0


def _small(
    state: BankState,
    tick: Tick,
    guards: Guards,
    rows: Rows,
    *,
    side: NDArray[np.int8],
    values: NDArray[np.float64],
) -> tuple[Flags, NDArray[np.float64], NDArray[np.float64]]:
    """Look closer at series whose sums complain: is the shift large enough to matter, since when, how large."""
    times_s, before = residuals_of(state, rows)
    hot = state.hot[:, rows]
    now = (values[rows] - state.origin[rows] - tick.line[rows]).astype(np.float64)
    residuals = np.vstack([before[1:] if len(before) == KEPT else before, now])
    times_s = np.append(times_s[1:] if len(before) == KEPT else times_s, tick.time_s)
    sigma = np.sqrt(np.maximum(variance_of(Hot(*hot)), 1e-30)).astype(np.float64)
    found = onset_of(residuals, sigma)
    lasted = samples_of(np.where(side > 0, hot[UPPER], hot[LOWER]))
    onset_s = times_s[found.at.astype(np.intp)]
    early = found.at == 0  # it began before what we keep
    onset_s = np.where(early, np.minimum(onset_s, sample_time(state, rows, lasted - 1.0, now_s=tick.time_s)), onset_s)
    floor = guards.floor(state.origin[rows] + tick.line[rows], rows)
    # a sum remembers sigmas of another hour: unless a recent sample is that far away, the shift is not that large
    farthest = np.fmax.reduce(np.where(np.isnan(residuals[-5:]), -np.inf, residuals[-5:] * side), axis=0)
    size = np.maximum(found.size * side, 0.0)
    matters = (size >= floor) & (farthest >= floor)
    return matters, onset_s, size * hot[ROWS["inv_long"]]


def judge(state: BankState, tick: Tick, guards: Guards, *, values: NDArray[np.float64], late: bool) -> Judgements:
    """Report; episodes in a direction nobody minds keep their baseline but are not told."""
    n = len(state)
    peak, onset_s, missing_s = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
    observed = np.where(tick.here, values, np.nan)
    scale = 1.0 / np.maximum(state.hot[ROWS["inv_up"]], np.float32(1e-30))
    direction, kind = np.zeros(n, np.int8), np.zeros(n, np.int8)
    judged = state.hot[ROWS["seen"]] >= MIN_SAMPLES
    rows = np.flatnonzero(state.side)
    active = np.zeros(n, np.bool_)
    if len(rows):
        side = state.side[rows]
        ring = state.hot[RING][:, rows]
        widest = np.fmax.reduce(np.abs(ring), axis=0) * side
        wider = tick.here[rows] & ~(np.abs(state.peak[rows]) >= np.abs(widest)) & (widest != 0)
        state.peak[rows[wider]] = widest[wider]
        minded = (guards.direction[rows] == 0) | (guards.direction[rows] == side)
        rows, side = rows[minded], side[minded]
        active[rows] = True
        direction[rows], kind[rows] = side, state.kind[rows]
        peak[rows], onset_s[rows] = state.peak[rows], state.onset_s[rows]
        scale[rows] = np.where(side < 0, 1.0 / state.hot[ROWS["inv_down"], rows], scale[rows])
        observed[rows] = _observed(state, tick, rows, values)
    opened, closed = active & ~state.told, state.told & ~active
    np.copyto(state.told, active)
    gap = np.zeros(n, np.bool_)
    if not tick.here.all():
        rows = np.flatnonzero(~tick.here)
        last_s = np.where(state.present[rows], tick.last_s, state.last_s[rows]) if late else state.last_s[rows]
        missing_s[rows] = tick.time_s - last_s
        observed[rows] = np.where(np.isnan(observed[rows]), _latest(state, rows), observed[rows])
        gap[rows] = gaps.silent(missing_s[rows], state, rows)
        kind[gap] = Kind.GAP
    return Judgements(
        judged=judged,
        active=active,
        opened=opened,
        closed=closed,
        direction=direction,
        kind=kind,
        z=np.where(judged, tick.z, np.float32(np.nan)),
        score=tick.score / (1.0 + tick.score),
        peak=peak,
        expected=state.origin + tick.line,
        scale=scale,
        observed=observed,
        onset_s=onset_s,
        missing_s=missing_s,
        gap=gap,
    )


def _latest(state: BankState, rows: Rows) -> NDArray[np.float64]:
    """Last sample (k,) among those kept, as it came; NaN where none is kept."""
    order = (int(state.place[0]) + np.arange(KEPT)) % KEPT
    kept = state.kept[order][:, rows].astype(np.float64)
    known = np.isfinite(kept)
    last = KEPT - 1 - known[::-1].argmax(axis=0)
    found: NDArray[np.float64] = kept[last, np.arange(len(rows))] + state.origin[rows]
    return found


def _observed(state: BankState, tick: Tick, rows: Rows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the last three samples (k,), robust and only a sample late; the last one where three are not there."""
    ahead = int(state.place[0])
    a, b = (state.kept[(ahead - back) % KEPT, rows] + state.origin[rows] for back in (3, 2))
    newest = state.kept[(ahead - 1) % KEPT, rows] + state.origin[rows]
    del tick, values
    middle = median_of_three(a, b, newest)
    found: NDArray[np.float64] = np.where(np.isnan(middle), newest, middle)
    return found

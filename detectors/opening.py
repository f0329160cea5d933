"""How an episode begins: which complaints count, since when, and which of them survive the number of series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import shift, tail
from detectors.discover import discoveries, level_of
from detectors.episodes import CHATTER_MEMORY_S, MIN_SAMPLES, QUIET, threshold
from detectors.judgement import Guards, Kind
from detectors.look import onset_of, residuals_of, sample_time, samples_of
from detectors.predict import variance_of
from detectors.spike import THREE_OF_FIVE, confirmed
from detectors.state import KEPT, LOWER, RING, ROWS, SUMS, UPPER, BankState, Hot, Rows
from detectors.tick import Tick

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WILD = 6.0  # short-term mean of squared scores: more than twice the usual spread for twenty samples
BOTH_SIDES = 2.0  # sigmas that a wild series reaches above and below within five samples; a shift does not
SUM_P = 1e-7  # of a sum at its limit, a tick: Siegmund's ARL0 of our charts
NOVEL_P = 3e-4  # of a row told as novel: what the open half of NAB shows on its normal rows


def begin(state: BankState, tick: Tick, guards: Guards, values: Floats, *, waited_s: float) -> None:
    """Begin episodes, in place. A large departure replaces an episode of the other side or another kind.

    waited_s: seconds since the column before; what the budget allows for.
    """
    wild = state.hot[ROWS["power"]] >= WILD
    loud = (tick.score >= 1.0) | tick.novel | wild
    if not loud.any():
        return
    judged = state.hot[ROWS["seen"]] >= MIN_SAMPLES
    rows = np.flatnonzero(loud & tick.here & judged)
    if not len(rows):
        return
    found = _complaints(state, tick, guards, rows, values)
    some = np.flatnonzero(found.kind)
    level = level_of(guards.budget, step_s=waited_s)
    some = some[discoveries(found.p[some], tests=int(np.count_nonzero(judged)), level=level)]
    if len(some):
        _enter(state, rows, found, some, time_s=tick.time_s)


class _Complaints(NamedTuple):
    """What candidates complain about; every array is (k,)."""

    kind: NDArray[np.int8]  # Kind.NONE where nothing begins
    side: NDArray[np.int8]
    onset_s: Floats
    size: Floats  # of a shift, in long-run sigmas
    p: Floats


def _complaints(state: BankState, tick: Tick, guards: Guards, rows: Rows, values: Floats) -> _Complaints:
    """Hold the candidates against the thresholds they have earned."""
    hot = state.hot[:, rows]
    wide, sharp = confirmed(*hot[RING])
    large_score = np.where(np.abs(wide) >= np.abs(sharp), wide, sharp)
    large_side = np.sign(large_score).astype(np.int8)
    limit = threshold(state.record[rows], state.chatter[rows])
    side, before = state.side[rows], state.kind[rows]
    idle = side == 0
    large = (np.abs(large_score) >= limit) & ((side != large_side) | (before != Kind.LEVEL))
    narrow, chart, below = shift.strongest(hot[SUMS])
    small_side = np.where(below == 0, np.int8(1), np.int8(-1))
    small = (narrow >= limit) & idle & ~large
    departed = hot[ROWS["departed"]]
    samples = np.where(np.sign(departed) == large_side, np.abs(departed), 1.0)
    onset_s = sample_time(state, rows, samples - 1.0, now_s=tick.time_s)
    size = np.zeros(len(rows))
    if small.any():
        some = np.flatnonzero(small)
        small[some], onset_s[some], size[some] = _small(
            state, tick, guards, rows[some], side=small_side[some], chart=chart[some], values=values
        )
    stands_out = _stands_out(state, tick, guards, rows, values)
    novel = tick.novel[rows] & idle & ~large & ~small & stands_out
    ring = hot[RING]
    wild = (hot[ROWS["power"]] >= WILD * limit) & idle & ~large & ~small & ~novel & state.settled[rows] & stands_out
    wild &= (ring.max(axis=0) > BOTH_SIDES) & (ring.min(axis=0) < -BOTH_SIDES)
    last_side = np.where(guards.direction[rows] != 0, guards.direction[rows], np.sign(ring[-1]).astype(np.int8))
    kind = np.select(
        [large, small, novel, wild],
        [np.int8(Kind.LEVEL), np.int8(Kind.SHIFT), np.int8(Kind.NOVEL), np.int8(Kind.SPREAD)],
        np.int8(Kind.NONE),
    )
    moments = state.excess[:, rows].astype(np.float64)
    alone = tail.p_value(np.abs(large_score) * THREE_OF_FIVE, moments)
    p = np.select(
        [large, small, novel, wild],
        [
            alone * alone,  # three of five, and neighbours are alike: as if two were independent
            SUM_P**narrow,
            np.minimum(NOVEL_P, tail.p_value(np.abs(ring[-1]), moments)) ** 1.5,
            SUM_P ** (hot[ROWS["power"]] / WILD),
        ],
        1.0,
    )
    to = np.select([large, small, novel], [large_side, small_side, np.sign(ring[-1]).astype(np.int8)], last_side)
    return _Complaints(kind=kind, side=to.astype(np.int8), onset_s=onset_s, size=size, p=p)


def _enter(state: BankState, rows: Rows, new: _Complaints, some: Rows, *, time_s: float) -> None:
    """Write the episodes that begin: of `some` of the candidates."""
    rows, side = rows[some], new.side[some]
    fresh = state.side[rows] != side
    at = rows[fresh]
    waited = np.where(np.isfinite(state.opened_s[at]), time_s - state.opened_s[at], 0.0)
    state.chatter[at] = state.chatter[at] * np.exp(-np.maximum(waited, 0.0) / CHATTER_MEMORY_S) + 1.0
    state.opened_s[at] = time_s
    state.peak[at] = np.nan
    state.onset_s[at] = new.onset_s[some][fresh]
    state.side[rows] = side
    state.kind[rows] = new.kind[some]
    state.size[rows] = new.size[some]
    state.clean[rows] = 0.0


def _stands_out(state: BankState, tick: Tick, guards: Guards, rows: Rows, values: NDArray[np.float64]) -> Flags:
    """Whether what was never seen is also far enough from what is expected now (k,) to begin an episode."""
    departure = np.abs(values[rows] - state.origin[rows] - tick.line[rows])
    floor = guards.floor(state.origin[rows] + tick.line[rows], rows)
    found: Flags = (np.abs(tick.z[rows]) >= QUIET) & (departure >= floor)
    return found


def _small(
    state: BankState,
    tick: Tick,
    guards: Guards,
    rows: Rows,
    *,
    side: NDArray[np.int8],
    chart: Rows,
    values: NDArray[np.float64],
) -> tuple[Flags, NDArray[np.float64], NDArray[np.float64]]:
    """Look closer at series whose sums complain: is the shift large enough to matter, since when, how large."""
    times_s, before = residuals_of(state, rows)
    hot = state.hot[:, rows]
    now = (values[rows] - state.origin[rows] - tick.line[rows]).astype(np.float64)
    residuals = np.vstack([before[1:] if len(before) == KEPT else before, now])
    times_s = np.append(times_s[1:] if len(before) == KEPT else times_s, tick.time_s)
    sigma = np.sqrt(np.maximum(variance_of(Hot(*hot)).astype(np.float64), 1e-36))
    allowance = shift.ALLOWANCES[chart, 0] / np.maximum(hot[ROWS["inv_long"]], 1e-30)
    found = onset_of(residuals, sigma, allowance.astype(np.float64), side)
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

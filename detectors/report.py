"""What the bank says after a tick."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import gaps, tail
from detectors.episodes import MIN_SAMPLES
from detectors.judgement import Guards, Judgements, Kind
from detectors.novelty import LIMIT as NOVEL
from detectors.spike import median_of_three
from detectors.state import KEPT, RING, ROWS, BankState, Rows
from detectors.tick import Tick

Floats = NDArray[np.float64]


def judge(
    state: BankState, tick: Tick, guards: Guards, *, values: Floats, reset: NDArray[np.bool_], late: bool
) -> Judgements:
    """Report; episodes in a direction nobody minds keep their baseline but are not told."""
    n = len(state)
    rows = np.flatnonzero(state.side)
    whole = bool(tick.here.all())
    # where nobody has anything to say, one number stands for all: it costs nothing and cannot be written to
    some = bool(len(rows))
    peak, onset_s = _all(n, np.nan, real=some), _all(n, np.nan, real=some)
    missing_s, gap = _all(n, 0.0, real=not whole), _all(n, False, real=not whole)
    active, direction = _all(n, False, real=some), _all(n, np.int8(0), real=some)
    kind = _all(n, np.int8(0), real=some or not whole)
    observed = values.copy()
    scale = 1.0 / np.maximum(state.hot[ROWS["inv_up"]], np.float32(1e-30))  # 0 before the first sample
    judged = state.hot[ROWS["seen"]] >= MIN_SAMPLES
    if some:
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
        observed[rows] = _observed(state, rows)
    z = tick.z  # nobody else keeps it
    z[~judged] = np.nan
    opened, closed = active & ~state.told, state.told & ~active
    np.copyto(state.told, active)
    if not whole:
        rows = np.flatnonzero(~tick.here)
        last_s = np.where(state.present[rows], tick.last_s, state.last_s[rows]) if late else state.last_s[rows]
        missing_s[rows] = np.maximum(tick.time_s - last_s, 0.0)  # of a late column it would be negative
        observed[rows] = _latest(state, rows)
        scale[np.isnan(state.origin)] = np.nan
        gap[rows] = gaps.silent(missing_s[rows], state, rows)
        kind[gap] = Kind.GAP
    return Judgements(
        judged=judged,
        active=active,
        opened=opened,
        closed=closed,
        direction=direction,
        kind=kind,
        z=z,
        score=_severity(tick.score, z, judged),
        novelty=_of_limit(tick.novelty),
        p=_tail_p(state, tick, judged),
        reset=reset,
        novel=tick.novel,
        peak=peak,
        expected=state.origin + tick.line,
        scale=scale,
        observed=observed,
        onset_s=onset_s,
        missing_s=missing_s,
        gap=gap,
    )


def _all(n: int, value: Any, *, real: bool) -> NDArray[Any]:
    return np.full(n, value) if real else _constant(n, value)


@lru_cache(maxsize=32, typed=True)
def _constant(n: int, value: Any) -> NDArray[Any]:
    """One number read `n` times; nobody can write to it, so all may share it."""
    return np.broadcast_to(value, (n,))


SPIKE = 9.0  # sigmas of a single sample that would rank like a confirmed departure …
SPIKE_MOST = 0.55  # … of which it counts for no more than so much, in limits: where tails are long, one proves nothing


def _severity(score: NDArray[np.float32], z: NDArray[np.float32], judged: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How bad it looks now, one half at the limit: a single sample counts for ranking, though it opens nothing."""
    severity = np.abs(z)
    severity *= np.float32(1.0 / SPIKE)
    np.minimum(severity, np.float32(SPIKE_MOST), out=severity)
    np.fmax(severity, score, out=severity)
    severity /= 1.0 + severity
    if not judged.all():
        severity[~judged] = 0.0
    return severity


def _of_limit(novelty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put the few rows that show anything on a scale on which one half is told, in place."""
    some = np.flatnonzero(novelty)
    novelty[some] /= novelty[some] + np.float32(NOVEL)
    return novelty


def _latest(state: BankState, rows: Rows) -> Floats:
    """Last sample (k,) among those kept, as it came; NaN where none is kept."""
    order = (int(state.place[0]) + np.arange(KEPT)) % KEPT
    kept = state.kept[order][:, rows].astype(np.float64)
    known = np.isfinite(kept)
    last = KEPT - 1 - known[::-1].argmax(axis=0)
    found: Floats = kept[last, np.arange(len(rows))] + state.origin[rows]
    return found


def _observed(state: BankState, rows: Rows) -> Floats:
    """Median of the last three samples (k,), robust and only a sample late; the last one where three are not there."""
    ahead = int(state.place[0])
    a, b = (state.kept[(ahead - back) % KEPT, rows] + state.origin[rows] for back in (3, 2))
    newest = state.kept[(ahead - 1) % KEPT, rows] + state.origin[rows]
    middle = median_of_three(a, b, newest)
    found: Floats = np.where(np.isnan(middle), newest, middle)
    return found


def _tail_p(state: BankState, tick: Tick, judged: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How often the tail of each series goes as far (n,); worked out for the few beyond its threshold."""
    p = np.ones(len(state), np.float32)
    beyond = np.flatnonzero(judged & (np.abs(tick.z) > tail.THRESHOLD))
    if len(beyond):
        p[beyond] = tail.p_value(np.abs(tick.z[beyond]).astype(np.float64), state.excess[:, beyond].astype(np.float64))
    return p

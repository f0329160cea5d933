"""When the bank learns: every series from each batch of its samples, and all of them at each half-hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import episodes, gaps, tail
from detectors.judgement import Guards
from detectors.learn import PROVEN, Table, learn
from detectors.level import TO_SIGMA, batch_of
from detectors.novelty import FORGET_DAYS, forget
from detectors.predict import Around, prepare
from detectors.recall import SINGLE_S
from detectors.season import DAY_S, SLOT_S, Position, position, slot_of
from detectors.shift import SATURATION
from detectors.state import LEARNT, PART, RECENT, RING, ROWS, SUMS, BankState, Hot, parts, put, take
from detectors.tick import Tick

F32 = NDArray[np.float32]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

SETTLED_S = DAY_S - SLOT_S  # age at which an hour of the day can have been seen before
SPARSE_S = 1_200.0  # own interval above which slots stay empty: such a series does without a profile
SEASON_ON = 0.84  # of the error of the level alone, 0.7 of its variance; then the season is used …
SEASON_OFF = 0.95  # … and above this, 0.9 of the variance, dropped again
UNPROVEN = 10.0  # samples that the sigmas of a predictor count for when it takes over: live ones soon decide


def turn(state: BankState, time_s: float, where: Position, guards: Guards) -> None:
    """At the centre of each half-hour: which predictor serves whom, and new lines for all."""
    began_s = time_s - where.share * SLOT_S
    if abs(began_s - float(state.clock[1])) < 1.0:
        return
    state.clock[1] = began_s
    visits = np.minimum(state.visits[where.before], state.visits[where.after])
    known = visits >= 1
    aged = time_s - state.born_s >= SETTLED_S
    _weigh_season(state, aged & known, time_s=time_s)
    np.copyto(state.settled, aged & (known | (state.interval_s > SPARSE_S)))
    np.multiply(state.record, np.float32(np.exp(-SLOT_S / episodes.RECORD_MEMORY_S)), out=state.record)
    slot = int(slot_of(np.array([time_s]))[0])
    forget(state.novel_grid, slot=slot, day=int(time_s // DAY_S), old=time_s - state.born_s > FORGET_DAYS * DAY_S)
    np.copyto(state.single, np.where(np.isnan(state.interval_s), state.step_s, state.interval_s) >= SINGLE_S)
    for part in parts(len(state)):
        redraw(state, part, None, time_s, guards)


def _weigh_season(state: BankState, able: Flags, *, time_s: float) -> None:
    """Use the season where it predicts clearly better than the slow level alone; with hysteresis."""
    hot = Hot(*state.hot)
    proven = _proving(state.born_s, state.interval_s, time_s=time_s) >= PROVEN
    better = hot.season_error < np.where(state.seasonal, SEASON_OFF, SEASON_ON) * hot.slow_error
    wanted = able & np.where(proven, better, state.seasonal)
    turned = np.flatnonzero(wanted != state.seasonal)
    if not len(turned):
        return
    state.seasonal[turned] = wanted[turned]
    state.spread[:, turned] = 0.0  # it described the errors of the other predictor, and so did both sigmas
    new, old = hot.season_error[turned], hot.slow_error[turned]
    new, old = np.where(wanted[turned], new, old), np.where(wanted[turned], old, new)
    # the sigmas are those of samples on their side; all samples together tell what they amount to
    total = hot.up[turned] * hot.up_count[turned] + hot.down[turned] * hot.down_count[turned]
    lead = np.clip(TO_SIGMA * new * hot.seen[turned] / np.maximum(total, 1e-30), 0.05, 20.0)
    for name in ("up", "down"):
        state.hot[ROWS[name], turned] *= lead
        count = state.hot[ROWS[f"{name}_count"], turned]
        state.hot[ROWS[f"{name}_count"], turned] = np.minimum(count, UNPROVEN)
    state.hot[ROWS["wander"], turned] *= np.clip((new / np.maximum(old, 1e-30)) ** 2, 0.01, 25.0)


def _proving(born_s: NDArray[np.float64], interval_s: F32, *, time_s: float) -> NDArray[np.float64]:
    """Samples (k,) since the profile of a series could first predict; negative before."""
    return (time_s - born_s - SETTLED_S) / np.where(interval_s > 0, interval_s, 60.0)


def redraw(state: BankState, part: slice, rows: Rows | None, time_s: float, guards: Guards) -> None:
    """Draw the lines of a part, or of some rows of it."""
    where = position(time_s)

    hot = take(state.hot, part, rows)
    side = take(state.side, part, rows)
    waiting: F32 | float = 0.0
    if side.any():
        waiting = np.where(side != 0, np.fmax((time_s - take(state.opened_s, part, rows)) / 3_600.0, 0.0), 0.0).astype(
            np.float32
        )
    near = Around(
        profile=(take(state.profile[where.before], part, rows), take(state.profile[where.after], part, rows)),
        spread=(take(state.spread[where.before], part, rows), take(state.spread[where.after], part, rows)),
        lessons=np.minimum(
            take(state.visits[where.before], part, rows), take(state.visits[where.after], part, rows)
        ).astype(np.float32),
        settled=take(state.settled, part, rows),
        seasonal=take(state.seasonal, part, rows),
        origin=np.nan_to_num(take(state.origin, part, rows)),
        floor_abs=take(guards.floor_abs, part, rows),
        floor_rel=take(guards.floor_rel, part, rows),
        waiting_h=waiting,
    )
    prepare(Hot(*hot), near, where)
    if rows is not None:
        state.hot[: ROWS["inv_long"] + 1, part.start + rows] = hot[: ROWS["inv_long"] + 1]


def teach(
    state: BankState, part: slice, tick: Tick, guards: Guards, *, where: Position, slot: int, keep_profile: bool
) -> None:
    """Give a lesson to the series of a part that have a whole batch."""
    phase = state.phase[part]
    due = phase >= RECENT
    number = int(np.count_nonzero(due))
    if not number:
        return
    waits = part.start // PART % RECENT
    rows = None if number == len(phase) else np.flatnonzero(due)

    hot_rows = take(state.hot, part, rows)
    hot = Hot(*hot_rows)
    lesson_s, interval_s = take(state.lesson_s, part, rows), take(state.interval_s, part, rows)
    gaps.learn_interval(interval_s, (tick.time_s - lesson_s) / RECENT)
    lesson_s[:] = tick.time_s
    young = hot.seen <= RECENT
    if young.any():
        _first_lesson(hot_rows, np.flatnonzero(young))
    batch = batch_of(hot_rows[RING], hot.inv_up, hot.inv_down)
    _learn_excess(state, part, rows, batch.highest, batch.lowest)
    table = Table(
        profile=take(state.profile[slot], part, rows),
        spread=take(state.spread[slot], part, rows),
        visits=take(state.visits[slot], part, rows),
        between=take(state.profile[where.before], part, rows) * np.float32(1.0 - where.share)
        + take(state.profile[where.after], part, rows) * np.float32(where.share),
    )
    side = take(state.side, part, rows)
    frozen = np.flatnonzero(side) if side.any() else None
    tables = (table.profile, table.spread, table.visits)
    before = None if frozen is None else (hot_rows[LEARNT][:, frozen], [one[frozen] for one in tables])
    middle_s = (RECENT - 1) / 2.0 * np.minimum(np.nan_to_num(interval_s, nan=state.step_s), SLOT_S)
    now = take(tick.line, part, rows) - hot.slope * middle_s
    score = np.where(hot.seen <= RECENT, np.float32(0.0), take(tick.score, part, rows))  # before: in the unit, no score
    learn(
        hot,
        batch,
        table,
        now=now,
        score=score,
        interval_s=interval_s,
        proving=_proving(take(state.born_s, part, rows), interval_s, time_s=tick.time_s).astype(np.float32),
        seasonal=take(state.seasonal, part, rows),
        keep_profile=keep_profile,
    )
    np.minimum(hot_rows[SUMS], SATURATION, out=hot_rows[SUMS])
    if before is not None:
        hot_rows[LEARNT, frozen] = before[0]
        for one, old in zip(tables, before[1], strict=True):
            one[frozen] = old
    record = take(state.record, part, rows)
    episodes.learn_record(hot.excursion, record, score=score, idle=(side == 0) & (hot.seen >= episodes.MIN_SAMPLES))
    put(state.record, record, part, rows)
    put(state.hot, hot_rows, part, rows)
    put(state.lesson_s, lesson_s, part, rows)
    put(state.interval_s, interval_s, part, rows)
    for array, piece in zip((state.profile[slot], state.spread[slot], state.visits[slot]), tables, strict=True):
        put(array, piece, part, rows)
    redraw(state, part, rows, tick.time_s, guards)
    phase[due] = 0
    if waits and young.any():  # parts take turns: their second lesson comes a few samples later
        first = np.flatnonzero(due) if rows is None else rows
        phase[first[young]] = -waits
        state.lesson_s[part.start + first[young]] += waits * state.step_s


def _first_lesson(hot_rows: F32, rows: Rows) -> None:
    """The largest departure of a first batch is its sigma: it came in the series' own unit, for want of any other."""
    widest = np.maximum(np.abs(hot_rows[RING][:, rows]).max(axis=0), 1e-18)
    hot_rows[RING, rows] /= widest
    hot_rows[ROWS["inv_up"], rows] = hot_rows[ROWS["inv_down"], rows] = 1.0 / widest


def _learn_excess(state: BankState, part: slice, rows: Rows | None, highest: F32, lowest: F32) -> None:
    """Take the few scores beyond the tail into its scale, and a little of every stretch back."""
    moments = take(state.excess, part, rows)
    tail.relax(moments, RECENT)
    put(state.excess, moments, part, rows)
    widest = np.maximum(highest, -lowest)
    idle = take(state.side, part, rows) == 0  # an episode is no ordinary sample: else one long one makes a series deaf
    beyond = np.flatnonzero((widest > tail.THRESHOLD) & idle)
    if len(beyond):
        where = part.start + (beyond if rows is None else rows[beyond])
        moments = state.excess[:, where]
        tail.learn_excess(moments, np.minimum(widest[beyond] - tail.THRESHOLD, 20.0))
        state.excess[:, where] = moments

"""The streaming screen: one column of samples for all series in, one column of judgements out.

Start here. A tick compares every sample with a line that the last lesson drew for it, updates a handful of sums, and
looks closer only at series that complain. Lessons come every five samples and move levels, spreads and the daily
profile; each half-hour the lines are drawn anew. While an episode lasts, its baseline learns nothing.

Memory is a matrix of 32-bit numbers with a row a field and a column a series, worked on in parts that fit the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import episodes, gaps, opening
from detectors.counter import rate_of, rates_of
from detectors.history import doubt, seed
from detectors.judgement import Guards, Judgements, Kind
from detectors.lesson import SETTLED_S, teach, turn
from detectors.recall import recall
from detectors.report import judge
from detectors.screen import LARGEST, screen
from detectors.season import DAY_S, position, slot_of
from detectors.state import KEPT, BankState, StateVersionError, from_arrays, grow, new_state, parts, to_arrays
from detectors.tick import Tick

__all__ = [
    "LARGEST",
    "BankState",
    "Guards",
    "Judgements",
    "Kind",
    "StateVersionError",
    "from_arrays",
    "grow",
    "new_state",
    "step",
    "to_arrays",
    "warm",
]

Floats = NDArray[np.float64]


def step(state: BankState, *, time_s: float, values: Floats, guards: Guards) -> tuple[BankState, Judgements]:
    """Judge one column and learn from it.

    time_s: seconds since 1970; a column not later than the last one is ignored.
    values: (n,) in each series' unit; NaN, infinite or beyond LARGEST means no sample.
    guards: (n,) rows.
    Returns the state after the column, and judgements that nothing changes later. The state given is consumed:
            its arrays are updated in place, so keep `to_arrays(state)` to go back.
    Raises  ValueError when lengths disagree or the time is not finite.

    Sources: Page (1954) for the sums; Huber (1981) for the clipped updates; Holt-Winters' additive season.

    >>> bank, guards = new_state(1, step_s=60.0), Guards.neutral(1)
    >>> for minute in range(60):
    ...     value = np.array([10.0 + minute % 3]) if minute < 55 else np.array([50.0])
    ...     bank, seen = step(bank, time_s=60.0 * minute, values=value, guards=guards)
    >>> bool(seen.active[0]), int(seen.direction[0]), float(seen.expected[0].round()), float(seen.onset_s[0]) / 60
    (True, 1, 11.0, 55.0)
    """
    _check(state, time_s, values.shape, guards)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):  # NaN and huge samples are expected here
        return state, _step(state, float(time_s), values, guards, keep_profile=False)


def warm(state: BankState, times_s: Floats, values: Floats, guards: Guards) -> BankState:
    """Learn from a block of history before the first live column.

    times_s: (t,) seconds since 1970, ascending. values: (t, n), NaN for no sample. guards: (n,) rows.
    Returns  the state (the one given is consumed); an episode still open at the end is active at the next step,
             which reports it as opened.
    Raises   ValueError when shapes disagree.

    Columns are replayed in order. Where no series was seen before and the block holds a day or more, daily profiles
    are taken from the medians of the block first, so that the replay already knows the season. With two days or more
    the last day is predicted, not fitted; with one, errors are widened until live samples have told.

    >>> bank = warm(new_state(1, step_s=60.0), np.arange(0.0, 7200.0, 60.0), np.ones((120, 1)), Guards.neutral(1))
    >>> float(bank.origin[0])
    1.0
    """
    if values.shape != (len(times_s), len(state)):
        raise ValueError(f"history of shape {values.shape}: expected {(len(times_s), len(state))}")
    if not len(times_s):
        return state
    _check(state, float(times_s[-1]), values.shape[1:], guards)
    first_s, last_s = float(times_s[0]), float(times_s[-1])
    seeded = last_s - first_s >= SETTLED_S and bool(np.isnan(state.origin).all())
    # with two days or more the last one is kept out of the profile and tells what the profile is worth
    made_until_s = last_s - DAY_S if last_s - first_s >= DAY_S + SETTLED_S else last_s
    lead = np.ones(len(state))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if seeded:
            made = times_s <= made_until_s
            lead = seed(state, times_s[made], _block_rates(times_s[made], values[made], guards))
        for time_s, column in zip(times_s.tolist(), values, strict=True):
            _step(state, time_s, column, guards, keep_profile=seeded and time_s <= made_until_s)
        if seeded and made_until_s == last_s:
            doubt(state, lead, guards)
    state.told[:] = False
    return state


def _check(state: BankState, time_s: float, shape: tuple[int, ...], guards: Guards) -> None:
    if shape != (len(state),) or guards.direction.shape != (len(state),):
        raise ValueError(f"{shape} samples and {guards.direction.shape} guards for a bank of {len(state)} series")
    if not np.isfinite(time_s):
        raise ValueError(f"time_s is {time_s}: expected seconds since 1970")


def _step(state: BankState, time_s: float, values: Floats, guards: Guards, *, keep_profile: bool) -> Judgements:
    last_s = float(state.clock[0])
    if time_s <= last_s:
        values = np.full(len(state), np.nan)
    late = time_s <= last_s
    n = len(state)
    values, reset = _rates(state, values, guards, time_s=time_s)
    tick = Tick.begin(n, time_s=time_s, last_s=last_s)
    where = position(time_s)
    if not late:
        turn(state, time_s, where, guards)
    elapsed_s = time_s - float(state.clock[1])
    for part in parts(n):
        screen(state, part, values, elapsed_s, tick)
    slot = int(slot_of(np.array([time_s]))[0])
    if not late:
        _note_silence(state, tick)
        for part in parts(n):
            recall(state, part, tick, values, slot=slot)
    episodes.end(state, tick, values)
    if not late:
        waited_s = state.step_s if np.isnan(last_s) else time_s - last_s
        opening.begin(state, tick, guards, values, waited_s=waited_s)
    episodes.rest(state)
    if not late:
        for part in parts(n):
            teach(state, part, tick, guards, where=where, slot=slot, keep_profile=keep_profile)
        row = int(state.place[0])
        np.subtract(values, state.origin, out=state.kept[row], casting="same_kind")
        if not tick.here.all():
            state.kept[row, ~tick.here] = np.nan  # infinite is missing too
        state.kept_s[row] = time_s
        state.place[0] = (int(state.place[0]) + 1) % KEPT
        state.clock[0] = time_s
    return judge(state, tick, guards, values=values, reset=reset, late=late)


def _rates(state: BankState, values: Floats, guards: Guards, *, time_s: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Replace counters by their rates; the values given stay as they are."""
    if guards.counter is None or not guards.counter.any():
        return values, np.broadcast_to(np.False_, (len(state),))
    reset = np.zeros(len(state), np.bool_)
    values = values.copy()
    rows = np.flatnonzero(guards.counter & np.isfinite(values))
    now = values[rows]
    values[np.flatnonzero(guards.counter)] = np.nan
    values[rows], reset[rows] = rate_of(state.counted[rows], now, time_s - state.counted_s[rows])
    state.counted[rows], state.counted_s[rows] = now, time_s
    return values, reset


def _block_rates(times_s: Floats, values: Floats, guards: Guards) -> Floats:
    """Replace counters by their rates in a block (t, n); the values given stay as they are."""
    if guards.counter is None or not guards.counter.any():
        return values
    values = values.copy()
    values[:, guards.counter] = rates_of(times_s, values[:, guards.counter])
    return values


def _note_silence(state: BankState, tick: Tick) -> None:
    """Note when series fell silent, and learn their habits from those that return."""
    changed = np.flatnonzero(tick.here != state.present)
    if not len(changed):
        return
    fell = changed[~tick.here[changed]]
    state.last_s[fell] = tick.last_s
    back = changed[tick.here[changed]]
    gaps.learn(state, back, tick.time_s - state.last_s[back])
    np.copyto(state.present, tick.here)

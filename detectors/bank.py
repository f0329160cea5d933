"""The streaming screen: one column of samples for all series in, one column of judgements out.

Start here. Each sample is compared with one of three predictors: a fast level while the hour was never seen, later a
slow level, or the daily profile where it explains more. Large departures must be confirmed by several samples, small
ones by a cumulative sum; silence is judged against each series' own rhythm. While an episode lasts, its baseline
learns nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import episodes, gaps, shift
from detectors.complaint import Complaint, complain, departing
from detectors.judgement import Guards, Judgements, Kind
from detectors.learn import PROVEN, learn
from detectors.level import median_of_three
from detectors.predict import SETTLED_S, Prediction, predict
from detectors.season import DAY_S, median_finite, profile_of, slot_of
from detectors.state import (
    FAST,
    RECENT,
    SEASON,
    SLOW,
    BankState,
    StateVersionError,
    from_arrays,
    grow,
    new_state,
    to_arrays,
)

__all__ = [
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
Flags = NDArray[np.bool_]

LARGEST = 1e100  # a sample beyond is treated as missing: its square would overflow, and nothing measurable is so large
WILDEST = 1e6  # sigmas, where a flat baseline makes any departure infinitely surprising
MIN_SAMPLES = 20  # before this the fast level itself is being learnt
SEASON_FITTED = 0.5  # of the squared median error; stricter than for predictions: a fit always explains something
ADOPT_S = DAY_S  # a state that has lasted a day is the new normal


def step(state: BankState, *, time_s: float, values: Floats, guards: Guards) -> tuple[BankState, Judgements]:
    """Judge one column and learn from it.

    time_s: seconds since 1970; a sample not later than its series' last one is ignored.
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
    >>> float(bank.level[0, 0])
    1.0
    """
    if values.shape != (len(times_s), len(state)):
        raise ValueError(f"history of shape {values.shape}: expected {(len(times_s), len(state))}")
    if not len(times_s):
        return state
    _check(state, float(times_s[-1]), values.shape[1:], guards)
    first_s, last_s = float(times_s[0]), float(times_s[-1])
    seeded = last_s - first_s >= SETTLED_S and not bool(state.seen.any())
    # with two days or more the last one is kept out of the profile and tells what the profile is worth
    made_until_s = last_s - DAY_S if last_s - first_s >= DAY_S + SETTLED_S else last_s
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if seeded:
            made = times_s <= made_until_s
            _seed(state, times_s[made], values[made])
        for time_s, column in zip(times_s.tolist(), values, strict=True):
            _step(state, time_s, column, guards, keep_profile=seeded and time_s <= made_until_s)
        if seeded and made_until_s == last_s:
            _doubt(state)
    state.told[:] = False
    return state


def _check(state: BankState, time_s: float, shape: tuple[int, ...], guards: Guards) -> None:
    if shape != (len(state),) or guards.direction.shape != (len(state),):
        raise ValueError(f"{shape} samples and {guards.direction.shape} guards for a bank of {len(state)} series")
    if not np.isfinite(time_s):
        raise ValueError(f"time_s is {time_s}: expected seconds since 1970")


def _seed(state: BankState, times_s: Floats, values: Floats) -> None:
    usable = np.where(np.abs(values) <= LARGEST, values, np.nan)
    profile, counts = profile_of(times_s, usable)
    seen = np.isfinite(usable)
    first, last = seen.argmax(axis=0), len(times_s) - 1 - seen[::-1].argmax(axis=0)
    whole = seen.any(axis=0) & (times_s[last] - times_s[first] >= SETTLED_S)
    np.copyto(state.profile, np.where(np.isnan(profile), 0.0, profile), where=whole)
    np.copyto(state.profile_count, counts.astype(np.float32), where=whole)
    np.copyto(state.born_s, times_s[0] - DAY_S, where=whole)
    middle, _ = median_finite(usable)
    fitted = usable - profile[slot_of(times_s)]
    alone, explained = median_finite(np.abs(usable - middle))[0], median_finite(np.abs(fitted))[0]
    np.copyto(state.seasonal, explained**2 < SEASON_FITTED * alone**2, where=whole)


def _doubt(state: BankState) -> None:
    """Widen errors of a season that was only fitted to a middle between them and those of the slow level.

    They count as few samples, so that live ones soon decide.
    """
    for learnt in (state.up, state.down, state.variance, state.wander):
        np.maximum(learnt[SEASON], np.sqrt(learnt[SEASON] * learnt[SLOW]), out=learnt[SEASON])
    for count in (state.count, state.up_count, state.down_count):
        np.minimum(count[SEASON], PROVEN - 1.0, out=count[SEASON])


def _step(state: BankState, time_s: float, values: Floats, guards: Guards, *, keep_profile: bool) -> Judgements:
    waited_s = time_s - state.last_s
    here = (np.abs(values) <= LARGEST) & ~(waited_s <= 0.0)
    x = np.where(here, values, np.nan)
    now = predict(state, x, guards, here=here, time_s=time_s)
    residual = np.where(here, x - now.expected, 0.0)
    z = np.clip(residual / now.scale, -WILDEST, WILDEST)
    departing(state.departed_s, z=z, here=here, time_s=time_s)
    leaving = _remember(state, x=x, z=z, profile=now.profile, here=here, time_s=time_s)

    judged = state.seen >= MIN_SAMPLES
    was_active = state.side != 0
    long_run = _long_run_z(residual, now)
    live = here & now.settled & judged & ~was_active
    shift.accumulate(state.sums, state.sums_s, z=long_run, time_s=time_s, live=live)
    complaint = complain(state, now, guards, time_s=time_s)
    _close(state, z=z, long_run=long_run, here=here, waited_s=waited_s, time_s=time_s)
    _open(state, complaint, judged & here, time_s)
    active = state.side != 0
    idle = here & ~active & ~was_active
    episodes.learn_record(state.excursion, state.record, score=complaint.score, waited_s=waited_s, live=idle & judged)
    if active.any():
        state.sums[:, :, active] = 0.0
    learn(
        state,
        x=leaving[0],
        z=leaving[1],
        profile=leaving[2],
        time_s=leaving[3],
        waited_s=waited_s,
        least=now.least,
        calm=np.clip(1.0 - complaint.score[1], 0.0, 1.0),
        where=idle & np.isfinite(leaving[0]),
        keep_profile=keep_profile,
    )
    gaps.learn(state.interval_s, state.longest_s, waited_s=waited_s, arrived=here, step_s=state.step_s)
    np.copyto(state.last_s, time_s, where=here)
    np.add(state.seen, np.float32(1.0), out=state.seen, where=here)
    return _judge(state, z=z, now=now, judged=judged, here=here, guards=guards, time_s=time_s)


def _remember(
    state: BankState, *, x: Floats, z: Floats, profile: Floats, here: Flags, time_s: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Put the sample into the confirmation window; returns the one that leaves: value, score, profile, time."""
    leaving = (state.recent_x[0].copy(), state.recent_z[0].copy(), state.recent_m[0].copy(), state.recent_s[0].copy())
    for ring, new in (
        (state.recent_x, x),
        (state.recent_z, z),
        (state.recent_m, profile),
        (state.recent_s, np.full(len(state), time_s)),
    ):
        for place in range(RECENT - 1):
            np.copyto(ring[place], ring[place + 1], where=here)
        np.copyto(ring[-1], new, where=here)
    return leaving


def _long_run_z(residual: Floats, now: Prediction) -> Floats:
    """Residual in sigmas, clipped, then shrunk by how far the mean of such correlated noise wanders by itself."""
    clipped: Floats = np.clip(residual / now.sigma, -shift.CLIP, shift.CLIP)
    return clipped / now.inflation


def _close(state: BankState, *, z: Floats, long_run: Floats, here: Flags, waited_s: Floats, time_s: float) -> None:
    """End episodes whose series is back, whose state has become the new normal, or that fell silent for a day."""
    active = state.side != 0
    if not active.any():
        return
    level = state.kind == Kind.LEVEL
    clean, over = episodes.recovery(
        state.clean,
        level=level,
        quiet=z * state.side < episodes.QUIET,
        short_of=state.shift_size / 2.0 - long_run * state.side,
    )
    np.copyto(state.clean, clean, where=active & here)
    adopted = active & here & (time_s - state.opened_s >= ADOPT_S)
    if adopted.any():
        settled_at = np.median(state.recent_x[:, adopted], axis=0)
        profile = state.recent_m[-1, adopted]
        state.level[FAST, adopted] = state.level[SLOW, adopted] = settled_at
        state.level[SEASON, adopted] = settled_at - profile  # NaN when unknown: taken up with the next sample
        state.recent_z[:, adopted] = 0.0
    done = (active & here & over) | adopted | (active & (waited_s > gaps.GONE_S))
    state.side[done] = 0
    state.kind[done] = Kind.NONE
    state.excursion[:, done] = 0.0


def _open(state: BankState, complaint: Complaint, ready: Flags, time_s: float) -> None:
    """Begin episodes. A large departure to the other side of an episode replaces it; so does one of a shift."""
    active = state.side != 0
    large = ready & complaint.large & ((state.side != complaint.large_side) | (state.kind == Kind.SHIFT))
    small = ready & complaint.small & ~active & ~large
    new = large | small
    if not new.any():
        return
    fresh = new & (~active | (state.side != np.where(large, complaint.large_side, complaint.small_side)))
    waited = np.where(np.isfinite(state.opened_s), time_s - state.opened_s, 0.0)
    faded = state.chatter * np.exp(-np.maximum(waited, 0.0) / episodes.CHATTER_MEMORY_S)
    np.copyto(state.chatter, faded + 1.0, where=fresh)
    np.copyto(state.opened_s, time_s, where=fresh)
    np.copyto(state.peak, np.nan, where=fresh)
    np.copyto(state.onset_s, np.where(large, complaint.large_s, complaint.small_s), where=fresh)
    np.copyto(state.side, np.where(large, complaint.large_side, complaint.small_side), where=new)
    np.copyto(state.kind, np.where(large, np.int8(Kind.LEVEL), np.int8(Kind.SHIFT)), where=new)
    np.copyto(state.shift_size, complaint.small_size, where=new)
    np.copyto(state.clean, 0.0, where=new)


def _judge(
    state: BankState, *, z: Floats, now: Prediction, judged: Flags, here: Flags, guards: Guards, time_s: float
) -> Judgements:
    """Report; episodes in a direction nobody minds keep their baseline but are not told."""
    widest = np.fmax.reduce(np.abs(state.recent_z), axis=0) * state.side
    wider = (state.side != 0) & here & ~(np.abs(state.peak) >= np.abs(widest))
    np.copyto(state.peak, widest, where=wider & (widest != 0))
    active = (state.side != 0) & ((guards.direction == 0) | (guards.direction == state.side))
    opened, closed = active & ~state.told, state.told & ~active
    np.copyto(state.told, active)
    missing_s = time_s - state.last_s
    gap = gaps.silent(missing_s, state.interval_s, state.longest_s, state.seen, state.step_s)
    return Judgements(
        judged=judged,
        active=active,
        opened=opened,
        closed=closed,
        direction=np.where(active, state.side, np.int8(0)),
        kind=np.where(gap, np.int8(Kind.GAP), np.where(active, state.kind, np.int8(Kind.NONE))),
        z=np.where(judged & here, z, np.nan),
        peak=np.where(active, state.peak, np.nan),
        expected=now.expected,
        scale=now.scale,
        observed=np.where(active, median_of_three(state.recent_x), state.recent_x[-1]),
        onset_s=np.where(active, state.onset_s, np.nan),
        missing_s=missing_s,
        gap=gap,
    )

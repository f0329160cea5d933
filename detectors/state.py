"""The bank's memory as an explicit value: arrays whose last axis is the series, with growth and a lossless snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.novelty import FAST, MUTE_ROWS
from detectors.season import SLOTS
from detectors.upgrade import from_first

VERSION = 2  # of the snapshot; raise it with every change of a field's meaning, and tell `upgrade` how to get there
RECENT = 5  # samples under confirmation, and learnt together
KEPT = 36  # last samples as they came, for the second look
PAST = 2  # earlier episodes of a series that a new one is held against
PART = 10_240  # series worked on together: what a tick touches of them stays in the second cache

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Bits = NDArray[np.bool_]
Small = NDArray[np.int8]
Count = NDArray[np.uint8]
Rows = NDArray[np.intp]


S = TypeVar("S", bound=np.generic)


def parts(n: int) -> Iterator[slice]:
    """Cut `n` series into parts.

    >>> list(parts(10_241))
    [slice(0, 10240, None), slice(10240, 10241, None)]
    """
    return (slice(first, min(first + PART, n)) for first in range(0, n, PART))


def take(array: NDArray[S], part: slice, rows: Rows | None) -> NDArray[S]:
    """A part of the last axis: a view of all of it, or a copy of some rows, counted from its beginning.

    >>> take(np.arange(6), slice(2, 6), np.array([0, 3])).tolist()
    [2, 5]
    """
    piece = array[..., part]
    return piece if rows is None else piece[..., rows]


def put(array: NDArray[S], piece: NDArray[S], part: slice, rows: Rows | None) -> None:
    """Write back what `take` copied; a view needs no writing."""
    if rows is not None:
        array[..., part.start + rows] = piece


class StateVersionError(ValueError):
    """A snapshot that this code cannot read: discard it and warm up afresh from history."""


class Hot(NamedTuple):
    """Rows of the hot matrix, one float32 a series each; everything an ordinary tick touches.

    Values are relative to the series' `origin`, so that small changes of large numbers survive in 32 bits.
    """

    # what to expect and how far it strays, made by `predict.prepare` for the tick to use
    base: F32  # expected value at the reference time of the present half-hour
    slope: F32  # of the expectation, unit a second
    inv_up: F32  # 1 / sigma above the expectation, 1 / unit
    inv_down: F32
    inv_long: F32  # 1 / sigma of the long-run mean; 0 while the sums do not run
    # the samples under confirmation and the sums
    z0: F32  # sigmas, oldest first
    z1: F32
    z2: F32
    z3: F32
    z4: F32
    up0: F32  # sums in multiples of their limits
    up1: F32
    up2: F32
    down0: F32
    down1: F32
    down2: F32
    excursion: F32  # peak of the present excursion, in limits
    departed: F32  # samples since the departure to this side began, signed; 0 when there is none
    seen: F32  # samples in all
    power: F32  # short-term mean of squared scores
    # learnt from every batch of RECENT samples
    fast: F32  # level over 20 minutes
    slow: F32  # level over hours
    offset: F32  # level above the daily profile
    up: F32  # robust sigma of samples above the expectation, unit
    down: F32
    up_count: F32  # samples behind it
    down_count: F32
    drift: F32  # short-term mean of residuals, unit
    wander: F32  # variance of that mean
    slow_error: F32  # mean absolute error of the slow level over a day, unit
    season_error: F32  # the same of the profile and its offset
    tail_up: F32  # how much longer than a Gaussian's the tail above is, at least 1
    tail_down: F32


ROWS: Mapping[str, int] = {name: row for row, name in enumerate(Hot._fields)}
RING = slice(ROWS["z0"], ROWS["z4"] + 1)
UPPER = slice(ROWS["up0"], ROWS["up2"] + 1)
LOWER = slice(ROWS["down0"], ROWS["down2"] + 1)
SUMS = slice(ROWS["up0"], ROWS["down2"] + 1)
SCREEN = slice(ROWS["z0"], ROWS["power"] + 1)  # changed by a sample
LEARNT = slice(ROWS["fast"], ROWS["tail_down"] + 1)  # changed by learning


@dataclass(frozen=True, slots=True, kw_only=True)
class BankState:
    """Struct of arrays, (..., n). Units: levels in the series' own unit, `*_s` in seconds since 1970."""

    step_s: float  # nominal cadence of the columns
    clock: F64  # (2,) time of the last column; the moment the expectations refer to
    place: NDArray[np.int64]  # (1,) row of `kept` to be written next
    kept_s: F64  # (KEPT,) times of its rows
    hot: F32  # (len(Hot), n)
    origin: F64  # (n,) what hot values are relative to; NaN before the first sample
    phase: Small  # (n,) samples since the last lesson; below zero once, so that parts take turns
    present: Bits  # (n,) had a sample in the last column
    settled: Bits  # (n,) past the first day, with this hour seen before
    seasonal: Bits  # (n,) the daily profile explains enough to be used
    side: Small  # (n,) of the episode: +1, -1, 0
    # touched by episodes, silence and lessons only
    kind: Small  # (n,) a Kind
    told: Bits  # (n,) reported active at the last step
    born_s: F64  # (n,) first sample
    last_s: F64  # (n,) last sample of a series that is silent; stale for the others
    lesson_s: F64  # (n,) last lesson
    interval_s: F32  # (n,) own interval
    longest_s: F32  # (n,) longest silence that counts as its habit
    excess: F32  # (2, n) mean of scores beyond the tail, less the tail; how far its scale is stretched
    record: F32  # (n,) highest excursion that ended by itself, in limits
    chatter: F32  # (n,) recent number of episodes, fading
    clean: F32  # (n,) evidence of recovery: samples or a cumulative sum
    size: F32  # (n,) of a shift at its opening, in long-run sigmas
    peak: F32  # (n,) signed z
    onset_s: F64  # (n,)
    opened_s: F64  # (n,)
    past_s: F64  # (PAST, n) when earlier episodes were opened, latest first; NaN for none
    past_peak: F32  # (PAST, n) their signed peaks, sigmas
    past_lasted_s: F32  # (PAST, n) how long they lasted
    counted: F64  # (n,) last value of a counter; NaN before, and for what is none
    counted_s: F64  # (n,) and its time
    # tables by time, one row at a time
    profile: F32  # (SLOTS, n) usual value of each half-hour of the day
    spread: F32  # (SLOTS, n) robust sigma of each
    visits: Count  # (SLOTS, n) lessons behind it
    kept: F32  # (KEPT, n) last columns, NaN for no sample
    # what was ever seen at this time of day: `novelty.Memory`
    single: Bits  # (n,) so slow that every sample is a row of its own; else every lesson is
    novel_grid: NDArray[np.uint64]  # (2, SLOTS, n)
    novel_edge: F32  # (2, n)
    novel_width: F32  # (2, n)
    novel_least: F32  # (2, n)
    novel_most: F32  # (2, n)
    novel_level: F32  # (n,)
    novel_ring: F32  # (FAST, n)
    novel_counts: F32  # (6, n)

    def __len__(self) -> int:
        return int(self.origin.shape[0])

    @property
    def hot_bytes(self) -> int:
        """Bytes a series that an ordinary tick touches."""
        return sum(int(a.nbytes) for a in _touched(self)) // max(len(self), 1)

    @property
    def all_bytes(self) -> int:
        """Bytes a series in all."""
        return sum(int(getattr(self, name).nbytes) for name in LAYOUT) // max(len(self), 1)


def _touched(state: BankState) -> tuple[NDArray[Any], ...]:
    return state.hot, state.origin, state.phase, state.present, state.settled, state.seasonal, state.side


NAN = float("nan")
# name -> leading shape, dtype, value of a series never seen
LAYOUT: Mapping[str, tuple[tuple[int, ...], Any, float]] = {
    "hot": ((len(Hot._fields),), np.float32, 0.0),
    "origin": ((), np.float64, NAN),
    "phase": ((), np.int8, 0),
    "present": ((), np.bool_, 0),
    "settled": ((), np.bool_, 0),
    "seasonal": ((), np.bool_, 0),
    "side": ((), np.int8, 0),
    "kind": ((), np.int8, 0),
    "told": ((), np.bool_, 0),
    "born_s": ((), np.float64, NAN),
    "last_s": ((), np.float64, NAN),
    "lesson_s": ((), np.float64, NAN),
    "interval_s": ((), np.float32, NAN),
    "longest_s": ((), np.float32, 0.0),
    "excess": ((2,), np.float32, 0.0),
    "record": ((), np.float32, 0.0),
    "chatter": ((), np.float32, 0.0),
    "clean": ((), np.float32, 0.0),
    "size": ((), np.float32, 0.0),
    "peak": ((), np.float32, NAN),
    "onset_s": ((), np.float64, NAN),
    "opened_s": ((), np.float64, NAN),
    "past_s": ((PAST,), np.float64, NAN),
    "past_peak": ((PAST,), np.float32, NAN),
    "past_lasted_s": ((PAST,), np.float32, NAN),
    "counted": ((), np.float64, NAN),
    "counted_s": ((), np.float64, NAN),
    "profile": ((SLOTS,), np.float32, 0.0),
    "spread": ((SLOTS,), np.float32, 0.0),
    "visits": ((SLOTS,), np.uint8, 0),
    "kept": ((KEPT,), np.float32, NAN),
    "single": ((), np.bool_, 0),
    "novel_grid": ((2, SLOTS), np.uint64, 0),
    "novel_edge": ((2,), np.float32, 0.0),
    "novel_width": ((2,), np.float32, 0.0),
    "novel_least": ((2,), np.float32, 0.0),
    "novel_most": ((2,), np.float32, 0.0),
    "novel_level": ((), np.float32, 0.0),
    "novel_ring": ((FAST,), np.float32, 0.0),
    "novel_counts": ((6,), np.float32, 0.0),
}
WHOLE = ("step_s", "clock", "place", "kept_s")  # of the bank, not of a series
assert {field.name for field in fields(BankState)} == {*WHOLE, *LAYOUT}, "every field has a layout"


def _fresh(n: int) -> dict[str, NDArray[Any]]:
    made = {name: np.full((*lead, n), fill, dtype=dtype) for name, (lead, dtype, fill) in LAYOUT.items()}
    hot = made["hot"]
    hot[ROWS["tail_up"]] = hot[ROWS["tail_down"]] = 1.0
    hot[ROWS["up_count"]] = hot[ROWS["down_count"]] = 1e-3  # so that a share of the first sample is defined
    hot[ROWS["power"]] = 1.0
    made["excess"][0] = 0.4  # of a Gaussian beyond 2.8 sigma, roughly
    made["novel_counts"][2] = MUTE_ROWS
    return made


def new_state(n: int, *, step_s: float) -> BankState:
    """Memory of `n` series that were never seen.

    step_s: nominal seconds between columns, positive.
    Raises  ValueError for a negative count or a step that is not positive and finite.

    >>> len(new_state(3, step_s=60.0))
    3
    """
    if n < 0:
        raise ValueError(f"a bank of {n} series: expected zero or more")
    if not (np.isfinite(step_s) and step_s > 0):
        raise ValueError(f"step_s is {step_s}: expected a positive number of seconds")
    whole = {"clock": np.full(2, NAN), "place": np.zeros(1, np.int64), "kept_s": np.full(KEPT, NAN)}
    return BankState(step_s=float(step_s), **whole, **_fresh(n))


def grow(state: BankState, n: int) -> BankState:
    """Room for `n` series: new rows at the end, the old ones unchanged (and copied).

    Raises ValueError when `n` is smaller than the bank: rows are never dropped silently.

    >>> len(grow(new_state(3, step_s=60.0), 5))
    5
    """
    if n < len(state):
        raise ValueError(f"cannot shrink a bank of {len(state)} series to {n}")
    made = _fresh(n)
    for name, array in made.items():
        array[..., : len(state)] = getattr(state, name)
    whole = {name: getattr(state, name).copy() for name in WHOLE if name != "step_s"}
    return BankState(step_s=state.step_s, **whole, **made)


def to_arrays(state: BankState) -> dict[str, NDArray[Any]]:
    """Copy the state into plain arrays, ready for `numpy.savez`; lossless.

    >>> int(to_arrays(new_state(1, step_s=60.0))["version"])
    2
    """
    arrays: dict[str, NDArray[Any]] = {name: getattr(state, name).copy() for name in LAYOUT}
    whole = {name: np.array(getattr(state, name)) for name in WHOLE}
    rows = np.array(Hot._fields)  # named, so that a later version can find its way in an older matrix
    return {"version": np.asarray(VERSION), "rows": rows, **whole, **arrays}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> BankState:
    """Take up what `to_arrays` wrote, of this version or an older one.

    Raises StateVersionError when the snapshot is of an unknown version, lacks a field, or its shapes disagree.

    >>> len(from_arrays(to_arrays(new_state(2, step_s=60.0))))
    2
    """
    found = int(arrays["version"]) if "version" in arrays else None
    if found == 1:
        return _from_first(arrays)
    if found != VERSION:
        raise StateVersionError(
            f"detector state of version {found}, this code reads {VERSION}: discard it and warm up from history"
        )
    missing = sorted(({*WHOLE, "rows"} | set(LAYOUT)) - set(arrays))
    if missing:
        raise StateVersionError(f"detector state lacks {', '.join(missing)}: discard it and warm up from history")
    if tuple(arrays["rows"]) != Hot._fields:
        raise StateVersionError("detector state has other rows than this code: discard it and warm up from history")
    n = int(np.shape(arrays["origin"])[-1])
    made = _fresh(n)
    for name, array in made.items():
        one = arrays[name]
        if one.shape != array.shape:
            raise StateVersionError(
                f"detector state has {name} of shape {one.shape}, expected {array.shape}: discard it and warm up"
            )
        array[...] = one
    whole = {name: np.array(arrays[name]) for name in WHOLE if name != "step_s"}
    for name, length in (("clock", 2), ("place", 1), ("kept_s", KEPT)):
        if whole[name].shape != (length,):
            raise StateVersionError(
                f"detector state has {name} of shape {whole[name].shape}, expected {(length,)}: discard it and warm up"
            )
    return BankState(step_s=float(arrays["step_s"]), **whole, **made)


def _from_first(arrays: Mapping[str, NDArray[Any]]) -> BankState:
    try:
        made = from_first(arrays, _fresh, ROWS)
    except (KeyError, ValueError, IndexError) as error:
        raise StateVersionError(
            f"detector state of version 1 is damaged ({error!r}): discard it and warm up from history"
        ) from error
    step_s = float(made.pop("step_s"))
    whole = {"place": np.zeros(1, np.int64), "kept_s": np.full(KEPT, NAN)}
    return BankState(step_s=step_s, **whole, **made)

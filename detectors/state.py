"""The bank's memory as an explicit value: arrays whose last axis is the series, with growth and a lossless snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.level import TAIL_USUAL
from detectors.season import SLOTS
from detectors.shift import ALLOWANCES

VERSION = 1  # of the snapshot; raise it with every change of a field's meaning
RECENT = 5  # samples under confirmation; nothing is learnt from a sample before it leaves this window
PREDICTORS = 3  # fast level, slow level, season with slow offset
FAST, SLOW, SEASON = range(PREDICTORS)

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Bits = NDArray[np.bool_]
Small = NDArray[np.int8]


class StateVersionError(ValueError):
    """A snapshot that this code cannot read: discard it and warm up afresh from history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankState:
    """Struct of arrays, (..., n). Units: `level`, `up` … in the series' own unit, `*_s` in seconds since 1970."""

    step_s: float  # nominal cadence of the columns
    # baseline
    level: F64  # (3, n) one a predictor; for the season the offset above the profile
    up: F64  # (3, n) robust sigma of the samples above the prediction
    down: F64  # (3, n) and of those below
    up_count: F32  # (3, n)
    down_count: F32  # (3, n)
    variance: F64  # (3, n) of clipped residuals
    drift: F64  # (3, n) short-term mean of clipped residuals
    wander: F64  # (3, n) variance of that mean
    count: F32  # (3, n) samples learnt
    tail: F64  # (2, n) sigmas beyond which one in 200 samples lies, above and below
    contest: F64  # (2, n) squared errors over a day: slow level, season
    seasonal: Bits  # (n,) the profile explains enough to be used
    profile: F64  # (SLOTS, n) mean of each hour of the day
    spread: F64  # (SLOTS, n) robust sigma of each hour
    profile_count: F32  # (SLOTS, n)
    # samples under confirmation
    recent_x: F64  # (5, n) oldest first; NaN before the first samples
    recent_z: F64  # (5, n)
    recent_m: F64  # (5, n) profile at that time
    recent_s: F64  # (5, n) time
    seen: F32  # (n,) finite samples in all
    born_s: F64  # (n,) first sample
    last_s: F64  # (n,) last sample
    departed_s: F64  # (2, n) since when above / below two sigmas; NaN when not
    # cumulative sums
    sums: F64  # (K, 2, n) in inflated sigmas
    sums_s: F64  # (K, 2, n) time of the first sample after the last zero
    # thresholds learnt from one's own past, in multiples of the nominal threshold: row 0 level, row 1 shift
    excursion: F64  # (2, n) peak of the present excursion
    record: F64  # (2, n) highest excursion that ended by itself
    chatter: F64  # (n,) recent number of episodes, fading
    # episode
    kind: Small  # (n,) a Kind: NONE, LEVEL, SHIFT
    side: Small  # (n,) +1, -1, 0
    told: Bits  # (n,) reported active at the last step
    clean: F64  # (n,) evidence of recovery: samples (LEVEL) or a cumulative sum (SHIFT)
    shift_size: F64  # (n,) size of a shift at its opening, in inflated sigmas
    peak: F64  # (n,) signed
    onset_s: F64  # (n,)
    opened_s: F64  # (n,)
    # cadence
    interval_s: F64  # (n,) own interval
    longest_s: F64  # (n,) longest silence that counts as its habit

    @property
    def size(self) -> int:
        """Number of series; `len(state)` says the same."""
        return int(self.seen.shape[0])

    def __len__(self) -> int:
        return self.size


NAN = float("nan")
_EACH = (PREDICTORS,)
_RING = (RECENT,)
_BANK = (len(ALLOWANCES), 2)
# name -> leading shape, dtype, value of a series never seen
_LAYOUT: Mapping[str, tuple[tuple[int, ...], Any, float]] = {
    "level": (_EACH, np.float64, NAN),
    "up": (_EACH, np.float64, 0.0),
    "down": (_EACH, np.float64, 0.0),
    "up_count": (_EACH, np.float32, 0.0),
    "down_count": (_EACH, np.float32, 0.0),
    "variance": (_EACH, np.float64, 0.0),
    "drift": (_EACH, np.float64, 0.0),
    "wander": (_EACH, np.float64, 0.0),
    "count": (_EACH, np.float32, 0.0),
    "tail": ((2,), np.float64, TAIL_USUAL),
    "contest": ((2,), np.float64, 0.0),
    "seasonal": ((), np.bool_, 0.0),
    "profile": ((SLOTS,), np.float64, 0.0),
    "spread": ((SLOTS,), np.float64, 0.0),
    "profile_count": ((SLOTS,), np.float32, 0.0),
    "recent_x": (_RING, np.float64, NAN),
    "recent_z": (_RING, np.float64, 0.0),
    "recent_m": (_RING, np.float64, NAN),
    "recent_s": (_RING, np.float64, NAN),
    "seen": ((), np.float32, 0.0),
    "born_s": ((), np.float64, NAN),
    "last_s": ((), np.float64, NAN),
    "departed_s": ((2,), np.float64, NAN),
    "sums": (_BANK, np.float64, 0.0),
    "sums_s": (_BANK, np.float64, NAN),
    "excursion": ((2,), np.float64, 0.0),
    "record": ((2,), np.float64, 0.0),
    "chatter": ((), np.float64, 0.0),
    "kind": ((), np.int8, 0.0),
    "side": ((), np.int8, 0.0),
    "told": ((), np.bool_, 0.0),
    "clean": ((), np.float64, 0.0),
    "shift_size": ((), np.float64, 0.0),
    "peak": ((), np.float64, NAN),
    "onset_s": ((), np.float64, NAN),
    "opened_s": ((), np.float64, NAN),
    "interval_s": ((), np.float64, NAN),
    "longest_s": ((), np.float64, 0.0),
}


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
    made = {name: np.full((*lead, n), fill, dtype=dtype) for name, (lead, dtype, fill) in _LAYOUT.items()}
    return BankState(step_s=float(step_s), **made)


def grow(state: BankState, n: int) -> BankState:
    """Room for `n` series: new rows at the end, the old ones unchanged (and copied).

    Raises ValueError when `n` is smaller than the bank: rows are never dropped silently.

    >>> len(grow(new_state(3, step_s=60.0), 5))
    5
    """
    if n < len(state):
        raise ValueError(f"cannot shrink a bank of {len(state)} series to {n}")
    fresh = new_state(n, step_s=state.step_s)
    for name in _LAYOUT:
        getattr(fresh, name)[..., : len(state)] = getattr(state, name)
    return fresh


def to_arrays(state: BankState) -> dict[str, NDArray[Any]]:
    """Copy the state into plain arrays, ready for `numpy.savez`; lossless.

    >>> int(to_arrays(new_state(1, step_s=60.0))["version"])
    1
    """
    arrays: dict[str, NDArray[Any]] = {name: getattr(state, name).copy() for name in _LAYOUT}
    return {"version": np.asarray(VERSION), "step_s": np.asarray(state.step_s), **arrays}


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> BankState:
    """Take up what `to_arrays` wrote.

    Raises StateVersionError when the snapshot is of another version, lacks a field, or its shapes disagree.

    >>> len(from_arrays(to_arrays(new_state(2, step_s=60.0))))
    2
    """
    found = int(arrays["version"]) if "version" in arrays else None
    if found != VERSION:
        raise StateVersionError(
            f"detector state of version {found}, this code reads {VERSION}: discard it and warm up from history"
        )
    missing = sorted(({"step_s"} | set(_LAYOUT)) - set(arrays))
    if missing:
        raise StateVersionError(f"detector state lacks {', '.join(missing)}: discard it and warm up from history")
    n = int(np.shape(arrays["seen"])[-1])
    made: dict[str, NDArray[Any]] = {}
    for name, (lead, dtype, _) in _LAYOUT.items():
        one = np.array(arrays[name], dtype=dtype)
        if one.shape != (*lead, n):
            raise StateVersionError(
                f"detector state has {name} of shape {one.shape}, expected {(*lead, n)}: discard it and warm up"
            )
        made[name] = one
    return BankState(step_s=float(arrays["step_s"]), **made)


assert {field.name for field in fields(BankState)} == {"step_s", *_LAYOUT}, "every field has a layout"

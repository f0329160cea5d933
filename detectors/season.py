"""The daily profile: what is usual at this hour, read between the hours so that a steep morning has no stairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S = 86_400.0
SLOTS = 48  # half-hours of the day, UTC: the error of lines between their means is a quarter of that of hours
SLOT_S = DAY_S / SLOTS
MEMORY_S = 3 * SLOT_S  # a slot forgets over three visits: a changed habit is learnt within days


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a moment lies between the centres of two neighbouring slots."""

    before: int
    after: int
    share: float  # of `after`, 0 to 1


def position(time_s: float) -> Position:
    """Locate a moment (seconds since 1970) in the day.

    >>> position(900.0)
    Position(before=0, after=1, share=0.0)
    >>> position(0.0)
    Position(before=47, after=0, share=0.5)
    """
    place = (time_s % DAY_S) / SLOT_S - 0.5
    before = int(np.floor(place))
    return Position(before=before % SLOTS, after=(before + 1) % SLOTS, share=place - before)


def at(profile: Floats, where: Position) -> Floats:
    """Read a profile (SLOTS, n) at a moment by linear interpolation: (n,) in the profile's unit; NaN stays NaN.

    >>> at(np.arange(48.0)[:, None], position(1800.0)).tolist()
    [0.5]
    """
    between: Floats = profile[where.before] * (1.0 - where.share) + profile[where.after] * where.share
    return between


def slot_of(time_s: Floats) -> NDArray[np.intp]:
    """Slot of the day of each moment (n,); of NaN it is 0, so mask those.

    >>> slot_of(np.array([0.0, 7200.0, np.nan])).tolist()
    [0, 4, 0]
    """
    known = np.where(np.isfinite(time_s), time_s, 0.0)
    return ((known % DAY_S) // SLOT_S).astype(np.intp) % SLOTS


def median_finite(block: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Median down the first axis over finite values only, and how many there were; NaN where none.

    Written out because numpy's own warns on empty columns, and a warning is an error here.

    >>> middle, count = median_finite(np.array([[1.0, np.nan], [3.0, np.nan], [8.0, np.nan]]))
    >>> middle.tolist(), count.tolist()
    ([3.0, nan], [3, 0])
    """
    count = np.count_nonzero(~np.isnan(block), axis=0)
    if not block.shape[0]:
        return np.full(block.shape[1], np.nan), count
    ordered = np.sort(block, axis=0)  # NaN last
    columns = np.arange(block.shape[1])
    low = ordered[np.maximum(count - 1, 0) // 2, columns]
    high = ordered[np.minimum(count // 2, block.shape[0] - 1), columns]
    return low + (high - low) / 2.0, count


def profile_of(times_s: Floats, values: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Median of each slot over a block of history.

    times_s: (t,) seconds since 1970; values: (t, n), NaN for no sample.
    Returns  (SLOTS, n) in the series' unit, NaN where a slot was never seen, and the samples in each.

    The median keeps ten bad minutes out of the habit.

    >>> profile, count = profile_of(np.arange(0.0, 86400.0, 600.0), np.ones((144, 1)))
    >>> float(profile[5, 0]), int(count[5, 0])
    (1.0, 3)
    """
    slots = slot_of(times_s)
    profile = np.full((SLOTS, values.shape[1]), np.nan)
    counts = np.zeros((SLOTS, values.shape[1]), dtype=np.intp)
    for slot in range(SLOTS):
        profile[slot], counts[slot] = median_finite(values[slots == slot])
    return profile, counts


FITTED = 0.5  # of the squared median error; stricter than for predictions: a fit always explains something


def judge_season(alone: Floats, explained: Floats) -> NDArray[np.bool_]:
    """Whether a profile made from a block of history explains enough to be used: (n,).

    alone, explained: (n,) median absolute error of the middle alone, and of the profile; NaN is no.

    >>> judge_season(np.array([1.0, 1.0]), np.array([0.1, 0.9])).tolist()
    [True, False]
    """
    enough: NDArray[np.bool_] = explained**2 < FITTED * alone**2
    return enough

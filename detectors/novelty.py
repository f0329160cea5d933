"""Values never seen at this time of day: a memory that is surprised once and then knows.

Two features of a series, its departure from a slow level and the same of a short mean, are drawn as points over the
time of day. A grid of 48 half-hours by 64 bins, one 64-bit word a half-hour, remembers where points have been. A row is
novel by its distance to the nearest of them, counted in hours and in shares of the range so far, whichever is larger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.season import SLOTS

F32 = NDArray[np.float32]
Words = NDArray[np.uint64]
Rows = NDArray[np.intp]

SLOW = 200.0  # rows of the level: longer than a working day at five minutes, so that a shift stays novel for a while
FAST = 6  # rows of the short mean: half an hour at five minutes
LEVELS = 10  # distances that are told apart; level j looks at j + 1 hours to each side
HALF_HOURS = 2  # of each level
UNIT = 0.012  # of the range so far: one unit of distance in value; about the width of a bin
HOUR = 0.8  # units that an hour of the day costs
BINS = 64
LEAST_SPAN = 1e-30  # of the range so far, unit: below it the width of a bin is no number in 32 bits
POWER = 0.7  # of the mean of both features: below one, so that they must agree
OWN = 0.4  # weight of the row itself; the rest is the short mean's
TRUST_DAYS = 8.0  # a memory of d days is believed by 1 - exp(-d / TRUST_DAYS)
SPEAKS_DAYS = 2.0  # before, too little is known for anything to be told
SPEAKS_ROWS = 100.0  # and with fewer rows a daily series would be as surprising on its tenth day as on its first
TRUSTED = 0.095  # trust from which distances are worth working out: below, none can be told or fill a gap
FILLED = 1.0  # novelty from which the way to the nearest known bin is learnt too
RECORD_ROWS = 120  # only what tops all of the last ten hours is shown: one trouble, one alert
MUTE_ROWS = 24  # rows of silence after an alert
LIMIT = 0.19  # of the score at its loudest: the flat end of a plateau from .16 to .20 on the open half of NAB
FLAT_TIMES, FLAT_ROWS = 3.0, 24.0  # a run of equal values is one when it lasts so many of its records, and so many more
FLAT_SCORE = 1.5 * LIMIT
FORGET_DAYS = 128  # each bin of each half-hour is forgotten once in so many days, unless it is seen again: a quarter
ONE = np.uint64(1)
FAR = 99  # bins: nothing is known on that side


class Memory(NamedTuple):
    """What is known of each series, changed in place; values are relative to its origin.

    A row is a sample, or what stands for five minutes of samples.
    """

    grid: Words  # (2, SLOTS, n) bins seen in each half-hour: of the departure from the level, of the short mean's
    edge: F32  # (2, n) left edge of the first bin
    width: F32  # (2, n) of a bin; 0 until there was a spread
    least: F32  # (2, n) range so far
    most: F32  # (2, n)
    level: F32  # (n,) exponential mean over SLOW rows
    ring: F32  # (FAST, n) last rows
    counts: F32  # (6, n) rows in all; since the record; since the alert; equal in a row; longest such run; record


def observe(memory: Memory, x: F32, *, age_days: F32, slot: int) -> tuple[F32, NDArray[np.bool_]]:
    """Take one row a series and tell how novel it is; the memory is changed in place.

    x: (n,) finite values relative to the origin. age_days: (n,) since the first row. slot: half-hour of the day.
    Returns (n,) the score, 0 where nothing is to be shown and LIMIT where it is told, up to 1; and where it is told.
    Source:  a one-nearest-neighbour novelty detector (Knorr & Ng 1998) on a grid; ours is the bit grid and the plane.

    >>> memory = new_memory(1)
    >>> days = np.arange(900, dtype=np.float32) / 288
    >>> quiet = [float(observe(memory, np.float32([k % 5]), age_days=days[[k]], slot=0)[0][0]) for k in range(900)]
    >>> score, told = observe(memory, np.float32([40.0]), age_days=np.float32([4.0]), slot=0)
    >>> bool(told[0]), max(quiet) < 0.01
    (True, True)
    """
    counts = memory.counts
    same = x == memory.ring[0]
    counts[:3] += 1.0
    rows = counts[0]
    memory.level[:] += np.maximum(1.0 / SLOW, 1.0 / rows) * (x - memory.level)
    memory.ring[1:] = memory.ring[:-1]
    memory.ring[0] = x
    short = memory.ring.sum(axis=0) * np.float32(1.0 / FAST)
    young = np.flatnonzero(rows < FAST)
    if len(young):  # the others of the ring are zero until they were written
        short[young] *= FAST / rows[young]
    trust = -np.expm1(-age_days / TRUST_DAYS) * (rows >= SPEAKS_ROWS)
    own = _far(memory, 0, x - memory.level, trust=trust, slot=slot)
    mean = _far(memory, 1, short - memory.level, trust=trust, slot=slot)
    score = np.zeros(len(x), np.float32)
    some = np.flatnonzero(own + mean)
    if len(some):
        agreed = OWN * (own[some] / LEVELS) ** POWER + (1.0 - OWN) * (mean[some] / LEVELS) ** POWER
        score[some] = trust[some] * agreed ** (1.0 / POWER)
    _flat(counts, same, score, age_days)
    return _shown(counts, score)


def new_memory(n: int) -> Memory:
    """Of `n` series never seen.

    >>> new_memory(2).grid.shape
    (2, 48, 2)
    """
    counts = np.zeros((6, n), np.float32)
    counts[2] = MUTE_ROWS
    edge, width, least, most = np.zeros((4, 2, n), np.float32)
    level, ring = np.zeros(n, np.float32), np.zeros((FAST, n), np.float32)
    return Memory(np.zeros((2, SLOTS, n), np.uint64), edge, width, least, most, level, ring, counts)


def forget(grid: Words, *, slot: int, day: int, old: NDArray[np.bool_]) -> None:
    """Forget one bin of a half-hour (2, SLOTS, n), another every second day, of series old enough; in place.

    old: (n,) known for FORGET_DAYS or more; before that all there is to know is needed.

    >>> grid = np.full((2, 48, 2), 3, np.uint64)
    >>> forget(grid, slot=5, day=128, old=np.array([True, False]))
    >>> grid[0, 4:6].tolist()
    [[3, 3], [2, 3]]
    """
    grid[:, slot] &= ~(old.astype(np.uint64) << np.uint64(day // (FORGET_DAYS // BINS) % BINS))


def _far(memory: Memory, feature: int, f: F32, *, trust: F32, slot: int) -> F32:
    """Distance (n,) of a feature from all that is known, in units, at most LEVELS; and learn it."""
    grid = memory.grid[feature]
    least, most = memory.least[feature], memory.most[feature]
    first = np.flatnonzero(memory.counts[0] == 1)
    least[first] = most[first] = f[first]
    before = least.copy()
    np.minimum(least, f, out=least)
    np.maximum(most, f, out=most)
    _place(memory, feature, f, before)
    width, edge = memory.width[feature], memory.edge[feature]
    spread = width > 0
    place = (f - edge) / np.maximum(width, LEAST_SPAN)
    place *= spread
    np.maximum(place, 0.0, out=place)
    bins = np.minimum(place, BINS - 1, out=place).astype(np.uint64)
    bit = ONE << bins
    near = grid[slot].copy()
    for step in range(1, HALF_HOURS + 1):
        near |= grid[(slot + step) % SLOTS]
        near |= grid[(slot - step) % SLOTS]
    found = np.zeros(len(f), np.float32)
    hit = np.flatnonzero(((near & bit) == 0) & spread & (trust >= TRUSTED))
    if len(hit):
        found[hit], more = _climb(
            grid[:, hit],
            slot=slot,
            bins=bins[hit].astype(np.int64),
            f=f[hit].astype(np.float64),
            edge=edge[hit].astype(np.float64),
            width=width[hit].astype(np.float64),
            unit=(most[hit] - least[hit]).astype(np.float64) * UNIT,
            trust=trust[hit],
        )
        bit[hit] |= more
    grid[slot] |= bit
    return found


def _place(memory: Memory, feature: int, f: F32, before: F32) -> None:
    """Make the grid of a feature wide enough for a new value, in place."""
    grid, edge, width = memory.grid[feature], memory.edge[feature], memory.width[feature]
    flat = np.flatnonzero(width == 0)
    span = memory.most[feature, flat] - memory.least[feature, flat]
    fresh, span = flat[span > LEAST_SPAN], span[span > LEAST_SPAN]
    if len(fresh):  # the first spread: everything so far was the one value before
        width[fresh] = span / 32.0
        edge[fresh] = memory.least[feature, fresh] - 16.0 * width[fresh]
        one = ONE << np.clip((before[fresh] - edge[fresh]) / width[fresh], 0, BINS - 1).astype(np.uint64)
        grid[:, fresh] = np.where(grid[:, fresh] > 0, one, np.uint64(0))
    for _ in range(64):
        below = f < edge
        outside = (below | (f >= edge + BINS * width)) & (width > 0)
        if not outside.any():
            return
        out = np.flatnonzero(outside)
        down = below[out]
        grid[:, out] = _halved(grid[:, out]) << np.where(down, np.uint64(32), np.uint64(0))
        edge[out] -= np.where(down, BINS * width[out], 0.0)
        width[out] *= 2.0


def _halved(words: Words) -> Words:
    """Half as many bins, twice as wide: neighbours are joined and moved to the low half."""
    joined = (words | (words >> ONE)) & np.uint64(0x5555555555555555)
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        joined = (joined | (joined >> np.uint64(shift))) & np.uint64(mask)
    return joined


def _climb(
    grid: Words,
    *,
    slot: int,
    bins: NDArray[np.int64],
    f: NDArray[np.float64],
    edge: NDArray[np.float64],
    width: NDArray[np.float64],
    unit: NDArray[np.float64],
    trust: F32,
) -> tuple[F32, Words]:
    """Look further and further around the time of day; tells the distance and which bins to learn besides."""
    steps = np.arange(HALF_HOURS * LEVELS + 1)
    around = grid[(slot + steps) % SLOTS] | grid[(slot - steps) % SLOTS]
    seen = np.bitwise_or.accumulate(around, axis=0)[HALF_HOURS::HALF_HOURS]  # (LEVELS, k)
    shift = bins.astype(np.uint64)
    under, over = seen & ((ONE << shift) - ONE), seen >> shift
    inside = (over & ONE) > 0
    down = np.where(under > 0, bins - _highest(under), FAR)
    up = np.where(over > 0, _lowest(over), FAR)
    to_lower = np.where(down < FAR, f - (edge + (bins - down + 0.5) * width), np.inf)
    to_upper = np.where(up < FAR, edge + (bins + up + 0.5) * width - f, np.inf)
    apart = np.where(inside, 0.0, np.maximum(np.minimum(to_lower, to_upper), 0.0) / unit)
    hours = HOUR * np.arange(LEVELS)[:, None]
    best = np.minimum(np.minimum.accumulate(np.maximum(hours, apart), axis=0), LEVELS)
    settled = best <= hours
    settled[-1] = True
    rung, columns = settled.argmax(axis=0), np.arange(len(bins))
    found = best[-1].astype(np.float32)
    gap = np.where(inside, 0, np.minimum(down, up))[rung, columns]
    upward = (up <= down)[rung, columns]
    fill = (gap < FAR) & (gap > 1) & (found * trust >= FILLED)
    # all bins strictly between this one and its nearest neighbour
    length = np.where(fill, gap - 1, 0).astype(np.uint64)
    run = (ONE << length) - ONE
    more = np.where(upward, run << (shift + ONE), run << (shift - np.minimum(length, shift)))
    return found, np.where(fill, more, np.uint64(0))


def _highest(words: Words) -> NDArray[np.int64]:
    """Place of the highest set bit; -1 for none. Clearing the bit below it keeps rounding to 53 bits safe."""
    return np.frexp((words & ~(words >> ONE)).astype(np.float64))[1].astype(np.int64) - 1


def _lowest(words: Words) -> NDArray[np.int64]:
    """Place of the lowest set bit; -1 for none."""
    return np.frexp((words & (~words + ONE)).astype(np.float64))[1].astype(np.int64) - 1


def _flat(counts: F32, same: NDArray[np.bool_], score: F32, age_days: F32) -> None:
    """Count equal rows, and be surprised once where they outlast their own record by far."""
    run, longest = counts[3], counts[4]
    np.maximum(longest, run * ~same, out=longest)
    run += 1.0
    run *= same
    stuck = same & (run == FLAT_TIMES * longest + FLAT_ROWS) & (age_days >= SPEAKS_DAYS)
    if stuck.any():
        np.copyto(score, np.maximum(score, FLAT_SCORE), where=stuck)


def _shown(counts: F32, score: F32) -> tuple[F32, NDArray[np.bool_]]:
    """Show what tops all of the last RECORD_ROWS, and be silent for MUTE_ROWS after telling."""
    since, muted, record = counts[1], counts[2], counts[5]
    record *= since <= RECORD_ROWS
    new = score > record
    np.maximum(record, score, out=record)
    since *= ~new
    shown = np.where(new & (muted > MUTE_ROWS), score, np.float32(0.0))
    told = shown >= LIMIT
    muted *= ~told
    return shown, told

"""The channels of one entity on a common scale: each in ranges of its own, as its history has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.screen import LARGEST

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

OUTERMOST = 5  # a range ends at the fifth sample from outside: four glitches of a sensor do not stretch it
ROUNDING = 1e-12  # of the largest value: what arithmetic alone makes of a constant
MOST_RANGES = 100.0  # farther out is as far: nothing is decided there, and sums keep their precision


def in_ranges(train: Floats, test: Floats) -> Floats:
    """Train and test as one block, each channel less its first sample and divided by its range in train.

    train: (n, c), test: (m, c), a column a channel in its own unit; NaN, infinite or beyond LARGEST means no sample.
    Returns (n + m, c) in ranges, clipped at MOST_RANGES; NaN where there is no sample. Neither unit nor zero of a
            channel matters.

    A channel that was constant in train has no range. It is divided by its reach, the farthest it has been so far: its
    first departure counts as one range, whatever its size. One that was never there has no usual at all: it has no
    sample in test either.

    >>> in_ranges(np.array([[10.0, 7.0], [30.0, 7.0]]), np.array([[50.0, 7.0], [20.0, 9.0], [np.nan, 8.0]])).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.5, 1.0], [nan, 0.5]]
    """
    rows = np.concatenate([train, test])
    rows[~(np.abs(rows) <= LARGEST)] = np.nan
    known = rows[: len(train)]
    rows[:, ~np.isfinite(known).any(axis=0)] = np.nan
    first = np.take_along_axis(rows, np.isfinite(rows).argmax(axis=0)[None], axis=0)
    width = own_range(known)
    least = ROUNDING * np.abs(np.where(np.isfinite(known), known, 0.0)).max(axis=0, initial=0.0)
    flat = ~(width > least)
    scaled = (rows - first) / np.where(flat, 1.0, width)
    scaled[:, flat] = _in_reach(np.where(np.abs(scaled[:, flat]) <= least[flat], 0.0, scaled[:, flat]))
    clipped: Floats = np.clip(scaled, -MOST_RANGES, MOST_RANGES)
    return clipped


def _in_reach(moved: Floats) -> Floats:
    """Divide by the largest absolute value up to and with each row; NaN stays NaN."""
    reach = np.fmax.accumulate(np.abs(moved), axis=0)
    found: Floats = moved / np.where(reach > 0, reach, 1.0)
    return found


def own_range(rows: Floats) -> Floats:
    """How far apart the outermost samples of each channel lie, the OUTERMOST - 1 on each side left out: (n, c) to (c,).

    Where nearly all samples are equal, nothing would be left: the whole range is taken then. 0 for a constant, or
    without a sample. NaN means no sample.

    >>> own_range(np.array([[0.0] * 3, [1e9, 0.0, 5.0]]).repeat([20, 1], axis=0) + np.arange(21.0)[:, None] * [1, 0, 0])
    array([12.,  0.,  5.])
    """
    absent = np.isnan(rows)
    place = min(OUTERMOST, len(rows)) - 1
    low = np.partition(np.where(absent, np.inf, rows), place, axis=0)[place]
    high = -np.partition(np.where(absent, np.inf, -rows), place, axis=0)[place]
    lowest, highest = np.where(absent, np.inf, rows).min(axis=0), np.where(absent, -np.inf, rows).max(axis=0)
    inner, whole = high - low, highest - lowest
    found: Floats = np.where(inner > 0, inner, np.maximum(whole, 0.0))
    return found


def carry_forward(rows: Floats) -> Floats:
    """Replace each NaN by the last sample of its channel: (n, c) to the same; before the first sample it is that one.

    Looking ahead to the first sample makes no movement, so it tells nothing of the future. Never a sample: 0.

    >>> carry_forward(np.array([[np.nan, 1.0], [2.0, np.nan], [np.nan, 3.0]])).tolist()
    [[2.0, 1.0], [2.0, 1.0], [2.0, 3.0]]
    """
    seen = np.isfinite(rows)
    index = np.maximum.accumulate(np.where(seen, np.arange(len(rows))[:, None], -1), axis=0)
    filled = np.take_along_axis(rows, np.where(index < 0, seen.argmax(axis=0), index), axis=0)
    known: Floats = np.where(np.isfinite(filled), filled, 0.0)
    return known


def mean_of_present(values: Floats, seen: Flags) -> Floats:
    """Mean over the channels that have a sample in a row: (n, c) to (n,), in their unit; 0 where none has.

    seen: (n, c) where there is a sample; what stands elsewhere, NaN too, counts for nothing.

    >>> mean_of_present(np.array([[1.0, 3.0], [1.0, 3.0]]), np.array([[True, True], [False, True]])).tolist()
    [2.0, 3.0]
    """
    total: Floats = np.where(seen, values, 0.0).sum(axis=1)
    mean: Floats = total / np.maximum(np.count_nonzero(seen, axis=1), 1)
    return mean

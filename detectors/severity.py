"""How far an entity is from its usual, now and over the last hour: what ranks rows, beside the alert that opens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.channels import mean_of_present
from detectors.turbulence import LEAST_LEVEL, LEVEL_SPAN, SMOOTH_ROWS, ordinary
from detectors.windows import level_before, smoothed, trailing_mean

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

OUTER = 0.01  # the usual range of a channel: from its 1 % to its 99 % quantile in train
LEAST_USUAL = 0.02  # ranges; of a usual range, for a channel that rests but for a few samples
WORST = 3  # channels that count by their plain distance: most incidents touch a few of many
FARTHEST = 1.0  # ranges outside: beyond a whole range of its own, a channel is as wrong as it gets
LOUDEST = 10.0  # a channel's most in any view: one of many may not outvote the others
TAIL, LEAST_LEAVE = 0.95, 0.01  # quantile of a channel's departures that counts as one, and its least, in ranges
SLOW_SPAN = 30.0  # rows of the slower level: what creeps in over minutes
RARE, LEAST_RARE = 0.999, 0.01  # quantile of a channel's movements that is rare, and its least, in ranges
UNIT = 0.99  # quantile in train that brings the views to one scale
MEMORY_S = 3600.0  # time constant of the slow half: people label the hour, not the minute
VIEWS = 5
HALF = 2.0 * VIEWS  # where the score is .5: every view as far out as 1 % of train, for an hour


def severity(filled: Floats, calm: Floats, seen: Flags, *, train_rows: int, step_s: float) -> Floats:
    """Distance from the usual (n,), 0 to 1; it never reaches 1, so that any two rows can be ranked.

    filled: (n, c) in ranges, without NaN. calm: the same without its daily profile. seen: where a sample was.

    A sum of five views, each in units of its own upper tail in train: distance outside the usual range, in widths of
    it over all channels, and plainly over the worst; departures from a fast and from a slow level; and how rare the
    first differences are. To it is added its own mean over the last hour.
    Sources: quantile bands; EWMA charts (Roberts 1959).

    >>> quiet = np.sin(np.arange(600.0))[:, None] * [1.0, 0.5]
    >>> quiet[580:] += 3.0
    >>> score = severity(quiet, quiet, np.ones(quiet.shape, np.bool_), train_rows=500, step_s=60.0)
    >>> float(score[:580].max()) < 0.5 < float(score[580:].min())
    True
    """
    outside, width = beyond(filled, train_rows=train_rows)
    fast, slow = (np.abs(calm - level_before(calm, span)) for span in (LEVEL_SPAN, SLOW_SPAN))
    moves = np.abs(np.diff(filled, axis=0, prepend=filled[:1]))
    rare = ordinary(moves[:train_rows], RARE, LEAST_RARE)
    views = (
        outside / width,
        fast / ordinary(fast[:train_rows], TAIL, LEAST_LEAVE),
        slow / ordinary(slow[:train_rows], TAIL, LEAST_LEAVE),
        np.log(np.maximum(moves / rare, 1.0 / math.e)) + 1.0,
    )
    means = (mean_of_present(np.minimum(view, LOUDEST), seen) for view in views)
    now = np.zeros(len(filled))
    for view in (*means, mean_of_worst(outside, seen)):
        smooth = trailing_mean(view, SMOOTH_ROWS)
        now += smooth / max(float(np.quantile(smooth[:train_rows], UNIT)), LEAST_LEVEL)
    total = now + smoothed(now, -math.expm1(-step_s / MEMORY_S))
    score: Floats = total / (total + HALF)
    return score


def beyond(rows: Floats, *, train_rows: int) -> tuple[Floats, Floats]:
    """Distance outside each channel's usual range (n, c), at most FARTHEST, and the width of it (c,); all in ranges.

    >>> outside, width = beyond(np.array([[0.0], [1.0], [3.0], [-0.5]]), train_rows=2)
    >>> outside.round(2).ravel().tolist(), width.round(2).tolist()
    ([0.01, 0.01, 1.0, 0.51], [0.98])
    """
    low, high = np.quantile(rows[:train_rows], (OUTER, 1.0 - OUTER), axis=0)
    outside = np.clip(np.maximum(rows - high, low - rows), 0.0, FARTHEST)
    return outside, np.maximum(high - low, LEAST_USUAL)


def mean_of_worst(values: Floats, seen: Flags) -> Floats:
    """Mean of the WORST largest channels of a row, of those that have a sample: (n, c) to (n,).

    values: in any one unit; seen: (n, c) where there is a sample. What stands elsewhere, NaN too, counts for nothing.

    >>> mean_of_worst(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[True, True, True, False]])).tolist()
    [2.0]
    """
    count = min(WORST, values.shape[1])
    known = np.where(seen, values, 0.0)
    worst: Floats = np.partition(known, known.shape[1] - count, axis=1)[:, -count:].mean(axis=1)
    return worst

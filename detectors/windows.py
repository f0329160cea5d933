"""Windows that end at the row they speak of, or just before it: nothing here looks ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import lfilter

Floats = NDArray[np.float64]


def trailing_mean(values: Floats, rows: int) -> Floats:
    """Mean of the last `rows` values up to and with each one, fewer at the start: (n,) to (n,).

    values: in any unit; NaN makes the rows that hold it NaN.

    Added up anew for each row: in a running sum one huge value would cost all later ones their digits.

    >>> trailing_mean(np.array([1.0, 3.0, 8.0, 4.0]), 2).tolist()
    [1.0, 2.0, 5.5, 6.0]
    """
    total = values.copy()
    for back in range(1, min(rows, len(values))):
        total[back:] += values[:-back]
    mean: Floats = total / np.minimum(np.arange(1, len(values) + 1), rows)
    return mean


def highest_before(values: Floats, rows: int) -> Floats:
    """Maximum of the `rows` values before each one; -inf at the first: (n,) to (n,).

    values: in any unit, without NaN.

    >>> highest_before(np.array([5.0, 1.0, 2.0, 0.0]), 2).tolist()
    [-inf, 5.0, 5.0, 2.0]
    """
    before = np.concatenate([[-np.inf], values[:-1]])
    # scipy centres its window; the origin moves it back so that it ends at its own element
    highest: Floats = maximum_filter1d(before, rows, mode="constant", cval=-np.inf, origin=(rows - 1) // 2)
    return highest


def smoothed(values: Floats, weight: float, *, start: Floats | float = 0.0) -> Floats:
    """Exponential mean of each channel with the row itself in it: (n, ...) to the same.

    values: in any unit; after a NaN a channel is NaN.
    weight: of the newest row, 0 to 1. start: (...), the mean before the first row.
    Source: Roberts (1959).

    >>> smoothed(np.array([4.0, 8.0]), 0.5).tolist()
    [2.0, 5.0]
    """
    held = np.broadcast_to((1.0 - weight) * np.asarray(start), (1, *values.shape[1:]))
    level, _ = lfilter([weight], [1.0, weight - 1.0], values, axis=0, zi=held)
    found: Floats = level
    return found


def level_before(values: Floats, span: float) -> Floats:
    """Exponential mean of the rows before each one, the newest weighing 1 / span: (n, c) to the same.

    values: in any unit; after a NaN a channel is NaN.

    >>> level_before(np.array([[4.0], [8.0], [0.0]]), 2.0).ravel().tolist()
    [4.0, 4.0, 6.0]
    """
    return np.concatenate([values[:1], smoothed(values, 1.0 / span, start=values[0])[:-1]])

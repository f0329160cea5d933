"""What an entity does at this time of day: the level of each channel, and bursts that come every day.

Rows are counted from the first of train, without gaps, so a time of day is known only relative to that row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from detectors.season import DAY_S

Floats = NDArray[np.float64]

SLOT_S = 900.0  # of the profile: schedules are kept to the quarter of an hour
PROFILE_DAYS = 3  # of history before a profile is believed: the median of three is the first that can outvote one
EXPLAINS = 0.85  # a profile is used where it leaves at most this share of the mean absolute deviation
HABIT_DAYS = 5  # of memory for bursts: a median that outvotes two odd days
HABIT_ROWS = 30  # a habit may come so many rows early or late


def without_profile(filled: Floats, *, train_rows: int, step_s: float) -> Floats:
    """Take the daily profile off the channels that have one, and the median off the others.

    filled:     (n, c) without NaN, from the first row of train on.
    train_rows: rows from which the profile is learnt; a slot that holds none of them has the median.
    step_s:     seconds from row to row.
    Returns     (n, c) in the unit of `filled`.
    Source:     seasonal medians, as in robust classical decomposition.

    >>> step = np.tile(np.repeat([[0.0], [8.0]], 12, axis=0), (4, 1))
    >>> float(np.abs(without_profile(step, train_rows=72, step_s=3600.0)).max())
    0.0
    """
    train = filled[:train_rows]
    middle = np.median(train, axis=0)
    calm: Floats = filled - middle
    if train_rows * step_s < PROFILE_DAYS * DAY_S:
        return calm
    slots = (np.arange(len(filled)) * step_s % DAY_S // max(SLOT_S, step_s)).astype(np.intp)
    profile = np.tile(middle, (int(slots.max()) + 1, 1))
    for slot in np.unique(slots[:train_rows]):
        profile[slot] = np.median(train[slots[:train_rows] == slot], axis=0)
    seasonal = filled - profile[slots]
    explained = np.abs(seasonal[:train_rows]).mean(axis=0) < EXPLAINS * np.abs(calm[:train_rows]).mean(axis=0)
    return np.where(explained, seasonal, calm)


def habit(values: Floats, *, step_s: float) -> Floats:
    """What `values` (n,) reached around this time on most of the last days; 0 without a day of past.

    values: (n,) in any unit, without NaN.

    The median over HABIT_DAYS of each day's maximum within HABIT_ROWS. Only past days are looked at.

    >>> burst = np.tile(np.where(np.arange(96) == 48, 9.0, 1.0), 3)
    >>> habit(burst, step_s=900.0)[[48, 96 + 50, 192 + 10]].tolist()
    [0.0, 9.0, 1.0]
    """
    day_rows = round(DAY_S / step_s)
    if day_rows <= 2 * HABIT_ROWS or len(values) <= day_rows:
        return np.zeros(len(values))
    around = maximum_filter1d(values, 2 * HABIT_ROWS + 1, mode="nearest")
    days = min(HABIT_DAYS, (len(values) - 1) // day_rows)
    past = np.full((days, len(values)), np.nan)
    for day in range(1, days + 1):
        past[day - 1, day * day_rows :] = around[: len(values) - day * day_rows]
    usual = np.zeros(len(values))
    usual[day_rows:] = np.nanmedian(past[:, day_rows:], axis=0)
    return usual

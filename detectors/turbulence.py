"""How much the channels of an entity move together, and which moments of that open an alert.

Movements, not levels: an incident begins with one, while levels drift and stay where they drifted. So an alert is about
something that begins, and is over soon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from detectors.channels import mean_of_present
from detectors.routine import habit
from detectors.season import DAY_S
from detectors.windows import highest_before, level_before, trailing_mean

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SMOOTH_ROWS = 5  # an incident moves several rows, a glitch one
LEVEL_SPAN = 5.0  # rows of the mean from which a departure is measured: as short as the smoothing
ORDINARY = 0.9  # quantile of a channel's movements that counts as one; higher ones already hold incidents
LEAST_MOVE = 0.01  # ranges: smaller movements are the grain of the measurement, not ordinary ones
LEAST_WIDTH = 0.05  # ranges; a channel whose profile explains it all would divide by nothing
MOST_MOVES = 100.0  # ordinary movements: no channel counts for more
PEAKS_A_DAY = 3.0  # that reach the usual level: in the bulk of the peaks, where few incidents can shift it
PEAK_ROWS = 20  # a peak is the highest of so many rows on either side
ROWS_A_PEAK = 96  # peaks are never counted denser, for steps beyond five minutes
# usual levels that open an alert; the middle of a plateau from 1.65 to 1.75 on the open entities, where it holds false
# episodes to one in three days; docs/benchmarks.md says what was looked at
OPENING = 1.7
RECORD_ROWS = 60  # within which only a higher turbulence alerts again
HABIT_WEIGHT = 0.2  # share of the habit taken off; with more, an incident that recurs daily would be a habit
LEAST_LEVEL = 1e-3  # what never moved has no usual level of its own


def usual_level(values: Floats, *, step_s: float) -> float:
    """The value that peaks of `values` (n,), history without NaN, reach PEAKS_A_DAY times a day.

    step_s: seconds from row to row. The first day, at most a tenth, is left out: habits are not known yet there.
    Returns in the unit of `values`, at least LEAST_LEVEL. With little history it is the fourth highest peak.

    A level reached once a day or less is made of incidents and scheduled jobs: too high where history is dirty, too
    low where it is clean. This one lies in the bulk, and a fixed factor above it means the same everywhere.
    Source: declustered peaks, as in peaks over threshold (Leadbetter 1991), counted and not fitted.

    >>> usual_level(np.tile(np.where(np.arange(360) == 50, 2.0, 1.0), 20), step_s=60.0)
    2.0
    """
    day_rows = DAY_S / step_s
    rows = values[int(min(day_rows, len(values) // 10)) :]
    tops = maximum_filter1d(rows, 2 * PEAK_ROWS + 1, mode="nearest")
    begins = np.concatenate([[True], rows[1:] != rows[:-1]])  # one row of a flat top
    peaks = np.sort(rows[(rows == tops) & begins])[::-1]
    wanted = round(len(rows) * min(PEAKS_A_DAY / day_rows, 1.0 / ROWS_A_PEAK))
    return max(float(peaks[min(max(wanted, 3), len(peaks) - 1)]), LEAST_LEVEL)


def turbulence(filled: Floats, calm: Floats, seen: Flags, *, train_rows: int, step_s: float) -> Floats:
    """How much the channels move, in usual levels: 1 is what train reaches PEAKS_A_DAY times a day.

    filled: (n, c) in ranges, without NaN. calm: the same without its daily profile. seen: where a sample was.
    Returns (n,), finite and at least 0.

    First differences, divided by an ordinary movement, by the range and by the mean of both: small movements of quiet
    channels and large ones of restless channels both count. And departures from the level just before, as on an
    EWMA chart, but averaged over channels: it is the entity that is judged.

    >>> quiet = np.sin(np.arange(600.0))[:, None] * [1.0, 0.5]
    >>> quiet[580:] += 3.0
    >>> seen = np.ones(quiet.shape, np.bool_)
    >>> moved = turbulence(quiet, quiet, seen, train_rows=500, step_s=60.0)
    >>> float(moved[:580].max()) < 1.5, float(moved[580:585].max()) > 1.5
    (True, True)
    """
    moves = np.abs(np.diff(filled, axis=0, prepend=filled[:1]))
    leaves = np.abs(calm - level_before(calm, LEVEL_SPAN))
    move, leave = (ordinary(values[:train_rows], ORDINARY, LEAST_MOVE) for values in (moves, leaves))
    width, calm_width = (np.maximum(np.ptp(values[:train_rows], axis=0), LEAST_WIDTH) for values in (filled, calm))
    units = ((moves, move), (moves, np.sqrt(move * width)), (moves, width), (leaves, np.sqrt(leave * calm_width)))
    total = np.zeros(len(filled))
    for values, unit in units:
        view = trailing_mean(mean_of_present(np.minimum(values / unit, MOST_MOVES), seen), SMOOTH_ROWS)
        total += view / usual_level(view[:train_rows], step_s=step_s)
    return total / len(units)


def ordinary(values: Floats, quantile: float, least: float) -> Floats:
    """A quantile of each channel's history, at least `least`: (n, c) to (c,), in the unit of `values`, without NaN.

    >>> ordinary(np.array([[0.0, 0.0], [0.0, 4.0]]), 0.5, 0.1).tolist()
    [0.1, 2.0]
    """
    return np.maximum(np.quantile(values, quantile, axis=0), least)


def openings(moved: Floats, *, train_rows: int, step_s: float, opening: float = OPENING) -> Flags:
    """Rows (n,) on which an alert opens, and the row after each: a pulse, because turbulence tops out early.

    moved:   (n,) turbulence from the first row of train on. It opens where it is `opening` times its usual level and
             tops the last RECORD_ROWS: one trouble, one alert, until it gets worse. A share of what comes at this time
             on most days is taken off first, in train too, so that the usual level stands on the same footing.
    opening: usual levels.

    >>> moved = 1.0 + 0.1 * np.sin(np.arange(600.0))
    >>> moved[550:560] = [4.0, 5.0, 5.0, 5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    >>> np.flatnonzero(openings(moved, train_rows=500, step_s=60.0)).tolist()
    [550, 551, 552]
    """
    surprising = moved - HABIT_WEIGHT * np.minimum(habit(moved, step_s=step_s), moved)
    limit = opening * usual_level(surprising[:train_rows], step_s=step_s)
    opened: Flags = (surprising >= limit) & (surprising > highest_before(surprising, RECORD_ROWS))
    opened[1:] |= opened[:-1]
    return opened

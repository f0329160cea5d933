"""What every series pays every tick: compare the sample with its line, move the sums, count the departure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import shift
from detectors.spike import confirmed
from detectors.state import LOWER, RING, ROWS, SCREEN, UPPER, BankState, Hot
from detectors.tick import Tick

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]

LARGEST = 1e18  # a sample beyond is treated as missing: its square would overflow, and nothing measurable is so large
DEPARTED = 2.0  # sigmas: a departure is dated from its first sample beyond
POWER_RATE = 0.05  # weight of a sample in the short-term mean of squared scores


def _begin(state: BankState, part: slice, values: Floats, time_s: float) -> None:
    """A first sample is the level until there are more."""
    fresh = np.isnan(state.origin[part])
    if not fresh.any():
        return
    rows = part.start + np.flatnonzero(fresh & (np.abs(values[part]) <= LARGEST))
    state.origin[rows] = values[rows]
    state.lesson_s[rows] = time_s - state.step_s
    state.hot[ROWS["inv_up"], rows] = state.hot[ROWS["inv_down"], rows] = 1.0  # nothing is known of its spread
    state.born_s[rows] = np.where(np.isnan(state.born_s[rows]), time_s, state.born_s[rows])


def screen(state: BankState, part: slice, values: Floats, elapsed_s: float, tick: Tick) -> None:
    """What every series pays every tick. The arithmetic is spelled out, with results in place: this is the budget."""
    _begin(state, part, values, tick.time_s)
    hot = Hot(*state.hot[:, part])
    x, z, spare = np.empty((3, len(hot.base)), dtype=np.float32)
    np.subtract(values[part], state.origin[part], out=x, casting="same_kind")
    here = tick.here[part]
    np.less_equal(np.abs(x, out=spare), LARGEST, out=here)
    whole = bool(here.all())
    expected = tick.line[part]
    np.multiply(hot.slope, elapsed_s, out=expected)
    np.add(expected, hot.base, out=expected)
    if not whole:
        absent = np.flatnonzero(~here)
        x[absent] = expected[absent]
        before = state.hot[SCREEN, part][:, absent]
    np.subtract(x, expected, out=x)
    np.maximum(x, 0.0, out=z)
    np.subtract(x, z, out=spare)
    np.multiply(z, hot.inv_up, out=z)
    np.multiply(spare, hot.inv_down, out=spare)
    np.add(z, spare, out=z)
    ring = state.hot[RING, part]
    ring[:-1] = ring[1:]
    ring[-1] = z
    wide, sharp = confirmed(*ring)
    np.maximum(np.abs(wide, out=wide), np.abs(sharp, out=sharp), out=wide)
    np.multiply(x, hot.inv_long, out=x)
    np.maximum(x, -shift.CLIP, out=x)
    np.minimum(x, shift.CLIP, out=x)
    shift.accumulate(state.hot[UPPER, part], state.hot[LOWER, part], x, spare)
    score = tick.score[part]
    np.maximum(wide, spare, out=score)
    np.maximum(hot.excursion, score, out=hot.excursion)
    _departing(hot.departed, z, spare)
    np.add(hot.seen, 1.0, out=hot.seen)
    np.square(z, out=spare)
    np.minimum(spare, 16.0, out=spare)
    np.subtract(spare, hot.power, out=spare)
    np.multiply(spare, POWER_RATE, out=spare)
    np.add(hot.power, spare, out=hot.power)
    if whole:
        np.add(state.phase[part], 1, out=state.phase[part])
    else:
        state.hot[SCREEN, part.start + absent] = before
        np.add(state.phase[part], here, out=state.phase[part], casting="unsafe")
        z[absent] = np.nan
    tick.z[part] = z


def _departing(departed: F32, z: F32, spare: F32) -> None:
    """Count the samples of the present departure, signed, in place.

    >>> departed, z = np.array([3.0, 3.0, 0.0], np.float32), np.array([5.0, -5.0, 0.5], np.float32)
    >>> _departing(departed, z, np.empty(3, np.float32))
    >>> departed.tolist()
    [4.0, -1.0, 0.0]
    """
    np.multiply(z, 1.0 / DEPARTED, out=spare)
    np.maximum(spare, -1.0, out=spare)
    np.minimum(spare, 1.0, out=spare)
    np.trunc(spare, out=spare)  # the side of this sample, 0 when it is near
    np.multiply(departed, np.abs(spare), out=departed)
    np.multiply(departed, (departed * spare) > 0.0, out=departed)
    np.add(departed, spare, out=departed)

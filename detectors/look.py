"""The second, dearer look at the few series that complain: when the change began, within what, and how large it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.shift import ALLOWANCES, LIMITS, SATURATION
from detectors.state import KEPT, ROWS, BankState

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

WITHIN = 1.92  # of log likelihood below the best moment: half of chi-square's 95 % point with one degree of freedom


class Onset(NamedTuple):
    """When a change began; every array is (k,)."""

    at: Floats  # index of the first sample after it
    earliest: Floats  # index; a 95 % interval
    latest: Floats
    size: Floats  # mean departure since, in the unit of the residuals


def residuals_of(state: BankState, rows: Rows) -> tuple[Floats, Floats]:
    """The last samples of some series against what is expected of them, oldest first.

    Returns times (t,) in seconds since 1970, ascending, and residuals (t, k) in the series' unit; NaN for no sample.
    """
    order = (int(state.place[0]) + np.arange(KEPT)) % KEPT
    order = order[np.isfinite(state.kept_s[order])]
    times_s = state.kept_s[order]
    hot = state.hot[:, rows].astype(np.float64)
    line = hot[ROWS["base"]] + hot[ROWS["slope"]] * (times_s[:, None] - state.clock[1])
    return times_s, state.kept[order][:, rows] - line


def onset_of(residuals: Floats, sigma: Floats, allowance: Floats, side: NDArray[np.int8]) -> Onset:
    """The most likely moment since which the mean of residuals is no longer zero.

    residuals: (t, k), oldest first, NaN for no sample. sigma: (k,) of single residuals, same unit, positive.
    allowance: (k,) half the shift that is looked for, same unit: what stays below it does not count as begun.
    side:      (k,) +1 or -1.
    Returns    indices into the first axis; where there is no sample at all, the last one.
    Source:    maximum likelihood of a change point in the mean of a Gaussian, Hinkley (1970), for a shift of twice the
               allowance: where Page's sum last left zero; the interval by likelihood ratio.

    >>> one, up = np.ones(1), np.ones(1, np.int8)
    >>> found = onset_of(np.array([[0.1], [-0.1], [0.0], [3.0], [2.8], [3.2]]), one, one, up)
    >>> found.at.tolist(), found.earliest.tolist(), found.latest.tolist(), found.size.round(1).tolist()
    ([3.0], [3.0], [3.0], [3.0])
    """
    if not len(residuals):
        zero = np.zeros(residuals.shape[1])
        return Onset(zero, zero, zero, zero)
    known = np.isfinite(residuals)
    clipped = np.clip(np.where(known, residuals * side, 0.0), -12.0 * sigma, 12.0 * sigma)
    gain = np.cumsum(np.where(known, clipped - allowance, 0.0)[::-1], axis=0)[::-1]
    gain = np.where(known, gain, -np.inf) * (2.0 * allowance / (sigma * sigma))
    number = np.cumsum(known[::-1], axis=0)[::-1]
    total = np.cumsum(clipped[::-1], axis=0)[::-1]
    columns = np.arange(residuals.shape[1])
    best = gain.argmax(axis=0)
    likely = gain >= gain[best, columns] - WITHIN
    return Onset(
        at=best.astype(np.float64),
        earliest=likely.argmax(axis=0).astype(np.float64),
        latest=(len(gain) - 1 - likely[::-1].argmax(axis=0)).astype(np.float64),
        size=side * total[best, columns] / np.maximum(number[best, columns], 1),
    )


def samples_of(sums: NDArray[np.floating]) -> Floats:
    """For how many samples a shift lasts, told from two charts: they differ by their allowances, a sample a time.

    sums: (3, k) of one side, in multiples of their limits. One that is saturated tells nothing: then 0.

    >>> samples_of(np.array([[25.0], [12.5], [0.0]]) / LIMITS).round().tolist()
    [50.0]
    """
    raw = sums.astype(np.float64) * LIMITS
    lasted: Floats = np.maximum(raw[0] - raw[1], 0.0) / (ALLOWANCES[1, 0] - ALLOWANCES[0, 0])
    return np.where((sums[:2] < SATURATION).all(axis=0), lasted, 0.0)


def sample_time(state: BankState, rows: Rows, back: NDArray[np.floating], *, now_s: float) -> Floats:
    """Time (k,) of the sample that lies `back` (k,) samples before the one at `now_s`; seconds since 1970.

    Exact as far as samples are kept; beyond, by the series' own interval in whole steps of the bank.
    """
    order = (int(state.place[0]) - 1 - np.arange(KEPT)) % KEPT  # newest first
    number = np.cumsum(np.isfinite(state.kept[order][:, rows]), axis=0)
    wanted = np.maximum(np.rint(back.astype(np.float64)), 0.0)
    held = number[-1]
    at = (number >= np.minimum(wanted, held)).argmax(axis=0)
    known_s = np.where(wanted >= 1, state.kept_s[order[at]], now_s)
    own = state.interval_s[rows].astype(np.float64)
    steps = np.maximum(np.rint(np.where(np.isfinite(own), own, state.step_s) / state.step_s), 1.0)
    found: Floats = np.where(held > 0, known_s, now_s) - np.maximum(wanted - held, 0.0) * steps * state.step_s
    return found

"""The closer look at flagged series: onset with an interval, shape, size, pace, and whether it came before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from detectors.judgement import Kind
from detectors.look import onset_of, residuals_of
from detectors.season import DAY_S, SLOT_S
from detectors.state import ROWS, BankState, Rows

Floats = NDArray[np.float64]

HOUR_S = 3_600.0
RAMP_FITS = 0.8  # of the squared error of a step: a line through zero must be clearly better to be called a ramp
OLD_RAMP_FITS = 0.5  # the same where the onset is no longer kept: a line of free height fits noise, too
STILL = 0.5  # of its pace a ramp must show in its last quarter against the one before, or it has come to rest
RAMP_SAMPLES = 6  # fewer cannot tell a line from a step
SPIKE_SAMPLES = 2  # departures of so many samples that are back already
ALIKE = 2.0  # peaks within this factor of one another, in sigmas, are alike
SAME_HOUR_S = 2 * HOUR_S  # two episodes at about the same time of day; else they must agree in how long they lasted


class Shape(IntEnum):
    """What a departure looks like since its onset."""

    STEP = 0
    RAMP = 1  # it still grows, about in proportion to time
    SPIKE = 2  # a sample or two
    SPREAD = 3  # to both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One row a flagged series; every array is (k,)."""

    onset_s: Floats  # seconds since 1970
    earliest_s: Floats  # 95 % interval of the onset, within what is kept
    latest_s: Floats
    size: Floats  # mean departure since, signed, in the series' unit
    shape: NDArray[np.int8]  # a Shape
    pace: Floats  # of a ramp, unit an hour, signed; NaN for other shapes
    until_limit_s: Floats  # seconds until a ramp reaches the limit it runs to; NaN when it does not
    resembles_s: Floats  # when an earlier episode of the series that looked alike was opened; NaN for none


def closer(state: BankState, rows: Rows, *, limit: Floats | None = None) -> Look:
    """Look closer at some series of a bank after a step; the state is not changed.

    rows:  (k,) series, as a rule those that are active.
    limit: (k,) value that the series cannot or must not pass, such as 1 for a share; NaN for none.

    Onsets are found among the samples that are kept; one that began before has the first of them as its earliest.
    """
    times_s, residuals = residuals_of(state, rows)
    number = len(rows)
    if not len(times_s):
        nothing = np.full(number, np.nan)
        step = np.zeros(number, np.int8)
        return Look(
            onset_s=nothing,
            earliest_s=nothing,
            latest_s=nothing,
            size=nothing,
            shape=step,
            pace=nothing,
            until_limit_s=nothing,
            resembles_s=nothing,
        )
    hot = state.hot[:, rows].astype(np.float64)
    side = np.where(state.side[rows] != 0, state.side[rows], np.sign(hot[ROWS["z4"]])).astype(np.int8)
    sigma = 1.0 / np.maximum(np.where(side > 0, hot[ROWS["inv_up"]], hot[ROWS["inv_down"]]), 1e-30)
    found = onset_of(residuals, sigma, 0.5 * sigma, side)
    since = np.arange(len(times_s))[:, None] >= found.at
    after = np.where(since & np.isfinite(residuals), residuals, 0.0)
    counted = (since & np.isfinite(residuals)).sum(axis=0)
    begun = np.logical_not((np.isfinite(residuals) & ~since).any(axis=0))
    onset = found.at.astype(np.intp)
    shape, pace = _shape_of(state, rows, after, counted, times_s=times_s, onset=onset, begun=begun)
    last = hot[ROWS["base"]] + hot[ROWS["slope"]] * (times_s[-1] - state.clock[1]) + state.origin[rows] + residuals[-1]
    ahead = np.full(number, np.nan) if limit is None else (limit - last) / pace
    return Look(
        onset_s=times_s[found.at.astype(np.intp)],
        earliest_s=times_s[found.earliest.astype(np.intp)],
        latest_s=times_s[found.latest.astype(np.intp)],
        size=found.size,
        shape=shape,
        pace=pace,
        until_limit_s=np.where(ahead > 0, ahead * HOUR_S, np.nan),
        resembles_s=_resembles(state, rows),
    )


def _shape_of(
    state: BankState,
    rows: Rows,
    after: Floats,
    counted: NDArray[np.intp],
    *,
    times_s: Floats,
    onset: NDArray[np.intp],
    begun: NDArray[np.bool_],
) -> tuple[NDArray[np.int8], Floats]:
    """Compare a step with a line through zero at the onset; tells the shape and the line's slope in unit an hour.

    begun: (k,) the onset lies before all that is kept, so that the line need not begin at zero.
    """
    hours = np.maximum(times_s[:, None] - times_s[np.maximum(onset - 1, 0)], 0.0) / HOUR_S
    known = after != 0.0
    middle = after.sum(axis=0) / np.maximum(counted, 1)
    centre = np.where(begun, np.where(known, hours, 0.0).sum(axis=0) / np.maximum(counted, 1), 0.0)
    along = np.where(known, hours - centre, 0.0)
    high = np.where(known, after - np.where(begun, middle, 0.0), 0.0)
    line = (along * high).sum(axis=0) / np.maximum((along * along).sum(axis=0), 1e-30)
    of_line = high - line * along
    of_step = np.where(known, after - middle, 0.0)
    fits = np.where(begun, OLD_RAMP_FITS, RAMP_FITS)
    ramp = ((of_line**2).sum(axis=0) < fits * (of_step**2).sum(axis=0)) & (counted >= RAMP_SAMPLES)
    ramp &= line * middle > 0  # what comes back grows no more
    ramp &= _grows(known, hours, after, line)
    spike = (state.side[rows] == 0) & (counted <= SPIKE_SAMPLES)
    wild = state.kind[rows] == Kind.SPREAD
    shape = np.select([wild, spike, ramp], [Shape.SPREAD, Shape.SPIKE, Shape.RAMP], Shape.STEP).astype(np.int8)
    return shape, np.where(ramp, line, np.nan)


def _grows(known: NDArray[np.bool_], hours: Floats, after: Floats, line: Floats) -> NDArray[np.bool_]:
    """Whether the last quarter (k,) of the samples that are known goes on as a line of so many units an hour does."""
    back = np.cumsum(known[::-1], axis=0)[::-1]  # 1 for the latest
    quarter = np.maximum(known.sum(axis=0) // 4, 2)
    late, early = known & (back <= quarter), known & (back > quarter) & (back <= 2 * quarter)
    parts = [(part, np.maximum(part.sum(axis=0), 1)) for part in (late, early)]
    height, time = (
        [np.where(part, values, 0.0).sum(axis=0) / number for part, number in parts] for values in (after, hours)
    )
    grown: Floats = (height[0] - height[1]) * np.sign(line)
    found: NDArray[np.bool_] = grown >= STILL * np.abs(line) * (time[0] - time[1])
    return found


def _resembles(state: BankState, rows: Rows) -> Floats:
    """When the latest earlier episode (k,) was opened that looked like the present one."""
    peak, before = state.peak[rows].astype(np.float64), state.past_peak[:, rows].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        like = (before * peak > 0) & (np.abs(np.log(before / peak)) <= np.log(ALIKE))
    apart_s = np.abs(state.past_s[:, rows] - state.opened_s[rows]) % DAY_S
    same_hour = np.minimum(apart_s, DAY_S - apart_s) <= SAME_HOUR_S
    lasted_s = np.maximum(float(state.clock[0]) - state.opened_s[rows], SLOT_S)
    as_long = state.past_lasted_s[:, rows] >= 0.5 * lasted_s
    known = like & (same_hour | as_long)
    first = known.argmax(axis=0)
    found: Floats = np.where(known.any(axis=0), state.past_s[first, rows], np.nan)
    return found

"""Seeded streams whose changes begin at a row that is known exactly: for delays, false alarms and contracts.

Noise has a robust sigma of one and sits on a level of LEVEL, so a change of 3 is three sigmas. Seeds up to 99 are for
development; figures that are reported come from seeds of 1,000 and more, which no choice may rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, int], Floats]

DAY_S = 86_400.0
LEVEL = 100.0  # far enough from zero that nothing here is negative
PHI = 0.5  # of the autoregressive noise
BURN_IN = 64  # samples until it has forgotten its start
STUDENT_SIGMA = 1.13404  # robust sigma of Student's t with 3 degrees of freedom: its upper quartile over a Gaussian's
SEASON = 6.0  # sigmas from the middle of a day to its top


def _autoregressive(rng: np.random.Generator, t: int, n: int) -> Floats:
    drawn = rng.standard_normal((t + BURN_IN, n))
    return lfilter([np.sqrt(1.0 - PHI**2)], [1.0, -PHI], drawn, axis=0)[BURN_IN:]


NOISES: Mapping[str, Draw] = {
    "independent": lambda rng, t, n: rng.standard_normal((t, n)),
    "AR .5": _autoregressive,
    "Student t, 3": lambda rng, t, n: rng.standard_t(3, (t, n)) / STUDENT_SIGMA,
    "daily season": lambda rng, t, n: rng.standard_normal((t, n)),  # beside which a season is laid
}
SEASONAL = frozenset({"daily season"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What was drawn, and all that is to be known of it; times and rows are exact."""

    times_s: Floats  # (t,)
    values: Floats  # (t, n); NaN for no sample
    usual: Floats  # (t, n) level and season without noise, as they were before any change
    onset: NDArray[np.intp]  # (n,) first changed row
    counter: bool  # the values only grow, but for resets
    noise: str
    change: str
    size: float


def _step(noise: Floats, _: Floats, since: Floats, size: float, __: float) -> Floats:
    return noise + size * (since >= 0)


def _ramp(noise: Floats, _: Floats, since: Floats, size: float, step_s: float) -> Floats:
    return noise + size * np.maximum(since + 1.0, 0.0) * (step_s / 3_600.0)


def _spike(noise: Floats, _: Floats, since: Floats, size: float, __: float) -> Floats:
    return noise + size * (since == 0)


def _spread(noise: Floats, _: Floats, since: Floats, size: float, __: float) -> Floats:
    return noise * np.where(since >= 0, size, 1.0)


def _flat(noise: Floats, usual: Floats, since: Floats, _: float, __: float) -> Floats:
    held = (noise + usual)[np.clip((since == -1).argmax(axis=0), 0, None), np.arange(noise.shape[1])]
    return np.where(since >= 0, held - usual, noise)


def _missing(noise: Floats, _: Floats, since: Floats, __: float, ___: float) -> Floats:
    return np.where(since >= 0, np.nan, noise)


CHANGES: Mapping[str, Callable[[Floats, Floats, Floats, float, float], Floats]] = {
    "none": lambda noise, *_: noise,
    "step": _step,  # size: sigmas
    "ramp": _ramp,  # size: sigmas an hour
    "spike": _spike,  # size: sigmas, for one row
    "spread": _spread,  # size: factor of the noise
    "flat": _flat,  # the value of the row before the onset, for ever
    "missing": _missing,
    "season shifted": lambda noise, *_: noise,  # size: hours; done to the season itself
    "counter reset": lambda noise, *_: noise,  # done to the sum
}


def generate(
    seed: int,
    *,
    noise: str,
    change: str = "none",
    size: float = 0.0,
    rows: int,
    series: int,
    step_s: float,
    onset: int | NDArray[np.intp] = 0,
) -> Stream:
    """Draw `series` streams of one noise, each with one change that begins at its `onset` and lasts.

    The same seed and shape give the same noise whatever the change, so that what differs is the change alone.
    """
    rng = np.random.default_rng([seed, list(NOISES).index(noise)])
    times_s = np.arange(rows) * step_s
    first = np.broadcast_to(np.asarray(onset, dtype=np.intp), (series,)).copy()
    since = np.arange(rows)[:, None] - first.astype(np.float64)
    phase = rng.uniform(0.0, DAY_S, series)
    swing = SEASON if noise in SEASONAL or change == "season shifted" else 0.0
    late_s = np.where(since >= 0, size * 3_600.0, 0.0) if change == "season shifted" else 0.0
    usual = LEVEL + swing * np.sin(2.0 * np.pi * (times_s[:, None] + phase) / DAY_S)
    moved = LEVEL + swing * np.sin(2.0 * np.pi * (times_s[:, None] + phase - late_s) / DAY_S)
    values = moved + CHANGES[change](NOISES[noise](rng, rows, series), usual, since, size, step_s)
    counter = change == "counter reset"
    if counter:
        total = np.cumsum(np.maximum(values, 0.0) * step_s, axis=0)
        values = total - np.where(since >= 0, total[np.maximum(first - 1, 0), np.arange(series)], 0.0)
    return Stream(
        times_s=times_s,
        values=values,
        usual=usual,
        onset=first,
        counter=counter,
        noise=noise,
        change=change,
        size=size,
    )

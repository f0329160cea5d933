"""Seeded streams for the detectors' tests: noise of many characters, and a driver that feeds it to a bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detectors.bank import BankState, Guards, Judgements, new_state, step, warm

STEP_S = 60.0
DAY = 1440  # samples
BURN_IN = 300  # until an AR(1) with .9 has forgotten its start
Floats = NDArray[np.float64]


def ar1(rng: np.random.Generator, phi: float, t: int, n: int) -> Floats:
    drawn = rng.standard_normal((t + BURN_IN, n))
    return lfilter([np.sqrt(1 - phi**2)], [1, -phi], drawn, axis=0)[BURN_IN:]


def day(rng: np.random.Generator, t: int, n: int) -> Floats:
    return np.sin(2 * np.pi * np.arange(t)[:, None] / DAY + rng.uniform(0, 2 * np.pi, n))


def with_holes(rng: np.random.Generator, t: int, n: int) -> Floats:
    x = 100 + ar1(rng, 0.6, t, n)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


def every_quarter(rng: np.random.Generator, t: int, n: int) -> Floats:
    x = 100 + ar1(rng, 0.6, t, n)
    x[np.arange(t) % 15 != 0] = np.nan
    return x


def working_day(rng: np.random.Generator, t: int, n: int) -> Floats:
    hour = (np.arange(t)[:, None] / 60 + rng.uniform(0, 24, n)) % 24
    return 100 * (1 + np.clip(np.minimum(hour - 7, 19 - hour), 0, 1)) * np.exp(0.03 * ar1(rng, 0.6, t, n))


NOISES: dict[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "independent": lambda rng, t, n: 100 + rng.standard_normal((t, n)),
    "AR .5": lambda rng, t, n: 100 + ar1(rng, 0.5, t, n),
    "AR .9": lambda rng, t, n: 100 + ar1(rng, 0.9, t, n),
    "Student t, 3 degrees": lambda rng, t, n: 100 + rng.standard_t(3, (t, n)),
    "lognormal": lambda rng, t, n: np.exp(rng.standard_normal((t, n))),
    "day of 50 %, little noise": lambda rng, t, n: 100 * (1 + 0.5 * day(rng, t, n)) + 0.1 * rng.standard_normal((t, n)),
    "day, noise in proportion": lambda rng, t, n: 100 * (1 + 0.5 * day(rng, t, n)) * np.exp(0.05 * ar1(rng, 0.8, t, n)),
    "working day": working_day,
    "rare events": lambda rng, t, n: (rng.random((t, n)) < 0.01).astype(float),
    "very rare events": lambda rng, t, n: (rng.random((t, n)) < 0.001).astype(float),
    "Poisson, daily": lambda rng, t, n: rng.poisson(5 * (1 + 0.5 * day(rng, t, n))).astype(float),
    "quantised ratio": lambda rng, t, n: np.round(0.97 + 0.01 * ar1(rng, 0.7, t, n), 2),
    "constant": lambda rng, t, n: np.full((t, n), 3.0),
    "a tenth missing": with_holes,
    "a sample a quarter": every_quarter,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Judgements of a run, stacked: every array is (t, n)."""

    state: BankState
    active: NDArray[np.bool_]
    opened: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    direction: NDArray[np.int8]
    kind: NDArray[np.int8]
    onset: Floats  # in samples since the first live column
    expected: Floats
    z: Floats
    gap: NDArray[np.bool_]
    judged: NDArray[np.bool_]


def feed(values: Floats, *, learnt: int = 0, guards: Guards | None = None, state: BankState | None = None) -> Record:
    """Warm a bank with the first `learnt` columns and judge the others."""
    t, n = values.shape
    guards = guards or Guards.neutral(n)
    times_s = STEP_S * np.arange(t, dtype=np.float64)
    bank = state or new_state(n, step_s=STEP_S)
    if learnt:
        bank = warm(bank, times_s[:learnt], values[:learnt], guards)
    seen: list[Judgements] = []
    for row in range(learnt, t):
        bank, judged = step(bank, time_s=times_s[row], values=values[row], guards=guards)
        seen.append(judged)
    stacked = {
        name: np.array([getattr(one, name) for one in seen])
        for name in ("active", "opened", "closed", "direction", "kind", "expected", "z", "gap", "judged")
    }
    onset = np.array([one.onset_s for one in seen]) / STEP_S - learnt
    return Record(state=bank, onset=onset, **stacked)


def first_active(record: Record) -> Floats:
    """Live columns until each series is active; NaN where never."""
    return np.where(record.active.any(axis=0), record.active.argmax(axis=0), np.nan)

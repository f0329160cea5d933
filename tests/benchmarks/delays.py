"""How soon is a step seen when a false alarm is allowed once a week? Ours beside the chart that is best at that step.

    python -m tests.benchmarks.delays [--seed 1000] [--series 300] [--jobs 2]

Prints one JSON object. Streams come from the seeded generator, 30 s a row; seeds up to 99 are for development. Nothing is
tuned here but thresholds, and those on streams of their own in which nothing happens, with the same false alarms for both:
a mean of a week (20,160 rows) from a start in control to the first crossing, counted as alarms over rows at risk.

ours:  the bank's `score`, learnt from two days and then as it comes, with its threshold moved to that rate.
chart: a two-sided cumulative sum (Page 1954) that knows what ours must learn: level, spread, season, the coefficient
       of the noise, and the size of the step; k is half of it, h found like our threshold. Autoregressive noise is
       prewhitened; of heavy tails both see clipped samples.
A delay counts rows from the first changed one, which is row 1. A step not seen within a day counts as a day.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Guards, new_state, step, warm
from tests.detectors.generator import NOISES, PHI, Stream, generate

Floats = NDArray[np.float64]

STEP_S = 30.0
DAY = 2_880  # rows
WEEK = 7 * DAY
LEARNT = 2 * DAY
SIZES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0)  # robust sigmas
CLIP = 3.0  # sigmas: of samples with heavy tails, as the bank's own sums clip them


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How long each series of a run in control was at risk, for every threshold that matters."""

    records: Floats  # (k,) thresholds, ascending
    mean: Floats  # (k,) rows at risk for an alarm


def risk_of(highest: Floats) -> Risk:
    """Rows at risk for a first crossing, by threshold.

    highest: (t, n) running maximum of a statistic. A series is at risk until it first reaches the threshold, or to the end.
    """
    thresholds = np.unique(highest[-1])
    waited = np.array([np.searchsorted(column, thresholds) for column in highest.T])  # rows below each threshold
    crossed = waited < len(highest)
    rows = np.where(crossed, waited + 1, len(highest)).sum(axis=0)
    return Risk(records=thresholds, mean=rows / np.maximum(crossed.sum(axis=0), 1))


def threshold_for(risk: Risk, rows: float) -> float:
    """Least threshold at which alarms are at least so rare."""
    rare = np.flatnonzero(risk.mean >= rows)
    return float(risk.records[rare[0]] if len(rare) else risk.records[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the bank said of live rows; every array is (t, n)."""

    score: NDArray[np.float32]
    opened: NDArray[np.bool_]


def live(stream: Stream) -> Live:
    """Learn from two days, then judge the rest."""
    n = stream.values.shape[1]
    guards = Guards.neutral(n)
    bank = warm(new_state(n, step_s=STEP_S), stream.times_s[:LEARNT], stream.values[:LEARNT], guards)
    rows = len(stream.values) - LEARNT
    score, opened = np.zeros((rows, n), np.float32), np.zeros((rows, n), np.bool_)
    for row in range(rows):
        at = LEARNT + row
        bank, seen = step(bank, time_s=float(stream.times_s[at]), values=stream.values[at], guards=guards)
        score[row], opened[row] = seen.score, seen.opened
    return Live(score=score, opened=opened)


def known(stream: Stream) -> Floats:
    """The samples as the chart sees them: without level and season, white, of spread one."""
    left: Floats = stream.values - stream.usual
    if stream.noise == "AR .5":
        left[1:] = (left[1:] - PHI * left[:-1]) / np.sqrt(1.0 - PHI**2)
    if stream.noise == "Student t, 3":
        left = np.clip(left, -CLIP, CLIP)
    return left


def shift_of(noise: str, size: float) -> float:
    """What a step of so many robust sigmas moves the mean of those samples by."""
    if noise == "AR .5":
        return size * float(np.sqrt((1.0 - PHI) / (1.0 + PHI)))
    if noise == "Student t, 3":
        drawn = NOISES[noise](np.random.default_rng(0), 200_000, 1)
        return float(np.clip(drawn + size, -CLIP, CLIP).mean() - np.clip(drawn, -CLIP, CLIP).mean())
    return size


def chart(samples: Floats, k: float, *, begun: tuple[Floats, Floats] | None = None) -> Iterator[Floats]:
    """The larger of the two sums after each row (n,)."""
    up, down = begun or (np.zeros(samples.shape[1]), np.zeros(samples.shape[1]))
    for row in samples:
        up = np.maximum(up + row - k, 0.0)
        down = np.maximum(down - row - k, 0.0)
        yield np.maximum(up, down)


def first_of(crossed: NDArray[np.bool_], onset: NDArray[np.intp]) -> Floats:
    """Delay of each series: rows from its onset to the first crossing, one for none; NaN where it stood at the onset.

    crossed: (t, n). A crossing that already stands is a false alarm or luck, and tells nothing of the delay.
    """
    n = crossed.shape[1]
    delays = np.full(n, np.nan)
    for series in range(n):
        at = int(onset[series])
        if crossed[at - 1, series]:
            continue
        rows = np.flatnonzero(crossed[at : at + DAY, series])
        delays[series] = rows[0] + 1.0 if len(rows) else DAY
    return delays


def summary(delays: Floats) -> dict[str, Any]:
    told = delays[np.isfinite(delays)]
    return {
        "mean": round(float(told.mean()), 2),
        "standard error": round(float(told.std() / np.sqrt(max(len(told), 1))), 2),
        "not seen within a day": round(float((told >= DAY).mean()), 3),
    }


def at_rest(statistic: Callable[[], Iterator[Floats]], rows: int, n: int) -> Floats:
    """Running maximum (t, n) of a statistic."""
    highest = np.empty((rows, n))
    for row, value in enumerate(statistic()):
        highest[row] = value
    return np.maximum.accumulate(highest, axis=0)


def measure(noise: str, *, seed: int, series: int) -> dict[str, Any]:
    """Everything about one noise."""
    calm = generate(seed, noise=noise, rows=LEARNT + WEEK, series=series, step_s=STEP_S)
    rest, samples = live(calm), known(calm)[LEARNT:]
    ours = threshold_for(risk_of(np.maximum.accumulate(rest.score, axis=0).astype(np.float64)), WEEK)
    alarms, at_risk = int(rest.opened.any(axis=0).sum()), rest.opened.size
    del rest
    found: dict[str, Any] = {
        "our threshold": round(ours, 4),
        "shipped": {"first episodes": alarms, "rows": at_risk, "weeks": round(at_risk / WEEK, 1)},
        "steps": {},
    }
    rng = np.random.default_rng([seed, 1])
    for size in SIZES:
        onset = rng.integers(LEARNT + DAY // 4, LEARNT + DAY, series)  # at any time of day, half-hour and batch
        moved = generate(
            seed + 500,
            noise=noise,
            change="step",
            size=size,
            onset=onset,
            rows=LEARNT + 2 * DAY,
            series=series,
            step_s=STEP_S,
        )
        seen, left, live_onset = live(moved), known(moved)[LEARNT:], onset - LEARNT
        k = shift_of(noise, size) / 2.0
        h = threshold_for(risk_of(at_rest(partial(chart, samples, k), len(samples), series)), WEEK)
        best = first_of(np.array(list(chart(left, k))) >= h, live_onset)
        mine = first_of(seen.score >= ours, live_onset)
        shipped = first_of(seen.opened, live_onset)
        found["steps"][str(size)] = {
            "ours": summary(mine),
            "chart": {**summary(best), "k": round(k, 3), "h": round(h, 2)},
            "ratio": round(float(np.nanmean(mine) / np.nanmean(best)), 2),
            "shipped": summary(shipped),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.delays")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.jobs) as workers:
        found = dict(
            zip(NOISES, workers.map(partial(measure, seed=asked.seed, series=asked.series), NOISES), strict=True)
        )
    told = {"seed": asked.seed, "series": asked.series, "rows for a false alarm": WEEK, "noises": found}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

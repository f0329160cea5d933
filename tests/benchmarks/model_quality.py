"""What the statistics on a prediction log promise, counted: false alarms, power, delay, and what they cost.

    python -m tests.benchmarks.model_quality [--seed 1000] [--runs 400] [--jobs 2]

Prints one JSON object. Everything is drawn from the seed; nothing is tuned to it.

no drift:  60 columns of four kinds (Gaussian, log-normal, mostly zero, categories), 10,000 rows of reference, binned as
           a profile bins them. Share of runs with a finding: Benjamini-Hochberg at .05 alone, and with the floor.
harmless:  the same with 100,000 rows against 50,000, all shifted by .02 sd.
psi null:  share of p-values below .05 and, as a multiple of what it should be, below .001.
outlier:   PSI of a shift of .7 sd, 5,000 rows against 5,000, without and with one value of 1e6.
cusum:     500 labels a day, 6 % errors, to 8 % from day 31; threshold by simulation for 5 % in 90 days.
versions:  the same errors, looked at daily; the old version has 15,000 labels.
cost:      the best of many repetitions in this process; the loop is `ks_2samp` of every column on 5,000 against 5,000 rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from detectors.discover import discoveries
from detectors.distances import js, ks
from detectors.error_rate import step, threshold
from detectors.homogeneity import chi_square
from detectors.psi import psi
from detectors.quantiles import edges
from detectors.versions import always_valid

Floats = NDArray[np.float64]

COLUMNS, BINS = 60, 10
TILES = 1_000  # quantiles that a column's edges are chosen from
Q, FLOOR = 0.05, 0.1
ROWS = (100, 200, 500, 5_000, 50_000)
DAYS, CHANGED, LABELS, USUAL, WORSE = 90, 30, 500, 0.06, 0.08


def drawn(rng: np.random.Generator, rows: int, shift: float = 0.0) -> Floats:
    """Columns (f, rows) of four kinds."""
    values = rng.standard_normal((COLUMNS, rows)) + shift
    values[1::4] = np.exp(values[1::4])
    values[2::4] = np.maximum(values[2::4] - 0.8, 0.0)
    values[3::4] = np.floor(np.exp(values[3::4]))
    return values


def edges_of(values: Floats) -> Floats:
    ordered = np.sort(values)
    return edges(ordered[np.ceil(np.arange(1, TILES + 1) * len(ordered) / TILES).astype(int) - 1], bins=BINS)


def counted(columns: Floats, cuts: list[Floats]) -> Floats:
    """Counts (f, b), NaN for bins that a column does not have."""
    counts = np.full((len(cuts), max(map(len, cuts)) + 1), np.nan)
    for row, (values, cut) in enumerate(zip(columns, cuts, strict=True)):
        counts[row, : len(cut) + 1] = np.bincount(np.searchsorted(cut, values, "right"), minlength=len(cut) + 1)
    return counts


def judged(before: Floats, now: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Columns that Benjamini and Hochberg let pass, and those of them that moved far enough."""
    moved = psi(before, now)
    passed = discoveries(moved.p, tests=len(before), level=Q)
    return passed, passed & ((moved.excess >= FLOOR) | (ks(before, now) >= FLOOR))


def still(rows: int, *, seed: int, runs: int, reference: int = 10_000, shift: float = 0.0) -> dict[str, Any]:
    """Share of runs with a finding."""
    rng = np.random.default_rng([seed, rows, round(1e3 * shift)])
    alone = floored = 0
    for _ in range(runs):
        before, now = drawn(rng, reference), drawn(rng, rows, shift)
        cuts = [edges_of(values) for values in before]
        passed, found = judged(counted(before, cuts), counted(now, cuts))
        alone, floored = alone + bool(passed.any()), floored + bool(found.any())
    return {
        "runs": runs,
        "reference": reference,
        "Benjamini-Hochberg": round(alone / runs, 4),
        "with the floor": round(floored / runs, 4),
    }


def null(shares: Floats, rows: int, *, seed: int, runs: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, rows, len(shares)])
    p = psi(rng.multinomial(10_000, shares, runs), rng.multinomial(rows, shares, runs)).p
    return {
        "below .05": round(float((p < 0.05).mean()), 4),
        "below .001, times": round(float((p < 0.001).mean()) * 1e3, 2),
    }


def outlier(seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, 1])
    before, now = rng.standard_normal(5_000), rng.standard_normal(5_000) + 0.7
    wild = now.copy()
    wild[0] = 1e6
    cuts = [edges_of(before)]
    plain, moved = (float(psi(counted(before[None], cuts), counted(one[None], cuts)).psi[0]) for one in (now, wild))
    return {"psi": round(plain, 4), "with one of 1e6": round(moved, 4), "relative": round(moved / plain - 1.0, 5)}


def first_days(
    crossed: Callable[[NDArray[np.int64]], NDArray[np.bool_]], rng: np.random.Generator, rates: Floats, runs: int
) -> Floats:
    """Number of the first day on which a rule speaks (runs,), from 1; infinite for none."""
    first = np.full(runs, np.inf)
    for day, rate in enumerate(rates.tolist(), start=1):
        spoke = crossed(rng.binomial(LABELS, rate, runs))
        first = np.where(spoke & np.isinf(first), day, first)
    return first


def cusum(seed: int, runs: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 2])
    limit = threshold(
        usual=USUAL, worse=WORSE, labels=LABELS, looks=DAYS, false_share=0.05, rng=rng, runs=max(runs, 10_000)
    )

    def chart() -> Callable[[NDArray[np.int64]], NDArray[np.bool_]]:
        total = np.zeros(runs)

        def look(errors: NDArray[np.int64]) -> NDArray[np.bool_]:
            nonlocal total
            total = step(total, errors, LABELS, usual=USUAL, worse=WORSE)
            return total > limit

        return look

    calm = first_days(chart(), rng, np.full(DAYS, USUAL), runs)
    moved = first_days(chart(), rng, np.repeat([USUAL, WORSE], [CHANGED, DAYS - CHANGED]), runs)
    return {
        "threshold": round(limit, 2),
        "false in 90 days": round(float(np.isfinite(calm).mean()), 4),
        "median days to be found": float(np.median(moved[moved > CHANGED]) - CHANGED),
    }


def versions(seed: int, runs: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 3])

    def chart() -> Callable[[NDArray[np.int64]], NDArray[np.bool_]]:
        errors, labels, p = np.zeros(runs), 0, np.ones(runs)
        old = rng.binomial(30 * LABELS, USUAL, runs)

        def look(new: NDArray[np.int64]) -> NDArray[np.bool_]:
            nonlocal errors, labels, p
            errors, labels = errors + new, labels + LABELS
            p = always_valid(errors, labels, old, 30 * LABELS, tau=WORSE - USUAL, before=p)
            return p < Q

        return look

    calm = first_days(chart(), rng, np.full(DAYS, USUAL), runs)
    worse = first_days(chart(), rng, np.full(DAYS, WORSE), runs)
    return {
        "false in 90 days": round(float(np.isfinite(calm).mean()), 4),
        "found": round(float(np.isfinite(worse).mean()), 4),
        "median days to be found": float(np.median(worse)),
    }


def best_of(call: Callable[[], object], repeat: int) -> float:
    """Milliseconds of the quickest repetition: the others waited for somebody else."""
    took = []
    for _ in range(repeat):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
    return 1e3 * min(took)


def cost(seed: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, 4])
    before, now = drawn(rng, 5_000), drawn(rng, 5_000)
    shares = np.full(BINS, 1.0 / BINS)
    left, right = (rng.multinomial(5_000, shares, COLUMNS).astype(np.float64) for _ in range(2))

    def ours() -> None:
        judged(left, right)
        js(left, right)
        chi_square(left, right)

    def loop() -> None:
        for one, other in zip(before, now, strict=True):
            stats.ks_2samp(one, other, method="asymp")

    ours_ms, loop_ms = best_of(ours, 200), best_of(loop, 5)
    return {
        "all statistics, ms": round(ours_ms, 3),
        "scipy loop on rows, ms": round(loop_ms, 1),
        "ratio": round(ours_ms / loop_ms, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.model_quality")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    costs = cost(asked.seed)  # before the workers take the processors
    few = max(asked.runs // 20, 1)
    many = 250 * asked.runs
    unequal = 1.0 / np.arange(1, 23) ** 1.3
    unequal /= unequal.sum()
    with ProcessPoolExecutor(asked.jobs) as workers:
        quiet = workers.map(partial(still, seed=asked.seed, runs=asked.runs), ROWS[:-1])
        large = workers.submit(still, ROWS[-1], seed=asked.seed, runs=few, reference=100_000)
        harmless = workers.submit(still, ROWS[-1], seed=asked.seed, runs=few, reference=100_000, shift=0.02)
        told = {
            "seed": asked.seed,
            "no drift": {
                **{str(rows): found for rows, found in zip(ROWS[:-1], quiet, strict=True)},
                str(ROWS[-1]): large.result(),
            },
            "harmless": harmless.result(),
            "psi null": {
                name: {str(rows): null(shares, rows, seed=asked.seed, runs=many) for rows in ROWS[:-1]}
                for name, shares in (("ten quantile bins", np.full(BINS, 1.0 / BINS)), ("22 categories", unequal))
            },
            "outlier": outlier(asked.seed),
            "cusum": cusum(asked.seed, 50 * asked.runs),
            "versions": versions(asked.seed, 50 * asked.runs),
            "cost": costs,
        }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

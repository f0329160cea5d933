"""How often does the bank cry wolf, and are its probabilities what they say?

    python -m tests.benchmarks.false_alarms [--seed 1000] [--series 200] [--data DIR] [--jobs 2]

Prints one JSON object, for each noise of the seeded generator (a minute a row, two days learnt, a week counted; seeds up
to 99 are for development) and for each folder of DIR, whose files `*.npz` hold `train` (rows, channels), assumed normal,
and `step_s`. Of those the first half is learnt, the second counted; channels that do not move in the first are left out.

realised / nominal: how many times as often as promised a sample's own probability, of going as far to either side, is
at most 1e-3 or 1e-4. One is honest, below is deaf, above is fiction. Thresholds come from the past alone. Some of
what real data show is trouble that nobody labelled, and rows of an episode are alike: without them is given too.
episodes a series-day: at shipped defaults, all series of a noise or a file in one bank.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Guards, Judgements, Kind, new_state, step, warm
from tests.detectors.generator import NOISES, generate

Floats = NDArray[np.float64]

STEP_S = 60.0
DAY_S = 86_400.0
LEARNT_DAYS, LIVE_DAYS = 2, 7
NOMINAL = (1e-3, 1e-4)


def probability(seen: Judgements) -> Floats:
    """How often an ordinary sample of the series is as far out to either side (n,); NaN where there is none to judge."""
    either = np.minimum(2.0 * seen.p.astype(np.float64), 1.0)
    return np.where(seen.judged & np.isfinite(seen.z), either, np.nan)


def count(values: Floats, *, step_s: float, learnt: int) -> Counter[str]:
    """Learn from the first rows of (t, n) and count over the others."""
    times_s, n = np.arange(len(values)) * step_s, values.shape[1]
    guards = Guards.neutral(n)
    bank = warm(new_state(n, step_s=step_s), times_s[:learnt], values[:learnt], guards)
    counted: Counter[str] = Counter(series=n)
    for row in range(learnt, len(values)):
        bank, seen = step(bank, time_s=float(times_s[row]), values=values[row], guards=guards)
        p = probability(seen)
        counted["rows"] += int(np.isfinite(p).sum())
        counted["quiet rows"] += int(np.isfinite(p[~seen.active]).sum())
        counted["episodes"] += int(seen.opened.sum())
        counted.update(f"as {Kind(kind).name.lower()}" for kind in seen.kind[seen.opened].tolist())
        for nominal in NOMINAL:
            counted[f"{nominal:g}"] += int((p <= nominal).sum())
            counted[f"quiet {nominal:g}"] += int((p[~seen.active] <= nominal).sum())
    counted["seconds"] = round((len(values) - learnt) * step_s * n)
    return counted


def of_noise(noise: str, *, seed: int, series: int) -> Counter[str]:
    day = round(DAY_S / STEP_S)
    drawn = generate(seed, noise=noise, rows=(LEARNT_DAYS + LIVE_DAYS) * day, series=series, step_s=STEP_S)
    return count(drawn.values, step_s=STEP_S, learnt=LEARNT_DAYS * day)


def of_file(path: Path) -> Counter[str]:
    with np.load(path) as held:
        train, step_s = held["train"].astype(np.float64), float(held["step_s"])
    half = len(train) // 2
    moves = np.nanmax(train[:half], axis=0) > np.nanmin(train[:half], axis=0)
    return count(train[:, moves], step_s=step_s, learnt=half)


def summary(counts: Iterable[Counter[str]]) -> dict[str, Any]:
    total: Counter[str] = sum(counts, Counter())
    days = total["seconds"] / DAY_S
    return {
        "series": total["series"],
        "series-days": round(days, 1),
        "realised / nominal": {
            f"{nominal:g}": round(total[f"{nominal:g}"] / max(total["rows"], 1) / nominal, 2) for nominal in NOMINAL
        },
        "outside episodes": {
            f"{nominal:g}": round(total[f"quiet {nominal:g}"] / max(total["quiet rows"], 1) / nominal, 2)
            for nominal in NOMINAL
        },
        "episodes": total["episodes"],
        **{name: number for name, number in sorted(total.items()) if name.startswith("as ")},
        "episodes a series-day": round(total["episodes"] / max(days, 1e-9), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.false_alarms")
    parser.add_argument("--seed", type=int, default=1_000)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--data", type=Path, help="folder with folders of *.npz")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    folders: dict[str, list[Path]] = {}
    for path in sorted(asked.data.glob("*/*.npz")) if asked.data else []:
        folders.setdefault(path.parent.name, []).append(path)
    with ProcessPoolExecutor(asked.jobs) as workers:
        noises = workers.map(partial(of_noise, seed=asked.seed, series=asked.series), NOISES)
        files = {name: workers.map(of_file, paths) for name, paths in folders.items()}
        told = {
            "seed": asked.seed,
            "generator": {name: summary([counted]) for name, counted in zip(NOISES, noises, strict=True)},
            "data": {name: summary(counts) for name, counts in files.items()},
        }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

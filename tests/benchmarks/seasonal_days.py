"""How often seasonal days are called drifted: real electricity and bike demand, day by day.

    python -m tests.benchmarks.seasonal_days --data FOLDER

FOLDER holds elec.csv.gz and bike.zip. The first 28 days are the reference, the next 100 fill the history, and each day
after that is judged as a live log would be. Both data sets change for good in their years (demand nearly doubles), so
what is counted is an upper bound of false alarms. The power is that of a shift added to one feature of a random day.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bot.domain.prediction_log import Profile, Window
from bot.pipeline.quality.columns import columns_of, feature_drift
from bot.pipeline.quality.windows import MEMORY
from tests.pipeline.quality.logs import Rows, profile_of, window_of

REFERENCE, WARM_UP, TRIED = 28, 100, 100  # days
SHIFTS = (1.0, 2.0)  # standard deviations of the reference
Table = Mapping[str, np.ndarray]


def electricity(folder: Path) -> tuple[Table, int]:
    with gzip.open(folder / "elec.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    names = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
    return {name: np.array([float(row[name]) for row in rows]) for name in names}, 48


def bikes(folder: Path) -> tuple[Table, int]:
    with zipfile.ZipFile(folder / "bike.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("hour.csv").decode())))
    names = ("temp", "atemp", "hum", "windspeed", "casual", "registered", "cnt")
    return {name: np.array([float(row[name]) for row in rows]) for name in names}, 24


def rows_of(table: Table) -> Rows:
    n = len(next(iter(table.values())))
    nothing = np.zeros(n)
    return Rows(features=dict(table), score=np.full(n, 0.5), answer=nothing, label=np.full(n, np.nan))


def part(table: Table, start: int, end: int) -> dict[str, np.ndarray]:
    return {name: values[start:end] for name, values in table.items()}


def found_in(profile: Profile, window: Window, past: list[Window]) -> set[str]:
    history = [*profile.history, *past][-MEMORY:]
    names = {grid.name for grid in profile.features}
    columns = [column for column in columns_of(profile, window, history) if column.name in names]
    return {finding.about for finding in feature_drift(columns)[0]}


def judge_days(table: Table, a_day: int, rng: np.random.Generator) -> dict[str, object]:
    length = len(next(iter(table.values())))
    profile = profile_of(rows_of(part(table, 0, REFERENCE * a_day)), stretch=a_day)
    spread = {name: float(np.std(values[: REFERENCE * a_day])) for name, values in table.items()}
    past: list[Window] = []
    days: list[set[str]] = []
    last = length // a_day
    tried = set(rng.choice(np.arange(REFERENCE + WARM_UP, last), TRIED, replace=False).tolist())
    seen = dict.fromkeys(SHIFTS, 0)
    for day in range(REFERENCE, last):
        values = part(table, day * a_day, (day + 1) * a_day)
        window = window_of(profile, rows_of(values), number=day)
        if day >= REFERENCE + WARM_UP:
            days.append(found_in(profile, window, past))
        if day in tried:
            name = str(rng.choice([one for one in table if spread[one] > 0]))
            for shift in SHIFTS:
                moved = {**values, name: values[name] + shift * spread[name]}
                seen[shift] += name in found_in(profile, window_of(profile, rows_of(moved)), past)
        past.append(window)
    return {
        "days": len(days),
        "days_with_a_finding": round(float(np.mean([bool(found) for found in days])), 4),
        "by_feature": {name: round(float(np.mean([name in found for found in days])), 4) for name in table},
        "mean_over_features": round(float(np.mean([name in found for found in days for name in table])), 4),
        "found_of_shifted_days": {f"+{shift:g} sd": count / TRIED for shift, count in seen.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    rng = np.random.default_rng(5)
    told = {name: judge_days(*read(folder), rng) for name, read in (("elec", electricity), ("bike", bikes))}
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()

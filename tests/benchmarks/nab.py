"""What does a file of the Numenta Anomaly Benchmark look like to us? One shipped configuration, every file by itself.

    python -m tests.benchmarks.nab --data DIR [--part A|B] [--out DIR] [--jobs 2]

DIR holds `data/<category>/<name>.csv` (or `.csv.gz`) with columns timestamp and value, and `labels/combined_windows.json`;
files without labels are left out. Parts: names sorted within a category, in turn A, B, A, B. Prints one JSON object.
With --out the answers are written as `<category>/faultline_<name>.csv`, as other scorers want them.

The score is NAB's (Lavin & Ahmad 2015), written anew from its description. A row in a window earns the more the earlier
it is, and only the best of a window counts; a missed window costs; a false row costs the less the nearer it follows a
window. 0 is never to speak, 100 to speak once at the start of each window and nowhere else. **NAB chooses one threshold on
the very labels that it scores**, so `best` is tuned on its test; `at 0.5` is what ships; `other half` is scored at the
threshold that is best on this one. `alert` counts episodes as they would be told: windows with one, and those outside.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.series import judge

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SHIPPED = 0.5
UNSCORED_SHARE, UNSCORED_MOST = 0.15, 750  # rows at the beginning of a file
STEEPNESS = 5.0
FAR = 3.0  # widths of a window after its end, from where a false row costs in full


class Profile(NamedTuple):
    """What matters to whom."""

    hit: float
    miss: float
    false_row: float


PROFILES: Mapping[str, Profile] = {
    "standard": Profile(1.0, 1.0, 0.11),
    "low FP": Profile(1.0, 1.0, 0.22),
    "low FN": Profile(1.0, 2.0, 0.11),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A file with its labels and our answer; arrays are (t,)."""

    name: str  # category/name.csv
    begins: int  # first row that is scored
    windows: tuple[tuple[int, int], ...]  # first and last row
    worth: Floats  # in a window: of a hit at this row, to 1; elsewhere: of a false row, from -1 to 0
    inside: Flags
    score: Floats
    alert: Flags
    days: float


def weight(place: float) -> float:
    """1 far ahead of the end of a window, 0 at it, -1 far behind."""
    return -1.0 if place > FAR else 2.0 / (1.0 + math.exp(STEEPNESS * place)) - 1.0


def worth_of(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[Floats, Flags]:
    """What a detection at each row is worth, of a hit or of a false row; and which of the two it is."""
    worth, inside = np.full(rows, -1.0), np.zeros(rows, np.bool_)
    until = [*(first for first, _ in windows[1:]), rows]  # where the next one begins; unused without windows
    for (first, last), following in zip(windows, until, strict=False):
        width = last - first
        for row in range(first, last + 1):
            inside[row] = True
            worth[row] = weight((row - last - 1) / (width + 1)) / weight(-1.0)
        for row in range(last + 1, min(following, last + int(FAR * width) + 1)):
            worth[row] = weight((row - last) / width)
    return worth, inside


def raw(one: Answered, threshold: float, profile: Profile) -> float:
    """Points of a file when a row speaks whose score reaches the threshold."""
    spoken = one.score >= threshold
    spoken[: one.begins] = False
    points = profile.false_row * float(one.worth[spoken & ~one.inside].sum())
    for first, last in one.windows:
        hits = one.worth[first : last + 1][spoken[first : last + 1]]
        points += profile.hit * float(hits.max()) if len(hits) else -profile.miss
    return points


def normalised(files: Sequence[Answered], threshold: float, profile: Profile) -> float:
    windows = sum(len(one.windows) for one in files)
    points = sum(raw(one, threshold, profile) for one in files)
    return 100.0 * (points + profile.miss * windows) / (windows * (profile.hit + profile.miss))


def best_threshold(files: Sequence[Answered], profile: Profile) -> float:
    """The threshold with most points. Only a row in a window can add points, so only their scores are candidates."""
    inside = np.concatenate([one.score[one.inside & (np.arange(len(one.score)) >= one.begins)] for one in files])
    candidates = np.append(np.unique(inside), np.inf)
    points = np.zeros(len(candidates))
    for one in files:
        # points of a file change at its own scores only
        own = np.append(np.unique(one.score[one.begins :]), np.inf)
        at = own[np.searchsorted(own, candidates)]
        held = {threshold: raw(one, threshold, profile) for threshold in np.unique(at).tolist()}
        points += [held[threshold] for threshold in at.tolist()]
    return float(candidates[points.argmax()])


def operations(files: Iterable[Answered], spoken: Mapping[str, Flags]) -> dict[str, Any]:
    """What a person on call would see."""
    hit = windows = false_rows = episodes = 0
    days = 0.0
    for one in files:
        flags = spoken[one.name].copy()
        flags[: one.begins] = False
        windows += len(one.windows)
        hit += sum(bool(flags[first : last + 1].any()) for first, last in one.windows)
        false = flags & ~one.inside
        false_rows += int(false.sum())
        episodes += int(false[0]) + int((false[1:] & ~false[:-1]).sum())
        days += one.days * float((~one.inside[one.begins :]).sum()) / len(one.score)
    return {
        "windows hit": f"{hit} of {windows}",
        "false rows": false_rows,
        "false episodes": episodes,
        "false episodes a series-day": round(episodes / days, 4),
    }


def read(path: Path) -> tuple[list[str], Floats]:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
        body = list(csv.DictReader(file))
    return [row["timestamp"] for row in body], np.array([float(row["value"]) for row in body])


def answer(job: tuple[Path, str, Sequence[Sequence[str]], Path | None]) -> Answered:
    """Judge one file from its first row to its last."""
    root, name, labelled, out = job
    plain = root / "data" / name
    stamps, values = read(plain if plain.exists() else plain.with_name(plain.name + ".gz"))
    times_s = np.array([datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() for stamp in stamps])
    judged = judge(times_s, values)
    row_of = {stamp.partition(".")[0]: row for row, stamp in reversed(list(enumerate(stamps)))}  # the first of equals
    windows = tuple((row_of[first.partition(".")[0]], row_of[last.partition(".")[0]]) for first, last in labelled)
    worth, inside = worth_of(len(values), windows)
    if out is not None:
        target = out / name
        target = target.with_name(f"faultline_{target.name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["timestamp", "value", "anomaly_score", "alert"])
            writer.writerows(
                zip(stamps, values.tolist(), judged.score.tolist(), judged.alert.astype(int).tolist(), strict=True)
            )
    return Answered(
        name=name,
        begins=min(math.floor(UNSCORED_SHARE * len(values)), UNSCORED_MOST),
        windows=windows,
        worth=worth,
        inside=inside,
        score=judged.score,
        alert=judged.alert,
        days=float(np.median(np.diff(times_s))) * len(values) / 86_400.0,
    )


def halves(names: Iterable[str]) -> dict[str, list[str]]:
    by_category = [list(group) for _, group in groupby(sorted(names), key=lambda name: name.split("/")[0])]
    return {
        "A": [name for group in by_category for name in group[0::2]],
        "B": [name for group in by_category for name in group[1::2]],
    }


def scored(files: Sequence[Answered], other: Sequence[Answered]) -> dict[str, Any]:
    best = {name: best_threshold(files, profile) for name, profile in PROFILES.items()}
    return {
        "files": len(files),
        "windows": sum(len(one.windows) for one in files),
        "best": {
            name: {"score": round(normalised(files, best[name], profile), 2), "threshold": round(best[name], 4)}
            for name, profile in PROFILES.items()
        },
        "at best standard threshold": operations(files, {one.name: one.score >= best["standard"] for one in files}),
        "at 0.5": {name: round(normalised(files, SHIPPED, profile), 2) for name, profile in PROFILES.items()}
        | operations(files, {one.name: one.score >= SHIPPED for one in files}),
        "alert": operations(files, {one.name: one.alert for one in files}),
        "other half": {name: round(normalised(other, best[name], profile), 2) for name, profile in PROFILES.items()}
        if other
        else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.nab")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=["A", "B"], help="score one half of the files; both and each without it")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    labels = json.loads((asked.data / "labels" / "combined_windows.json").read_text())
    parts = halves(labels)
    names = parts[asked.part] if asked.part else sorted(labels)
    with ProcessPoolExecutor(asked.jobs) as workers:
        found = list(workers.map(answer, [(asked.data, name, labels[name], asked.out) for name in names]))
    if asked.part:
        told = {f"part {asked.part}": scored(found, [])}
    else:
        part_a, part_b = ([one for one in found if one.name in set(parts[part])] for part in "AB")
        told = {"all files": scored(found, []), "part A": scored(part_a, part_b), "part B": scored(part_b, part_a)}
    told = {"thresholds called best": "chosen on the labels they are scored on"} | told
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()

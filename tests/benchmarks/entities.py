"""How well are entities judged? Runs the shipped detector over labelled servers and scores it against their labels.

    python -m tests.benchmarks.entities --data DIR [--cross-validate]

DIR/<dataset>/<entity>.npz holds train (n, c), test (m, c), label (m,) and step_s. Prints one JSON object: means over the
entities of a dataset, and of the two parts TUNE and CHOOSE into which the open ones were divided while constants were
chosen. An event is a run of labelled rows, an episode a run of alert rows with gaps of at most GAP_ROWS; it is false when
none of its rows, first to last, is labelled, and fresh when it began in the event or at most GAP_ROWS before it.
Point-adjusted figures are not printed: by them, random numbers are good.

--cross-validate chooses the threshold ratio on some entities and judges it on the others. Nothing else about the
detector was chosen that way.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bot.detecting.files import read_entity
from detectors import entity
from detectors.turbulence import OPENING

GAP_ROWS = 10
DAY_S = 86_400.0
TUNE = {"smd": ("machine-1-6", "machine-2-1"), "asd": ("omi-1", "omi-3", "omi-5")}  # the rest is CHOOSE
RATIOS = tuple(round(1.5 + 0.05 * n, 2) for n in range(11))
FORGIVEN = {"smd": 0.33, "asd": 0.5}  # false episodes a day; beyond them one costs half a unit of recall


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One entity against its labels; None where it has no event."""

    dataset: str
    name: str
    events: int
    recall: float | None
    fresh_recall: float | None
    false_a_day: float
    alert_share: float | None  # unlabelled rows in alert, of the unlabelled
    auc_pr: float | None
    prevalence: float


def runs(on: np.ndarray, *, gap: int = 0) -> list[tuple[int, int]]:
    """First and last row of every run of true rows; runs at most `gap` false rows apart are one."""
    rows = np.flatnonzero(on)
    if not len(rows):
        return []
    pieces = np.split(rows, np.flatnonzero(np.diff(rows) > max(gap, 1)) + 1)
    return [(int(piece[0]), int(piece[-1])) for piece in pieces]


def average_precision(score: np.ndarray, label: np.ndarray) -> float:
    """Area under precision-recall, rows with equal scores taken together."""
    levels, where = np.unique(-score, return_inverse=True)
    hits = np.bincount(where, weights=label, minlength=len(levels))
    precision = hits.cumsum() / np.bincount(where, minlength=len(levels)).cumsum()
    return float((precision * hits).sum() / hits.sum())


def score_one(
    score: np.ndarray, alert: np.ndarray, label: np.ndarray, *, step_s: float, dataset: str, name: str
) -> Scored:
    """Hold the answer for one entity against its labels; all arrays are (m,)."""
    events, episodes = runs(label), runs(alert, gap=GAP_ROWS)
    hit = [alert[first : last + 1].any() for first, last in events]
    fresh = [
        any(
            first - GAP_ROWS <= began <= last and alert[max(first, began) : min(last, ended) + 1].any()
            for began, ended in episodes
        )
        for first, last in events
    ]
    false = sum(not label[began : ended + 1].any() for began, ended in episodes)
    return Scored(
        dataset=dataset,
        name=name,
        events=len(events),
        recall=float(np.mean(hit)) if events else None,
        fresh_recall=float(np.mean(fresh)) if events else None,
        false_a_day=false / (len(label) * step_s / DAY_S),
        alert_share=float(alert[~label].mean()) if (~label).any() else None,
        auc_pr=average_precision(score, label) if events else None,
        prevalence=float(label.mean()),
    )


def judge_file(job: tuple[Path, float]) -> Scored:
    path, opening = job
    given = read_entity(path)
    with np.load(path, allow_pickle=False) as archive:
        label = archive["label"].astype(bool).ravel()
    score, alert = entity.judge(given.train, given.test, given.step_s, opening=opening)
    return score_one(score, alert, label, step_s=given.step_s, dataset=path.parent.name, name=path.stem)


def mean(rows: Iterable[Scored], figure: str) -> float | None:
    known = [getattr(row, figure) for row in rows if getattr(row, figure) is not None]
    return round(float(np.mean(known)), 4) if known else None


def summary(rows: Sequence[Scored]) -> dict[str, Any]:
    """Means over entities, each weighing the same."""
    figures = ("recall", "fresh_recall", "false_a_day", "alert_share", "auc_pr", "prevalence")
    return {"entities": len(rows), "events": sum(row.events for row in rows), **{f: mean(rows, f) for f in figures}}


def in_parts(rows: Sequence[Scored]) -> dict[str, Any]:
    """All entities of a dataset, and its two parts where it has them."""
    tuned = [row for row in rows if row.name in TUNE.get(row.dataset, ())]
    chosen = [row for row in rows if row not in tuned]
    parts = {"tune": summary(tuned), "choose": summary(chosen)} if tuned and chosen else {}
    by_entity = {row.name: {f: mean([row], f) for f in ("recall", "false_a_day", "auc_pr")} for row in rows}
    return {**summary(rows), **parts, "by_entity": by_entity}


Curves = Mapping[float, Mapping[str, Sequence[Scored]]]  # by ratio and dataset


def best_ratio(curves: Curves, held: Mapping[str, Sequence[int]]) -> float:
    """The ratio that does best on the entities held, its neighbours weighing as much as itself: luck has none."""
    worth = []
    for by_dataset in curves.values():
        total = 0.0
        for dataset, places in held.items():
            rows = [by_dataset[dataset][place] for place in places]
            excess = max(0.0, (mean(rows, "false_a_day") or 0.0) - FORGIVEN.get(dataset, 0.5))
            total += (mean(rows, "fresh_recall") or 0.0) - 0.5 * excess
        worth.append(total)
    smooth = np.convolve(worth, np.ones(3) / 3.0, mode="valid")
    return list(curves)[int(smooth.argmax()) + 1]


def cross_validated(curves: Curves) -> dict[str, Any]:
    """Choose the ratio on half of the entities of each dataset, judge it on the others: every way to halve them."""
    sizes = {dataset: len(rows) for dataset, rows in next(iter(curves.values())).items()}
    halves = [list(itertools.combinations(range(size), size // 2)) for size in sizes.values()]
    ratios, judged = [], {dataset: [] for dataset in sizes}
    for picked in itertools.product(*halves):
        held = dict(zip(sizes, picked, strict=True))
        ratio = best_ratio(curves, held)
        ratios.append(ratio)
        for dataset, size in sizes.items():
            rows = [curves[ratio][dataset][place] for place in range(size) if place not in held[dataset]]
            judged[dataset].append((mean(rows, "fresh_recall"), mean(rows, "false_a_day")))
    found = {
        dataset: {
            "fresh_recall": [round(float(f(values)), 3) for f in (np.mean, np.std)],
            "false_a_day": [round(float(f(false)), 3) for f in (np.mean, np.std)],
        }
        for dataset, pairs in judged.items()
        for values, false in [np.array(pairs, float).T]
    }
    return {"splits": len(ratios), "ratio": [min(ratios), max(ratios)], "mean and sd": found}


def measure(data: Path, *, dataset: str = "*", cross_validate: bool) -> dict[str, Any]:
    """Judge every entity below `data`, or those of one dataset. Raises SystemExit when there is none."""
    paths = sorted(data.glob(f"{dataset}/*.npz"))
    if not paths:
        raise SystemExit(f"{data}: no <dataset>/<entity>.npz there")
    ratios = sorted({OPENING, *(RATIOS if cross_validate else ())})
    jobs = [(path, ratio) for ratio in ratios for path in paths]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:  # numpy's threads do not survive a fork
        rows = list(workers.map(judge_file, jobs))
    curves: dict[float, dict[str, list[Scored]]] = {ratio: {} for ratio in ratios}
    for (_, ratio), row in zip(jobs, rows, strict=True):
        curves[ratio].setdefault(row.dataset, []).append(row)
    found: dict[str, Any] = {dataset: in_parts(rows) for dataset, rows in curves[OPENING].items()}
    if not cross_validate:
        return found
    by_ratio = {
        dataset: {str(r): [mean(curves[r][dataset], f) for f in ("fresh_recall", "false_a_day")] for r in ratios}
        for dataset in curves[OPENING]
    }
    return {**found, "by ratio: fresh recall, false a day": by_ratio, "cross-validated ratio": cross_validated(curves)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.entities")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cross-validate", action="store_true")
    given = parser.parse_args()
    sys.stdout.write(json.dumps(measure(given.data, cross_validate=given.cross_validate), indent=2) + "\n")


if __name__ == "__main__":
    main()

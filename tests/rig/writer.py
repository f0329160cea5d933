"""Writes a run as a recording: catalogue, samples, changes, and the truth with what the run itself shows of it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

DIGITS = 5  # significant; more is noise of the clock
SETTLING_S = 20.0  # windows of the queries reach back so far: what began before is not baseline
ENOUGH = 5  # samples outside of what the baseline showed; fewer may be chance

Sample = tuple[int, float]  # seconds since 1970, value
Series = dict[tuple[str, str, str], list[Sample]]  # signal, entity, further labels as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What was done, and where it must show by construction."""

    start_s: float
    end_s: float
    cause: str
    subcause: str
    entities: tuple[str, ...]
    series: tuple[tuple[str, str], ...]  # signal, entity


def series_of(signal: Mapping[str, Any], result: Iterable[Mapping[str, Any]]) -> Series:
    """Read the answer of a range query as series of a signal; what is not finite is no sample."""
    entity = signal["entity"]
    names = [entity] if isinstance(entity, str) else list(entity)
    found: Series = {}
    for one in result:
        labels = dict(one["metric"])
        key = "/".join(labels.pop(name) for name in names)
        samples = [(round(float(at)), float(value)) for at, value in one["values"]]
        kept = [(at, value) for at, value in samples if np.isfinite(value)]
        if kept:
            found[signal["name"], key, json.dumps(labels, sort_keys=True)] = kept
    return found


def moved(samples: Sequence[Sample], *, begin_s: float, trouble: Trouble, late_s: float) -> bool:
    """Say whether a series left, during the trouble, the range of its own baseline, widened by half of it.

    begin_s: where the recording begins. late_s: how long after the end the trouble may still show.
    A series that has no baseline, or that stops during the trouble, moved too.
    """
    times, values = (np.array(column, dtype=np.float64) for column in zip(*samples, strict=True))
    baseline = values[(times >= begin_s + SETTLING_S) & (times < trouble.start_s)]
    during = values[(times >= trouble.start_s) & (times <= trouble.end_s + late_s)]
    if len(baseline) < ENOUGH:
        return len(during) >= ENOUGH
    if len(during) < ENOUGH:
        return True
    low, high = float(baseline.min()), float(baseline.max())
    margin = 0.5 * (high - low) + 0.02 * abs(float(np.median(baseline)))
    return bool(_outside(during, low - margin, high + margin).sum() >= ENOUGH)


def _outside(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    return np.asarray((values < low) | (values > high), dtype=np.bool_)


def truth(trouble: Trouble, series: Series, *, late_s: float) -> dict[str, Any]:
    """The line of truth.jsonl: those series at the root that moved; detectable when one did."""
    begin_s = min((samples[0][0] for samples in series.values()), default=trouble.start_s)
    shown = [
        {"signal": signal, "entity": entity, "labels": json.loads(labels)}
        for (signal, entity, labels), samples in sorted(series.items())
        if (signal, entity) in trouble.series and moved(samples, begin_s=begin_s, trouble=trouble, late_s=late_s)
    ]
    return {
        "start": round(trouble.start_s),
        "end": round(trouble.end_s),
        "cause": trouble.cause,
        "subcause": trouble.subcause,
        "entities": list(trouble.entities),
        "series": shown,
        "detectable": bool(shown),
    }


def write(
    folder: Path,
    *,
    catalog: Mapping[str, Any],
    series: Series,
    changes: Sequence[Mapping[str, Any]],
    truths: Sequence[Mapping[str, Any]],
) -> None:
    """Write the four files of docs/recordings.md into a folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yaml").write_text(yaml.safe_dump(dict(catalog), sort_keys=False, width=120), encoding="utf-8")
    with (
        (folder / "telemetry.csv.gz").open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("time", "signal", "entity", "labels", "value"))
        for (signal, entity, labels), samples in sorted(series.items()):
            table.writerows((at, signal, entity, labels, f"{value:.{DIGITS}g}") for at, value in samples)
    for name, lines in (("changes.jsonl", changes), ("truth.jsonl", truths)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

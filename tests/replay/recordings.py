"""Recordings as values: read one, change what a test is about, write it again; and the strict reader of replay's lines."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import yaml

T0 = 1_790_000_040  # where bot.world.record begins
COLUMNS = ("time", "signal", "entity", "labels", "value")
KINDS = (
    *("cpu", "memory", "disk", "network", "latency", "errors", "traffic", "availability", "restarts", "cache"),
    *("backlog", "throughput", "inference_latency", "fallback", "version", "feature_null", "feature_value"),
    *("feature_drift", "freshness", "prediction", "prediction_drift", "quality", "calibration", "label_rate"),
    "label_volume",
)
SUBCAUSES = {
    "model": {"bad_version", "data_quality", "covariate_drift", "concept_drift"},
    "infrastructure": {
        *("cpu_saturation", "memory_saturation", "disk_saturation", "network", "dependency_failure", "bad_deploy"),
        *("capacity_loss", "traffic_surge", "telemetry_loss"),
    },
}
CHANGE_KINDS = {"deploy", "model_version", "config", "autoscale", "calendar", "marketing", "data", "schema", "other"}

# ---------------------------------------------------------------- a recording in memory

Row = tuple[Any, str, str, str, Any]  # time, signal, entity, labels, value, as they will be written


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a folder says. None where a file shall be absent."""

    catalog: Mapping[str, Any]
    rows: Sequence[Row]
    changes: Sequence[Mapping[str, Any]] | None = None


def read(folder: Path) -> Told:
    """Take up what bot.world.record wrote."""
    with gzip.open(folder / "telemetry.csv.gz", "rt", newline="") as table:
        rows = csv.reader(table)
        assert tuple(next(rows)) == COLUMNS
        told = [(int(time), signal, entity, labels, value) for time, signal, entity, labels, value in rows]
    changes = [json.loads(line) for line in (folder / "changes.jsonl").read_text().splitlines()]
    return Told(catalog=yaml.safe_load((folder / "catalog.yaml").read_text()), rows=told, changes=changes)


def write(folder: Path, told: Told, *, header: Sequence[str] = COLUMNS) -> Path:
    """Write a folder with a CSV telemetry file; `header` may name further columns that the rows bring."""
    folder.mkdir(parents=True)
    catalog = yaml.safe_dump(dict(told.catalog), sort_keys=False, allow_unicode=True)
    (folder / "catalog.yaml").write_text(catalog, encoding="utf-8")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(told.rows)
    (folder / "telemetry.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=1))
    if told.changes is not None:
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in told.changes)
        (folder / "changes.jsonl").write_text(lines, encoding="utf-8")
    return folder


def as_parquet(folder: Path) -> Path:
    """Turn the CSV of a folder into Parquet with the types of the page."""
    source = folder / "telemetry.csv.gz"
    with duckdb.connect() as base:
        base.execute(
            "COPY (SELECT time::BIGINT AS time, signal, entity, labels, value::DOUBLE AS value"
            f" FROM read_csv('{source}', all_varchar = true)) TO '{folder / 'telemetry.parquet'}'"
        )
    source.unlink()
    return folder


# ---------------------------------------------------------------- changes to one


def shuffled(told: Told) -> Told:
    rows = list(told.rows)
    random.Random(7).shuffle(rows)
    return replace(told, rows=rows)


def duplicated(told: Told) -> Told:
    """Every tenth row stands there before with nonsense: the last one wins."""
    wrong = [(time, signal, entity, labels, "1e9") for time, signal, entity, labels, _ in told.rows[::10]]
    return replace(told, rows=[*wrong, *told.rows])


def iso(told: Told) -> Told:
    """Write times as ISO 8601, in another zone than UTC for every second row."""
    zones = ("Z", "+02:00")

    def written(time_s: int, number: int) -> str:
        shift_s = 7200 * (number % 2)
        return f"{datetime.fromtimestamp(time_s + shift_s, tz=UTC):%Y-%m-%dT%H:%M:%S}{zones[number % 2]}"

    return replace(told, rows=[(written(row[0], number), *row[1:]) for number, row in enumerate(told.rows)])


def renamed(told: Told, *, entity: Callable[[str], str], signal: Callable[[str], str]) -> Told:
    """Give every node, service, model, feature and signal another name, in all three files."""

    def whole(name: str) -> str:
        model, slash, part = name.partition("/")
        return f"{entity(model)}{slash}{entity(part) if part else ''}"

    def origin(name: str) -> str:
        return name if name in ("request", "batch") else entity(name)

    catalog = {
        **told.catalog,
        "nodes": [{**one, "name": entity(one["name"])} for one in told.catalog["nodes"]],
        "services": [
            {
                **one,
                "name": entity(one["name"]),
                "depends_on": [entity(name) for name in one.get("depends_on", [])],
                "runs_on": [entity(name) for name in one.get("runs_on", [])],
            }
            for one in told.catalog["services"]
        ],
        "models": [
            {
                **one,
                "name": entity(one["name"]),
                "served_by": entity(one["served_by"]),
                "features": [{"name": entity(part["name"]), "from": origin(part["from"])} for part in one["features"]],
            }
            for one in told.catalog["models"]
        ],
        "signals": [{**one, "name": signal(one["name"])} for one in told.catalog["signals"]],
    }
    rows = [(row[0], signal(row[1]), whole(row[2]), *row[3:]) for row in told.rows]
    changes = [{**change, "entity": whole(change["entity"])} for change in told.changes or ()]
    return Told(catalog=catalog, rows=rows, changes=changes)


def cadence(told: Told, step_s: int) -> Told:
    """The same story at another cadence: coarser ones leave samples out, finer ones tell each sample again."""
    catalog = {**told.catalog, "step_s": step_s}
    if step_s >= 60:
        return replace(told, catalog=catalog, rows=[row for row in told.rows if (row[0] - T0) % step_s == 0])
    repeats = range(0, 60, step_s)
    return replace(told, catalog=catalog, rows=[(row[0] + more, *row[1:]) for row in told.rows for more in repeats])


def bare(told: Told) -> Told:
    """Only what the page requires: no optional key, no optional field, no labels."""
    keep = {"nodes": ("name",), "services": ("name", "depends_on", "runs_on"), "models": ("name", "served_by")}
    catalog = {
        "step_s": told.catalog["step_s"],
        **{
            part: [{key: one[key] for key in keys if key in one} for one in told.catalog[part]]
            for part, keys in keep.items()
        },
        "signals": [{"name": one["name"], "kind": one["kind"]} for one in told.catalog["signals"]],
    }
    rows = [(*row[:3], "" if row[3] == "{}" else row[3], row[4]) for row in told.rows]
    changes = [{key: change[key] for key in ("time", "kind", "entity")} for change in told.changes or ()]
    return Told(catalog=catalog, rows=rows, changes=changes)


def flaky(told: Told, *, share: float = 0.03) -> Told:
    """Exporters that lose a scrape now and then."""
    rng = random.Random(7)
    return replace(told, rows=[row for row in told.rows if rng.random() > share])


def from_midway(told: Told, *signals: str) -> Told:
    """These signals begin an hour later than the others."""
    return replace(told, rows=[row for row in told.rows if row[1] not in signals or row[0] >= T0 + 3600])


# ---------------------------------------------------------------- small ones made by hand

MINUTES = 135
ONSET = 100  # minutes; the first half may be learnt from

Shape = Callable[[np.random.Generator], Iterable[float | None]]


def calm(level: float = 10.0) -> Shape:
    return lambda rng: rng.normal(level, level / 20.0, MINUTES)


def jump(by: float, *, at: int = ONSET, level: float = 10.0) -> Shape:
    """A level that moves for 20 minutes."""

    def shape(rng: np.random.Generator) -> Iterable[float]:
        values = rng.normal(level, level / 20.0, MINUTES)
        values[at : at + 20] += by
        return values.tolist()

    return shape


def small(
    catalog: Mapping[str, Any],
    series: Mapping[tuple[str, str] | tuple[str, str, str], Shape | Iterable[float | None]],
    *,
    changes: Sequence[Mapping[str, Any]] | None = None,
) -> Told:
    """A recording of two hours and a quarter from shapes by (signal, entity[, labels]); None leaves a row out."""
    rng = np.random.default_rng(7)
    step_s = catalog.get("step_s", 60)
    rows: list[Row] = []
    for (signal, entity, *labels), shape in series.items():
        values = shape(rng) if callable(shape) else shape
        written = labels[0] if labels else "{}"
        rows += [
            (T0 + step_s * minute, signal, entity, written, float(value))
            for minute, value in enumerate(values)
            if value is not None
        ]
    return Told(catalog={"step_s": 60, **catalog}, rows=rows, changes=changes)


# ---------------------------------------------------------------- what replay prints


def checked(line: str) -> dict[str, Any]:
    """Read one line of `replay --json`, and hold every key and type against recording-format.md."""
    told: dict[str, Any] = json.loads(line, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    _has(told, recording=str, ticks=int, series=int, seconds=float, messages=int, incidents=list)
    assert told["seconds"] >= 0
    for one in told["incidents"]:
        _incident(one)
    assert told["messages"] == sum(one["messages"] for one in told["incidents"])
    assert len({one["id"] for one in told["incidents"]}) == len(told["incidents"])
    return told


def _incident(one: Mapping[str, Any]) -> None:
    _has(
        one,
        id=str,
        opened=int,
        resolved=int | None,
        onset=int,
        severity=str,
        cause=str,
        subcause=str,
        entity=str,
        probability=dict,
        suspects=list,
        changes=list,
        rollback=str,
        findings=int,
        messages=int,
    )
    assert one["id"]
    assert one["onset"] <= one["opened"]
    assert one["resolved"] is None or one["resolved"] >= one["opened"]
    assert one["severity"] in ("critical", "warning", "info")
    assert one["rollback"] in ("advised", "not_advised", "unknown")
    assert one["findings"] > 0
    assert one["messages"] > 0
    _cause(one)
    _has(one["probability"], model=int | float, infrastructure=int | float)  # JSON knows one kind of number
    assert all(0 <= share <= 1 for share in one["probability"].values())
    assert math.isclose(sum(one["probability"].values()), 1.0, abs_tol=2e-4)
    for suspect in one["suspects"]:
        _has(suspect, signal=str, entity=str, labels=dict, onset=int, score=float)
        assert all(isinstance(value, str) for value in suspect["labels"].values())
        assert 0 <= suspect["score"] <= 1
    scores = [suspect["score"] for suspect in one["suspects"]]
    assert scores == sorted(scores, reverse=True)
    for change in one["changes"]:
        _has(change, time=int, kind=str, entity=str, weight=float)
        assert change["kind"] in CHANGE_KINDS
        assert 0 <= change["weight"] <= 1


def _cause(one: Mapping[str, Any]) -> None:
    named = [word for word in one["subcause"].split(",") if word]
    assert set(named) <= set().union(*SUBCAUSES.values())
    match one["cause"]:
        case "mixed":
            assert len(named) == 2
        case "undetermined":
            assert len(named) <= 2
        case cause:
            assert set(named) <= SUBCAUSES[cause]
            assert len(named) == 1
            assert one["entity"]


def _has(told: Mapping[str, Any], **types: Any) -> None:
    """Exactly these keys in this order, of exactly these types."""
    assert list(told) == list(types)
    for key, kind in types.items():
        assert isinstance(told[key], kind), f"{key} is {told[key]!r}"
        assert not isinstance(told[key], bool), f"{key} is {told[key]!r}"


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def _no_key_twice(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), "a key stands there twice"
    return dict(pairs)


def verdicts(told: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What a replay concluded: cause, subcause, entity, rollback."""
    return ((one["cause"], one["subcause"], one["entity"], one["rollback"]) for one in told["incidents"])

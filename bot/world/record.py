"""Writes a scenario as a recording, with the truth measured against the same world without its trouble."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from bot.world.control import change_json
from bot.world.faults.episode import Episode
from bot.world.faults.model_side import BadVersion
from bot.world.recordings import recorded
from bot.world.signals import Series, catalog
from bot.world.simulate import STEP_S, World
from bot.world.topology import Topology

Floats = NDArray[np.float64]

START_S = 1_790_000_040  # a full minute in September 2026: recordings do not depend on the day they are made
HOURS = 30.0  # a day to learn from and six hours to be judged on
SEEN_SIGMAS = 4.0  # a series counts as touched when it leaves its own quiet spread by so much ...
SEEN_MINUTES = 5  # ... for so many minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    folder: Path
    rows: int
    series: int
    incidents: int


def record(
    folder: Path,
    *,
    scenario: str,
    seed: int,
    hours: float = HOURS,
    start_s: float = START_S,
    topology: Topology | None = None,
) -> Recorded:
    """Write catalog.yaml, telemetry.csv.gz, changes.jsonl and truth.jsonl into a folder, made if need be.

    Raises KeyError for an unknown scenario. The same arguments write the same bytes.
    """
    plan = recorded(scenario, start_s=start_s, hours=hours, seed=seed, topology=topology)
    last_s = start_s + hours * 3600 - STEP_S
    world = World(plan.topology, seed=seed, start_s=start_s, episodes=plan.episodes)
    twin = World(plan.topology, seed=seed, start_s=start_s, episodes=plan.background)
    for one in (world, twin):
        one.advance(last_s)
    folder.mkdir(parents=True, exist_ok=True)
    description = yaml.safe_dump(catalog(plan.topology, live=False), sort_keys=False, allow_unicode=True)
    (folder / "catalog.yaml").write_text(description, encoding="utf-8")
    rows = write_table(folder / "telemetry.csv.gz", _rows(world))
    write_lines(folder / "changes.jsonl", [change_json(one) for one in world.changes])
    truth = [line for episode in plan.trouble if (line := _truth(episode, world, twin)) is not None]
    write_lines(folder / "truth.jsonl", truth)
    shown = sum(1 for one in world.series if one.signal.kind)
    return Recorded(folder=folder, rows=rows, series=shown, incidents=len(truth))


def write_table(path: Path, rows: Iterable[tuple[int, str, str, str, float]]) -> int:
    """Write telemetry.csv.gz; returns the count of rows."""
    count = 0
    # neither file name nor time in the header: the bytes depend on the arguments alone
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("time", "signal", "entity", "labels", "value"))
        for row in rows:
            table.writerow(row)
            count += 1
        text.flush()
        text.detach()
    return count


def _rows(world: World) -> Iterator[tuple[int, str, str, str, float]]:
    times = (world.start_s + STEP_S * np.arange(world.count)).tolist()
    for column, one in enumerate(world.series):
        if not one.signal.kind:
            continue
        name, entity, labels = one.signal.name, one.entity, _labels(one)
        seen = world.present[:, column].tolist()
        for time_s, there, value in zip(times, seen, world.values[:, column].tolist(), strict=True):
            if there:
                yield time_s, name, entity, labels, value


def _labels(one: Series) -> str:
    return json.dumps(dict(one.further), sort_keys=True, ensure_ascii=False)


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _truth(episode: Episode, world: World, twin: World) -> dict[str, Any] | None:
    """Say what an episode was, and whether anybody could have seen it; None for an innocent one."""
    root = episode.root()
    if root is None:
        return None
    times_s = world.start_s + STEP_S * np.arange(world.count)
    active = episode.intensity(times_s.astype(np.float64)) > 0
    moved = touched(world, twin, within=active | aftermath(episode, times_s, world))
    lost = bool((twin.present & ~world.present)[active].any())
    end_s = min(episode.end_s + episode.fall_s, float(times_s[-1]))
    if isinstance(episode, BadVersion) and not episode.returns:
        end_s = float(times_s[-1])
    series = [
        {"signal": one.signal.name, "entity": one.entity, "labels": dict(one.further)}
        for one, there in zip(world.series, moved, strict=True)
        if there and one.signal.kind and (one.signal.name, one.entity) in root.series
    ]
    return {
        "start": round(episode.start_s),
        "end": round(end_s),
        "cause": root.cause,
        "subcause": root.subcause,
        "entities": list(root.entities),
        "series": series,
        "detectable": bool(moved.any()) or lost,
    }


def aftermath(episode: Episode, times_s: NDArray[np.int64], world: World) -> NDArray[np.bool_]:
    """Minutes in which labels of the episode's own time still come in."""
    late_s = max(model.label_delay_s for model in world.topology.models)
    after = (times_s >= episode.start_s) & (times_s <= episode.end_s + late_s)
    return np.asarray(after, dtype=np.bool_)


def touched(world: World, twin: World, *, within: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say for each series whether the trouble moved it out of its quiet spread, (series,).

    within: (minutes,) where to look. The twin has the same noise, so that the difference is the trouble alone.
    """
    far = departed(world, twin) & within[:, None]
    return np.asarray(far.sum(axis=0) >= SEEN_MINUTES, dtype=np.bool_)


def departed(world: World, twin: World) -> NDArray[np.bool_]:
    """Say for each minute and series whether the trouble moved it out of its quiet spread, (minutes, series)."""
    difference = np.where(world.present & twin.present, np.abs(world.values - twin.values), 0.0)
    steps = np.abs(np.diff(twin.values, axis=0))
    # spread of the noise from successive differences: the season must not count as noise
    spread = np.maximum(1.4826 * np.nanmedian(steps, axis=0) / np.sqrt(2), 1e-9)
    return np.asarray(difference > SEEN_SIGMAS * spread, dtype=np.bool_)

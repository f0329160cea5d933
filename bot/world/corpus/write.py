"""Write a recording of the corpus: installation, family, dialect, and the truth against the same day without it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from bot.world.control import change_json
from bot.world.corpus.dialect import Column, Dialect, columns, described, dialect, labels_json, told
from bot.world.corpus.families import FAMILIES
from bot.world.corpus.installation import installation
from bot.world.corpus.slot import HOUR_S, Episodes, Slot, UnfitError
from bot.world.faults.episode import Episode
from bot.world.faults.innocent import InnocentDeploy, Note
from bot.world.faults.model_side import BadVersion
from bot.world.record import START_S, Recorded, aftermath, departed, touched, write_lines, write_table
from bot.world.simulate import World
from bot.world.topology import Topology

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rng = np.random.Generator

LEARNT_H = 24.0
JUDGED_H = (6.0, 10.0)
TRIES = 40  # installations drawn until one has what the family needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    topology: Topology
    spoken: Dialect
    trouble: Episodes
    background: Episodes
    hours: float


def planned(family: str, seed: int) -> tuple[Plan, Rng]:
    """Draw everything about one recording. Raises KeyError for an unknown family."""
    build = FAMILIES[family]
    rng = np.random.default_rng((seed, zlib.crc32(family.encode())))
    for _ in range(TRIES):
        topology = installation(rng)
        if family == "small_numbers":
            few = {m.name: replace(m, labelled=0.002, label_delay_s=900.0) for m in topology.models}
            topology = replace(topology.with_models(few), season_depth=0.75, requests=60.0)
        hours = LEARNT_H + float(rng.uniform(*JUDGED_H))
        begin_s = START_S + LEARNT_H * HOUR_S
        room_s = START_S + hours * HOUR_S - begin_s
        # on whole seconds: a change feed has no finer times
        start_s = float(round(begin_s + float(rng.uniform(0.05, 0.4)) * room_s))
        end_s = float(round(start_s + float(rng.uniform(0.5, 2.5)) * HOUR_S))
        flap_s = float(rng.uniform(30, 60)) * 60 if rng.random() < 0.12 else 0.0
        slot = Slot(
            topology=topology,
            start_s=start_s,
            end_s=end_s,
            severity=float(np.exp(rng.uniform(np.log(0.35), np.log(1.3)))),
            flap_s=flap_s,
            rng=rng,
        )
        try:
            trouble = build(slot)
        except UnfitError:
            continue
        background = _everyday(topology, trouble, start_s=START_S, hours=hours, rng=rng)
        plan = Plan(topology=topology, spoken=dialect(rng), trouble=trouble, background=background, hours=hours)
        return plan, rng
    raise RuntimeError(f"{family}, seed {seed}: no installation of {TRIES} has what it needs")


def _everyday(topology: Topology, trouble: Sequence[Episode], *, start_s: float, hours: float, rng: Rng) -> Episodes:
    """Draw innocent changes over the whole time: rollouts with a short blip, settings, notes; some near the trouble."""
    spare = {episode.target for episode in trouble}
    services = [one for one in topology.services if one.role != "pipeline" and one.name not in spare]
    found: list[Episode] = []
    for number in range(int(rng.poisson(hours / 10))):
        time_s = float(round(start_s + float(rng.uniform(0.04, 1)) * hours * HOUR_S))
        if services and rng.random() < 0.5:
            service = services[int(rng.integers(len(services)))]
            found.append(
                InnocentDeploy(
                    target=service.name,
                    start_s=time_s,
                    end_s=time_s + 80,
                    before=f"{service.version}.{number}",
                    after=f"{service.version}.{number + 1}",
                )
            )
            continue
        entities = [*(one.name for one in topology.services), *(one.name for one in topology.models)]
        entities = [name for name in entities if name not in spare]
        if entities:
            kind = str(rng.choice(("config", "data", "schema", "autoscale", "marketing", "other")))
            target = entities[int(rng.integers(len(entities)))]
            found.append(Note(target=target, start_s=time_s, end_s=time_s + 60, kind=kind, text="changed"))
    return tuple(found)


def record_family(folder: Path, *, family: str, seed: int, noise: bool = False) -> Recorded:
    """Write catalog.yaml, telemetry.csv.gz, changes.jsonl and truth.jsonl. The same arguments write the same bytes.

    noise: a control for scoring: every series is independent noise of its own mean and spread, the truth is kept.
    Raises KeyError for an unknown family.
    """
    plan, rng = planned(family, seed)
    last_s = START_S + plan.hours * HOUR_S - plan.topology.step_s
    world = World(plan.topology, seed=seed, start_s=START_S, episodes=(*plan.background, *plan.trouble))
    twin = World(plan.topology, seed=seed, start_s=START_S, episodes=plan.background)
    for one in (world, twin):
        one.advance(last_s)
    chosen = columns(world.series, plan.spoken, rng)
    values, seen = told(world.values, world.present, chosen, plan.spoken, rng)
    if noise:
        values = values.mean(axis=0) + values.std(axis=0) * rng.standard_normal(values.shape)
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(described(plan.topology, plan.spoken), sort_keys=False, allow_unicode=True)
    (folder / "catalog.yaml").write_text(text, encoding="utf-8")
    times = (world.start_s + world.step_s * np.arange(world.count)).tolist()
    rows = write_table(
        folder / "telemetry.csv.gz", _rows(times, chosen, values, seen, doubled=plan.spoken.doubled, rng=rng)
    )
    write_lines(folder / "changes.jsonl", [change_json(one) for one in world.changes])
    truth = [line for one in plan.trouble if (line := _truth(one, world, twin, chosen)) is not None]
    write_lines(folder / "truth.jsonl", truth)
    return Recorded(folder=folder, rows=rows, series=len(chosen), incidents=len(truth))


def _rows(
    times: Sequence[int], chosen: Sequence[Column], values: Floats, seen: Flags, *, doubled: float, rng: Rng
) -> Iterator[tuple[int, str, str, str, float]]:
    for number, column in enumerate(chosen):
        labels = labels_json(column.labels)
        twice = rng.random(len(times)) < doubled
        for at, there, value, again in zip(
            times, seen[:, number].tolist(), values[:, number].tolist(), twice.tolist(), strict=True
        ):
            if there:
                row = (at, column.signal, column.entity, labels, float(f"{value:.6g}"))
                yield row
                if again:
                    yield row


def _visible(world: World, twin: World, columns_: Sequence[int], *, within: Flags) -> int | None:
    """When the first of the series that a trouble moves has left its quiet spread: seconds, None for never."""
    far = departed(world, twin)[:, columns_] & within[:, None]
    rows = np.flatnonzero(far.any(axis=1))
    return int(world.start_s + world.step_s * rows[0]) if len(rows) else None


def _truth(episode: Episode, world: World, twin: World, chosen: Sequence[Column]) -> dict[str, Any] | None:
    """Say what an episode was, and whether anybody who watches what is told here could have seen it."""
    root = episode.root()
    if root is None:
        return None
    times_s = world.start_s + world.step_s * np.arange(world.count)
    active = episode.intensity(times_s.astype(np.float64)) > 0
    within = active | aftermath(episode, times_s, world)
    moved = touched(world, twin, within=within)
    gone = (twin.present & ~world.present)[active].sum(axis=0) >= 5
    shown = {column.source for column in chosen}
    visible_s = _visible(world, twin, sorted(n for n in shown if moved[n]), within=within)
    end_s = min(episode.end_s + episode.fall_s, float(times_s[-1]))
    if isinstance(episode, BadVersion) and not episode.returns:
        end_s = float(times_s[-1])
    series = [
        {"signal": column.signal, "entity": column.entity, "labels": dict(column.labels)}
        for column in chosen
        if moved[column.source]
        and (world.series[column.source].signal.name, world.series[column.source].entity) in root.series
    ]
    return {
        "start": round(episode.start_s),
        "end": round(end_s),
        "cause": root.cause,
        "subcause": root.subcause,
        "entities": list(root.entities),
        "series": series,
        "visible": visible_s if visible_s is not None else round(episode.start_s),
        "detectable": any(moved[number] or gone[number] for number in shown),
    }

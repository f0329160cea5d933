"""Hold what a replay printed against the truth of its recording: which incident tells of which trouble. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

EARLY_TICKS = 3  # an incident may open so much before its trouble is said to start: starts are rounded
LATE_S = 3600.0  # and so long after its end: labels come late, backlogs drain slowly
SIDES = ("model", "infrastructure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What somebody says of one trouble. `side` is empty for whoever abstains."""

    side: str
    subcauses: tuple[str, ...] = ()
    entity: str = ""
    model: float = 0.5  # probability that it is the model's
    suspects: tuple[str, ...] = ()  # series as `series_id` writes them, the likeliest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One true incident and what was said of it."""

    family: str
    recording: str
    side: str
    subcause: str
    entities: tuple[str, ...]
    series: tuple[str, ...]
    guess: Guess | None  # None: nobody was told
    others: Mapping[str, Guess]  # what plain rules say of the same incident
    incidents: int
    delay_ticks: float | None  # from the first visible effect to the opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recording, scored."""

    recording: str
    family: str
    days: float  # judged, without the warm-up
    series: int
    samples: int
    seconds: float
    troubles: tuple[Trouble, ...]
    false: int  # incidents that tell of nothing true
    messages: tuple[int, ...]  # an incident


def series_id(signal: str, entity: str, labels: Mapping[str, str]) -> str:
    return json.dumps([signal, entity, dict(labels)], sort_keys=True)


def guess_of(incident: Mapping[str, Any]) -> Guess:
    """Read one incident as replay prints it."""
    return Guess(
        side=incident["cause"] if incident["cause"] in (*SIDES, "mixed") else "",
        subcauses=tuple(str(incident["subcause"]).split(",")),
        entity=incident["entity"],
        model=float(incident["probability"]["model"]),
        suspects=tuple(series_id(s["signal"], s["entity"], s["labels"]) for s in incident["suspects"]),
    )


def assigned(
    incidents: Sequence[Mapping[str, Any]], truth: Sequence[Mapping[str, Any]], *, step_s: float
) -> dict[int, list[Mapping[str, Any]]]:
    """By number of the trouble: the incidents that tell of it, the earliest first; a mixed one may tell of two."""
    found: dict[int, list[Mapping[str, Any]]] = {number: [] for number in range(len(truth))}
    for incident in sorted(incidents, key=lambda one: (one["opened"], one["id"])):
        fitting = [
            number
            for number, trouble in enumerate(truth)
            if trouble["start"] - EARLY_TICKS * step_s <= incident["opened"] <= trouble["end"] + LATE_S
        ]
        if incident["cause"] != "mixed" and len(fitting) > 1:
            fitting = [min(fitting, key=lambda number: _unlike(incident, truth[number]))]
        for number in fitting:
            found[number].append(incident)
    return found


def _unlike(incident: Mapping[str, Any], trouble: Mapping[str, Any]) -> tuple[bool, bool, bool, float]:
    """How little an incident has of a trouble: smaller fits better."""
    named = {(s["signal"], s["entity"]) for s in trouble["series"]}
    shown = {(s["signal"], s["entity"]) for s in incident["suspects"]}
    return (
        incident["entity"] not in trouble["entities"],
        not named & shown,
        trouble["subcause"] not in str(incident["subcause"]).split(","),
        abs(incident["opened"] - trouble["start"]),
    )

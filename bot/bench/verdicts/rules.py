"""Three plain rules over the same incidents, so that our figures mean something: what ten lines of script would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.bench.verdicts.matching import Guess, series_id
from bot.domain.catalogue import Catalogue, Kind, Side
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.verdict import Subcause

# What a person would first think of who sees one signal move.
FIRST_THOUGHT: Mapping[Kind, Subcause] = {
    Kind.CPU: Subcause.CPU_SATURATION,
    Kind.MEMORY: Subcause.MEMORY_SATURATION,
    Kind.RESTARTS: Subcause.MEMORY_SATURATION,
    Kind.DISK: Subcause.DISK_SATURATION,
    Kind.NETWORK: Subcause.NETWORK,
    Kind.LATENCY: Subcause.DEPENDENCY_FAILURE,
    Kind.ERRORS: Subcause.DEPENDENCY_FAILURE,
    Kind.CACHE: Subcause.DEPENDENCY_FAILURE,
    Kind.AVAILABILITY: Subcause.CAPACITY_LOSS,
    Kind.TRAFFIC: Subcause.TRAFFIC_SURGE,
    Kind.BACKLOG: Subcause.DISK_SATURATION,
    Kind.THROUGHPUT: Subcause.DISK_SATURATION,
    Kind.INFERENCE_LATENCY: Subcause.BAD_VERSION,
    Kind.FALLBACK: Subcause.DEPENDENCY_FAILURE,
    Kind.FEATURE_NULL: Subcause.DATA_QUALITY,
    Kind.FEATURE_VALUE: Subcause.DATA_QUALITY,
    Kind.FEATURE_DRIFT: Subcause.COVARIATE_DRIFT,
    Kind.FRESHNESS: Subcause.DATA_QUALITY,
    Kind.PREDICTION: Subcause.BAD_VERSION,
    Kind.PREDICTION_DRIFT: Subcause.BAD_VERSION,
    Kind.QUALITY: Subcause.CONCEPT_DRIFT,
    Kind.CALIBRATION: Subcause.CONCEPT_DRIFT,
    Kind.LABEL_RATE: Subcause.DATA_QUALITY,
    Kind.LABEL_VOLUME: Subcause.DATA_QUALITY,
}


def _by(findings: Sequence[Finding], catalogue: Catalogue, key: Callable[[Finding], tuple[float, str]]) -> Guess:
    ranked = sorted(findings, key=key)
    first = ranked[0]
    signal = catalogue.signal.get(first.key.signal)
    model = signal is not None and signal.kind.side is not Side.INFRASTRUCTURE
    thought = FIRST_THOUGHT.get(signal.kind) if signal else None
    return Guess(
        side="model" if model else "infrastructure",
        subcauses=(str(thought),) if thought else (),
        entity=first.key.entity,
        model=1.0 if model else 0.0,
        suspects=tuple(series_id(f.key.signal, f.key.entity, dict(f.key.labels)) for f in ranked),
    )


def loudest(incident: Incident, catalogue: Catalogue, changes: Sequence[Change]) -> Guess:  # noqa: ARG001 - one signature
    """The series farthest from its usual is the cause."""
    return _by(incident.findings, catalogue, lambda f: (-abs(f.evidence.peak_z), str(f.key)))


def first_onset(incident: Incident, catalogue: Catalogue, changes: Sequence[Change]) -> Guess:  # noqa: ARG001
    """The series that moved first is the cause."""
    return _by(incident.findings, catalogue, lambda f: (f.onset.timestamp(), str(f.key)))


def latest_change(incident: Incident, catalogue: Catalogue, changes: Sequence[Change]) -> Guess:
    """The last change before the incident opened is the cause; without one, the loudest series."""
    before = [change for change in changes if change.time <= incident.opened]
    if not before:
        return loudest(incident, catalogue, changes)
    last = max(before, key=lambda change: change.time)
    subcause = {
        ChangeKind.MODEL_VERSION: Subcause.BAD_VERSION,
        ChangeKind.DATA: Subcause.DATA_QUALITY,
        ChangeKind.SCHEMA: Subcause.DATA_QUALITY,
        ChangeKind.MARKETING: Subcause.TRAFFIC_SURGE,
        ChangeKind.CALENDAR: Subcause.TRAFFIC_SURGE,
        ChangeKind.AUTOSCALE: Subcause.CAPACITY_LOSS,
    }.get(last.kind, Subcause.BAD_DEPLOY)
    return Guess(
        side=str(subcause.cause),
        subcauses=(str(subcause),),
        entity=last.entity,
        model=1.0 if subcause.cause == "model" else 0.0,
    )


RULES: Mapping[str, Callable[[Incident, Catalogue, Sequence[Change]], Guess]] = {
    "loudest z-score wins": loudest,
    "latest change wins": latest_change,
    "first onset wins": first_onset,
}

"""Which series the world shows, and the catalogue that a bot would be configured with to read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bot.world.topology import Topology

Scope = Literal["node", "service", "callable", "edge", "pipeline", "store", "model", "feature", "stored", "segment"]

ENTITY_LABELS: dict[Scope, tuple[str, ...]] = {
    "node": ("node",),
    "service": ("service",),
    "callable": ("service",),  # services that answer requests
    "edge": ("service",),  # one series a dependency, told apart by the label `dependency`
    "pipeline": ("service",),
    "store": ("service",),
    "model": ("model",),
    "feature": ("model", "feature"),
    "stored": ("model", "feature"),  # features that a pipeline writes
    "segment": ("model", "segment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    name: str  # as in the catalogue
    metric: str  # as in Prometheus
    scope: Scope
    kind: str  # of docs/recordings.md; empty when it is not part of the catalogue
    unit: str
    worse: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    signal: Signal
    entity: str
    labels: tuple[tuple[str, str], ...]  # all of them, sorted
    further: tuple[tuple[str, str], ...] = ()  # those that do not name the entity


def _s(row: str) -> Signal:
    name, metric, scope, kind, unit, worse, text = (part.strip() for part in row.split("|"))
    found: Scope = next(known for known in ENTITY_LABELS if known == scope)
    return Signal(name=name, metric=metric, scope=found, kind=kind, unit=unit, worse=worse, help=text)


SIGNALS: tuple[Signal, ...] = tuple(
    map(
        _s,
        """
node_cpu         |node:cpu:ratio                 |node    |cpu              |ratio |up  |CPU in use
node_memory      |node:memory:ratio              |node    |memory           |ratio |up  |memory in use
node_disk        |node:disk_used:ratio           |node    |disk             |ratio |up  |disk space in use
node_disk_busy   |node:disk_busy:ratio           |node    |disk             |ratio |up  |disk at work
node_rtt         |node:rtt:ms                    |node    |network          |ms    |up  |round trip to it
node_retransmits |node:tcp_retransmits:ratio     |node    |network          |ratio |up  |TCP segments sent again
latency_p99      |service:latency_p99:ms         |callable|latency          |ms    |up  |99th centile of requests
latency_p50      |service:latency_p50:ms         |callable|latency          |ms    |up  |median of requests
error_ratio      |service:errors:ratio           |service |errors           |ratio |up  |requests that failed
dependency_errors|service:dependency_errors:ratio|edge    |errors           |ratio |up  |calls that failed
request_rate     |service:requests:rate1m        |callable|traffic          |1/s   |both|requests
availability     |service:available:ratio        |service |availability     |ratio |down|replicas that are ready
restarts         |service:restarts:increase1m    |service |restarts         |1/min |up  |container restarts
service_cpu      |service:cpu:ratio              |callable|cpu              |ratio |up  |CPU against its limit
cpu_per_request  |service:cpu_per_request:ms     |callable|cpu              |ms    |up  |CPU time a request
service_memory   |service:memory:ratio           |service |memory           |ratio |up  |memory against its limit
cache_hits       |service:cache_hits:ratio       |store   |cache            |ratio |down|lookups from memory
pipeline_rows    |pipeline:rows_written:rate1m   |pipeline|throughput       |rows/s|down|feature rows written
pipeline_backlog |pipeline:backlog:rows          |pipeline|backlog          |rows  |up  |feature rows waiting
inference_latency|model:inference_latency_p99:ms |model   |inference_latency|ms    |up  |99th centile
fallback         |model:fallback:ratio           |model   |fallback         |ratio |up  |made from defaults
model_version    |model:serving_version:info     |model   |version          |      |both|version that serves
feature_null     |model:feature_null:ratio       |feature |feature_null     |ratio |up  |values missing
feature_mean     |model:feature_mean:value       |feature |feature_value    |      |both|mean value
feature_drift    |model:feature_drift:psi        |feature |feature_drift    |psi   |up  |distance of values
freshness        |model:feature_age:seconds      |stored  |freshness        |s     |up  |age of stored values
prediction_mean  |model:prediction_mean:value    |model   |prediction       |      |both|mean score
positive_rate    |model:positives:ratio          |model   |prediction       |ratio |both|positive decisions
prediction_drift |model:prediction_drift:psi     |model   |prediction_drift |psi   |up  |distance of scores
quality          |model:accuracy:ratio           |model   |quality          |ratio |down|accuracy by labels
early_quality    |model:early_accuracy:ratio     |model   |quality          |ratio |down|by instant feedback
segment_quality  |model:segment_accuracy:ratio   |segment |quality          |ratio |down|by labels, one segment
calibration_gap  |model:calibration_gap:ratio    |model   |calibration      |ratio |up  |mean score less label
label_rate       |model:label_rate:ratio         |model   |label_rate       |ratio |both|positives in labels
label_volume     |model:labels:rate1m            |model   |label_volume     |1/min |down|labels that came
replicas         |service:replicas               |service |                 |      |both|replicas wanted
""".strip().splitlines(),
    )
)
BY_NAME = {signal.name: signal for signal in SIGNALS}


def _services(topology: Topology, scope: Scope) -> Iterator[str]:
    """Name the services that show the signals of a scope."""
    for service in topology.services:
        fits = {
            "service": True,
            "callable": service.role != "pipeline",
            "pipeline": service.role == "pipeline",
            "store": service.role == "store",
        }
        if fits[scope]:
            yield service.name


def _labels(topology: Topology, scope: Scope) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """List the label sets of a scope: those that name the entity, and further ones."""
    if scope == "node":
        yield from (({"node": node.name}, {}) for node in topology.nodes)
    elif scope == "edge":
        for service in topology.services:
            yield from (({"service": service.name}, {"dependency": name}) for name in service.depends_on)
    elif ENTITY_LABELS[scope] == ("service",):
        yield from (({"service": name}, {}) for name in _services(topology, scope))
    else:
        for model in topology.models:
            parts: dict[str, list[dict[str, str]]] = {
                "model": [{}],
                "segment": [{"segment": name} for name in model.segments],
                "feature": [{"feature": feature.name} for feature in model.features],
                "stored": [{"feature": feature.name} for feature in model.features if feature.stored],
            }
            yield from (({"model": model.name, **part}, {}) for part in parts[scope])


def series_of(topology: Topology) -> tuple[Series, ...]:
    """List every series of a topology, in a fixed order."""
    return tuple(
        Series(
            signal=signal,
            entity="/".join(named[label] for label in ENTITY_LABELS[signal.scope]),
            labels=tuple(sorted({**named, **further}.items())),
            further=tuple(sorted(further.items())),
        )
        for signal in SIGNALS
        for named, further in _labels(topology, signal.scope)
    )


def catalog(topology: Topology, *, live: bool = True) -> dict[str, Any]:
    """Describe the topology as the `catalog` of docs/recordings.md; `live` adds `query` and `entity`."""
    signals: list[dict[str, Any]] = []
    for signal in SIGNALS:
        if not signal.kind:
            continue
        row: dict[str, Any] = {"name": signal.name, "kind": signal.kind}
        if signal.unit:
            row["unit"] = signal.unit
        row["worse"] = signal.worse
        if live:
            row["query"] = signal.metric
            names = ENTITY_LABELS[signal.scope]
            row["entity"] = names[0] if len(names) == 1 else list(names)
        signals.append(row)
    return {
        "step_s": 60,
        "nodes": [{"name": node.name} for node in topology.nodes],
        "services": [
            {
                "name": service.name,
                "depends_on": list(service.depends_on),
                "runs_on": list(service.runs_on),
                "role": service.role,
            }
            for service in topology.services
        ],
        "models": [
            {
                "name": model.name,
                "served_by": model.served_by,
                "label_delay_s": int(model.label_delay_s),
                "features": [{"name": feature.name, "from": feature.source} for feature in model.features],
            }
            for model in topology.models
        ],
        "signals": signals,
    }

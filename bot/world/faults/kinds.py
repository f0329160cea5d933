"""Names under which the control door and recordings speak of episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bot.world.faults.episode import Episode
from bot.world.faults.infrastructure import (
    BadDeploy,
    CapacityLoss,
    CpuSaturation,
    DependencyFailure,
    DiskFull,
    MemoryLeak,
    NetworkLoss,
    TelemetryGap,
    TrafficSurge,
)
from bot.world.faults.innocent import Autoscale, BenignVersion, Campaign, InnocentDeploy
from bot.world.faults.model_side import BadVersion, ConceptDrift, CovariateDrift, Nulls, StuckPipeline, UnitChange
from bot.world.topology import Topology

KINDS: Mapping[str, type[Episode]] = {
    "bad_version": BadVersion,
    "disk_full": DiskFull,
    "cpu_saturation": CpuSaturation,
    "memory_leak": MemoryLeak,
    "network_loss": NetworkLoss,
    "dependency_failure": DependencyFailure,
    "bad_deploy": BadDeploy,
    "capacity_loss": CapacityLoss,
    "traffic_surge": TrafficSurge,
    "data_quality_nulls": Nulls,
    "data_quality_unit": UnitChange,
    "stuck_pipeline": StuckPipeline,
    "covariate_drift": CovariateDrift,
    "concept_drift": ConceptDrift,
    "telemetry_gap": TelemetryGap,
    "innocent_deploy": InnocentDeploy,
    "benign_version": BenignVersion,
    "campaign": Campaign,
    "autoscale": Autoscale,
}
_SERVICE, _MODEL, _FEATURE, _NODE = "service", "model", "model/feature", "node"
TARGETS: Mapping[str, str] = {
    **dict.fromkeys(("disk_full", "cpu_saturation", "network_loss"), _NODE),
    **dict.fromkeys(("data_quality_nulls", "data_quality_unit"), _FEATURE),
    **dict.fromkeys(("bad_version", "benign_version", "covariate_drift", "concept_drift"), _MODEL),
    **dict.fromkeys(
        (
            "memory_leak",
            "stuck_pipeline",
            "dependency_failure",
            "bad_deploy",
            "capacity_loss",
            "traffic_surge",
            "innocent_deploy",
            "campaign",
            "autoscale",
        ),
        _SERVICE,
    ),
}


class UnknownEpisodeError(ValueError):
    """The description does not name an episode, a target or a setting that exists; the text says which."""


def names(topology: Topology, target: str) -> tuple[str, ...]:
    """List the entities that an episode with this sort of target may hit."""
    services = tuple(service.name for service in topology.services)
    models = tuple(model.name for model in topology.models)
    nodes = tuple(node.name for node in topology.nodes)
    if target == _SERVICE:
        return services
    if target == _MODEL:
        return models
    if target == _NODE:
        return nodes
    if target == _FEATURE:
        return tuple(f"{model.name}/{feature.name}" for model in topology.models for feature in model.features)
    return (*services, *models, *nodes)


def episode_of(description: Mapping[str, Any], *, topology: Topology) -> Episode:
    """Build an episode from plain values: `kind`, `target`, `start_s`, `end_s` and any field of its class.

    Raises UnknownEpisodeError that names what was found and what would do.
    """
    given = dict(description)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise UnknownEpisodeError(f"kind is {kind!r}; expected one of {', '.join(sorted(KINDS))}")
    allowed = {one.name: str(one.type) for one in fields(KINDS[kind])}
    if unknown := sorted(set(given) - set(allowed)):
        raise UnknownEpisodeError(f"{kind} has no {unknown[0]!r}; it has {', '.join(sorted(allowed))}")
    possible = names(topology, TARGETS.get(kind, ""))
    if given.get("target") not in possible:
        raise UnknownEpisodeError(f"target is {given.get('target')!r}; expected one of {', '.join(possible)}")
    numeric = {"float": (int, float), "int": (int,), "str": (str,), "bool": (bool,)}
    for name, value in given.items():
        wanted = numeric[allowed[name]]
        if not isinstance(value, wanted) or (isinstance(value, bool) and allowed[name] != "bool"):
            raise UnknownEpisodeError(f"{name} is {value!r}; expected {allowed[name]}")
    return KINDS[kind](**given)

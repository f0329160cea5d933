"""The families of troubles and of traps, each drawn over whatever installation there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.world.faults import infrastructure as infra
from bot.world.faults import innocent, model_side
from bot.world.faults.episode import Episode
from bot.world.topology import Model, Service, Topology

Episodes = tuple[Episode, ...]
MINUTE_S, HOUR_S = 60.0, 3600.0


class UnfitError(Exception):
    """This installation has nothing that the family could happen to; draw another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where and when, drawn from the seed."""

    topology: Topology
    start_s: float
    end_s: float
    severity: float
    flap_s: float  # 0: it stays
    rng: np.random.Generator

    def pick(self, names: Sequence[str]) -> str:
        """Draw one. Raises UnfitError when there is none."""
        if not names:
            raise UnfitError
        return str(names[int(self.rng.integers(len(names)))])

    def services(self, *roles: str) -> list[str]:
        return [one.name for one in self.topology.services if one.role in roles]

    @property
    def answering(self) -> list[str]:
        return [one.name for one in self.topology.services if one.role != "pipeline"]

    @property
    def called(self) -> list[str]:
        """Services that others need."""
        return [one.name for one in self.topology.services if self.topology.callers(one.name)]

    @property
    def serving_stores(self) -> list[str]:
        """Stores that a model's server asks."""
        servers = [self.topology.service(model.served_by) for model in self.topology.models]
        return sorted({name for one in servers for name in one.depends_on if self._role(name) == "store"})

    def _role(self, name: str) -> str:
        return self.topology.service(name).role

    @property
    def feeding(self) -> list[str]:
        """Pipelines that fill a feature."""
        sources = {feature.source for model in self.topology.models for feature in model.features}
        return sorted(sources & set(self.services("pipeline")))

    def hosts(self, names: Sequence[str]) -> list[str]:
        return sorted({node for name in names for node in self.topology.service(name).runs_on})

    @property
    def calm_hosts(self) -> list[str]:
        """Nodes under pipelines and under nothing that answers."""
        return sorted(set(self.hosts(self.feeding)) - set(self.hosts(self.answering)))

    def model(self) -> Model:
        return self.topology.model(self.pick([model.name for model in self.topology.models]))

    def feature(self, *, stored: bool | None = None) -> str:
        """Draw a model/feature that matters to its model."""
        return self.pick(
            [
                f"{model.name}/{feature.name}"
                for model in self.topology.models
                for feature in model.features
                if stored is None or feature.stored is stored
            ]
        )

    def span(self) -> dict[str, Any]:
        return {"start_s": self.start_s, "end_s": self.end_s, "severity": self.severity, "flap_s": self.flap_s}

    def steady(self) -> dict[str, Any]:
        """For what cannot flap: a version, a unit, a disk that fills."""
        return {"start_s": self.start_s, "end_s": self.end_s, "severity": self.severity}

    def next_version(self, model: Model) -> dict[str, Any]:
        return {"from_version": model.champion, "to_version": model.champion + 1}

    def rollout(self, name: str) -> dict[str, Any]:
        version = self.topology.service(name).version
        return {"before": f"{version}.0", "after": f"{version}.1"}


def _bad_weights(s: Slot) -> Episodes:
    model = s.model()
    return (model_side.BadVersion(target=model.name, **s.next_version(model), **s.steady()),)


def _heavy(s: Slot) -> Episodes:
    model = s.model()
    return (
        model_side.BadVersion(
            target=model.name,
            start_s=s.start_s,
            end_s=s.end_s,
            severity=0.02,
            heavier=float(s.rng.uniform(2.2, 4.5)),
            **s.next_version(model),
        ),
    )


def _threshold(s: Slot) -> Episodes:
    model = s.model()
    return (model_side.Threshold(target=model.name, **s.next_version(model), **s.steady()),)


def _nulls(s: Slot) -> Episodes:
    return (model_side.Nulls(target=s.feature(), **s.span()),)


def _source_nulls(s: Slot) -> Episodes:
    source = s.pick(s.feeding)
    return (model_side.SourceNulls(target=source, features=model_side.filled_by(source, s.topology), **s.span()),)


def _unit(s: Slot) -> Episodes:
    factor = float(s.rng.choice((0.01, 60.0, 100.0, 1000.0)))
    return (model_side.UnitChange(target=s.feature(), start_s=s.start_s, end_s=s.end_s, factor=factor),)


def _swap(s: Slot) -> Episodes:
    model = s.model()
    one, other = (model.features[int(i)] for i in s.rng.permutation(len(model.features))[:2])
    if max(one.mean / other.mean, other.mean / one.mean) < 1.5:
        raise UnfitError
    return (
        model_side.ColumnSwap(
            target=f"{model.name}/{one.name}",
            other=f"{model.name}/{other.name}",
            ratio=other.mean / one.mean,
            start_s=s.start_s,
            end_s=s.end_s,
        ),
    )


def _stuck(s: Slot) -> Episodes:
    return (model_side.StuckPipeline(target=s.pick(s.feeding), start_s=s.start_s, end_s=s.end_s),)


def _segment(s: Slot) -> Episodes:
    model = s.topology.model(s.pick([m.name for m in s.topology.models if m.segments]))
    return (
        model_side.SegmentFault(
            target=f"{model.name}/{s.pick(model.segments)}",
            feature=f"{model.name}/{s.pick([f.name for f in model.features])}",
            share=1 / len(model.segments),
            **s.span(),
        ),
    )


def _labels(s: Slot) -> Episodes:
    return (model_side.LabelBug(target=s.model().name, **s.span()),)


def _covariate(s: Slot, *, rise_s: float) -> Episodes:
    return (
        model_side.CovariateDrift(
            target=s.model().name,
            start_s=s.start_s,
            end_s=s.end_s + rise_s,
            severity=max(0.8, s.severity),
            rise_s=rise_s,
        ),
    )


def _concept(s: Slot) -> Episodes:
    rise_s = float(s.rng.choice((0.0, 1800.0)))
    return (
        model_side.ConceptDrift(
            target=s.model().name, start_s=s.start_s, end_s=s.end_s + HOUR_S, severity=s.severity, rise_s=rise_s
        ),
    )


def _cpu(s: Slot) -> Episodes:
    return (infra.CpuSaturation(target=s.pick(s.hosts(s.answering)), **s.span()),)


def _starved_pipeline(s: Slot) -> Episodes:
    return (infra.CpuSaturation(target=s.pick(s.calm_hosts), **s.steady()),)


def _throttled(s: Slot) -> Episodes:
    return (infra.Throttled(target=s.pick(s.answering), **s.span()),)


def _leak(s: Slot) -> Episodes:
    period_s = float(s.rng.uniform(15, 45)) * MINUTE_S
    return (
        infra.MemoryLeak(
            target=s.pick(s.answering), start_s=s.start_s, end_s=s.end_s + 2 * period_s, period_s=period_s
        ),
    )


def _killed(s: Slot) -> Episodes:
    return (infra.Restarting(target=s.pick(s.answering), **s.steady()),)


def _disk(s: Slot, names: Sequence[str]) -> Episodes:
    rise_s = float(s.rng.uniform(5, 60)) * MINUTE_S
    node = s.pick(s.hosts(names))
    return (infra.DiskFull(target=node, start_s=s.start_s, end_s=s.end_s + rise_s, rise_s=rise_s),)


def _disk_pipeline(s: Slot) -> Episodes:
    return _disk(s, s.feeding)


def _disk_store(s: Slot) -> Episodes:
    return _disk(s, s.serving_stores)


def _slow_disk(s: Slot) -> Episodes:
    return (infra.SlowDisk(target=s.pick(s.hosts([*s.serving_stores, *s.feeding])), **s.span()),)


def _loss(s: Slot) -> Episodes:
    return (infra.NetworkLoss(target=s.pick(s.hosts(s.answering)), **s.span()),)


def _delay(s: Slot) -> Episodes:
    delay_ms = float(s.rng.uniform(30, 150))
    return (infra.Delay(target=s.pick(s.hosts(s.answering)), delay_ms=delay_ms, **s.span()),)


def _store_down(s: Slot) -> Episodes:
    return (infra.DependencyFailure(target=s.pick(s.serving_stores), **s.span()),)


def _slow_dependency(s: Slot) -> Episodes:
    return (infra.SlowDependency(target=s.pick(s.called), **s.span()),)


def _cold(s: Slot) -> Episodes:
    return (infra.ColdCache(target=s.pick(s.serving_stores), **s.steady()),)


def _bad_deploy(s: Slot) -> Episodes:
    name = s.pick(s.answering)
    return (infra.BadDeploy(target=name, **s.steady(), **s.rollout(name)),)


def _costly_deploy(s: Slot) -> Episodes:
    name = s.pick(s.answering)
    return (infra.CostlyDeploy(target=name, **s.steady(), **s.rollout(name)),)


def _bad_config(s: Slot) -> Episodes:
    return (infra.BadConfig(target=s.pick(s.answering), **s.steady()),)


def _capacity(s: Slot) -> Episodes:
    return (infra.CapacityLoss(target=s.pick(s.answering), **s.steady()),)


def _surge(s: Slot) -> Episodes:
    return (infra.TrafficSurge(target=s.pick(s.services("gateway")), **s.steady()),)


def _silence(s: Slot) -> Episodes:
    names = [*s.answering, *(n.name for n in s.topology.nodes), *(m.name for m in s.topology.models)]
    return (infra.TelemetryGap(target=s.pick(names), start_s=s.start_s, end_s=s.end_s, incident=True),)


def _two(s: Slot) -> Episodes:
    """One of each side, at entities that have nothing to do with each other for an hour."""
    side = [_bad_weights, _unit, _concept][int(s.rng.integers(3))]
    other = [_leak, _cpu, _disk_store, _loss][int(s.rng.integers(4))]
    later_s = float(s.rng.uniform(15, 40)) * MINUTE_S
    late = Slot(
        topology=s.topology,
        start_s=s.start_s + later_s,
        end_s=s.end_s + later_s,
        severity=s.severity,
        flap_s=0.0,
        rng=s.rng,
    )
    return (*side(s), *other(late))


def _with_innocent(s: Slot) -> Episodes:
    """A trouble of the machines just after a promotion that does no harm."""
    model = s.model()
    benign = innocent.BenignVersion(
        target=model.name, start_s=s.start_s - 6 * MINUTE_S, end_s=s.end_s, to_version=model.champion + 1
    )
    return (benign, *[_store_down, _loss, _disk_store, _cpu][int(s.rng.integers(4))](s))


def _with_deploy(s: Slot) -> Episodes:
    """A trouble of a model just after a rollout that does no harm."""
    name = s.pick(s.answering)
    start_s = s.start_s - 4 * MINUTE_S
    benign = innocent.InnocentDeploy(target=name, start_s=start_s, end_s=start_s + 80, **s.rollout(name))
    return (benign, *[_nulls, _unit, _concept, _bad_weights][int(s.rng.integers(4))](s))


# What happens to machines, services and links; what happens to models and their data; both at once.
FAULTS: Mapping[str, Callable[[Slot], Episodes]] = {
    "bad_weights": _bad_weights,
    "heavy_version": _heavy,
    "threshold_version": _threshold,
    "nulls": _nulls,
    "source_nulls": _source_nulls,
    "unit_change": _unit,
    "column_swap": _swap,
    "stuck_pipeline": _stuck,
    "segment_fault": _segment,
    "label_bug": _labels,
    "covariate_step": lambda s: _covariate(s, rise_s=0.0),
    "covariate_slow": lambda s: _covariate(s, rise_s=5400.0),
    "concept_drift": _concept,
    "noisy_neighbour": _cpu,
    "starved_pipeline": _starved_pipeline,
    "throttled": _throttled,
    "memory_leak": _leak,
    "killed_for_memory": _killed,
    "disk_full_pipeline": _disk_pipeline,
    "disk_full_store": _disk_store,
    "slow_disk": _slow_disk,
    "packet_loss": _loss,
    "network_delay": _delay,
    "store_down": _store_down,
    "slow_dependency": _slow_dependency,
    "cold_cache": _cold,
    "bad_deploy": _bad_deploy,
    "costly_deploy": _costly_deploy,
    "bad_config": _bad_config,
    "capacity_loss": _capacity,
    "traffic_surge": _surge,
    "telemetry_loss": _silence,
    "two_troubles": _two,
    "innocent_promotion_beside": _with_innocent,
    "innocent_deploy_beside": _with_deploy,
}
# Not used for any choice of a weight or rule: how we do on what we did not think of.
LEFT_OUT = frozenset(
    {
        "threshold_version",
        "column_swap",
        "segment_fault",
        "network_delay",
        "cold_cache",
        "bad_config",
        "killed_for_memory",
    }
)


def _nothing(s: Slot) -> Episodes:  # noqa: ARG001 - one signature
    return ()


def _deploys(s: Slot) -> Episodes:
    found = []
    for number in range(5):
        name, start_s = s.pick(s.answering), s.start_s + number * 25 * MINUTE_S
        found.append(innocent.InnocentDeploy(target=name, start_s=start_s, end_s=start_s + 80, **s.rollout(name)))
    return tuple(found)


def _rolling(s: Slot) -> Episodes:
    name = s.pick(s.answering)
    length_s = float(s.rng.uniform(2, 4)) * MINUTE_S
    return (innocent.RollingRestart(target=name, start_s=s.start_s, end_s=s.start_s + length_s, **s.rollout(name)),)


def _benign(s: Slot) -> Episodes:
    model = s.model()
    return (
        innocent.BenignVersion(
            target=model.name,
            start_s=s.start_s,
            end_s=s.end_s,
            severity=float(s.rng.uniform(0.5, 2.0)),
            to_version=model.champion + 1,
        ),
    )


def _campaign(s: Slot) -> Episodes:
    return (innocent.Campaign(target=s.pick(s.services("gateway")), start_s=s.start_s, end_s=s.end_s),)


def _holiday(s: Slot) -> Episodes:
    return (innocent.Holiday(target=s.pick(s.services("gateway")), start_s=s.start_s, end_s=s.end_s + 3 * HOUR_S),)


def _autoscale(s: Slot) -> Episodes:
    return (innocent.Autoscale(target=s.pick(s.answering), start_s=s.start_s, end_s=s.end_s),)


def _late_labels(s: Slot) -> Episodes:
    return (innocent.LateLabels(target=s.model().name, start_s=s.start_s, end_s=s.end_s),)


def _gap(s: Slot) -> Episodes:
    names = [*s.answering, *(n.name for n in s.topology.nodes), *(m.name for m in s.topology.models)]
    length_s = max(3.0 * s.topology.step_s, float(s.rng.uniform(2, 4)) * MINUTE_S)
    return (infra.TelemetryGap(target=s.pick(names), start_s=s.start_s, end_s=s.start_s + length_s),)


def _restart(s: Slot) -> Episodes:
    return (innocent.Restart(target=s.pick(s.answering), start_s=s.start_s, end_s=s.start_s + 60),)


def _spikes(s: Slot) -> Episodes:
    return tuple(
        innocent.Spike(
            target=s.pick(s.answering) if number % 2 else s.feature(),
            start_s=s.start_s + number * 17 * MINUTE_S,
            end_s=s.start_s + number * 17 * MINUTE_S + 60,
        )
        for number in range(6)
    )


def _unrelated(s: Slot) -> Episodes:
    entities = [*s.answering, *(m.name for m in s.topology.models), *(n.name for n in s.topology.nodes)]
    kinds = ("config", "data", "schema", "other")
    return tuple(
        innocent.Note(
            target=s.pick(entities),
            start_s=s.start_s + number * 13 * MINUTE_S,
            end_s=s.end_s,
            kind=s.pick(kinds),
            text="changed",
        )
        for number in range(6)
    )


def _backfill(s: Slot) -> Episodes:
    return (innocent.Backfill(target=s.pick(s.feeding), start_s=s.start_s, end_s=s.end_s),)


# Nothing is wrong, though something moves.
TRAPS: Mapping[str, Callable[[Slot], Episodes]] = {
    "quiet_day": _nothing,
    "small_numbers": _nothing,  # of labels, at night: the installation is drawn so
    "planned_deploys": _deploys,
    "rolling_restart": _rolling,
    "benign_version": _benign,
    "campaign": _campaign,
    "holiday": _holiday,
    "autoscale": _autoscale,
    "late_labels": _late_labels,
    "scrape_gap": _gap,
    "single_restart": _restart,
    "single_spikes": _spikes,
    "unrelated_changes": _unrelated,
    "backfill": _backfill,
}
FAMILIES: Mapping[str, Callable[[Slot], Episodes]] = {**FAULTS, **TRAPS}


def services_of(topology: Topology) -> tuple[Service, ...]:
    """Those that answer requests."""
    return tuple(one for one in topology.services if one.role != "pipeline")

"""The families of troubles, each drawn over whatever installation there is; what is none stands in `traps.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.world.corpus.slot import HOUR_S, MINUTE_S, Episodes, Slot, UnfitError
from bot.world.corpus.traps import TRAPS
from bot.world.faults import infrastructure as infra
from bot.world.faults import innocent, model_side


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

FAMILIES: Mapping[str, Callable[[Slot], Episodes]] = {**FAULTS, **TRAPS}

"""The timelines of recordings: a named trouble drawn from a seed, among everyday changes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

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
from bot.world.scenario import HOUR_S, MINUTE_S, Episodes, Scenario
from bot.world.topology import GATEWAY, PIPELINE, RECOMMENDER, SCORING, STORE, Topology, shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where the trouble of a recording goes, drawn from its seed."""

    start_s: float
    end_s: float
    severity: float
    rng: np.random.Generator

    def one_of(self, *names: str) -> str:
        return str(self.rng.choice(names))


def _bad_version(slot: Slot) -> Episodes:
    if slot.one_of("fraud", "ranking") == "fraud":
        return (
            BadVersion(
                target="fraud",
                start_s=slot.start_s,
                end_s=slot.end_s,
                severity=slot.severity,
                from_version=3,
                to_version=4,
            ),
        )
    # the newest is the healthy champion: somebody promotes an old one whose features have moved on
    return (
        BadVersion(
            target="ranking",
            start_s=slot.start_s,
            end_s=slot.end_s,
            severity=slot.severity,
            from_version=7,
            to_version=5,
        ),
    )


def _heavy_version(slot: Slot) -> Episodes:
    return (
        BadVersion(
            target="ranking",
            start_s=slot.start_s,
            end_s=slot.end_s,
            severity=0.02,  # its answers are as good as before
            heavier=4.0,
            from_version=7,
            to_version=6,
        ),
    )


def _stuck(slot: Slot) -> Episodes:
    return (StuckPipeline(target=PIPELINE, start_s=slot.start_s, end_s=slot.end_s),)


def _disk_full(slot: Slot) -> Episodes:
    rise_s = float(slot.rng.uniform(10, 40)) * MINUTE_S
    return (DiskFull(target="n-04", start_s=slot.start_s, end_s=slot.end_s + rise_s, rise_s=rise_s),)


def _cpu(slot: Slot) -> Episodes:
    node = slot.one_of("n-01", "n-02", "n-03", "n-04")
    return (CpuSaturation(target=node, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _leak(slot: Slot) -> Episodes:
    service = slot.one_of(GATEWAY, SCORING, RECOMMENDER)
    period_s = float(slot.rng.uniform(25, 45)) * MINUTE_S
    return (MemoryLeak(target=service, start_s=slot.start_s, end_s=slot.end_s + period_s, period_s=period_s),)


def _dependency(slot: Slot) -> Episodes:
    return (DependencyFailure(target=STORE, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _network(slot: Slot) -> Episodes:
    node = slot.one_of("n-01", "n-02", "n-03")
    return (NetworkLoss(target=node, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _bad_deploy(slot: Slot) -> Episodes:
    service = slot.one_of(GATEWAY, SCORING, RECOMMENDER)
    before, after = _versions(service, 0)
    return (
        BadDeploy(
            target=service,
            start_s=slot.start_s,
            end_s=slot.end_s,
            severity=slot.severity,
            before=before,
            after=after,
        ),
    )


def _versions(service: str, number: int) -> tuple[str, str]:
    """Name the versions of a rollout: alike for good and bad ones, so that the text gives nothing away."""
    version = shop().service(service).version
    return f"{version}.{number}", f"{version}.{number + 1}"


def _capacity(slot: Slot) -> Episodes:
    service = slot.one_of(SCORING, RECOMMENDER)
    return (CapacityLoss(target=service, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _surge(slot: Slot) -> Episodes:
    return (TrafficSurge(target=GATEWAY, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _nulls(slot: Slot) -> Episodes:
    feature = slot.one_of("fraud/merchant_risk", "fraud/velocity_1h", "ranking/user_affinity", "fraud/amount")
    return (Nulls(target=feature, start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity),)


def _unit(slot: Slot) -> Episodes:
    feature = slot.one_of("fraud/amount", "fraud/velocity_1h", "ranking/query_length")
    factor = float(slot.rng.choice((60.0, 100.0, 1000.0)))
    return (UnitChange(target=feature, start_s=slot.start_s, end_s=slot.end_s, factor=factor),)


def _covariate(slot: Slot) -> Episodes:
    model = slot.one_of("fraud", "ranking")
    return (CovariateDrift(target=model, start_s=slot.start_s, end_s=slot.end_s + 2 * HOUR_S, severity=slot.severity),)


def _concept(slot: Slot) -> Episodes:
    model = slot.one_of("fraud", "ranking")
    return (ConceptDrift(target=model, start_s=slot.start_s, end_s=slot.end_s + HOUR_S, severity=slot.severity),)


def _two(slot: Slot) -> Episodes:
    disk = DiskFull(
        target="n-04", start_s=slot.start_s + 20 * MINUTE_S, end_s=slot.end_s + 40 * MINUTE_S, rise_s=10 * MINUTE_S
    )
    return (BadVersion(target="fraud", start_s=slot.start_s, end_s=slot.end_s, severity=slot.severity), disk)


def _innocent_deploy(slot: Slot) -> Episodes:
    service = slot.one_of(GATEWAY, SCORING, RECOMMENDER)
    before, after = _versions(service, 0)
    blip = InnocentDeploy(target=service, start_s=slot.start_s, end_s=slot.start_s + 80, before=before, after=after)
    return (blip,)


def _benign_version(slot: Slot) -> Episodes:
    return (BenignVersion(target="fraud", start_s=slot.start_s, end_s=slot.end_s, to_version=4),)


def _campaign(slot: Slot) -> Episodes:
    return (Campaign(target=GATEWAY, start_s=slot.start_s, end_s=slot.end_s),)


def _autoscale(slot: Slot) -> Episodes:
    return (Autoscale(target=slot.one_of(SCORING, RECOMMENDER), start_s=slot.start_s, end_s=slot.end_s),)


def _gap(slot: Slot) -> Episodes:
    entity = slot.one_of("n-02", SCORING, "fraud", PIPELINE)
    return (TelemetryGap(target=entity, start_s=slot.start_s, end_s=slot.start_s + 4 * MINUTE_S),)


def _silence(slot: Slot) -> Episodes:
    entity = slot.one_of("n-02", SCORING, "fraud")
    return (TelemetryGap(target=entity, start_s=slot.start_s, end_s=slot.end_s, incident=True),)


def _nothing(slot: Slot) -> Episodes:  # noqa: ARG001 - one signature
    return ()


RECORDED: Mapping[str, Callable[[Slot], Episodes]] = {
    "bad_version": _bad_version,
    "disk_full_pipeline": _disk_full,
    "cpu_saturation": _cpu,
    "memory_leak": _leak,
    "dependency_failure": _dependency,
    "network_loss": _network,
    "bad_deploy": _bad_deploy,
    "capacity_loss": _capacity,
    "traffic_surge": _surge,
    "data_quality_nulls": _nulls,
    "data_quality_unit": _unit,
    "covariate_drift": _covariate,
    "concept_drift": _concept,
    "stuck_pipeline": _stuck,
    "heavy_version": _heavy_version,
    "two_troubles": _two,
    "innocent_deploy": _innocent_deploy,
    "benign_version": _benign_version,
    "campaign": _campaign,
    "autoscale": _autoscale,
    "scrape_gap": _gap,
    "telemetry_loss": _silence,
    "quiet_day": _nothing,
}
TAIL_HOURS = 6.0  # trouble comes in the last hours: the first day is there to learn from


def recorded(name: str, *, start_s: float, hours: float, seed: int, topology: Topology | None = None) -> Scenario:
    """Draw a recording's timeline from its seed: the named trouble in the last hours, and everyday changes.

    Raises KeyError when there is no scenario of that name.
    """
    build = RECORDED[name]
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    tail_s = min(TAIL_HOURS, hours / 2) * HOUR_S
    begin_s = start_s + hours * HOUR_S - tail_s
    # on whole seconds: a change feed has no finer times
    onset_s = round(begin_s + float(rng.uniform(0.05, 0.35)) * tail_s)
    end_s = round(onset_s + float(rng.uniform(0.2, 0.4)) * tail_s)
    slot = Slot(start_s=onset_s, end_s=end_s, severity=float(rng.uniform(0.7, 1.2)), rng=rng)
    stage = topology or shop()
    trouble = build(slot)
    touched = {episode.target for episode in trouble}
    return Scenario(
        name=name,
        topology=stage,
        trouble=trouble,
        background=_everyday(stage, start_s=start_s, hours=hours, rng=rng, spare=touched),
    )


def _everyday(
    topology: Topology, *, start_s: float, hours: float, rng: np.random.Generator, spare: set[str]
) -> Episodes:
    """Draw about one innocent rollout a day on services that the trouble does not touch itself."""
    services = [one for one in topology.services if one.name not in spare and one.role != "pipeline"]
    found: list[Episode] = []
    for number, at in enumerate(sorted(rng.uniform(0.04, 1, size=rng.poisson(hours / 24)))):
        service = services[int(rng.integers(len(services)))]
        time_s = round(start_s + float(at) * hours * HOUR_S)
        found.append(
            InnocentDeploy(
                target=service.name,
                start_s=time_s,
                end_s=time_s + 80,
                before=f"{service.version}.{number}",
                after=f"{service.version}.{number + 1}",
            )
        )
    return tuple(found)

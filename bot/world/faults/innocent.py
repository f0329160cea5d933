"""Happenings that move a series or two and are no incident; their changes read like those of the harmful ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.world.faults.episode import AliasMove, Change, Drivers, Episode, Floats
from bot.world.topology import Topology, VersionTraits


@dataclass(frozen=True, slots=True, kw_only=True)
class InnocentDeploy(Episode):
    """A rollout whose replicas warm up for a minute or two."""

    fall_s: float = 30.0
    before: str = "v1.0"
    after: str = "v1.1"
    by: str = "ci"

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("slow", self.target, 0.25 * push)
        drivers.add("error", self.target, 0.0012 * push)

    def changes(self) -> tuple[Change, ...]:
        rollout = Change(
            time_s=self.start_s,
            kind="deploy",
            entity=self.target,
            text=f"rollout {self.after}",
            before=self.before,
            after=self.after,
            by=self.by,
        )
        return (rollout,)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenignVersion(Episode):
    """A promotion that changes scores a little and quality not at all."""

    to_version: int = 4

    def moves(self) -> tuple[AliasMove, ...]:
        return (AliasMove(time_s=self.start_s, model=self.target, version=self.to_version),)

    def traits(self) -> dict[tuple[str, int], VersionTraits]:
        mild = VersionTraits(
            score_shift=0.002 * self.severity,
            drift=0.004 * self.severity,
            accuracy_loss=-0.004 * self.severity,
            inference_factor=1 + 0.02 * self.severity,
        )
        return {(self.target, self.to_version): mild}


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign(Episode):
    """More people for some hours, within what the services can carry."""

    rise_s: float = 1500.0
    fall_s: float = 1800.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("traffic", self.target, 0.3 * self.intensity(times_s))

    def changes(self) -> tuple[Change, ...]:
        return (Change(time_s=self.start_s, kind="marketing", entity=self.target, text="autumn offer", by="marketing"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscale(Episode):
    """More replicas for a while: less load on each, the same work in all."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("capacity", self.target, 0.5 * self.intensity(times_s))

    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(time_s=time_s, kind="autoscale", entity=self.target, text="replicas set", by="autoscaler")
            for time_s in (self.start_s, self.end_s)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Episode):
    """One container of a service starts anew, once."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        once = (times_s >= self.start_s) & (times_s < self.start_s + topology.step_s)
        drivers.add("restart", self.target, once.astype(np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike(Episode):
    """One sample far out, and nothing after it: a service's slow moment, or a feature's empty one (model/feature)."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        once = ((times_s >= self.start_s) & (times_s < self.start_s + topology.step_s)).astype(np.float64)
        if "/" in self.target:
            drivers.add("null", self.target, 0.4 * once)
        else:
            drivers.add("slow", self.target, 1.2 * once)
            drivers.add("error", self.target, 0.05 * once)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Episode):
    """A change that changes nothing anybody could see."""

    kind: str = "config"
    text: str = "settings changed"

    def changes(self) -> tuple[Change, ...]:
        return (Change(time_s=self.start_s, kind=self.kind, entity=self.target, text=self.text, by="ci"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday(Episode):
    """Far fewer people than on other days."""

    rise_s: float = 7200.0
    fall_s: float = 7200.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("traffic", self.target, -0.5 * self.intensity(times_s))

    def changes(self) -> tuple[Change, ...]:
        return (Change(time_s=self.start_s, kind="calendar", entity=self.target, text="public holiday"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateLabels(Episode):
    """Labels of a model come hours later than usual; its answers are as good as ever."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("unlabelled", self.target, np.minimum(0.97 * self.intensity(times_s), 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingRestart(InnocentDeploy):
    """A rollout whose replicas go down and come up one after the other."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("slow", self.target, 0.3 * push)
        drivers.add("capacity", self.target, -0.25 * push)
        drivers.add("restart", self.target, np.round(push))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill(Episode):
    """A pipeline writes old rows again beside the new ones: more of them, none of them late."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        for node in topology.service(self.target).runs_on:
            drivers.add("cpu_extra", node, 0.06 * self.intensity(times_s))

    def changes(self) -> tuple[Change, ...]:
        return (Change(time_s=self.start_s, kind="data", entity=self.target, text="rows of last month again"),)

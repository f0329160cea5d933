"""Troubles of machines, services and their links."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.world.faults.episode import Change, Drivers, Episode, Floats, Root
from bot.world.topology import Topology

CAUSE = "infrastructure"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFull(Episode):
    """A node's disk fills up; what writes there stops."""

    rise_s: float = 360.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("disk_fill", self.target, self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="disk_saturation",
            entities=(self.target,),
            series=(("node_disk", self.target),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSaturation(Episode):
    """A noisy neighbour takes a node's CPU: the services there do not work more, they wait."""

    rise_s: float = 180.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("cpu_extra", self.target, 0.85 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE, subcause="cpu_saturation", entities=(self.target,), series=(("node_cpu", self.target),)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLeak(Episode):
    """A service's memory grows until it is killed, starts again and grows again."""

    period_s: float = 2400.0  # from start to kill

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        active = self.intensity(times_s)
        uptime_s = (times_s - self.start_s) % self.period_s
        drivers.add("leak", self.target, active * uptime_s / self.period_s)
        killed = (active > 0) & (times_s - self.start_s >= self.period_s) & (uptime_s < 60)
        drivers.add("restart", self.target, killed.astype(np.float64) * topology.service(self.target).replicas)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="memory_saturation",
            entities=(self.target,),
            series=(("service_memory", self.target), ("restarts", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkLoss(Episode):
    """Packets to and from a node get lost: the slowest requests wait for retransmission."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("loss", self.target, 0.1 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="network",
            entities=(self.target,),
            series=(("node_retransmits", self.target),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyFailure(Episode):
    """A service that others need stops answering most of what they ask."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push: Floats = np.asarray(np.minimum(self.intensity(times_s), 1.0), dtype=np.float64)
        drivers.add("down", self.target, push)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="dependency_failure",
            entities=(self.target,),
            series=(("error_ratio", self.target), ("availability", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDeploy(Episode):
    """A rollout that makes its service slower and wrong until it is taken back."""

    before: str = "v1.0"
    after: str = "v1.1"
    by: str = "ci"

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("slow", self.target, 0.7 * push)
        drivers.add("error", self.target, 0.06 * push)

    def changes(self) -> tuple[Change, ...]:
        there = Change(
            time_s=self.start_s,
            kind="deploy",
            entity=self.target,
            text=f"rollout {self.after}",
            before=self.before,
            after=self.after,
            by=self.by,
        )
        back = Change(
            time_s=self.end_s,
            kind="deploy",
            entity=self.target,
            text=f"rollout {self.before}",
            before=self.after,
            after=self.before,
            by=self.by,
        )
        return (there, back)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="bad_deploy",
            entities=(self.target,),
            series=(("error_ratio", self.target), ("latency_p99", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityLoss(Episode):
    """Replicas of a service are lost; the rest carries the load."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("capacity", self.target, -0.65 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="capacity_loss",
            entities=(self.target,),
            series=(("availability", self.target), ("latency_p99", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSurge(Episode):
    """Far more requests than there is room for, enough to slow and shed."""

    rise_s: float = 240.0
    fall_s: float = 300.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("traffic", self.target, 1.3 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="traffic_surge",
            entities=(self.target,),
            series=(("request_rate", self.target),),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryGap(Episode):
    """The exporter of one entity says nothing; the entity itself is well."""

    fall_s: float = 0.0
    incident: bool = False  # long enough to be one

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("silent", self.target, self.intensity(times_s))

    def root(self) -> Root | None:
        if not self.incident:
            return None
        return Root(cause=CAUSE, subcause="telemetry_loss", entities=(self.target,), series=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDisk(Episode):
    """A node's disk is too busy to serve in time: what reads and writes there waits."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("io", self.target, 0.75 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE, subcause="disk_saturation", entities=(self.target,), series=(("node_disk_busy", self.target),)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Episode):
    """The way to a node takes longer; nothing is lost."""

    delay_ms: float = 60.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("delay", self.target, self.delay_ms * self.intensity(times_s))

    def root(self) -> Root:
        return Root(cause=CAUSE, subcause="network", entities=(self.target,), series=(("node_rtt", self.target),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Episode):
    """A service's own CPU limit takes away what it needs: somebody has set it too low, or the scheduler has."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("throttle", self.target, 0.62 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="cpu_saturation",
            entities=(self.target,),
            series=(("service_cpu", self.target), ("latency_p99", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdCache(Episode):
    """A store's memory has forgotten what it knew: most lookups go to its disk."""

    fall_s: float = 900.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("cold", self.target, 0.6 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="dependency_failure",
            entities=(self.target,),
            series=(("cache_hits", self.target), ("latency_p99", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDependency(Episode):
    """A service that others need answers all they ask, far too late."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("slow", self.target, 2.2 * self.intensity(times_s))
        drivers.add("error", self.target, 0.01 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="dependency_failure",
            entities=(self.target,),
            series=(("latency_p99", self.target), ("latency_p50", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarting(Episode):
    """A service's containers are killed for want of memory, again and again, with no ramp to be seen between."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        push = self.intensity(times_s)
        drivers.add("leak", self.target, 0.85 * push)
        killed = ((times_s - self.start_s) % 600 < topology.step_s) & (push > 0)
        drivers.add("restart", self.target, killed * 2.0)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="memory_saturation",
            entities=(self.target,),
            series=(("service_memory", self.target), ("restarts", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CostlyDeploy(BadDeploy):
    """A rollout that needs far more CPU for the same work."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("cost", self.target, 0.75 * push)
        drivers.add("slow", self.target, 0.5 * push)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="bad_deploy",
            entities=(self.target,),
            series=(
                ("latency_p99", self.target),
                ("latency_p50", self.target),
                ("cpu_per_request", self.target),
                ("service_cpu", self.target),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadConfig(Episode):
    """A setting that makes a service wait and fail, such as a pool of connections that is too small."""

    by: str = "ci"

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("slow", self.target, 0.9 * push)
        drivers.add("error", self.target, 0.03 * push)

    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(time_s=time_s, kind="config", entity=self.target, text="settings changed", by=self.by)
            for time_s in (self.start_s, self.end_s)
        )

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="bad_deploy",
            entities=(self.target,),
            series=(("latency_p99", self.target), ("error_ratio", self.target)),
        )

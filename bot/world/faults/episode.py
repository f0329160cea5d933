"""The common shape of everything that happens to the world, harmful or not, and the drivers it pushes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bot.world.topology import Topology, VersionTraits

Floats = NDArray[np.float64]

DriverName = Literal[
    "traffic",  # service: added to the logarithm of its demand
    "cpu_extra",  # node: ratio of its CPU that others take
    "disk_fill",  # node: share of the free space that is taken, 0..1
    "io",  # node: ratio of its disk's time that others take
    "loss",  # node: ratio of packets lost
    "delay",  # node: milliseconds more on the way to it and back
    "slow",  # service: added to the logarithm of its own latency
    "error",  # service: ratio added to its own errors
    "cost",  # service: added to the logarithm of its CPU time a request
    "throttle",  # service: share of its CPU that its limit takes away
    "cold",  # store: share of what its memory knew that is gone
    "leak",  # service: share of its free memory that has leaked, 0..1
    "restart",  # service: restarts in this minute
    "stuck",  # pipeline: share of its rows that it does not write, 0..1
    "down",  # service: how far it is out of order, 0..1
    "capacity",  # service: change of its replicas as a ratio, negative when lost
    "null",  # model/feature: ratio added
    "shift",  # model/feature: standard deviations added to its mean
    "scale",  # model/feature: added to the logarithm of its values
    "relation",  # model: accuracy lost because the world's rules changed
    "mislabel",  # model: share of its labels that are wrong
    "unlabelled",  # model: share of its labels that do not come
    "part",  # model/segment: accuracy lost there alone
    "silent",  # any entity: above 0 its exporter says nothing
]


class Drivers:
    """Sums of what all episodes push, by name and entity, over one stretch of minutes."""

    def __init__(self, count: int) -> None:
        self._quiet: Floats = np.zeros(count)
        self._quiet.flags.writeable = False
        self._sums: dict[tuple[str, str], Floats] = defaultdict(lambda: np.zeros(count))

    def add(self, name: DriverName, entity: str, push: NDArray[np.floating[Any]]) -> None:
        """Add (n,) numbers to one driver of one entity."""
        self._sums[name, entity] += push

    def __getitem__(self, key: tuple[DriverName, str]) -> Floats:
        """Read (n,) numbers; zeros where nothing pushes."""
        return self._sums.get(key, self._quiet)

    def pushed(self, name: DriverName) -> dict[str, Floats]:
        """List the entities on which something pushes this driver."""
        return {entity: push for (found, entity), push in self._sums.items() if found == name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that people or machines changed, as docs/recordings.md writes it."""

    time_s: float
    kind: str
    entity: str
    text: str | None = None
    before: str | None = None
    after: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMove:
    """The champion alias of a model set to another version."""

    time_s: float
    model: str
    version: int
    by: str = "release-bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The truth about an episode that is an incident."""

    cause: str
    subcause: str
    entities: tuple[str, ...]  # the root first
    series: tuple[tuple[str, str], ...]  # (signal, entity) that the cause itself moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One happening: when, how it comes and goes, how strong; subclasses say what it pushes."""

    target: str  # a node, service, model or model/feature
    start_s: float
    end_s: float
    severity: float = 1.0  # 1 is plain to see; below 0.2 hardly visible
    rise_s: float = 0.0  # from nothing to full; 0 is a step
    fall_s: float = 60.0  # from full to nothing after the end
    flap_s: float = 0.0  # period of switching on and off in between; 0 never

    def intensity(self, times_s: Floats) -> Floats:
        """Severity over time: (n,) seconds since 1970 to (n,) numbers from 0 to `severity`."""
        up = (
            np.clip((times_s - self.start_s) / self.rise_s, 0, 1)
            if self.rise_s > 0
            else (times_s >= self.start_s) * 1.0
        )
        # what had not fully risen at the end falls from where it stood
        peak = min(1.0, (self.end_s - self.start_s) / self.rise_s) if self.rise_s > 0 else 1.0
        gone = np.clip((times_s - self.end_s) / self.fall_s, 0, 1) if self.fall_s > 0 else (times_s >= self.end_s) * 1.0
        shape = np.minimum(up, peak) * (1 - gone)
        if self.flap_s > 0:
            shape = shape * (((times_s - self.start_s) % self.flap_s) < self.flap_s / 2)
        return np.asarray(shape * self.severity, dtype=np.float64)

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        """Push the drivers over (n,) times."""

    def changes(self) -> tuple[Change, ...]:
        """List what people would find in the change feed; alias moves are listed apart."""
        return ()

    def moves(self) -> tuple[AliasMove, ...]:
        return ()

    def traits(self) -> dict[tuple[str, int], VersionTraits]:
        """Name versions of models that differ from a healthy one."""
        return {}

    def root(self) -> Root | None:
        """Tell the truth; None when there is nothing to report."""
        return None

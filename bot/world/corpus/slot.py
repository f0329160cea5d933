"""Where and when something happens in a drawn installation, and what there is for it to happen to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.world.faults.episode import Episode
from bot.world.topology import Model, Topology

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

    def feature(self) -> str:
        """Draw a model/feature."""
        return self.pick([f"{model.name}/{one.name}" for model in self.topology.models for one in model.features])

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

"""The model registry's memory: versions, aliases, tags, and who served when."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.world.topology import Topology

Floats = NDArray[np.float64]

CHAMPION = "champion"
ROLLOUT_S = 75.0  # from the alias to the servers: they poll the registry about once a minute


@dataclass(slots=True, kw_only=True)
class Version:
    number: int
    created_ms: int
    updated_ms: int
    source: str
    run_id: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Registered:
    name: str
    created_ms: int
    updated_ms: int
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""


class Registry:
    """Models by name. Servers follow the champion alias and keep what they have when it disappears."""

    def __init__(self, topology: Topology, *, start_s: float) -> None:
        self.models: dict[str, Registered] = {}
        self._served: dict[str, tuple[list[float], list[int]]] = {}
        week_ms = 7 * 86_400_000
        for model in topology.models:
            begin_ms = int(start_s * 1000) - (model.versions + 1) * week_ms
            entry = Registered(name=model.name, created_ms=begin_ms, updated_ms=begin_ms)
            for number in range(1, model.versions + 1):
                run_id = hashlib.sha256(f"{model.name}/{number}".encode()).hexdigest()[:32]
                entry.updated_ms = begin_ms + number * week_ms
                entry.versions[number] = Version(
                    number=number,
                    created_ms=entry.updated_ms,
                    updated_ms=entry.updated_ms,
                    source=f"s3://models/{model.name}/{run_id}/artifacts/model",
                    run_id=run_id,
                )
            entry.aliases[CHAMPION] = model.champion
            self.models[model.name] = entry
            self._served[model.name] = ([float("-inf")], [model.champion])

    def move(self, model: str, alias: str, version: int, *, time_s: float) -> None:
        """Set an alias; no timestamp of the model changes, as in MLflow."""
        self.models[model].aliases[alias] = version
        if alias == CHAMPION and model in self._served:
            times, versions = self._served[model]
            times.append(time_s + ROLLOUT_S)
            versions.append(version)

    def serving(self, model: str, times_s: Floats) -> NDArray[np.int64]:
        """Tell which version answers requests at (n,) times, all after the moves made so far."""
        times, versions = self._served[model]
        return np.array([versions[bisect_right(times, time_s) - 1] for time_s in times_s], dtype=np.int64)

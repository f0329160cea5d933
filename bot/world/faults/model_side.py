"""Troubles of models and of the data they are given."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bot.world.faults.episode import AliasMove, Drivers, Episode, Floats, Root
from bot.world.topology import Topology, VersionTraits

CAUSE = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadVersion(Episode):
    """The champion alias moves to a version whose scores have collapsed; the end moves it back."""

    from_version: int = 3
    to_version: int = 4
    returns: bool = True  # whether somebody moves the alias back at the end
    heavier: float = 1.0  # time and CPU per prediction against the old version

    def moves(self) -> tuple[AliasMove, ...]:
        there = AliasMove(time_s=self.start_s, model=self.target, version=self.to_version)
        back = AliasMove(time_s=self.end_s, model=self.target, version=self.from_version)
        return (there, back) if self.returns else (there,)

    def traits(self) -> dict[tuple[str, int], VersionTraits]:
        bad = VersionTraits(
            score_shift=-0.1 * self.severity,
            drift=1.3 * self.severity,
            accuracy_loss=0.2 * self.severity,
            calibration_gap=0.16 * self.severity,
            inference_factor=self.heavier,
        )
        return {(self.target, self.to_version): bad}

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="bad_version",
            entities=(self.target,),
            series=(
                ("prediction_drift", self.target),
                ("prediction_mean", self.target),
                ("early_quality", self.target),
                ("model_version", self.target),
                *((("inference_latency", self.target),) if self.heavier > 1 else ()),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Nulls(Episode):
    """One source delivers empty values for a feature (`target` is model/feature)."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("null", self.target, 0.45 * self.intensity(times_s))

    def root(self) -> Root:
        return _data_root(self.target, "feature_null", "feature_drift")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange(Episode):
    """One feature arrives in another unit (`target` is model/feature): cents for euros."""

    factor: float = 100.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("scale", self.target, math.log(self.factor) * self.intensity(times_s))

    def root(self) -> Root:
        return _data_root(self.target, "feature_mean", "feature_drift")


def _data_root(feature: str, *signals: str) -> Root:
    return Root(
        cause=CAUSE,
        subcause="data_quality",
        entities=(feature.partition("/")[0], feature),
        series=tuple((signal, feature) for signal in signals),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckPipeline(Episode):
    """A pipeline writes next to nothing because of its own bug; the machine under it is well."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("stuck", self.target, np.asarray(np.minimum(0.97 * self.intensity(times_s), 1), dtype=np.float64))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="data_quality",
            entities=(self.target,),
            series=(("pipeline_rows", self.target), ("pipeline_backlog", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateDrift(Episode):
    """The people who ask change: several features of a model move, within their valid ranges."""

    rise_s: float = 5400.0
    fall_s: float = 1800.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:
        push = self.intensity(times_s)
        for number, feature in enumerate(topology.model(self.target).features):
            sign = -1.0 if number % 2 else 1.0  # not all in one direction: it is a mix, not a unit
            drivers.add("shift", f"{self.target}/{feature.name}", sign * 0.9 * push)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="covariate_drift",
            entities=(self.target,),
            series=(("prediction_drift", self.target), ("prediction_mean", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptDrift(Episode):
    """The same inputs now mean something else: only labels can tell."""

    rise_s: float = 1800.0

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("relation", self.target, 0.15 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="concept_drift",
            entities=(self.target,),
            series=(("quality", self.target), ("calibration_gap", self.target)),
        )

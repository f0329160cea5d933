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


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(BadVersion):
    """A version whose decisions changed while its scores did not."""

    def traits(self) -> dict[tuple[str, int], VersionTraits]:
        moved = VersionTraits(decision_shift=0.12 * self.severity, accuracy_loss=0.09 * self.severity)
        return {(self.target, self.to_version): moved}

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="bad_version",
            entities=(self.target,),
            series=(("positive_rate", self.target), ("early_quality", self.target), ("model_version", self.target)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNulls(Episode):
    """Everything that one source fills arrives empty for part of the rows (`target` is the source, a service)."""

    features: tuple[str, ...] = ()  # those it fills, as model/feature

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        for entity in self.features:
            drivers.add("null", entity, 0.35 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="data_quality",
            entities=(self.target, *self.features, *dict.fromkeys(f.partition("/")[0] for f in self.features)),
            series=tuple(
                (signal, feature) for feature in self.features for signal in ("feature_null", "feature_drift")
            ),
        )


def filled_by(source: str, topology: Topology) -> tuple[str, ...]:
    """Name the `model/feature` entities that a service fills."""
    return tuple(
        f"{model.name}/{feature.name}"
        for model in topology.models
        for feature in model.features
        if feature.source == source
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSwap(Episode):
    """Two features of one model arrive in each other's place (`target` and `other` are model/feature)."""

    other: str = ""
    ratio: float = 1.0  # of the other's mean to the target's

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = np.minimum(self.intensity(times_s), 1.0)
        drivers.add("scale", self.target, math.log(self.ratio) * push)
        drivers.add("scale", self.other, -math.log(self.ratio) * push)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="data_quality",
            entities=(self.target.partition("/")[0], self.target, self.other),
            series=tuple((s, f) for f in (self.target, self.other) for s in ("feature_mean", "feature_drift")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFault(Episode):
    """The answers for one segment go wrong, while the whole hardly shows it (`target` is model/segment)."""

    feature: str = ""  # one that is empty there, as model/feature
    share: float = 0.33  # of the model's rows that are this segment's

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        push = self.intensity(times_s)
        drivers.add("part", self.target, 0.25 * push)
        drivers.add("null", self.feature, 0.4 * self.share * push)

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="data_quality",
            entities=(self.target.partition("/")[0], self.target, self.feature),
            series=(("segment_quality", self.target), ("feature_null", self.feature), ("feature_drift", self.feature)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBug(Episode):
    """A part of the labels is wrong; the model answers as well as ever."""

    def apply(self, drivers: Drivers, times_s: Floats, topology: Topology) -> None:  # noqa: ARG002 - one signature
        drivers.add("mislabel", self.target, 0.2 * self.intensity(times_s))

    def root(self) -> Root:
        return Root(
            cause=CAUSE,
            subcause="data_quality",
            entities=(self.target,),
            series=(("label_rate", self.target), ("quality", self.target), ("calibration_gap", self.target)),
        )

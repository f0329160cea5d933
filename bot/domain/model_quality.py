"""What was found about the quality of a model in one window of its log, and what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class QualityPath(StrEnum):
    """The ways by which trouble with a model can be seen. Each is blind to something: see `docs/model-quality.md`."""

    DATA_QUALITY = "data_quality"
    PREDICTION_DRIFT = "prediction_drift"
    ESTIMATED_QUALITY = "estimated_quality"
    REALISED_QUALITY = "realised_quality"
    CALIBRATION = "calibration"
    FEATURE_DRIFT = "feature_drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFinding:
    path: QualityPath
    page: bool  # worth calling somebody; feature drift alone never is
    what: str  # one sentence for a person
    about: str  # the column, or `column=value` of a segment; empty: the model as a whole
    statistic: str  # "missing", "psi", "accuracy", ...
    value: float
    expected: float  # of the reference, or of the statistic's own history
    scale: float  # what one sigma of the statistic is while all is well; NaN when not known
    p: float | None  # how likely a healthy model shows this; None when there is no such number
    worse: bool  # false for a change that is not bad in itself
    n: int  # rows, or labels, it rests on
    rule: str  # which rule spoke, with its numbers, so that it can be done again


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJudged:
    """Never read as healthy."""

    path: QualityPath
    about: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """A drop of quality, split by the groups of one column: who is asking changed, or the model did."""

    column: str
    total: float  # change of the metric; negative is a drop of accuracy
    mix: float  # what the changed shares of the groups explain
    within: float  # what changed inside the groups
    group: str  # the group that contributes most to the drop
    share_before: float
    share_after: float
    value_before: float
    value_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelState:
    """How far the labels of a window can be trusted."""

    labelled: int
    predicted: int
    usual: float  # share of labels that windows of this age usually have; NaN when not known
    mature: bool
    age: timedelta | None  # of the window's end when it was read

    @property
    def coverage(self) -> float:
        return self.labelled / self.predicted if self.predicted else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """One window, judged."""

    number: int
    version: str
    profile: str  # id of the profile it was compared with
    start: datetime | None
    end: datetime | None
    n: int
    findings: tuple[QualityFinding, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()
    estimated: Mapping[str, float] = field(default_factory=dict)  # by metric
    realised: Mapping[str, float] = field(default_factory=dict)
    labels: LabelState | None = None
    attribution: tuple[Attribution, ...] = ()  # the column that explains most first
    blind: tuple[str, ...] = ()  # what the paths that spoke cannot see, in words
    measured: Mapping[QualityPath, float] = field(default_factory=dict)  # the leading statistic a path, found or not

    @property
    def page(self) -> bool:
        return any(finding.page for finding in self.findings)

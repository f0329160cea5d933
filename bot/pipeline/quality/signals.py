"""What the prediction log tells, as signals of the catalogue: so that the rest of the flow knows no difference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.catalogue import Catalogue, Kind, Signal, Worse
from bot.domain.model_quality import QualityFinding, QualityPath

LOG_SIGNALS: tuple[Signal, ...] = (
    Signal(name="log_missing", kind=Kind.FEATURE_NULL, unit="ratio", worse=Worse.UP),
    Signal(name="log_faulty_values", kind=Kind.FEATURE_VALUE, unit="ratio", worse=Worse.UP),
    Signal(name="log_feature_drift", kind=Kind.FEATURE_DRIFT, unit="psi", worse=Worse.UP),
    Signal(name="log_faulty_answers", kind=Kind.PREDICTION, unit="ratio", worse=Worse.UP),
    Signal(name="log_faulty_rows", kind=Kind.PREDICTION, unit="ratio", worse=Worse.UP),
    Signal(name="log_faulty_labels", kind=Kind.LABEL_RATE, unit="ratio", worse=Worse.UP),
    Signal(name="log_prediction_drift", kind=Kind.PREDICTION_DRIFT, unit="psi", worse=Worse.UP),
    Signal(name="log_estimated_accuracy", kind=Kind.QUALITY, unit="accuracy", worse=Worse.DOWN),
    Signal(name="log_accuracy", kind=Kind.QUALITY, unit="accuracy", worse=Worse.DOWN),
    Signal(name="log_version_accuracy", kind=Kind.QUALITY, unit="accuracy", worse=Worse.DOWN),
    Signal(name="log_auc", kind=Kind.QUALITY, unit="auc", worse=Worse.DOWN),
    Signal(name="log_error", kind=Kind.QUALITY, unit="", worse=Worse.UP),
    Signal(name="log_bias", kind=Kind.CALIBRATION, unit="ratio", worse=Worse.BOTH),
    Signal(name="log_volume", kind=Kind.THROUGHPUT, unit="rows", worse=Worse.DOWN),
)
NAMES = frozenset(signal.name for signal in LOG_SIGNALS)
ROWS = frozenset({"duplicates", "future"})
LABELS = frozenset({"strange", "conflicting", "early"})
REALISED = {"accuracy": "log_accuracy", "versions": "log_version_accuracy", "auc": "log_auc", "mae": "log_error"}


def signal_of(finding: QualityFinding, *, answers: Iterable[str]) -> str:
    """Name the signal that a finding is told under.

    answers: columns that hold what the model said, and not what it was told.
    """
    match finding.path:
        case QualityPath.FEATURE_DRIFT:
            return "log_feature_drift"
        case QualityPath.PREDICTION_DRIFT:
            return "log_prediction_drift"
        case QualityPath.ESTIMATED_QUALITY:
            return "log_estimated_accuracy"
        case QualityPath.REALISED_QUALITY:
            return REALISED[finding.statistic]
        case QualityPath.CALIBRATION:
            return "log_bias"
        case QualityPath.DATA_QUALITY:
            return _fault(finding, answers)


def _fault(finding: QualityFinding, answers: Iterable[str]) -> str:
    if finding.statistic == "volume":
        return "log_volume"
    if finding.statistic in ROWS:
        return "log_faulty_rows"
    if finding.statistic in LABELS:
        return "log_faulty_labels"
    if finding.about in answers:
        return "log_faulty_answers"
    return "log_missing" if finding.statistic == "missing" else "log_faulty_values"


def with_log_signals(catalogue: Catalogue) -> Catalogue:
    """Add the signals of prediction logs; those that somebody declared by the same name stay as declared."""
    missing = tuple(signal for signal in LOG_SIGNALS if signal.name not in catalogue.signal)
    return replace(catalogue, signals=(*catalogue.signals, *missing))

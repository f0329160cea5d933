"""From what stands in a model's log to findings like those of any other series."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from math import isfinite

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.finding import Account, Direction, Evidence, Finding, FindingKind, Fingerprint, fingerprint_of
from bot.domain.labels import labels_of
from bot.domain.model_quality import LabelState, QualityFinding, QualityPath
from bot.domain.series import SeriesKey
from bot.pipeline.observe import Place
from bot.pipeline.quality.judge import BLIND, NO_LABELS
from bot.pipeline.quality.signals import signal_of
from bot.pipeline.quality.track import Standing
from bot.pipeline.quality.windows import Judged
from bot.pipeline.quality.words import percent
from bot.pipeline.severity import PLAIN_SIGMAS

FARTHEST = 99.0  # sigmas; beyond, the number says nothing
QUIET_KINDS = {
    QualityPath.PREDICTION_DRIFT: Kind.PREDICTION_DRIFT,
    QualityPath.REALISED_QUALITY: Kind.QUALITY,
    QualityPath.CALIBRATION: Kind.CALIBRATION,
}


def entity_of(finding: QualityFinding, signal: str, *, model: str, answers: Collection[str]) -> str:
    """What a finding is about: a feature, a segment, or the model as a whole."""
    whole = not finding.about or finding.about in answers
    return model if whole or signal == "log_volume" else f"{model}/{finding.about}"


def finding_of(
    stands: Standing,
    *,
    model: str,
    answers: Collection[str],
    catalogue: Catalogue,
    now: datetime,
    known: Mapping[Fingerprint, Finding],
) -> Finding:
    """Write what stands as a finding of the pipeline.

    answers: columns that hold what the model said.
    known: findings already seen, so that onset and detection stay what they were.
    """
    one, report = stands.finding, stands.report
    signal = signal_of(one, answers=answers)
    entity = entity_of(one, signal, model=model, answers=answers)
    if signal == "log_volume" and (served := catalogue.model[model].served_by):
        entity = served  # fewer requests are the service's trouble: the model answers what it is asked
    labels = {"version": report.version} if report.version else {}
    if one.path is QualityPath.DATA_QUALITY and signal not in ("log_missing", "log_volume"):
        labels["fault"] = one.statistic
    key = SeriesKey(signal, entity, labels_of(labels))
    before = known.get(fingerprint_of(key, gap=False))
    z = _sigmas(one)
    onset = before.onset if before else min(now, stands.first.start or now)
    known_signal = catalogue.signal.get(signal)
    return Finding(
        key=key,
        kind=FindingKind.LOG,
        direction=Direction.UP if one.value >= one.expected else Direction.DOWN,
        worse=one.worse,
        onset=onset,
        detected=before.detected if before else now,
        evidence=Evidence(
            observed=one.value,
            expected=one.expected,
            scale=one.scale,
            z=z,
            peak_z=max((z, before.evidence.peak_z if before else 0.0), key=abs),
            unit=known_signal.unit if known_signal else "",
            window_s=max(1.0, (now - onset).total_seconds()),
            account=Account(
                path=str(one.path),
                what=one.what,
                rule=one.rule,
                profile=report.profile,
                version=report.version,
                n=one.n,
                until=report.end,
                labels=labels_text(report.labels, now=now, end=report.end) if _needs_labels(one.path) else "",
                blind=blind_text(one.path, report.labels),
                split=report.attribution if one.statistic in ("accuracy", "mae") and not one.about else (),
            ),
        ),
    )


def _sigmas(one: QualityFinding) -> float:
    """How far out, for ranking. A fault that calls somebody by its own rule is never taken for a mere tendency."""
    z = (one.value - one.expected) / one.scale if isfinite(one.scale) and one.scale > 0 else FARTHEST
    if one.path is QualityPath.DATA_QUALITY and one.page and abs(z) < PLAIN_SIGMAS:
        z = PLAIN_SIGMAS if z >= 0 else -PLAIN_SIGMAS
    return max(-FARTHEST, min(FARTHEST, z))


def _needs_labels(path: QualityPath) -> bool:
    return path in (QualityPath.REALISED_QUALITY, QualityPath.CALIBRATION)


def labels_text(labels: LabelState | None, *, now: datetime, end: datetime | None) -> str:
    """How complete the labels are, and how old what they tell of.

    >>> labels_text(LabelState(labelled=900, predicted=1000, usual=0.9, mature=True, age=None), now=None, end=None)
    '90.0 % of predictions have their label'
    """
    if labels is None:
        return ""
    said = f"{percent(labels.coverage)} of predictions have their label"
    return said if end is None else f"{said}; they tell of what was predicted until {_ago(now - end)} ago"


def _ago(age: timedelta) -> str:
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"


def blind_text(path: QualityPath, labels: LabelState | None) -> str:
    """What a path cannot see; of guesses, also that there are no labels to check them."""
    said = BLIND[path]
    guessed = path in (QualityPath.ESTIMATED_QUALITY, QualityPath.PREDICTION_DRIFT, QualityPath.FEATURE_DRIFT)
    return f"{said}; {NO_LABELS}" if guessed and (labels is None or not labels.mature) else said


def quiet_of(newest: Judged, *, model: str) -> frozenset[Place]:
    """Places that the newest window shows in their usual range: what speaks against a cause, too."""
    report = newest.report
    loud = {finding.path for finding in report.findings}
    quiet = {(model, kind) for path, kind in QUIET_KINDS.items() if path in report.measured and path not in loud}
    faulty = {finding.about for finding in report.findings}
    for name in newest.window.columns:
        if name not in faulty:
            quiet |= {(f"{model}/{name}", Kind.FEATURE_NULL), (f"{model}/{name}", Kind.FEATURE_DRIFT)}
    return frozenset(quiet)

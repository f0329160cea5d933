"""Judge one window of a prediction log: every path in turn, then what the paths say of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from bot.domain.model_quality import LabelState, NotJudged, QualityFinding, QualityPath, QualityReport
from bot.domain.prediction_log import Problem, Profile, Window
from bot.pipeline.quality.attribution import attribution
from bot.pipeline.quality.calibrated import bias_of, calibration_drift
from bot.pipeline.quality.columns import Column, answers_of, columns_of, data_quality, feature_drift, worst_rate
from bot.pipeline.quality.estimated import chance_of, estimated_quality
from bot.pipeline.quality.predictions import prediction_drift
from bot.pipeline.quality.realised import hits_of, realised_classes
from bot.pipeline.quality.residuals import realised_numbers
from bot.pipeline.quality.rules import (
    COVERAGE,
    DISTANCE,
    DISTANCE_BETWEEN_VERSIONS,
    ENOUGH_LABELS,
    ERROR_FLOOR,
    LOOKS,
    QUALITY_FLOOR,
    UNSEEN_ROWS,
    UNSEEN_SHARE,
)
from bot.pipeline.quality.segments import segment_quality
from bot.pipeline.quality.windows import MEMORY, Judged
from bot.pipeline.quality.words import percent
from detectors.residuals import error_size

P = QualityPath
DROPS = {P.ESTIMATED_QUALITY, P.REALISED_QUALITY}
BLIND = {
    P.ESTIMATED_QUALITY: "the estimate trusts the scores: it cannot see that the same inputs now mean something else",
    P.REALISED_QUALITY: "labels tell of the past: what came after the last mature window is not in them",
    P.PREDICTION_DRIFT: "changed answers may be right: only labels can tell whether they are worse",
    P.DATA_QUALITY: "inputs are judged by their form: a wrong value in the usual range passes",
    P.CALIBRATION: "only the mean is compared: errors to both sides cancel out",
    P.FEATURE_DRIFT: "changed inputs may do no harm: the answers and the labels decide",
}
NO_LABELS = "without labels, a change in what the same inputs mean (concept drift) cannot be seen here"


def judge(
    profile: Profile,
    window: Window,
    past: Sequence[Judged] = (),
    *,
    now: datetime | None = None,
    looks: int = LOOKS,
) -> QualityReport:
    """Compare a window with its profile, and with what the log has been doing by itself.

    past: windows of the same version before it, oldest first. Those with a finding of a path that pages are left out
    of that path's history: trouble must not become the usual.
    Until a version has a reference of its own it is compared with that of the version before: its inputs must be alike
    and its labels as good, while its scores may mean something else.
    looks: how many times in a quarter of a year labels are looked at: the more often, the surer each time.
    """
    every = [*profile.history, *(one.window for one in past)][-MEMORY:]

    def clean(path: QualityPath) -> list[Window]:
        return [*profile.history, *(one.window for one in past if one.clean(path))][-MEMORY:]

    found: list[QualityFinding] = []
    said: list[NotJudged] = []
    if window.n == 0:
        return _report(profile, window, not_judged=[NotJudged(path=P.DATA_QUALITY, about="", because="no predictions")])
    columns = list(columns_of(profile, window, clean(P.DATA_QUALITY)))
    found += data_quality(columns)
    found += _rows(window, clean(P.DATA_QUALITY))
    answers = list(answers_of(profile, window, clean(P.PREDICTION_DRIFT)))
    names = {column.name for column in answers}
    features = [column for column in columns_of(profile, window, every) if column.name not in names]
    drifted, unsaid, features_moved = feature_drift(features)
    found, said = [*found, *drifted], [*said, *unsaid]
    borrowed = bool(window.version) and window.version != profile.version
    estimated: dict[str, float] = {}
    least = DISTANCE_BETWEEN_VERSIONS if borrowed else DISTANCE
    moved, unsaid, answers_moved = prediction_drift(_preferred(answers, profile), least=least)
    found, said = [*found, *moved], [*said, *unsaid]
    if borrowed:
        because = f"the scores of version {window.version} were never calibrated: it has no reference of its own yet"
        said.append(NotJudged(path=P.ESTIMATED_QUALITY, about="", because=because))
    else:
        estimated, drops, unsaid = estimated_quality(profile, window, clean(P.ESTIMATED_QUALITY))
        found, said = [*found, *drops], [*said, *unsaid]
    realised, labels, drops, unsaid = _realised(profile, window, past, now=now, looks=looks)
    found, said = [*found, *drops], [*said, *unsaid]
    if _no_loss(profile, window, labels):
        found = _with_labels(found)
    drop = any(finding.path in DROPS for finding in found)
    by_labels = any(finding.path is P.REALISED_QUALITY for finding in found)
    split = attribution(profile, window, chance_of(profile), labelled=by_labels) if drop else ()
    report = _report(profile, window, findings=found, not_judged=said)
    return replace(
        report,
        estimated=estimated,
        realised=realised,
        labels=labels,
        attribution=split,
        blind=_blind(found, labels),
        measured=_present(
            {
                P.DATA_QUALITY: worst_rate(columns),
                P.PREDICTION_DRIFT: answers_moved,
                P.ESTIMATED_QUALITY: estimated.get("accuracy"),
                P.REALISED_QUALITY: realised.get("mae", realised.get("accuracy")),
                P.CALIBRATION: realised.get("bias", bias_of(window)[0]),
                P.FEATURE_DRIFT: features_moved,
            }
        ),
    )


def _present(values: Mapping[QualityPath, float | None]) -> dict[QualityPath, float]:
    return {path: value for path, value in values.items() if value is not None and np.isfinite(value)}


def _report(
    profile: Profile,
    window: Window,
    *,
    findings: Sequence[QualityFinding] = (),
    not_judged: Sequence[NotJudged] = (),
) -> QualityReport:
    return QualityReport(
        number=window.number,
        version=window.version,
        profile=profile.id,
        start=window.start,
        end=window.end,
        n=window.n,
        findings=tuple(findings),
        not_judged=tuple(not_judged),
    )


def _preferred(columns: Sequence[Column], profile: Profile) -> list[Column]:
    """The scores say all that the answers say, and more; without scores the answers are judged."""
    if profile.score is None:
        return list(columns)
    return [column for column in columns if column.name == profile.score.name or profile.problem is Problem.MULTICLASS]


def _rows(window: Window, past: Sequence[Window]) -> list[QualityFinding]:
    """Faults of whole rows: the same prediction twice, predictions of the future, labels that cannot be."""
    counts = {
        "duplicates": (window.duplicates, [one.duplicates / one.n for one in past if one.n and one.duplicates >= 0]),
        "future": (window.future, [one.future / one.n for one in past if one.n]),
    }
    words = {
        "duplicates": "of rows repeat an id that was there before",
        "future": "of rows are dated in the future",
        "strange": "of labels are no class the model knows",
        "conflicting": "of labels contradict another one of the same id",
        "early": "of labels are older than their prediction",
    }
    labels = window.labels
    if labels is not None:
        for name in ("strange", "conflicting", "early"):
            rates = [getattr(one.labels, name) / one.n for one in past if one.n and one.labels is not None]
            counts[name] = (getattr(labels, name), rates)
    found = []
    for name, (count, rates) in counts.items():
        usual = float(np.quantile(rates, 0.99)) if rates else 0.0
        if count < UNSEEN_ROWS or count / window.n < max(UNSEEN_SHARE, 2.0 * usual):
            continue
        found.append(
            QualityFinding(
                path=P.DATA_QUALITY,
                page=True,
                what=f"{percent(count / window.n)} {words[name]}, usually {percent(usual)}",
                about="",
                statistic=name,
                value=count / window.n,
                expected=usual,
                scale=UNSEEN_SHARE,
                p=None,
                worse=True,
                n=window.n,
                rule=f"at least {UNSEEN_ROWS} rows, {UNSEEN_SHARE:.1%} of them, and twice the usual share",
            )
        )
    return found


# ---------------------------------------------------------------- labels


def usual_lag(profile: Profile, past: Sequence[Window]) -> timedelta:
    """Return the age by which labels are usually there; nothing where the log does not tell."""
    lags = [one.labels.lag_p95_s for one in (*past, profile.total) if one.labels is not None]
    lags = [lag for lag in lags if np.isfinite(lag)]
    return timedelta(seconds=max(float(np.median(lags)), 0.0) if lags else 0.0)


def label_state(profile: Profile, window: Window, *, lag: timedelta, now: datetime | None) -> LabelState | None:
    """How far the labels of a window can be trusted: old enough, and as many as such windows usually have."""
    if window.labels is None:
        return None
    usual = _coverage(profile.total)
    age = now - window.end if now is not None and window.end is not None else None
    old = age is None or age >= lag
    covered = _coverage(window)
    return LabelState(
        labelled=window.labels.labelled,
        predicted=window.n,
        usual=usual,
        mature=bool(old and covered > 0 and not covered < COVERAGE * usual),
        age=age,
    )


def _coverage(window: Window) -> float:
    return window.labels.labelled / window.n if window.labels is not None and window.n else float("nan")


def _realised(
    profile: Profile, window: Window, past: Sequence[Judged], *, now: datetime | None, looks: int
) -> tuple[dict[str, float], LabelState | None, list[QualityFinding], list[NotJudged]]:
    def unsaid(because: str) -> list[NotJudged]:
        return [NotJudged(path=P.REALISED_QUALITY, about="", because=because)]

    lag = usual_lag(profile, [one.window for one in past])
    state = label_state(profile, window, lag=lag, now=now)
    if state is None:
        return {}, None, [], unsaid("no labels were given")
    if state.labelled == 0:
        return {}, state, [], unsaid("no label has come yet")
    if profile.total.labels is None or profile.total.labels.labelled < ENOUGH_LABELS:
        return {}, state, [], unsaid("the reference has too few labels to compare with")
    mature = [
        one.window
        for one in past
        if (earlier := label_state(profile, one.window, lag=lag, now=now)) is not None and earlier.mature
    ]
    good = [one for one in past if one.clean(P.REALISED_QUALITY)]
    history = [*profile.history, *(one.window for one in good if one.window in mature)][-MEMORY:]
    calm = [*profile.history, *(one.window for one in past if one.window in mature and one.clean(P.CALIBRATION))]
    if profile.problem is Problem.REGRESSION:
        told, found = realised_numbers(profile, window, history, mature, looks=looks)
        enough = window.residuals[1] >= ENOUGH_LABELS
    else:
        told, found = realised_classes(profile, window, history, mature, looks=looks)
        enough = hits_of(window.joint).labelled >= ENOUGH_LABELS
        found += calibration_drift(profile, window, calm[-MEMORY:])
    found += segment_quality(profile, window, looks=looks)
    if not enough:
        return told, state, [], unsaid(f"{state.labelled:,} labels, fewer than {ENOUGH_LABELS}")
    if not state.mature:
        return told, state, [], unsaid(_immature(state))
    return told, state, found, []


def _immature(state: LabelState) -> str:
    return (
        f"{percent(state.coverage)} of predictions have their label, usually {percent(state.usual)}:"
        " early ones may be of another kind"
    )


def _no_loss(profile: Profile, window: Window, labels: LabelState | None) -> bool:
    """Whether mature labels show that the answers are as good as ever: not that a loss is uncertain."""
    if labels is None or not labels.mature or labels.labelled < ENOUGH_LABELS:
        return False
    if profile.problem is Problem.REGRESSION:
        now, usual = error_size(window.residuals), error_size(profile.total.residuals)
        return bool(now.mae <= usual.mae * (1.0 + ERROR_FLOOR))
    now_right, usual_right = hits_of(window.joint), hits_of(profile.total.joint)
    return now_right.accuracy >= usual_right.accuracy - QUALITY_FLOOR


def _with_labels(found: Sequence[QualityFinding]) -> list[QualityFinding]:
    """Labels of the same rows outrank what can only be guessed without them: no loss, no call."""
    if any(finding.path is P.REALISED_QUALITY for finding in found):
        return list(found)  # of a group, or of the AUC: then something is lost after all
    guesses = {P.PREDICTION_DRIFT, P.ESTIMATED_QUALITY}
    return [
        replace(finding, page=False, what=f"{finding.what}; the labels of these rows show no loss")
        if finding.path in guesses
        else finding
        for finding in found
    ]


def _blind(found: Sequence[QualityFinding], labels: LabelState | None) -> tuple[str, ...]:
    """What the paths that spoke cannot see; and without labels, what nothing here can."""
    spoke = dict.fromkeys(finding.path for finding in found)
    told = [BLIND[path] for path in spoke]
    if labels is None or not labels.mature:
        told.append(NO_LABELS)
    return tuple(told)

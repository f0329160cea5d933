"""Whether the answers are right: estimated from scores, and counted from labels, of classes and of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bot.domain.model_quality import NotJudged, QualityFinding, QualityPath
from bot.domain.prediction_log import Counts, Floats, Problem, Profile, Window
from bot.pipeline.quality.rules import (
    AUC_FLOOR,
    BIAS_FLOOR,
    BIAS_PAGE,
    BIAS_Z,
    ENOUGH,
    ENOUGH_LABELS,
    ERROR_FLOOR,
    FALSE_SHARE,
    LOOKS,
    QUALITY_FLOOR,
    QUALITY_SIGMAS,
    sigmas,
    sure,
)
from bot.pipeline.quality.windows import series, spread
from bot.pipeline.quality.words import percent, points
from detectors.bias import against, offset
from detectors.confidence import calibration, estimate
from detectors.error_rate import step, threshold
from detectors.rates import binomial_above
from detectors.residuals import cusum_step, error_size

OWN_MAP = 500  # labelled answers of a class, from which on it is calibrated by itself
RECENT = 10  # windows of the baseline that bias is compared with: models may be biased from the start
RESIDUAL_DRIFT, RESIDUAL_CAP, RESIDUAL_LIMIT = 1.0, 4.0, 5.0  # sigmas: a lasting shift of two is found in five windows


# ---------------------------------------------------------------- estimated, without labels


def chance_of(profile: Profile) -> Floats | None:
    """How likely each answer is right: (score bins, classes); None where the reference cannot tell.

    Binary scores are calibrated as the probability of the positive class, others as that of being right.
    """
    joint = profile.total.joint
    classes = joint.shape[1]
    labelled = joint[:, :, :classes]
    if profile.problem is Problem.REGRESSION or profile.score is None or labelled.sum() < ENOUGH_LABELS:
        return None
    if profile.problem is Problem.BINARY:
        positive = calibration(labelled[:, :, 1].sum(axis=1), labelled.sum(axis=(1, 2)))
        return np.stack([1.0 - positive, positive], axis=1)
    answered = labelled.sum(axis=2)
    right = np.diagonal(labelled, axis1=1, axis2=2)
    pooled = calibration(right.sum(axis=1), answered.sum(axis=1))
    own = [
        calibration(right[:, one], answered[:, one]) if answered[:, one].sum() >= OWN_MAP else pooled
        for one in range(classes)
    ]
    return np.stack(own, axis=1)


def estimated_accuracy(chance: Floats, joint: Counts) -> tuple[float, float, int]:
    """Return the estimate, its standard error from the mix of scores alone, and how many answers it rests on."""
    answered = joint.sum(axis=2)
    n = int(answered.sum())
    if n == 0:
        return float("nan"), float("nan"), 0
    accuracy = estimate(answered, chance).accuracy
    variance = float((answered * (chance - accuracy) ** 2).sum() / n)
    return accuracy, float(np.sqrt(variance / n)), n


def estimated_quality(
    profile: Profile, window: Window, past: Sequence[Window]
) -> tuple[dict[str, float], list[QualityFinding], list[NotJudged]]:
    """Compare the accuracy that the scores promise with that of the reference, estimated in the same way."""
    path = QualityPath.ESTIMATED_QUALITY
    chance = chance_of(profile)
    if chance is None:
        return {}, [], [NotJudged(path=path, about="", because=_no_estimate(profile))]
    accuracy, error, n = estimated_accuracy(chance, window.joint)
    if n < ENOUGH:
        return {}, [], [NotJudged(path=path, about="", because=f"{n:,} predictions with a score, fewer than {ENOUGH}")]
    usual, usual_error, _ = estimated_accuracy(chance, profile.total.joint)
    rows = [estimated_accuracy(chance, one.joint) for one in past]
    between = spread(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    sigma = float(np.sqrt(between**2 + error**2 + usual_error**2))
    floor = max(QUALITY_FLOOR, QUALITY_SIGMAS * sigma)
    told = {"accuracy": accuracy}
    if not accuracy < usual - floor:
        return told, [], []
    finding = QualityFinding(
        path=path,
        page=True,
        what=f"estimated accuracy {percent(accuracy)}, usually {percent(usual)}: {points(accuracy - usual)} lower",
        about="",
        statistic="accuracy",
        value=accuracy,
        expected=usual,
        scale=max(sigma, QUALITY_FLOOR / QUALITY_SIGMAS),
        p=None,
        worse=True,
        n=n,
        rule=f"below the reference by more than {floor:.4f}: {QUALITY_FLOOR:.0%}, or {QUALITY_SIGMAS:g} sigma",
    )
    return told, [finding], []


def _no_estimate(profile: Profile) -> str:
    if profile.problem is Problem.REGRESSION:
        return "a number carries no probability of being right"
    if profile.score is None:
        return "the log has no scores"
    return "the reference has too few labels to calibrate the scores"


# ---------------------------------------------------------------- realised, from labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    labelled: int
    right: int

    @property
    def accuracy(self) -> float:
        return self.right / self.labelled if self.labelled else float("nan")

    @property
    def error(self) -> float:
        """Return the standard error of the accuracy."""
        if not self.labelled:
            return float("nan")
        rate = (self.right + 1.0) / (self.labelled + 2.0)  # never zero: a small window without an error proves little
        return float(np.sqrt(rate * (1.0 - rate) / self.labelled))


def hits_of(joint: Counts) -> Hits:
    """Count the labelled answers and those that were right, over all score bins."""
    labelled = joint[:, :, : joint.shape[1]].sum(axis=0)
    return Hits(labelled=int(labelled.sum()), right=int(np.trace(labelled)))


def auc_of(joint: Counts) -> tuple[float, float]:
    """Area under the ROC curve from score bins, ties counted half, and its standard error; NaN with one class only.

    Source of the error: Hanley & McNeil (1982).
    """
    negative = joint[:, :, 0].sum(axis=1).astype(np.float64)
    positive = joint[:, :, 1].sum(axis=1).astype(np.float64)
    p, n = positive.sum(), negative.sum()
    if not p or not n:
        return float("nan"), float("nan")
    below = np.cumsum(negative) - negative
    area = float((positive * (below + negative / 2.0)).sum() / (p * n))
    q1, q2 = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    variance = (area * (1 - area) + (p - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (p * n)
    return area, float(np.sqrt(max(variance, 0.0)))


def realised_classes(
    profile: Profile, window: Window, past: Sequence[Window], since: Sequence[Window], *, looks: int
) -> tuple[dict[str, float], list[QualityFinding]]:
    """Judge the labelled answers of a window that is mature.

    past: mature windows before it, oldest first, those of the reference included; since: those after the reference.
    looks: how many times in a quarter of a year labels are looked at.
    """
    now, usual = hits_of(window.joint), hits_of(profile.total.joint)
    told = {"accuracy": now.accuracy}
    found = []
    rows = [hits_of(one.joint) for one in past]
    between = spread(series_of(rows, lambda row: row.accuracy), series_of(rows, lambda row: row.error))
    later = [hits_of(one.joint) for one in since]
    finding = _drop(now, usual, between, looks=looks) or _slow_drop(now, usual, later, between, looks=looks)
    if finding is not None:
        found.append(finding)
    if profile.problem is Problem.BINARY and profile.score is not None:
        area, error = auc_of(window.joint)
        if np.isfinite(area):
            told["auc"] = area
        if (finding := _auc(profile, area, error, now.labelled, past, looks=looks)) is not None and not found:
            found.append(finding)
    return told, found


def series_of(rows: Sequence[Hits], read: Callable[[Hits], float]) -> Floats:
    return np.array([read(row) for row in rows], dtype=np.float64)


def _drop(now: Hits, usual: Hits, between: float, *, looks: int) -> QualityFinding | None:
    """Find a window that is worse by itself."""
    sigma = float(np.sqrt(between**2 + now.error**2 + usual.error**2))
    limit = sigmas(looks)
    floor = max(QUALITY_FLOOR, limit * sigma)
    if not now.accuracy < usual.accuracy - floor:
        return None
    p = float(binomial_above(now.labelled - now.right, now.labelled, 1.0 - usual.accuracy))
    if p >= sure(looks):
        return None
    return _less_right(
        now,
        usual,
        sigma,
        p=p,
        n=now.labelled,
        what=f"accuracy by labels {percent(now.accuracy)}, usually {percent(usual.accuracy)}:"
        f" {points(now.accuracy - usual.accuracy)} lower",
        rule=f"below the reference by more than {floor:.4f}: {QUALITY_FLOOR:.0%}, or {limit:.2f} sigma",
    )


def _slow_drop(now: Hits, usual: Hits, past: Sequence[Hits], between: float, *, looks: int) -> QualityFinding | None:
    """Find errors that add up over windows, none of which is bad enough alone."""
    # the usual rate is known only so well, and windows differ by themselves: a healthy one may be a little worse
    rate = 1.0 - usual.accuracy + float(np.hypot(usual.error, between))
    worse = min(rate + 2.0 * max(QUALITY_FLOOR, QUALITY_SIGMAS * between), (1.0 + rate) / 2.0)
    runs = [row for row in (*past[-LOOKS:], now) if row.labelled]
    total, since = 0.0, 0
    for place, row in enumerate(runs):
        total = float(step(total, row.labelled - row.right, row.labelled, usual=rate, worse=worse))
        since = place + 1 if total == 0.0 else since
    typical = int(np.median([row.labelled for row in runs]))
    limit = _limit(round(rate, 4), round(worse, 4), typical) + float(np.log(max(looks, LOOKS) / LOOKS))
    run = runs[since:]
    labelled, right = sum(row.labelled for row in run), sum(row.right for row in run)
    if total <= limit or labelled < ENOUGH_LABELS or right / labelled > usual.accuracy - QUALITY_FLOOR:
        return None
    accuracy = right / labelled
    p = float(binomial_above(labelled - right, labelled, rate))
    return _less_right(
        Hits(labelled=labelled, right=right),
        usual,
        between,
        p=p,
        n=labelled,
        what=f"accuracy by labels {percent(accuracy)} over {len(run)} windows, usually {percent(usual.accuracy)}:"
        f" {points(accuracy - usual.accuracy)} lower",
        rule=f"sum of errors (Bernoulli CUSUM, {percent(rate)} against {percent(worse)}) {total:.1f} above {limit:.1f}",
    )


def _less_right(now: Hits, usual: Hits, sigma: float, *, p: float, n: int, what: str, rule: str) -> QualityFinding:
    return QualityFinding(
        path=QualityPath.REALISED_QUALITY,
        page=True,
        what=what,
        about="",
        statistic="accuracy",
        value=now.accuracy,
        expected=usual.accuracy,
        scale=max(sigma, QUALITY_FLOOR / QUALITY_SIGMAS),
        p=p,
        worse=True,
        n=n,
        rule=rule,
    )


@lru_cache(maxsize=256)
def _limit(usual: float, worse: float, labels: int) -> float:
    """Simulate the limit once a rate and a size; the seed is fixed, so that a decision can be done again.

    More looks than simulated add their logarithm: false alarms are rare, independent events then.
    """
    rng = np.random.default_rng(20_240_501)
    return float(threshold(usual=usual, worse=worse, labels=labels, looks=LOOKS, false_share=FALSE_SHARE, rng=rng))


def _auc(
    profile: Profile, area: float, error: float, labelled: int, past: Sequence[Window], *, looks: int
) -> QualityFinding | None:
    usual, usual_error = auc_of(profile.total.joint)
    rows = [auc_of(one.joint) for one in past]
    between = spread(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
    sigma = float(np.sqrt(between**2 + error**2 + usual_error**2))
    floor = max(AUC_FLOOR, sigmas(looks) * sigma)
    if not area < usual - floor:
        return None
    return QualityFinding(
        path=QualityPath.REALISED_QUALITY,
        page=True,
        what=f"the score separates less well: AUC {area:.3f}, usually {usual:.3f}",
        about="",
        statistic="auc",
        value=area,
        expected=usual,
        scale=max(sigma, AUC_FLOOR / QUALITY_SIGMAS),
        p=None,
        worse=True,
        n=labelled,
        rule=f"below the reference by more than {floor:.4f}: {AUC_FLOOR}, or {sigmas(looks):.2f} sigma",
    )


def bias_of(window: Window) -> tuple[float, float]:
    """Mean score less share that came true, and its standard error; NaN without labels."""
    labelled, p, y, variance = (float(part) for part in window.sums)
    if labelled <= 0:
        return float("nan"), float("nan")
    mean, error = offset(p, y, variance, labelled)
    return float(mean), float(error)


def calibration_drift(profile: Profile, window: Window, past: Sequence[Window]) -> list[QualityFinding]:
    """Scores that promise more, or less, than comes true, compared with the last windows and not with zero."""
    if profile.score is None:
        return []
    now, error = bias_of(window)
    rows = [bias_of(one) for one in past][-RECENT:] or [bias_of(profile.total)]
    usable = [row for row in rows if np.isfinite(row[0])]
    if not usable or not np.isfinite(now):
        return []
    means, errors = np.array([row[0] for row in usable]), np.array([row[1] for row in usable])
    usual, usual_error = float(means.mean()), float(np.sqrt((errors**2).sum()) / len(errors))
    between = spread(means, errors)
    z = float(against(now, error, usual, usual_error, between))
    if not (abs(z) >= BIAS_Z and abs(now - usual) >= BIAS_FLOOR):
        return []
    more = "more" if now > usual else "less"
    return [
        QualityFinding(
            path=QualityPath.CALIBRATION,
            page=bool(abs(now - usual) >= BIAS_PAGE and abs(z) >= 2.0 * BIAS_Z),
            what=f"scores promise {points(now - usual)} {more} than comes true, compared with the windows before",
            about="",
            statistic="bias",
            value=now,
            expected=usual,
            scale=float(np.sqrt(error**2 + usual_error**2 + between**2)),
            p=None,
            worse=True,
            n=int(window.sums[0]),
            rule=f"|z| {abs(z):.1f} >= {BIAS_Z:g} against the last {len(usable)} mature windows, and {BIAS_FLOOR:.0%}",
        )
    ]


# ---------------------------------------------------------------- numbers


def realised_numbers(
    profile: Profile, window: Window, past: Sequence[Window], since: Sequence[Window], *, looks: int
) -> tuple[dict[str, float], list[QualityFinding]]:
    """Judge the errors of a regression; one that shrinks is no finding."""
    now, usual = error_size(window.residuals), error_size(profile.total.residuals)
    told = {"mae": float(now.mae), "rmse": float(now.rmse), "bias": float(now.bias)}
    sizes = series(past, lambda one: float(error_size(one.residuals).mae))
    errors = series(past, lambda one: float(error_size(one.residuals).mae_se))
    between = spread(sizes, errors)
    mean, mean_usual = _clipped(window), _clipped(profile.total)
    sigma = float(np.sqrt(between**2 + float(now.mae_se) ** 2 + float(usual.mae_se) ** 2))
    limit = sigmas(looks)
    floor = max(ERROR_FLOOR * mean_usual, limit * sigma)
    alone = mean > mean_usual + floor
    total = 0.0
    for one in (*since[-LOOKS:], window):
        if one.residuals[1] > 0 and sigma > 0:
            z = (_clipped(one) - mean_usual) / max(sigma, ERROR_FLOOR * mean_usual / QUALITY_SIGMAS)
            total = float(cusum_step(total, z, drift=RESIDUAL_DRIFT, cap=RESIDUAL_CAP))
    lasting = total > RESIDUAL_LIMIT + np.log(max(looks, LOOKS) / LOOKS) and mean > mean_usual * (1.0 + ERROR_FLOOR)
    if not alone and not lasting:
        return told, []
    rule = (
        f"above the reference by more than {floor:.4g}: {ERROR_FLOOR:.0%} of it, or {limit:.2f} sigma"
        if alone
        else f"sum of standardised errors {total:.1f} above {RESIDUAL_LIMIT:g}"
    )
    return told, [
        QualityFinding(
            path=QualityPath.REALISED_QUALITY,
            page=True,
            what=f"mean absolute error {now.mae:,.4g}, usually {usual.mae:,.4g}: {now.mae / usual.mae - 1:.0%} larger",
            about="",
            statistic="mae",
            value=float(now.mae),
            expected=float(usual.mae),
            scale=max(sigma, ERROR_FLOOR * mean_usual / QUALITY_SIGMAS),
            p=None,
            worse=True,
            n=int(window.residuals[1]),
            rule=rule,
        )
    ]


def _clipped(window: Window) -> float:
    """Mean size of the residuals, each counted up to a limit, so that one absurd label decides nothing."""
    labelled = float(window.residuals[1])
    return float(window.residuals[5]) / labelled if labelled > 0 else float("nan")

"""Whether the answers were right, counted from labels: windows that are worse, and small losses that add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Counts, Floats, Problem, Profile, Window
from bot.pipeline.quality.rules import (
    AUC_FLOOR,
    ENOUGH_LABELS,
    FALSE_SHARE,
    LOOKS,
    QUALITY_FLOOR,
    QUALITY_SIGMAS,
    sigmas,
    sure,
)
from bot.pipeline.quality.windows import spread
from bot.pipeline.quality.words import percent, points
from detectors.error_rate import step, threshold
from detectors.rates import binomial_above

BARELY = 0.01  # above its limit, so that a sum that has passed it still says so


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
    if not now.labelled:
        return {}, []  # labels there are, but of answers that could not be read
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
    typical = int(np.median([row.labelled for row in runs]))
    limit = _limit(_about(rate), _about(worse), int(_about(typical))) + float(np.log(max(looks, LOOKS) / LOOKS))
    total, since = 0.0, 0
    for place, row in enumerate(runs):
        total = float(step(total, row.labelled - row.right, row.labelled, usual=rate, worse=worse))
        total = min(total, limit + BARELY)  # what a window was over is over with the next good one
        since = place + 1 if total == 0.0 else since
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


def _about(value: float) -> float:
    """Two digits: the limit hardly depends on the rest, and each new one costs a simulation."""
    return float(f"{value:.2g}")


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

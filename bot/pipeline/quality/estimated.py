"""Whether the answers are right, promised by scores that were calibrated on the reference: before labels come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.domain.model_quality import NotJudged, QualityFinding, QualityPath
from bot.domain.prediction_log import Counts, Floats, Problem, Profile, Window
from bot.pipeline.quality.rules import (
    ENOUGH,
    ENOUGH_LABELS,
    QUALITY_FLOOR,
    QUALITY_SIGMAS,
)
from bot.pipeline.quality.windows import spread
from bot.pipeline.quality.words import percent, points
from detectors.confidence import calibration, estimate

OWN_MAP = 500  # labelled answers of a class, from which on it is calibrated by itself


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

"""Paths and numbers in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from bot.domain.model_quality import QualityPath

PATH_WORDS: Mapping[str, str] = {  # "told by ..."
    QualityPath.DATA_QUALITY: "the form of the inputs",
    QualityPath.PREDICTION_DRIFT: "the answers",
    QualityPath.ESTIMATED_QUALITY: "the scores, without labels",
    QualityPath.REALISED_QUALITY: "labels",
    QualityPath.CALIBRATION: "scores against labels",
    QualityPath.FEATURE_DRIFT: "the inputs",
}


def percent(share: float) -> str:
    """Write a share as people read it, with as many digits as tell it from its neighbours.

    >>> percent(0.2163), percent(0.0061), percent(1.0), percent(0.0)
    ('21.6 %', '0.61 %', '100 %', '0 %')
    """
    if not isfinite(share):
        return "unknown"
    value = 100.0 * share
    if value == 0 or abs(value) >= 99.95:
        return f"{value:.0f} %"
    return f"{value:.2f} %" if abs(value) < 1 else f"{value:.1f} %"


def points(difference: float) -> str:
    """Write a difference of shares.

    >>> points(-0.0281), points(0.003)
    ('2.8 points', '0.30 points')
    """
    value = abs(100.0 * difference)
    return f"{value:.2f} points" if value < 1 else f"{value:.1f} points"

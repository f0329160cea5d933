"""Whether the numbers that a regression answers are as close to the truth as they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Profile, Window
from bot.pipeline.quality.rules import (
    ERROR_FLOOR,
    LOOKS,
    QUALITY_SIGMAS,
    sigmas,
)
from bot.pipeline.quality.windows import series, spread
from detectors.residuals import cusum_step, error_size

RESIDUAL_DRIFT, RESIDUAL_CAP, RESIDUAL_LIMIT = 1.0, 4.0, 5.0  # sigmas: a lasting shift of two is found in five windows


def realised_numbers(
    profile: Profile, window: Window, past: Sequence[Window], since: Sequence[Window], *, looks: int
) -> tuple[dict[str, float], list[QualityFinding]]:
    """Judge the errors of a regression; one that shrinks is no finding."""
    now, usual = error_size(window.residuals), error_size(profile.total.residuals)
    if window.residuals[1] <= 0:
        return {}, []
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

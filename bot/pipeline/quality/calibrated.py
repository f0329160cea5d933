"""Whether scores still promise what comes true: the mean of the one against the share of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Profile, Window
from bot.pipeline.quality.rules import (
    BIAS_FLOOR,
    BIAS_PAGE,
    BIAS_Z,
)
from bot.pipeline.quality.windows import spread
from bot.pipeline.quality.words import points
from detectors.bias import against, offset

RECENT = 10  # windows of the baseline that bias is compared with: models may be biased from the start


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

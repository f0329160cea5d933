"""Groups of people judged one by one, as many as the log declares."""

from __future__ import annotations

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Floats, Grid, Problem, Profile, Window
from bot.pipeline.quality.rules import ENOUGH_LABELS, ERROR_FLOOR, QUALITY_SIGMAS, SEGMENT_FLOOR, sigmas, sure
from bot.pipeline.quality.words import percent, points
from detectors.discover import discoveries
from detectors.rates import two_proportions
from detectors.residuals import error_size


def segment_quality(profile: Profile, window: Window, *, looks: int) -> list[QualityFinding]:
    """Compare each group of each declared segment column with itself in the reference, by labels."""
    found: list[QualityFinding] = []
    for grid in profile.slices:
        judged = grid.name in profile.columns.segments
        if not judged or grid.name not in window.slices or grid.name not in profile.total.slices:
            continue
        if profile.problem is Problem.REGRESSION:
            found += _numbers(grid, window.slices[grid.name], profile.total.slices[grid.name], looks=looks)
        else:
            found += _classes(grid, window.slices[grid.name], profile.total.slices[grid.name], looks=looks)
    return found


def _hits(counts: Floats) -> tuple[Floats, Floats]:
    known = counts[:, :, :, : counts.shape[2]]
    return known.sum(axis=(1, 2, 3)), np.einsum("gbcc->g", known)


def _classes(grid: Grid, now: Floats, usual: Floats, *, looks: int) -> list[QualityFinding]:
    (n1, right1), (n0, right0) = _hits(now), _hits(usual)
    places = np.flatnonzero((n1 >= ENOUGH_LABELS) & (n0 >= ENOUGH_LABELS))
    places = places[places < len(grid.categories)]
    if not len(places):
        return []
    rate1, rate0 = right1[places] / n1[places], right0[places] / n0[places]
    p = two_proportions(n1[places] - right1[places], n1[places], n0[places] - right0[places], n0[places])[1]
    rejected = discoveries(np.nan_to_num(p, nan=1.0), tests=len(places), level=sure(looks))
    found = []
    for place in np.flatnonzero(rejected & (rate1 < rate0 - SEGMENT_FLOOR)):
        name = grid.categories[int(places[place])]
        found.append(
            QualityFinding(
                path=QualityPath.REALISED_QUALITY,
                page=True,
                what=f"{grid.name} = {name}: accuracy by labels {percent(float(rate1[place]))}, usually"
                f" {percent(float(rate0[place]))}: {points(float(rate1[place] - rate0[place]))} lower",
                about=f"{grid.name}={name}",
                statistic="accuracy",
                value=float(rate1[place]),
                expected=float(rate0[place]),
                scale=SEGMENT_FLOOR / QUALITY_SIGMAS,
                p=float(p[place]),
                worse=True,
                n=int(n1[places[place]]),
                rule=f"Benjamini-Hochberg over the groups at {sure(looks):.1e}, and {SEGMENT_FLOOR:.0%} lower",
            )
        )
    return found


def _numbers(grid: Grid, now: Floats, usual: Floats, *, looks: int) -> list[QualityFinding]:
    found = []
    for place, name in enumerate(grid.categories):
        if min(now[place, 1], usual[place, 1]) < ENOUGH_LABELS:
            continue
        new, old = error_size(now[place]), error_size(usual[place])
        sigma = float(np.hypot(new.mae_se, old.mae_se))
        now_mae, usual_mae = float(new.mae), float(old.mae)
        if not now_mae > usual_mae + max(2.0 * ERROR_FLOOR * usual_mae, (sigmas(looks) + 1.0) * sigma):
            continue
        found.append(
            QualityFinding(
                path=QualityPath.REALISED_QUALITY,
                page=True,
                what=f"{grid.name} = {name}: mean absolute error {now_mae:,.4g}, usually {usual_mae:,.4g}",
                about=f"{grid.name}={name}",
                statistic="mae",
                value=now_mae,
                expected=usual_mae,
                scale=sigma,
                p=None,
                worse=True,
                n=int(now[place, 1]),
                rule=f"{2 * ERROR_FLOOR:.0%} and {sigmas(looks) + 1.0:.2f} sigma above the group's own reference",
            )
        )
    return found

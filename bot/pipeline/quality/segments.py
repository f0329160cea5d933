"""Groups of people judged one by one, as many as the log declares."""

from __future__ import annotations

import numpy as np

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Grid, Problem, Profile, Window
from bot.pipeline.quality.rules import ENOUGH_LABELS, ERROR_FLOOR, FALSE_DISCOVERIES, QUALITY_SIGMAS, SEGMENT_FLOOR
from bot.pipeline.quality.words import percent, points
from detectors.discover import discoveries
from detectors.rates import two_proportions
from detectors.residuals import error_size


def segment_quality(profile: Profile, window: Window) -> list[QualityFinding]:
    """Compare each group of each declared segment column with itself in the reference, by labels."""
    found: list[QualityFinding] = []
    for grid in profile.slices:
        judged = grid.name in profile.columns.segments
        if not judged or grid.name not in window.slices or grid.name not in profile.total.slices:
            continue
        if profile.problem is Problem.REGRESSION:
            found += _numbers(grid, window.slices[grid.name], profile.total.slices[grid.name])
        else:
            found += _classes(grid, window.slices[grid.name], profile.total.slices[grid.name])
    return found


def _hits(counts: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[np.ndarray, np.ndarray]:
    known = counts[:, :, :, : counts.shape[2]]
    return known.sum(axis=(1, 2, 3)), np.einsum("gbcc->g", known)


def _classes(grid: Grid, now: np.ndarray, usual: np.ndarray) -> list[QualityFinding]:
    (n1, right1), (n0, right0) = _hits(now), _hits(usual)
    places = np.flatnonzero((n1 >= ENOUGH_LABELS) & (n0 >= ENOUGH_LABELS))
    places = places[places < len(grid.categories)]
    if not len(places):
        return []
    rate1, rate0 = right1[places] / n1[places], right0[places] / n0[places]
    p = two_proportions(n1[places] - right1[places], n1[places], n0[places] - right0[places], n0[places])[1]
    sure = discoveries(np.nan_to_num(p, nan=1.0), tests=len(places), level=FALSE_DISCOVERIES / 5.0)
    found = []
    for place in np.flatnonzero(sure & (rate1 < rate0 - SEGMENT_FLOOR)):
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
                rule=f"Benjamini-Hochberg over the groups at {FALSE_DISCOVERIES / 5.0}, and {SEGMENT_FLOOR:.0%} lower",
            )
        )
    return found


def _numbers(grid: Grid, now: np.ndarray, usual: np.ndarray) -> list[QualityFinding]:
    found = []
    for place, name in enumerate(grid.categories):
        if min(now[place, 1], usual[place, 1]) < ENOUGH_LABELS:
            continue
        new, old = error_size(now[place]), error_size(usual[place])
        sigma = float(np.hypot(new.mae_se, old.mae_se))
        if not new.mae > old.mae + max(2.0 * ERROR_FLOOR * old.mae, 1.5 * QUALITY_SIGMAS * sigma):
            continue
        found.append(
            QualityFinding(
                path=QualityPath.REALISED_QUALITY,
                page=True,
                what=f"{grid.name} = {name}: mean absolute error {new.mae:,.4g}, usually {old.mae:,.4g}",
                about=f"{grid.name}={name}",
                statistic="mae",
                value=float(new.mae),
                expected=float(old.mae),
                scale=sigma,
                p=None,
                worse=True,
                n=int(now[place, 1]),
                rule=f"{2 * ERROR_FLOOR:.0%} and {1.5 * QUALITY_SIGMAS:g} sigma above the group's own reference",
            )
        )
    return found

"""Take a drop of quality apart: is it other people who ask, or does the model serve the same people worse?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bot.domain.finding import Finding
from bot.domain.message import SplitPlot
from bot.domain.model_quality import Attribution
from bot.domain.prediction_log import BESIDE, Floats, Grid, Problem, Profile, Window
from bot.pipeline.quality.words import points
from detectors.mix import split

SINGLE = 0.5  # of the drop: from this share on, the mix of one column explains it
DRAWN = 4  # columns; the first explains most
SMALL = 30  # rows of a group below which its accuracy is luck: it joins the others


def attribution(profile: Profile, window: Window, chance: Floats | None, *, labelled: bool) -> tuple[Attribution, ...]:
    """Split the change since the reference by every column that has groups, the most telling one first.

    chance: (score bins, classes) for a change of estimated accuracy. labelled: of the realised metric instead.
    A metric that is worse when it grows (a mean error) is split with its sign turned, so that a drop is always below 0.
    """
    found = []
    for grid in profile.slices:
        if grid.name not in window.slices or grid.name not in profile.total.slices:
            continue
        before = _groups(profile, profile.total.slices[grid.name], chance, labelled=labelled)
        after = _groups(profile, window.slices[grid.name], chance, labelled=labelled)
        one = _split(grid, *before, *after)
        if one is not None:
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.mix * (1.0 if one.total < 0 else -1.0)))


def _groups(
    profile: Profile, counts: NDArray[np.float64], chance: Floats | None, *, labelled: bool
) -> tuple[Floats, Floats]:
    """Return rows and mean of the metric a group: (g,) each."""
    if profile.problem is Problem.REGRESSION:
        rows, total = counts[:, 1], -counts[:, 5]
    elif labelled:
        known = counts[:, :, :, : counts.shape[2]]
        rows, total = known.sum(axis=(1, 2, 3)), np.einsum("gbcc->g", known)
    elif chance is not None:
        answered = counts.sum(axis=3)
        rows, total = answered.sum(axis=(1, 2)), (answered * chance).sum(axis=(1, 2))
    else:
        rows, total = np.zeros(len(counts)), np.zeros(len(counts))
    return rows, total


def _split(grid: Grid, rows0: Floats, total0: Floats, rows1: Floats, total1: Floats) -> Attribution | None:
    names = [*grid.categories, *BESIDE]
    small = (rows0 < SMALL) | (rows1 < SMALL)
    other = len(grid.categories)
    fold = np.where(small, other, np.arange(len(names)))  # groups that are hardly there on one side are one
    rows0, total0, rows1, total1 = (_folded(part, fold) for part in (rows0, total0, rows1, total1))
    if rows0.sum() < SMALL or rows1.sum() < SMALL or np.count_nonzero(rows0 + rows1) < 2:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        value0, value1 = total0 / rows0, total1 / rows1
    share0, share1 = rows0 / rows0.sum(), rows1 / rows1.sum()
    done = split(share0, value0, share1, value1)
    sign = 1.0 if done.total < 0 else -1.0
    leading = int(np.nanargmin(sign * np.nan_to_num(done.by_group.sum(axis=1))))
    return Attribution(
        column=grid.name,
        total=float(done.total),
        mix=float(done.mix),
        within=float(done.within),
        group=names[leading],
        share_before=float(share0[leading]),
        share_after=float(share1[leading]),
        value_before=float(np.nan_to_num(value0[leading])),
        value_after=float(np.nan_to_num(value1[leading])),
    )


def _folded(part: Floats, fold: NDArray[np.intp]) -> Floats:
    return np.bincount(fold, part, len(part)).astype(np.float64)


def split_plot(finding: Finding) -> SplitPlot | None:
    """The picture of what a drop is made of; None where it was not taken apart."""
    account = finding.evidence.account
    if account is None or not account.split:
        return None
    shown = account.split[:DRAWN]
    return SplitPlot(
        title=f"What the loss of {finding.key.entity} is made of",
        unit=finding.evidence.unit,
        columns=tuple(one.column for one in shown),
        mix=tuple(one.mix for one in shown),
        within=tuple(one.within for one in shown),
    )


def in_words(split_by: Sequence[Attribution], *, shares: bool = True) -> str:
    """One line for a person, from the column that explains most; empty without one.

    shares: the metric is an accuracy; else a mean error, told in its own unit.
    """
    if not split_by:
        return ""
    first = split_by[0]

    def told(value: float) -> str:
        return points(value) if shares else f"{abs(value):.3g}"

    if first.total >= 0:
        return ""
    part = first.mix / first.total
    if part >= SINGLE:
        return (
            f"Of {told(first.total)} lost, {told(first.mix)} come from who is asking:"
            f" {first.column} = {first.group} went from {first.share_before:.0%} to {first.share_after:.0%} of requests"
        )
    best = f"at best {told(first.mix)} are who is asking (by {first.column})" if part > 0 else "none is who is asking"
    return f"Of {told(first.total)} lost, {best}; the rest is lost within the same groups: no single one explains it"

"""Arithmetic on the counts of windows: adding them up, and laying those of many columns side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from bot.domain.model_quality import QualityPath, QualityReport
from bot.domain.prediction_log import Counts, Floats, Grid, Labels, Tally, Window

MEMORY = 200  # windows of its own history that a statistic is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A window of the past, and what was said of it."""

    window: Window
    report: QualityReport

    def clean(self, path: QualityPath) -> bool:
        """Whether the path could judge the window and found nothing: only then it shows what is usual."""
        found = any(one.path is path for one in self.report.findings)
        return not found and not any(one.path is path for one in self.report.not_judged)


def merged(windows: Sequence[Window]) -> Window:
    """Add up windows of one version, oldest first: counts of rows are additive, which is why only they are kept.

    What cannot be added stays out: quantiles of the labels' lag are those of the newest window.
    """
    return reduce(_added, windows)


def _added(a: Window, b: Window) -> Window:
    columns = {name: _both(tally, b.columns[name]) for name, tally in a.columns.items() if name in b.columns}
    slices = {name: counts + b.slices[name] for name, counts in a.slices.items() if name in b.slices}
    return replace(
        b,
        start=a.start or b.start,
        n=a.n + b.n,
        duplicates=-1 if -1 in (a.duplicates, b.duplicates) else a.duplicates + b.duplicates,
        future=a.future + b.future,
        columns=columns,
        score=_both(a.score, b.score) if a.score and b.score else b.score,
        predicted=_both(a.predicted, b.predicted) if a.predicted and b.predicted else b.predicted,
        joint=a.joint + b.joint,
        sums=a.sums + b.sums,
        residuals=a.residuals + b.residuals,
        slices=slices,
        labels=_labels(a.labels, b.labels),
    )


def _both(a: Tally, b: Tally) -> Tally:
    distinct = (
        -1
        if -1 in (a.distinct, b.distinct)
        else max(a.distinct, b.distinct)
        if np.array_equal(a.bins > 0, b.bins > 0)
        else 2
    )
    return Tally(
        bins=a.bins + b.bins,
        missing=a.missing + b.missing,
        unreadable=a.unreadable + b.unreadable,
        unseen=a.unseen + b.unseen,
        below=a.below + b.below,
        above=a.above + b.above,
        distinct=distinct,
    )


def _labels(a: Labels | None, b: Labels | None) -> Labels | None:
    if a is None or b is None:
        return b
    return replace(
        b,
        labelled=a.labelled + b.labelled,
        strange=a.strange + b.strange,
        conflicting=a.conflicting + b.conflicting,
        early=a.early + b.early,
    )


def cells(grid: Grid, tally: Tally) -> Floats:
    """Return the counts that a distance is taken over: the bins, and for listed categories one for what is unseen."""
    if grid.categories and grid.listed:
        return np.append(tally.bins, tally.unseen).astype(np.float64)
    return tally.bins.astype(np.float64)


def coarse(usual: Counts, *, bins: int) -> Counts:
    """Say which bins to take together so that each holds about the same share of the reference: (b,) of 0, 1, ...

    Calibration wants fine bins; a distance between samples wants enough rows in each.
    """
    below = np.cumsum(usual) - usual
    share = below / max(int(usual.sum()), 1)
    group = np.minimum((share * bins).astype(np.int64), bins - 1)
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


def side_by_side(rows: Sequence[Floats]) -> Floats:
    """Lay rows of different lengths into one matrix (f, b); NaN marks what a row does not have."""
    laid = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for number, row in enumerate(rows):
        laid[number, : len(row)] = row
    return laid


def series(windows: Iterable[Window], read: Callable[[Window], float]) -> Floats:
    """One number a window, oldest first; NaN where a window has none."""
    return np.array([read(window) for window in windows], dtype=np.float64)


def spread(values: Floats, sampling: Floats) -> float:
    """How far windows lie apart beyond what their sizes explain: standard deviation between windows; 0 for too few.

    values, sampling: (h,) a statistic of each window, and its standard error there.
    """
    usable = np.isfinite(values) & np.isfinite(sampling)
    if usable.sum() < FEW:
        return 0.0
    between = float(np.var(values[usable], ddof=1) - np.mean(sampling[usable] ** 2))
    return float(np.sqrt(max(between, 0.0)))


FEW = 5  # windows below which their spread is mostly luck

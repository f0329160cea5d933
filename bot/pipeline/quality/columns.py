"""Inputs of a model: faults of data quality, which call somebody, and drift, which alone never does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.domain.model_quality import NotJudged, QualityFinding, QualityPath
from bot.domain.prediction_log import ColumnKind, Counts, Floats, Grid, Profile, Tally, Window
from bot.pipeline.quality.rules import (
    CONFIDENCE_Z,
    DISTANCE,
    ENOUGH,
    FALSE_DISCOVERIES,
    FAR,
    LONG,
    RARE_RANK,
    RATE_FLOOR,
    SCORE_CELLS,
    STILL_P,
    UNSEEN_ROWS,
    UNSEEN_SHARE,
)
from bot.pipeline.quality.windows import cells, coarse, side_by_side
from bot.pipeline.quality.words import percent
from detectors.discover import discoveries
from detectors.distances import js, ks
from detectors.homogeneity import chi_square
from detectors.own_history import rank_p, robust_z
from detectors.psi import psi
from detectors.rates import wilson

Bools = NDArray[np.bool_]

FAULTS: dict[str, tuple[Callable[[Tally], int], str]] = {
    "missing": (lambda tally: tally.missing, "missing"),
    "unreadable": (lambda tally: tally.unreadable, "no number"),
    "unseen": (lambda tally: tally.unseen, "of a category never seen before"),
    "out_of_range": (lambda tally: tally.below + tally.above, "out of the usual range"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column with its counts now, in the reference, and in the windows before."""

    name: str
    grid: Grid
    now: Tally
    usual: Tally
    past: Sequence[Tally]
    together: Counts | None = None  # (bins,) which bins are one where distances are taken; None: each is its own

    def cells(self, tally: Tally) -> Floats:
        """Return the counts that distances are taken over."""
        found = cells(self.grid, tally)
        return found if self.together is None else np.bincount(self.together, found).astype(np.float64)


def columns_of(profile: Profile, window: Window, past: Sequence[Window]) -> Iterator[Column]:
    """Every column that profile and window share: the features, the score, and what was answered."""
    for grid in profile.features:
        if grid.name in window.columns:
            yield Column(
                name=grid.name,
                grid=grid,
                now=window.columns[grid.name],
                usual=profile.total.columns[grid.name],
                past=[one.columns[grid.name] for one in past if grid.name in one.columns],
            )
    yield from answers_of(profile, window, past)


def answers_of(profile: Profile, window: Window, past: Sequence[Window]) -> Iterator[Column]:
    """Yield the score, where there is one, and what was answered."""
    if profile.score is not None and window.score is not None and profile.total.score is not None:
        yield Column(
            name=profile.score.name,
            grid=profile.score,
            now=window.score,
            usual=profile.total.score,
            past=[one.score for one in past if one.score is not None],
            together=coarse(profile.total.score.bins, bins=SCORE_CELLS),
        )
    if window.predicted is not None and profile.total.predicted is not None:
        yield Column(
            name=profile.predicted.name,
            grid=profile.predicted,
            now=window.predicted,
            usual=profile.total.predicted,
            past=[one.predicted for one in past if one.predicted is not None],
        )


# ---------------------------------------------------------------- data quality


def worst_rate(columns: Sequence[Column]) -> float:
    """How far the worst rate of faults lies above its usual one; NaN without columns."""
    above = [
        count(column.now) / column.now.rows - (count(column.usual) / column.usual.rows if column.usual.rows else 0.0)
        for column in columns
        for count, _ in FAULTS.values()
        if column.now.rows
    ]
    return max(above, default=float("nan"))


def data_quality(columns: Sequence[Column]) -> list[QualityFinding]:
    """Rates of faults that are surely above what they were, and columns that stand still."""
    found: list[QualityFinding] = []
    for column in columns:
        if column.now.rows == 0:
            continue
        found += [fault for name in FAULTS if (fault := _rate(column, name)) is not None]
        if _stands_still(column):
            found.append(_still(column))
    return found


def _rate(column: Column, name: str) -> QualityFinding | None:
    count, words = FAULTS[name]
    events, rows = count(column.now), column.now.rows
    before, rows_before = count(column.usual), column.usual.rows
    if events == 0 or (name == "unseen" and column.usual.distinct == 1):
        return None  # a label such as the name of the extract is the same in each file, and another in the next
    low = float(wilson(events, rows, z=CONFIDENCE_Z)[0])
    upper = float(wilson(before, rows_before, z=CONFIDENCE_Z)[1])
    history = [count(tally) / tally.rows for tally in column.past if tally.rows]
    ceiling = max([upper, float(np.quantile(history, 0.99))] if history else [upper])
    if name == "unseen" and before == 0:
        usually = max(history, default=0.0)
        if not column.grid.listed or events < UNSEEN_ROWS or events / rows < max(UNSEEN_SHARE, 2.0 * usually):
            return None
        rule = f"at least {UNSEEN_ROWS} rows and {UNSEEN_SHARE:.1%} of them, where the reference has none"
    else:
        if low <= ceiling + RATE_FLOOR:
            return None
        rule = f"lower bound of the rate (Wilson, z = {CONFIDENCE_Z}) above {ceiling:.2%} + {RATE_FLOOR:.0%}"
    rate, usual = events / rows, before / rows_before if rows_before else 0.0
    return QualityFinding(
        path=QualityPath.DATA_QUALITY,
        page=True,
        what=f"{column.name}: {percent(rate)} of values are {words}, usually {percent(usual)}",
        about=column.name,
        statistic=name,
        value=rate,
        expected=usual,
        scale=max((ceiling - usual) / 3.0, (usual * (1.0 - usual) / rows) ** 0.5, 1e-4),
        p=None,
        worse=True,
        n=rows,
        rule=rule,
    )


def _stands_still(column: Column) -> bool:
    """One value only, where chance would hardly have drawn one so often, and where it never was so before."""
    now, usual = column.now, column.usual
    if now.distinct != 1 or usual.distinct == 1 or now.known < ENOUGH or usual.known == 0:
        return False
    if any(tally.distinct == 1 and tally.known for tally in column.past):
        return False
    commonest = float(usual.bins.max()) / usual.known
    return commonest**now.known < STILL_P


def _still(column: Column) -> QualityFinding:
    return QualityFinding(
        path=QualityPath.DATA_QUALITY,
        page=True,
        what=f"{column.name}: all {column.now.known:,} values are the same, usually they differ",
        about=column.name,
        statistic="constant",
        value=1.0,
        expected=float(column.usual.bins.max()) / column.usual.known,
        scale=float("nan"),
        p=None,
        worse=True,
        n=column.now.known,
        rule=f"one value, less likely than {STILL_P:g} in the reference, and in no window before",
    )


# ---------------------------------------------------------------- drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far (f,) columns have moved, and how unusual that is for them."""

    excess: Floats  # PSI beyond what the sizes of the samples explain
    moved: Floats  # largest difference of the shares below a value
    js: Floats  # Jensen-Shannon distance: the same question, bounded by 1 and blind to the order of bins
    p: Floats  # that the samples differ so much by chance
    unusual: Bools  # beyond what the column does by itself
    rank: Floats  # rank among its own history; NaN while that is short


def drift_of(columns: Sequence[Column]) -> Drift:
    """Measure all columns of a window at once.

    Chance alone is never asked: large samples differ from their reference for no reason that matters, and seasonal
    ones differ every night. So the distance must also be one that the column does not usually have.
    """
    now = side_by_side([column.cells(column.now) for column in columns])
    usual = side_by_side([column.cells(column.usual) for column in columns])
    distance = psi(usual, now)
    moved, apart = ks(usual, now), js(usual, now)
    categorical = np.array([column.grid.kind is ColumnKind.CATEGORICAL for column in columns])
    p = np.where(categorical, chi_square(usual, now), distance.p)  # of categories, the test that people know
    length = max((len(column.past) for column in columns), default=0)
    if length == 0:
        return Drift(
            excess=distance.excess,
            moved=moved,
            js=apart,
            p=p,
            unusual=np.ones(len(columns), np.bool_),
            rank=np.full(len(columns), np.nan),
        )
    past = np.full((length, *now.shape), np.nan)
    for number, column in enumerate(columns):
        for step, tally in enumerate(column.past):
            row = column.cells(tally)
            past[length - len(column.past) + step, number, : len(row)] = row
    every = psi(np.broadcast_to(usual, past.shape).reshape(-1, now.shape[1]), past.reshape(-1, now.shape[1]))
    history = every.excess.reshape(length, len(columns))
    ranks = _rank_of_windows(distance.excess, history)
    finite = np.isfinite(history).sum(axis=0)
    # what chance adds was asked before, so the least sigma is one of which FAR are what may matter
    least = np.full(len(columns), DISTANCE / FAR)
    shares = ks(np.broadcast_to(usual, past.shape).reshape(-1, now.shape[1]), past.reshape(-1, now.shape[1]))
    near = robust_z(distance.excess, history, floor=least) < FAR
    still = robust_z(moved, shares.reshape(length, len(columns)), floor=least) < FAR
    unusual = np.where(finite >= LONG, ranks <= RARE_RANK, ~(near & still))
    return Drift(
        excess=distance.excess,
        moved=moved,
        js=apart,
        p=p,
        unusual=unusual,
        rank=np.where(finite >= LONG, ranks, np.nan),
    )


def _rank_of_windows(excess: Floats, history: Floats) -> Floats:
    """Rank each column's distance among the farthest columns of earlier windows, each in its own usual unit.

    excess: (f,), history: (h, f). Returns (f,). Ranked by itself, each of sixty columns would be rare in one window of
    a hundred, and some column in most of them: what must be rare is a window that shows so much.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without any history
        unit = np.fmax(np.nanquantile(history, USUAL, axis=0), DISTANCE / 2.0)
        farthest = np.nanmax(history / unit, axis=1)
    return rank_p(excess / unit, np.repeat(farthest[:, None], len(excess), axis=1))


def feature_drift(columns: Sequence[Column]) -> tuple[list[QualityFinding], list[NotJudged], float]:
    """Find the features that moved: surely, far enough to matter, and beyond what they do by themselves.

    Also returns the largest excess PSI of all, NaN when nothing could be measured.
    """
    fits = [column.now.known >= ENOUGH or _long(column) for column in columns]
    enough = [column for column, fit in zip(columns, fits, strict=True) if fit]
    few = [column for column, fit in zip(columns, fits, strict=True) if not fit]
    said = [
        NotJudged(
            path=QualityPath.FEATURE_DRIFT,
            about=column.name,
            because=f"{column.now.known:,} values, fewer than {ENOUGH}",
        )
        for column in few
    ]
    if not enough:
        return [], said, float("nan")
    drift = drift_of(enough)
    usable = np.isfinite(drift.p)
    chance = np.zeros(len(enough), np.bool_)
    chance[usable] = discoveries(drift.p[usable], tests=int(usable.sum()), level=FALSE_DISCOVERIES)
    matters = (drift.excess >= DISTANCE) | (drift.moved >= DISTANCE)
    places = np.flatnonzero(chance & matters & drift.unusual)
    found = [_drifted(enough[place], drift, int(place)) for place in places]
    return sorted(found, key=lambda finding: -finding.value), said, largest(drift.excess)


def largest(values: Floats) -> float:
    """Return the largest finite value; NaN without one."""
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else float("nan")


def _long(column: Column) -> bool:
    """A history of windows as small as this one says what is usual for them, where no formula does."""
    return len(column.past) >= LONG and column.now.known >= FEW_VALUES


FEW_VALUES = 20
USUAL = 0.9  # quantile of its own history that a column's distance is measured in


def _drifted(column: Column, drift: Drift, place: int) -> QualityFinding:
    excess, moved = float(drift.excess[place]), float(drift.moved[place])
    ranked = np.isfinite(drift.rank[place])
    unusual = f"rank in its own history <= {RARE_RANK}" if ranked else f"{FAR:g} sigma of its own history"
    return QualityFinding(
        path=QualityPath.FEATURE_DRIFT,
        page=False,
        what=f"{column.name}: its values moved (PSI {excess:.2f} beyond chance, {percent(moved)} of them)",
        about=column.name,
        statistic="psi",
        value=excess,
        expected=0.0,
        scale=DISTANCE / 3.0,
        p=float(drift.p[place]),
        worse=True,
        n=column.now.known,
        rule=f"Benjamini-Hochberg at {FALSE_DISCOVERIES} over the columns, PSI or D >= {DISTANCE}, and {unusual}"
        f" (Jensen-Shannon distance {float(drift.js[place]):.2f})",
    )

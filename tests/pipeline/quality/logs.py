"""Prediction logs as arrays, counted with plain numpy: what the judge is tested on, independent of any database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from bot.domain.prediction_log import (
    BESIDE,
    ColumnKind,
    Grid,
    Labels,
    LogColumns,
    Problem,
    Profile,
    Tally,
    Window,
)

MADE = datetime(2026, 1, 1, tzinfo=UTC)
SCORE_BINS, FEATURE_BINS, NUMBER_BINS = 50, 10, 20


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A log: (n,) each. Labels are NaN where they have not come."""

    features: Mapping[str, np.ndarray] = field(default_factory=dict)  # numbers, or texts
    score: np.ndarray | None = None  # binary: of class 1
    answer: np.ndarray  # class index, or a number
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.answer)

    def part(self, start: int, end: int) -> Rows:
        cut = slice(start, end)
        return Rows(
            features={name: values[cut] for name, values in self.features.items()},
            score=None if self.score is None else self.score[cut],
            answer=self.answer[cut],
            label=self.label[cut],
        )


def binary(rng, n: int, *, loss: float = 0.0, shift: float = 0.0, scores: float = 0.0, people: float = 0.5) -> Rows:
    """Draw a well calibrated log.

    loss: share of labels that turn against the score. shift: of feature `a`. scores: how much less sure they are.
    people: share of group "x", which is easier to judge than "y".
    """
    group = np.where(rng.random(n) < people, "x", "y")
    sure = np.where(group == "x", 3.0, 1.2) * (1.0 - scores)
    p = 1.0 / (1.0 + np.exp(-rng.normal(0.0, sure)))
    y = (rng.random(n) < p).astype(float)
    wrong = rng.random(n) < loss
    y = np.where(wrong, (p < 0.5).astype(float), y)
    return Rows(
        features={"a": rng.normal(shift, 1.0, n), "b": rng.exponential(1.0, n), "group": group},
        score=p,
        answer=(p >= 0.5).astype(float),
        label=y,
    )


def numbers(rng, n: int, *, size: float = 1.0, bias: float = 0.0) -> Rows:
    """Draw a regression whose errors have the standard deviation `size`."""
    truth = rng.normal(100.0, 20.0, n)
    group = np.where(rng.random(n) < 0.5, "x", "y")
    return Rows(features={"a": truth + rng.normal(0, 5, n), "group": group},
                answer=truth + rng.normal(bias, size, n), label=truth)  # fmt: skip


def profile_of(rows: Rows, *, stretch: int, problem: Problem = Problem.BINARY, segments: Sequence[str] = ()) -> Profile:
    grids = tuple(_grid(name, values, FEATURE_BINS) for name, values in rows.features.items())
    regression = problem is Problem.REGRESSION
    residuals = np.abs(rows.answer - rows.label)
    draft = Profile(
        id="reference",
        model="m",
        version="1",
        made=MADE,
        problem=problem,
        columns=LogColumns(
            prediction="answer",
            scores=() if rows.score is None else ("score",),
            target="label",
            features=tuple(rows.features),
            segments=tuple(segments),
        ),
        classes=() if regression else ("0", "1"),
        features=grids,
        score=None if rows.score is None else _grid("score", rows.score, SCORE_BINS),
        predicted=_grid("answer", rows.answer, NUMBER_BINS)
        if regression
        else Grid(name="answer", kind=ColumnKind.CATEGORICAL, categories=("0", "1")),
        slices=tuple(grid for grid in grids if grid.kind is ColumnKind.CATEGORICAL),
        clip=float(10.0 * np.nanmedian(residuals)) if regression else float("inf"),
        total=EMPTY,
        history=(),
    )
    cuts = range(0, len(rows) - stretch + 1, stretch)
    return replace(
        draft,
        total=window_of(draft, rows, number=-1),
        history=tuple(
            window_of(draft, rows.part(start, start + stretch), number=number) for number, start in enumerate(cuts)
        ),
    )


def window_of(profile: Profile, rows: Rows, *, number: int = 0) -> Window:
    labelled = np.isfinite(rows.label)
    grids = {grid.name: grid for grid in profile.features}
    n = len(rows)
    if profile.problem is Problem.REGRESSION:
        joint, sums = np.zeros((0, 0, 1), np.int64), np.zeros(4)
        cells = np.stack(
            [_residuals(profile, rows.answer, rows.label, labelled, where) for where in [np.ones(n, bool)]]
        )
        residuals = cells[0]
    else:
        residuals = np.zeros(7)
        joint = _joint(profile, rows, np.ones(n, bool))
        p, y = rows.score[labelled], rows.label[labelled]
        sums = np.array([labelled.sum(), p.sum(), y.sum(), (p * (1 - p)).sum()])
    slices = {}
    for grid in profile.slices:
        codes = _codes(grid, rows.features[grid.name])
        names = [*range(len(grid.categories)), *(-place - 1 for place in range(len(BESIDE)))]
        parts = [
            _residuals(profile, rows.answer, rows.label, labelled, codes == code)
            if profile.problem is Problem.REGRESSION
            else _joint(profile, rows, codes == code)
            for code in names
        ]
        slices[grid.name] = np.stack(parts).astype(float)
    return Window(
        number=number,
        n=n,
        duplicates=0,
        columns={name: tally_of(grids[name], values) for name, values in rows.features.items()},
        score=None if profile.score is None else tally_of(profile.score, rows.score),
        predicted=tally_of(profile.predicted, rows.answer),
        joint=joint,
        sums=sums,
        residuals=residuals,
        slices=slices,
        labels=Labels(labelled=int(labelled.sum())),
    )


EMPTY = Window(number=0, joint=np.zeros((0, 0, 1), np.int64), sums=np.zeros(4), residuals=np.zeros(7))


def tally_of(grid: Grid, values: np.ndarray) -> Tally:
    if grid.kind is ColumnKind.NUMERIC:
        known = values[~np.isnan(values)]
        bins = np.bincount(np.searchsorted(grid.edges, known, side="right"), minlength=grid.bins)
        return Tally(
            bins=bins.astype(np.int64),
            missing=int(np.isnan(values).sum()),
            below=int((known < grid.low).sum()),
            above=int((known > grid.high).sum()),
            distinct=min(2, len(np.unique(known))),
        )
    codes = _codes(grid, values)
    bins = np.bincount(codes[codes >= 0], minlength=grid.bins)
    bins[-1] += (codes == -1).sum()
    return Tally(
        bins=bins.astype(np.int64),
        missing=int((codes == -3).sum()),
        unseen=int((codes == -2).sum()),
        distinct=min(2, len(np.unique(codes[codes != -3]))),
    )


def _codes(grid: Grid, values: np.ndarray) -> np.ndarray:
    """Places of categories; -1 other, -2 unseen, -3 missing."""
    texts = [_text(value) for value in values]
    places = {name: place for place, name in enumerate(grid.categories)}
    places.update(dict.fromkeys(grid.others, -1))
    return np.array([-3 if text is None else places.get(text, -2 if grid.listed else -1) for text in texts])


def _text(value) -> str | None:
    if isinstance(value, float):
        return None if np.isnan(value) else f"{value:g}"
    return str(value) or None


def _grid(name: str, values: np.ndarray, bins: int) -> Grid:
    if values.dtype.kind not in "fi":
        known = [_text(value) for value in values]
        found, counts = np.unique([text for text in known if text is not None], return_counts=True)
        return Grid(name=name, kind=ColumnKind.CATEGORICAL, categories=tuple(found[np.argsort(-counts, kind="stable")]))
    known = values[~np.isnan(values)]
    if not len(known):
        return Grid(name=name, kind=ColumnKind.NUMERIC)
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins))
    low, high = known.min(), known.max()
    return Grid(
        name=name,
        kind=ColumnKind.NUMERIC,
        edges=tuple(edges[edges > low]),
        low=float(low - 3 * (high - low)),
        high=float(high + 3 * (high - low)),
    )


def _joint(profile: Profile, rows: Rows, where: np.ndarray) -> np.ndarray:
    joint = np.zeros((profile.score.bins, 2, 3), np.int64)
    place = np.searchsorted(profile.score.edges, rows.score[where], side="right")
    label = np.where(np.isfinite(rows.label[where]), rows.label[where], 2).astype(int)
    np.add.at(joint, (place, rows.answer[where].astype(int), label), 1)
    return joint


def _residuals(profile, answer, label, labelled, where) -> np.ndarray:
    e = (answer - label)[labelled & where]
    size = np.minimum(np.abs(e), profile.clip)
    return np.array([where.sum(), len(e), e.sum(), np.abs(e).sum(), (e**2).sum(), size.sum(), (size**2).sum()])

"""The statements that count a log, and how their answers become windows. Only counts and sums come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from bot.clock import from_epoch
from bot.domain.prediction_log import (
    BESIDE,
    RESIDUALS,
    Every,
    Grid,
    Labels,
    Problem,
    Profile,
    Stretch,
    Tally,
    Window,
)
from bot.sources.prediction_log.encode import (
    ABOVE,
    BELOW,
    MISSING,
    UNREADABLE,
    UNSEEN,
    Expression,
    category_code,
    class_code,
    class_text,
    code,
    const,
    number,
)
from bot.sources.prediction_log.rows import Labelled, Place, labelled, numbered
from bot.sources.warehouse import Reading

SPREAD = 4_000  # codes of one column lie within this of each other: categories are capped far below
OFFSET = 10  # makes the negative codes of a column positive
MOST_IDS = 5_000_000  # rows of one answer above which ids are not compared: that alone would cost more than the rest
NO_CLASS = -1

Key = tuple[int, str]  # number of the stretch, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be counted, and of which rows."""

    place: Place
    profile: Profile
    stretch: Stretch
    start: datetime | None
    end: datetime | None
    version: str | None
    now: datetime

    def rows(self) -> sa.Subquery:
        return numbered(self.place, stretch=self.stretch, start=self.start, end=self.end, version=self.version)

    @property
    def regression(self) -> bool:
        return self.profile.problem is Problem.REGRESSION


def read_windows(reading: Reading, asked: Asked) -> list[Window]:
    """Count everything that was asked for; one window a stretch and version that has rows."""
    totals = {(int(row[0]), str(row[1])): row[2:] for row in reading.rows(_totals(asked))}
    if not totals:
        return []
    tallies = _tallies(reading, asked, totals)
    joints, sums = _joints(reading, asked)
    residuals = _residuals(reading, asked)
    slices = _slices(reading, asked)
    repeated = _repeated(reading, asked, sum(int(row[0]) for row in totals.values()))
    found = []
    for key in sorted(totals):
        n, first, last, future, told, known, conflicts, early, p50, p95, *_ = totals[key]
        mine = tallies[key]
        scored = asked.profile.score is not None
        found.append(
            Window(
                number=key[0],
                version=key[1],
                start=None if first is None else from_epoch(float(first)),
                end=_end(asked, key[0], last),
                n=int(n),
                duplicates=repeated.get(key, 0) if repeated is not None else -1,
                future=int(future or 0),
                columns={grid.name: mine[grid.name] for grid in asked.profile.features},
                score=mine["\x00score"] if scored else None,
                predicted=mine["\x00predicted"],
                joint=joints.get(key, _no_joint(asked.profile)),
                sums=sums.get(key, np.zeros(4)),
                residuals=residuals.get(key, np.zeros(len(RESIDUALS))),
                slices=slices.get(key, {}),
                labels=None
                if asked.place.target_type is None
                else Labels(
                    labelled=int(known or 0),
                    strange=int(told or 0) - int(known or 0) - int(conflicts or 0),
                    conflicting=int(conflicts or 0),
                    early=int(early or 0),
                    lag_p50_s=float("nan") if p50 is None else float(p50),
                    lag_p95_s=float("nan") if p95 is None else float(p95),
                ),
            )
        )
    return found


def _end(asked: Asked, number_: int, last: Any) -> datetime | None:
    """Windows of time end when they end; those of rows with their last row."""
    if isinstance(asked.stretch, Every):
        return from_epoch((number_ + 1) * asked.stretch.seconds)
    return None if last is None else from_epoch(float(last))


def _no_joint(profile: Profile) -> NDArray[np.int64]:
    classes = len(profile.classes)
    bins = profile.score.bins if profile.score is not None else 1
    return np.zeros((0, 0, 1) if profile.problem is Problem.REGRESSION else (bins, classes, classes + 1), np.int64)


# ---------------------------------------------------------------- totals


def _totals(asked: Asked) -> sa.Select[Any]:
    """One row a window: how many, from when to when, and what became of the labels."""
    place = asked.place
    beside = labelled(place, asked.rows(), as_class=not asked.regression)
    source = beside.source
    one, zero = const(1), const(0)
    t = source.c.fl_t
    known = _known(asked, beside)
    lag = sa.case((sa.and_(known, beside.label_at.is_not(None)), beside.label_at - t), else_=sa.null())
    early = sa.case((beside.label_at < t, one), else_=zero)
    inner = sa.select(
        source.c.fl_w,
        source.c.fl_v,
        t.label("t"),
        sa.case((t > asked.now.timestamp(), one), else_=zero).label("future"),
        beside.told.label("told"),
        sa.case((known, one), else_=zero).label("known"),
        beside.conflict.label("conflict"),
        early.label("early"),
        sa.cast(lag, sa.Double).label("lag"),
    ).select_from(beside.rows).subquery("totals_")  # fmt: skip
    c = inner.c
    lags = (
        [sa.func.percentile_cont(share).within_group(c.lag) for share in (0.5, 0.95)]
        if place.columns.label_time is not None
        else [sa.null(), sa.null()]
    )
    return sa.select(
        c.fl_w,
        c.fl_v,
        sa.func.count(),
        sa.func.min(c.t),
        sa.func.max(c.t),
        *(sa.func.sum(part) for part in (c.future, c.told, c.known, c.conflict, c.early)),
        *lags,
    ).group_by(c.fl_w, c.fl_v)


def _known(asked: Asked, beside: Labelled) -> Any:
    """Whether the label can be used: a number, or a class that the profile knows."""
    if asked.regression:
        return beside.label.is_not(None)
    return beside.label.in_(list(asked.profile.classes))


def _repeated(reading: Reading, asked: Asked, rows: int) -> dict[Key, int] | None:
    """Rows whose id came before in the same window; None when there are no ids, or too many."""
    key = asked.place.columns.id
    if key is None or rows > MOST_IDS:
        return None
    source = asked.rows()
    statement = sa.select(
        source.c.fl_w, source.c.fl_v, sa.func.count(source.c[key]) - sa.func.count(sa.distinct(source.c[key]))
    ).group_by(source.c.fl_w, source.c.fl_v)
    return {(int(w), str(v)): int(n) for w, v, n in reading.rows(statement)}


# ---------------------------------------------------------------- columns


def _answer(asked: Asked, source: sa.Subquery) -> Expression:
    """Text of the class that was answered."""
    place, name = asked.place, asked.place.columns.prediction
    return class_text(source.c[name], place.types[name], place.dialect)


def _codes(asked: Asked, source: sa.Subquery) -> list[tuple[str, Grid, Expression]]:
    """Every column that is counted by itself."""
    place, profile = asked.place, asked.profile
    found = [
        (grid.name, grid, code(grid, source.c[grid.name], place.types[grid.name], place.dialect))
        for grid in profile.features
    ]
    if profile.score is not None:
        found.append(("\x00score", profile.score, _score_code(asked, source)))
    name = place.columns.prediction
    if asked.regression:
        answer = code(profile.predicted, source.c[name], place.types[name], place.dialect)
    else:
        answer = category_code(sa.func.nullif(_answer(asked, source), ""), profile.predicted)
    found.append(("\x00predicted", profile.predicted, answer))
    return found


def _tallies(reading: Reading, asked: Asked, keys: Iterable[Key]) -> dict[Key, dict[str, Tally]]:
    source = asked.rows()
    coded = _codes(asked, source)
    inner = sa.select(
        source.c.fl_w, source.c.fl_v, *(expression.label(f"c{place}") for place, (_, _, expression) in enumerate(coded))
    ).subquery("codes_")
    sets = [sa.tuple_(inner.c.fl_w, inner.c.fl_v, inner.c[f"c{place}"]) for place in range(len(coded))]
    grouped = (
        sa.select(
            inner.c.fl_w,
            inner.c.fl_v,
            *(inner.c[f"c{place}"] for place in range(len(coded))),
            sa.func.count().label("n"),
        )
        .group_by(sa.func.grouping_sets(*sets))
        .subquery("grouped_")
    )
    # in each row all codes but one are NULL: together they are one number, and an answer of 60 columns stays small
    which = sa.func.coalesce(*(grouped.c[f"c{place}"] + const(place * SPREAD + OFFSET) for place in range(len(coded))))
    counted: dict[Key, dict[int, dict[int, int]]] = {}
    for w, v, place_and_code, n in reading.rows(sa.select(grouped.c.fl_w, grouped.c.fl_v, which, grouped.c.n)):
        place, shifted = divmod(int(place_and_code), SPREAD)
        counted.setdefault((int(w), str(v)), {}).setdefault(place, {})[shifted - OFFSET] = int(n)
    values = _values(reading, asked)
    found: dict[Key, dict[str, Tally]] = {}
    for key in keys:
        mine, several = counted.get(key, {}), values.get(key, {})
        found[key] = {
            name: _tally(grid, mine.get(place, {}), several.get(name, -1))
            for place, (name, grid, _) in enumerate(coded)
        }
    return found


def _tally(grid: Grid, counts: Mapping[int, int], distinct: int) -> Tally:
    bins = np.zeros(grid.bins, np.int64)
    for place, n in counts.items():
        if place >= 0:
            bins[place] += n
    bins[0] += counts.get(BELOW, 0)
    bins[-1] += counts.get(ABOVE, 0)
    return Tally(
        bins=bins,
        missing=counts.get(MISSING, 0),
        unreadable=counts.get(UNREADABLE, 0),
        unseen=counts.get(UNSEEN, 0),
        below=counts.get(BELOW, 0),
        above=counts.get(ABOVE, 0),
        distinct=distinct,
    )


def _values(reading: Reading, asked: Asked) -> dict[Key, dict[str, int]]:
    """Whether each feature holds no value, one, or several: by its least and its largest."""
    place, features = asked.place, asked.profile.features
    if not features:
        return {}
    source = asked.rows()
    ends: list[Expression] = []
    for grid in features:
        kind = place.types[grid.name]
        value = (
            number(source.c[grid.name], kind, place.dialect)
            if grid.kind == "numeric"
            else sa.func.nullif(sa.cast(source.c[grid.name], sa.Text), "")
        )
        least, largest = sa.func.min(value), sa.func.max(value)
        ends.append(sa.case((least.is_(None), const(0)), (least == largest, const(1)), else_=const(2)))
    statement = sa.select(source.c.fl_w, source.c.fl_v, *ends).group_by(source.c.fl_w, source.c.fl_v)
    return {
        (int(row[0]), str(row[1])): {grid.name: int(row[2 + at]) for at, grid in enumerate(features)}
        for row in reading.rows(statement)
    }


# ---------------------------------------------------------------- answers and labels


def _score_value(asked: Asked, source: sa.Subquery) -> Expression:
    """The probability that is binned: of the positive class, or of the class that was answered."""
    place, profile = asked.place, asked.profile
    values = [number(source.c[name], place.types[name], place.dialect) for name in place.columns.scores]
    if profile.problem is Problem.BINARY:
        return values[0]
    answer = _answer(asked, source)
    steps = [(answer == name, value) for name, value in zip(profile.classes, values, strict=True)]
    return sa.case(*steps, else_=sa.null())


def _score_code(asked: Asked, source: sa.Subquery) -> Expression:
    from bot.sources.warehouse import Type  # noqa: PLC0415

    profile, place = asked.profile, asked.place
    assert profile.score is not None
    if profile.problem is Problem.BINARY:
        name = place.columns.scores[0]
        return code(profile.score, source.c[name], place.types[name], place.dialect)
    return code(profile.score, _score_value(asked, source), Type.NUMBER, place.dialect)


def _joint_rows(asked: Asked) -> tuple[sa.Subquery, list[Grid]]:
    """Rows as score bin, class answered and true class, beside their slices."""
    place, profile = asked.place, asked.profile
    beside = labelled(place, asked.rows(), as_class=True)
    source = beside.source
    classes = profile.classes
    p = _score_value(asked, source) if profile.score is not None else sa.cast(sa.null(), sa.Double)
    bin_ = _score_code(asked, source) if profile.score is not None else const(0)
    answer, truth = _answer(asked, source), beside.label
    hit = truth == (sa.literal(classes[1]) if profile.problem is Problem.BINARY else answer)
    one, zero = sa.literal(1.0, sa.Double), sa.literal(0.0, sa.Double)
    sliced = [
        code(grid, source.c[grid.name], place.types[grid.name], place.dialect).label(f"g{at}")
        for at, grid in enumerate(profile.slices)
    ]
    rows = (
        sa.select(
            source.c.fl_w,
            source.c.fl_v,
            bin_.label("s"),
            class_code(answer, classes, unknown=NO_CLASS).label("a"),
            class_code(truth, classes, unknown=len(classes)).label("y"),
            p.label("p"),
            sa.case((hit, one), else_=zero).label("hit"),
            *sliced,
        )
        .select_from(beside.rows)
        .subquery("joint_")
    )
    return rows, list(profile.slices)


def _joints(reading: Reading, asked: Asked) -> tuple[dict[Key, NDArray[np.int64]], dict[Key, NDArray[np.float64]]]:
    """By score bin, class answered and true class; and the sums of labelled rows with a score."""
    if asked.regression:
        return {}, {}
    rows, _ = _joint_rows(asked)
    c = rows.c
    statement = sa.select(
        c.fl_w,
        c.fl_v,
        c.s,
        c.a,
        c.y,
        sa.func.count(),
        sa.func.sum(c.p),
        sa.func.sum(c.hit),
        sa.func.sum(c.p * (1 - c.p)),
    ).group_by(c.fl_w, c.fl_v, c.s, c.a, c.y)
    joints: dict[Key, NDArray[np.int64]] = {}
    sums: dict[Key, NDArray[np.float64]] = {}
    unknown = len(asked.profile.classes)
    for w, v, s, a, y, n, p, hit, variance in reading.rows(statement):
        place = _bin(int(s), asked.profile)
        if place is None or int(a) == NO_CLASS:
            continue
        key = (int(w), str(v))
        joints.setdefault(key, _no_joint(asked.profile))[place, int(a), int(y)] += int(n)
        if int(y) != unknown:
            told = np.array([float(n), float(p or 0.0), float(hit or 0.0), float(variance or 0.0)])
            sums[key] = sums.get(key, np.zeros(4)) + told
    return joints, sums


def _bin(told: int, profile: Profile) -> int | None:
    """The score bin; values out of range lie in the outermost ones, and without a value there is none."""
    if told in (BELOW, ABOVE):
        return 0 if told == BELOW else (profile.score.bins - 1 if profile.score is not None else 0)
    return told if told >= 0 else None


def _slice_place(told: int, grid: Grid) -> int:
    """The row of a slice: a listed category, or one of those beside."""
    last = len(grid.categories)
    if told >= 0:
        return min(told, last)
    return last + BESIDE.index("unseen" if told == UNSEEN else "missing")


def _slices(reading: Reading, asked: Asked) -> dict[Key, dict[str, NDArray[np.float64]]]:
    if not asked.profile.slices:
        return {}
    if asked.regression:
        return _residual_slices(reading, asked)
    rows, grids = _joint_rows(asked)
    c = rows.c
    sets = [sa.tuple_(c.fl_w, c.fl_v, c[f"g{at}"], c.s, c.a, c.y) for at in range(len(grids))]
    grouped = (
        sa.select(c.fl_w, c.fl_v, *(c[f"g{at}"] for at in range(len(grids))), c.s, c.a, c.y, sa.func.count().label("n"))
        .group_by(sa.func.grouping_sets(*sets))
        .subquery("grouped_")
    )
    which = sa.func.coalesce(*(grouped.c[f"g{at}"] + const(at * SPREAD + OFFSET) for at in range(len(grids))))
    g = grouped.c
    found: dict[Key, dict[str, NDArray[np.float64]]] = {}
    for w, v, key_, s, a, y, n in reading.rows(sa.select(g.fl_w, g.fl_v, which, g.s, g.a, g.y, g.n)):
        place = _bin(int(s), asked.profile)
        if place is None or int(a) == NO_CLASS:
            continue
        at, shifted = divmod(int(key_), SPREAD)
        mine = found.setdefault((int(w), str(v)), {})
        grid = grids[at]
        shape = (len(grid.categories) + len(BESIDE), *_no_joint(asked.profile).shape)
        counts = mine.setdefault(grid.name, np.zeros(shape))
        counts[_slice_place(shifted - OFFSET, grid), place, int(a), int(y)] += float(n)
    return _filled(found, grids, _no_joint(asked.profile).shape)


def _filled(
    found: dict[Key, dict[str, NDArray[np.float64]]], grids: Sequence[Grid], shape: tuple[int, ...]
) -> dict[Key, dict[str, NDArray[np.float64]]]:
    for mine in found.values():
        for grid in grids:
            mine.setdefault(grid.name, np.zeros((len(grid.categories) + len(BESIDE), *shape)))
    return found


# ---------------------------------------------------------------- numbers


def _residual_rows(asked: Asked) -> tuple[sa.Subquery, list[Grid]]:
    place, profile = asked.place, asked.profile
    beside = labelled(place, asked.rows(), as_class=False)
    source = beside.source
    name = place.columns.prediction
    e = number(source.c[name], place.types[name], place.dialect) - beside.label
    size = sa.func.abs(e)
    most = min(profile.clip, 1e300)
    clipped = sa.case((size > most, sa.literal(most, sa.Double)), else_=size)
    sliced = [
        code(grid, source.c[grid.name], place.types[grid.name], place.dialect).label(f"g{at}")
        for at, grid in enumerate(profile.slices)
    ]
    rows = (
        sa.select(source.c.fl_w, source.c.fl_v, e.label("e"), clipped.label("clipped"), *sliced)
        .select_from(beside.rows)
        .subquery("residuals_")
    )
    return rows, list(profile.slices)


def _residual_sums(c: Any) -> list[Expression]:
    """In the order of RESIDUALS."""
    return [
        sa.func.count(),
        sa.func.count(c.e),
        sa.func.sum(c.e),
        sa.func.sum(sa.func.abs(c.e)),
        sa.func.sum(c.e * c.e),
        sa.func.sum(c.clipped),
        sa.func.sum(c.clipped * c.clipped),
    ]


def _residuals(reading: Reading, asked: Asked) -> dict[Key, NDArray[np.float64]]:
    if not asked.regression:
        return {}
    rows, _ = _residual_rows(asked)
    c = rows.c
    statement = sa.select(c.fl_w, c.fl_v, *_residual_sums(c)).group_by(c.fl_w, c.fl_v)
    return {(int(w), str(v)): _floats(rest) for w, v, *rest in reading.rows(statement)}


def _residual_slices(reading: Reading, asked: Asked) -> dict[Key, dict[str, NDArray[np.float64]]]:
    rows, grids = _residual_rows(asked)
    c = rows.c
    sets = [sa.tuple_(c.fl_w, c.fl_v, c[f"g{at}"]) for at in range(len(grids))]
    sums = [part.label(f"r{place}") for place, part in enumerate(_residual_sums(c))]
    grouped = (
        sa.select(c.fl_w, c.fl_v, *(c[f"g{at}"] for at in range(len(grids))), *sums)
        .group_by(sa.func.grouping_sets(*sets))
        .subquery("grouped_")
    )
    which = sa.func.coalesce(*(grouped.c[f"g{at}"] + const(at * SPREAD + OFFSET) for at in range(len(grids))))
    told = [grouped.c[f"r{place}"] for place in range(len(RESIDUALS))]
    found: dict[Key, dict[str, NDArray[np.float64]]] = {}
    for w, v, key_, *rest in reading.rows(sa.select(grouped.c.fl_w, grouped.c.fl_v, which, *told)):
        at, shifted = divmod(int(key_), SPREAD)
        grid = grids[at]
        mine = found.setdefault((int(w), str(v)), {})
        sliced = mine.setdefault(grid.name, np.zeros((len(grid.categories) + len(BESIDE), len(RESIDUALS))))
        sliced[_slice_place(shifted - OFFSET, grid)] += _floats(rest)
    return _filled(found, grids, (len(RESIDUALS),))


def _floats(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([0.0 if value is None else float(value) for value in values])

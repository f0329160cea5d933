"""Build a reference profile: choose how each column is counted, then count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from scipy.optimize import linear_sum_assignment

from bot.domain.prediction_log import (
    ColumnKind,
    Grid,
    LogColumns,
    Problem,
    Profile,
    Rows,
    Stretch,
    Window,
)
from bot.errors import BadInputError
from bot.pipeline.quality.windows import merged
from bot.sources.prediction_log.asked import Asked
from bot.sources.prediction_log.counts import read_windows
from bot.sources.prediction_log.encode import Expression, class_text, number, text
from bot.sources.prediction_log.profile_file import digest_of
from bot.sources.prediction_log.rows import Place, labelled, numbered
from bot.sources.warehouse import Reading, Type
from detectors.quantiles import bounds, edges

FEATURE_BINS, SCORE_BINS, NUMBER_BINS = 10, 20, 20
WIDTHS = 100  # equal ones between 0 and 1, beside the bins of equal mass: inside a bin a score must mean one thing
TILES = 1000  # so that the outermost thousandth can be told
TOP, LISTED = 20, 1000  # categories with a bin of their own, and those that are known at all
READABLE = 0.99  # of the texts of a column, from which on it holds numbers
MANY_CLASSES = 30  # of a numeric answer without scores, above which it is no class
SOME_ROWS = 100  # below, a column of whole numbers may be dense by luck
CLIP = 10.0  # median errors
EMPTY = Window(number=0, joint=np.zeros((0, 0, 1), np.int64), sums=np.zeros(4), residuals=np.zeros(7))


def build_profile(
    reading: Reading,
    place: Place,
    *,
    model: str,
    problem: Problem | None,
    positive: str | None,
    stretch: Stretch,
    start: datetime | None,
    end: datetime | None,
    version: str | None,
    now: datetime,
) -> Profile:
    """Raises BadInputError when the reference holds nothing to compare with."""
    rows = numbered(place, stretch=stretch, start=start, end=end, version=version)
    n = int(reading.rows(sa.select(sa.func.count()).select_from(rows))[0][0])
    if n == 0:
        raise BadInputError(f"{place.table}: the reference has no rows")
    columns = place.columns
    kinds = _kinds(reading, place, rows, [*columns.features, *columns.segments, columns.prediction])
    kind = problem or _problem(reading, place, rows, kinds[columns.prediction])
    classes = () if kind is Problem.REGRESSION else _classes(reading, place, rows, kind, positive)
    if kind is Problem.MULTICLASS and columns.scores:
        columns = replace(columns, scores=_in_order(reading, place, rows, classes))
        place = replace(place, columns=columns)
    numbering = _numbering(reading, place, rows, [name for name in columns.features if kinds[name] == "numeric"], n)
    features = tuple(name for name in columns.features if name not in numbering)
    grids = {name: _grid(reading, place, rows, name, kind=kinds[name], bins=FEATURE_BINS) for name in features}
    columns = replace(columns, features=features)
    segments = [_categories(reading, place, rows, name) for name in columns.segments if name not in grids]
    sliced = [
        grid
        for grid in (*grids.values(), *segments)
        if grid.kind is ColumnKind.CATEGORICAL and grid.listed and grid.categories
    ]
    declared = [
        _categories(reading, place, rows, name)
        for name in columns.segments
        if name in grids and grids[name].kind is ColumnKind.NUMERIC
    ]
    draft = Profile(
        id="",
        model=model,
        version=version or "",
        made=now,
        problem=kind,
        columns=columns,
        classes=classes,
        features=tuple(grids.values()),
        score=None,
        predicted=_grid(reading, place, rows, columns.prediction, kind=ColumnKind.NUMERIC, bins=NUMBER_BINS)
        if kind is Problem.REGRESSION
        else Grid(name=columns.prediction, kind=ColumnKind.CATEGORICAL, categories=classes),
        slices=(*sliced, *declared),
        clip=_clip(reading, place, rows) if kind is Problem.REGRESSION else float("inf"),
        total=EMPTY,
    )
    if kind is not Problem.REGRESSION and columns.scores:
        draft = replace(draft, score=_score_grid(reading, place, rows, draft))
    windows = read_windows(
        reading,
        Asked(place=place, profile=draft, stretch=stretch, start=start, end=end, version=version, now=now),
    )
    if not windows:
        raise BadInputError(f"{place.table}: the reference has no rows with a readable time")
    whole = [one for one in windows if not isinstance(stretch, Rows) or one.n >= stretch.n / 2]
    done = replace(draft, total=merged(windows), history=tuple(whole or windows))
    return replace(done, id=digest_of(done))


# ---------------------------------------------------------------- kinds of columns


def _kinds(reading: Reading, place: Place, rows: sa.Subquery, names: Sequence[str]) -> dict[str, ColumnKind]:
    """Numbers or categories: by the column's type, and for texts by whether they can be read as numbers."""
    texts = [name for name in dict.fromkeys(names) if place.types[name] is Type.TEXT]
    found = {name: ColumnKind.NUMERIC if place.types[name] is Type.NUMBER else ColumnKind.CATEGORICAL for name in names}
    if not texts:
        return found
    counts: list[Expression] = []
    for name in texts:
        told = sa.func.nullif(sa.func.trim(rows.c[name]), "")
        counts += [
            sa.func.count(told),
            sa.func.count(number(rows.c[name], Type.TEXT, place.dialect)),
            sa.func.sum(sa.case((sa.func.lower(told) == "nan", 1), else_=0)),
        ]
    row = reading.rows(sa.select(*counts))[0]
    for at, name in enumerate(texts):
        there, readable, nan = (int(value or 0) for value in row[3 * at : 3 * at + 3])
        if there - nan > 0 and readable >= READABLE * (there - nan):
            found[name] = ColumnKind.NUMERIC
    return found


def _numbering(reading: Reading, place: Place, rows: sa.Subquery, names: Sequence[str], n: int) -> set[str]:
    """Columns that only number the rows: what a model cannot learn from, and what leaves its range by itself."""
    if not names or n < SOME_ROWS:
        return set()
    ends: list[Expression] = []
    for name in names:
        value = number(rows.c[name], place.types[name], place.dialect)
        ends += [
            sa.func.min(value),
            sa.func.max(value),
            sa.func.sum(sa.case((value != sa.func.floor(value), 1), else_=0)),
        ]
    row = reading.rows(sa.select(*ends))[0]
    dense = {
        name
        for at, name in enumerate(names)
        if row[3 * at] is not None and row[3 * at + 2] == 0 and row[3 * at + 1] - row[3 * at] == n - 1
    }
    if not dense:
        return set()
    counts = reading.rows(sa.select(*(sa.func.count(sa.distinct(rows.c[name])) for name in sorted(dense))))[0]
    return {name for name, distinct in zip(sorted(dense), counts, strict=True) if int(distinct) == n}


def _problem(reading: Reading, place: Place, rows: sa.Subquery, kind: ColumnKind) -> Problem:
    scores = len(place.columns.scores)
    if scores:
        return Problem.BINARY if scores == 1 else Problem.MULTICLASS
    if kind is ColumnKind.CATEGORICAL:
        return Problem.MULTICLASS
    name = place.columns.prediction
    value = number(rows.c[name], place.types[name], place.dialect)
    distinct = int(reading.rows(sa.select(sa.func.count(sa.distinct(value))))[0][0])
    if distinct > MANY_CLASSES:
        return Problem.REGRESSION
    return Problem.BINARY if distinct <= 2 else Problem.MULTICLASS


def _classes(
    reading: Reading, place: Place, rows: sa.Subquery, problem: Problem, positive: str | None
) -> tuple[str, ...]:
    """Every class that was answered or came true; of two, the positive one last."""
    name = place.columns.prediction
    answer = class_text(rows.c[name], place.types[name], place.dialect)
    beside = labelled(place, rows, as_class=True)
    told = sa.union(sa.select(answer.label("c")), sa.select(beside.label.label("c")).select_from(beside.rows)).subquery(
        "classes_"
    )
    found = sorted(
        str(row[0]) for row in reading.rows(sa.select(told.c.c).where(told.c.c.is_not(None)).distinct()) if row[0]
    )
    if len(found) > LISTED:
        raise BadInputError(f"{place.table}: {name} has more than {LISTED} classes; is it --problem regression?")
    if problem is Problem.MULTICLASS:
        scores = len(place.columns.scores)
        if scores and scores != len(found):
            raise BadInputError(
                f"{place.table}: {scores} columns of scores for {len(found)} classes ({', '.join(found[:8])}): expected"
                " one each"
            )
        return tuple(found)
    if len(found) > 2:
        raise BadInputError(
            f"{place.table}: found {len(found)} classes ({', '.join(found[:8])}) where a binary model has two"
        )
    return _two(found, _class_of(positive) if positive is not None else None, place.table)


def _class_of(told: str) -> str:
    """Write a class as the database does."""
    lower = told.strip().lower()
    if lower in ("true", "false"):
        return "1" if lower == "true" else "0"
    return told.strip()


NEGATIVE = ("0", "-1", "no", "n", "f", "negative", "neg")
POSITIVE = ("1", "yes", "y", "t", "positive", "pos")


def _two(found: Sequence[str], positive: str | None, where: str) -> tuple[str, str]:
    if positive is not None:
        if found and positive not in found:
            raise BadInputError(f"{where}: the positive class {positive!r} is none of {', '.join(found)}")
        other = next((one for one in found if one != positive), "not " + positive)
        return other, positive
    if len(found) == 2:
        one, two = found
        swapped = one.lower() in POSITIVE or two.lower() in NEGATIVE
        return (two, one) if swapped else (one, two)
    only = found[0] if found else "1"
    if only.lower() in NEGATIVE:
        return only, "1" if only == "0" else "not " + only
    return ("0" if only == "1" else "not " + only), only


def _in_order(reading: Reading, place: Place, rows: sa.Subquery, classes: Sequence[str]) -> tuple[str, ...]:
    """Put the columns of scores into the order of the classes: by their names, else by who is high when."""
    scores = place.columns.scores
    named = [[_contains(score, name) for score in scores] for name in classes]
    best = np.array(named, dtype=np.float64)
    places, chosen = linear_sum_assignment(-best)
    if all(best[at, to] > 0 for at, to in zip(places, chosen, strict=True)):
        return tuple(scores[int(to)] for to in chosen)
    name = place.columns.prediction
    answer = class_text(rows.c[name], place.types[name], place.dialect)
    inner = sa.select(
        answer.label("a"),
        *(number(rows.c[score], place.types[score], place.dialect).label(f"s{at}") for at, score in enumerate(scores)),
    ).subquery("means_")
    means = (sa.func.avg(inner.c[f"s{at}"]) for at in range(len(scores)))
    told = {str(row[0]): row[1:] for row in reading.rows(sa.select(inner.c.a, *means).group_by(inner.c.a))}
    table = np.array([[float(value or 0.0) for value in told.get(one, [0.0] * len(scores))] for one in classes])
    _, chosen = linear_sum_assignment(-table)
    return tuple(scores[int(to)] for to in chosen)


def _contains(column: str, name: str) -> int:
    """How much of a column's name the class's name is; 0 when it is no part of it."""
    letters = ["".join(c for c in word.lower() if c.isalnum()) for word in (column, name)]
    return len(letters[1]) if letters[1] and letters[1] in letters[0] else 0


# ---------------------------------------------------------------- grids


def _tiles(reading: Reading, value: Expression, source: Any) -> list[float]:
    """The largest value of each of a thousand slices of equal mass."""
    inner = sa.select(value.label("x")).select_from(source).subquery("values_")
    finite = inner.c.x.between(-1.7e308, 1.7e308)
    tiled = (
        sa.select(inner.c.x, sa.func.ntile(TILES).over(order_by=inner.c.x).label("k")).where(finite).subquery("tiles_")
    )
    found = reading.rows(sa.select(sa.func.max(tiled.c.x)).group_by(tiled.c.k))
    return sorted(float(row[0]) for row in found)


def _grid(reading: Reading, place: Place, rows: sa.Subquery, name: str, *, kind: ColumnKind, bins: int) -> Grid:
    if kind is ColumnKind.CATEGORICAL:
        return _categories(reading, place, rows, name)
    tiles = _tiles(reading, number(rows.c[name], place.types[name], place.dialect), rows)
    low, high = bounds(tiles)
    return Grid(
        name=name,
        kind=kind,
        edges=tuple(float(edge) for edge in edges(tiles, bins=bins)),
        low=low,
        high=high,
    )


def _categories(reading: Reading, place: Place, rows: sa.Subquery, name: str) -> Grid:
    told = text(rows.c[name], place.types[name])
    inner = sa.select(told.label("c")).select_from(rows).subquery("categories_")
    n = sa.func.count()
    statement = (
        sa.select(inner.c.c, n)
        .where(inner.c.c.is_not(None))
        .group_by(inner.c.c)
        .order_by(n.desc(), inner.c.c)
        .limit(LISTED + 1)
    )
    found = [str(row[0]) for row in reading.rows(statement)]
    listed = len(found) <= LISTED
    return Grid(
        name=name,
        kind=ColumnKind.CATEGORICAL,
        categories=tuple(found[:TOP]) if listed else (),
        others=tuple(found[TOP:]) if listed else (),
        listed=listed,
    )


def _score_grid(reading: Reading, place: Place, rows: sa.Subquery, draft: Profile) -> Grid:
    """Bins of equal mass; a probability beyond 0 and 1 is out of range."""
    names = place.columns.scores
    values = [number(rows.c[name], place.types[name], place.dialect) for name in names]
    value = values[0]
    if draft.problem is Problem.MULTICLASS:
        name = place.columns.prediction
        answer = class_text(rows.c[name], place.types[name], place.dialect)
        value = sa.case(
            *((answer == one, score) for one, score in zip(draft.classes, values, strict=True)), else_=sa.null()
        )
    tiles = _tiles(reading, value, rows)
    outside = bool(tiles) and not (tiles[0] >= 0.0 and tiles[-1] <= 1.0)
    low, high = bounds(tiles) if outside else (0.0, 1.0)  # some models answer with margins
    return Grid(
        name=names[0] if draft.problem is Problem.BINARY else "score",
        kind=ColumnKind.NUMERIC,
        edges=_score_edges(tiles, outside=outside),
        low=low,
        high=high,
    )


def _score_edges(tiles: Sequence[float], *, outside: bool) -> tuple[float, ...]:
    chosen = edges(tiles, bins=SCORE_BINS)
    if outside or not tiles:
        return tuple(float(edge) for edge in chosen)
    even = np.arange(1, WIDTHS) / WIDTHS
    even = even[(even > tiles[0]) & (even <= tiles[-1])]
    return tuple(float(edge) for edge in np.unique(np.round(np.concatenate([chosen, even]), 12)))


def _clip(reading: Reading, place: Place, rows: sa.Subquery) -> float:
    """Ten median errors: beyond, a label is more likely absurd than the model that wrong."""
    if place.target_type is None:
        return float("inf")
    beside = labelled(place, rows, as_class=False)
    name = place.columns.prediction
    size = sa.func.abs(number(beside.source.c[name], place.types[name], place.dialect) - beside.label)
    tiles = _tiles(reading, size, beside.rows)
    middle = tiles[len(tiles) // 2] if tiles else 0.0
    return CLIP * middle if middle > 0 else float("inf")


def identifiers(columns: LogColumns, types: Mapping[str, Type]) -> tuple[str, ...]:
    """Columns that can hold no feature: moments in time, and what has no plain type."""
    used = {columns.time, columns.id, columns.version}
    return tuple(name for name, kind in types.items() if name in used or kind in (Type.MOMENT, Type.LOCAL, Type.OTHER))

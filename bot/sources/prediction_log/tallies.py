"""Count every column of a log by itself, all of them in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sqlalchemy as sa

from bot.domain.prediction_log import (
    Grid,
    Tally,
)
from bot.sources.prediction_log.asked import (
    OFFSET,
    SPREAD,
    Asked,
    Key,
    answer_of,
    score_code,
)
from bot.sources.prediction_log.encode import (
    ABOVE,
    BELOW,
    MISSING,
    UNREADABLE,
    UNSEEN,
    Expression,
    category_code,
    code,
    const,
    number,
)
from bot.sources.warehouse import Reading

AT_ONCE = 8  # columns: each set of a GROUP BY takes DuckDB some MB a thread, and a file of columns is read in parts


def _codes(asked: Asked, source: sa.Subquery) -> list[tuple[str, Grid, Expression]]:
    """Every column that is counted by itself."""
    place, profile = asked.place, asked.profile
    found = [
        (grid.name, grid, code(grid, source.c[grid.name], place.types[grid.name], place.dialect))
        for grid in profile.features
    ]
    if profile.score is not None:
        found.append(("\x00score", profile.score, score_code(asked, source)))
    name = place.columns.prediction
    if asked.regression:
        answer = code(profile.predicted, source.c[name], place.types[name], place.dialect)
    else:
        answer = category_code(sa.func.nullif(answer_of(asked, source), ""), profile.predicted)
    found.append(("\x00predicted", profile.predicted, answer))
    return found


def read_tallies(reading: Reading, asked: Asked, keys: Iterable[Key]) -> dict[Key, dict[str, Tally]]:
    source = asked.rows()
    coded = _codes(asked, source)
    # a database of rows would read all of them once a part
    size = AT_ONCE if asked.place.dialect == "duckdb" else len(coded)
    counted: dict[Key, dict[str, dict[int, int]]] = {}
    for first in range(0, len(coded), size):
        _count(reading, source, coded[first : first + size], counted)
    values: dict[Key, dict[str, int]] = {}
    features = asked.profile.features
    for first in range(0, len(features), size):
        for key, several in _values(reading, asked, features[first : first + size]).items():
            values.setdefault(key, {}).update(several)
    found: dict[Key, dict[str, Tally]] = {}
    for key in keys:
        mine, several = counted.get(key, {}), values.get(key, {})
        found[key] = {name: _tally(grid, mine.get(name, {}), several.get(name, -1)) for name, grid, _ in coded}
    return found


def _count(
    reading: Reading,
    source: sa.Subquery,
    coded: Sequence[tuple[str, Grid, Expression]],
    counted: dict[Key, dict[str, dict[int, int]]],
) -> None:
    """Add the counts of some columns, each by itself."""
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
    for w, v, place_and_code, n in reading.rows(sa.select(grouped.c.fl_w, grouped.c.fl_v, which, grouped.c.n)):
        place, shifted = divmod(int(place_and_code), SPREAD)
        counted.setdefault((int(w), str(v)), {}).setdefault(coded[place][0], {})[shifted - OFFSET] = int(n)


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


def _values(reading: Reading, asked: Asked, features: Sequence[Grid]) -> dict[Key, dict[str, int]]:
    """Whether each feature holds no value, one, or several: by its least and its largest."""
    place = asked.place
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

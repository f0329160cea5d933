"""Count every column of a log by itself, all of them in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

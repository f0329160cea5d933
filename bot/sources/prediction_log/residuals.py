"""Sum the errors of a regression, over all rows and group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from bot.domain.prediction_log import (
    BESIDE,
    RESIDUALS,
    Grid,
)
from bot.sources.prediction_log.asked import (
    OFFSET,
    SPREAD,
    Asked,
    Key,
    filled,
    slice_place,
)
from bot.sources.prediction_log.encode import (
    Expression,
    code,
    const,
    finite,
    number,
)
from bot.sources.prediction_log.rows import labelled
from bot.sources.warehouse import Reading


def _residual_rows(asked: Asked) -> tuple[sa.Subquery, list[Grid]]:
    place, profile = asked.place, asked.profile
    beside = labelled(place, asked.rows(), as_class=False)
    source = beside.source
    name = place.columns.prediction
    e = finite(number(source.c[name], place.types[name], place.dialect) - beside.label)
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


def read_residuals(reading: Reading, asked: Asked) -> dict[Key, NDArray[np.float64]]:
    if not asked.regression:
        return {}
    rows, _ = _residual_rows(asked)
    c = rows.c
    statement = sa.select(c.fl_w, c.fl_v, *_residual_sums(c)).group_by(c.fl_w, c.fl_v)
    return {(int(w), str(v)): _floats(rest) for w, v, *rest in reading.rows(statement)}


def read_residual_slices(reading: Reading, asked: Asked) -> dict[Key, dict[str, NDArray[np.float64]]]:
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
        sliced[slice_place(shifted - OFFSET, grid)] += _floats(rest)
    return filled(found, grids, (len(RESIDUALS),))


def _floats(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([0.0 if value is None else float(value) for value in values])

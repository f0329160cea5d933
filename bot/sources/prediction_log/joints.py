"""Count answers beside their scores and their labels, over all rows and group by group."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from bot.domain.prediction_log import (
    BESIDE,
    Grid,
    Problem,
    Profile,
)
from bot.sources.prediction_log.asked import (
    NO_CLASS,
    OFFSET,
    SPREAD,
    Asked,
    Key,
    answer_of,
    filled,
    no_joint,
    score_code,
    score_value,
    slice_place,
)
from bot.sources.prediction_log.encode import (
    ABOVE,
    BELOW,
    class_code,
    code,
    const,
    finite,
)
from bot.sources.prediction_log.residuals import read_residual_slices
from bot.sources.prediction_log.rows import labelled
from bot.sources.warehouse import Reading


def _joint_rows(asked: Asked) -> tuple[sa.Subquery, list[Grid]]:
    """Rows as score bin, class answered and true class, beside their slices."""
    place, profile = asked.place, asked.profile
    beside = labelled(place, asked.rows(), as_class=True)
    source = beside.source
    classes = profile.classes
    p = finite(score_value(asked, source)) if profile.score is not None else sa.cast(sa.null(), sa.Double)
    bin_ = score_code(asked, source) if profile.score is not None else const(0)
    answer, truth = answer_of(asked, source), beside.label
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


def read_joints(reading: Reading, asked: Asked) -> tuple[dict[Key, NDArray[np.int64]], dict[Key, NDArray[np.float64]]]:
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
        sa.func.count(c.p) if asked.profile.score is not None else sa.func.count(),
        sa.func.sum(c.p),
        sa.func.sum(sa.case((c.p.is_not(None), c.hit))) if asked.profile.score is not None else sa.func.sum(c.hit),
        sa.func.sum(c.p * (1 - c.p)),
    ).group_by(c.fl_w, c.fl_v, c.s, c.a, c.y)
    joints: dict[Key, NDArray[np.int64]] = {}
    sums: dict[Key, NDArray[np.float64]] = {}
    unknown = len(asked.profile.classes)
    for w, v, s, a, y, n, scored, p, hit, variance in reading.rows(statement):
        place = _bin(int(s), asked.profile)
        if place is None or int(a) == NO_CLASS:
            continue
        key = (int(w), str(v))
        joints.setdefault(key, no_joint(asked.profile))[place, int(a), int(y)] += int(n)
        if int(y) != unknown:
            told = np.array([float(scored), float(p or 0.0), float(hit or 0.0), float(variance or 0.0)])
            sums[key] = sums.get(key, np.zeros(4)) + told
    return joints, sums


def _bin(told: int, profile: Profile) -> int | None:
    """The score bin; values out of range lie in the outermost ones, and without a value there is none."""
    if told in (BELOW, ABOVE):
        return 0 if told == BELOW else (profile.score.bins - 1 if profile.score is not None else 0)
    return told if told >= 0 else None


def read_slices(reading: Reading, asked: Asked) -> dict[Key, dict[str, NDArray[np.float64]]]:
    if not asked.profile.slices:
        return {}
    if asked.regression:
        return read_residual_slices(reading, asked)
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
        shape = (len(grid.categories) + len(BESIDE), *no_joint(asked.profile).shape)
        counts = mine.setdefault(grid.name, np.zeros(shape))
        counts[slice_place(shifted - OFFSET, grid), place, int(a), int(y)] += float(n)
    return filled(found, grids, no_joint(asked.profile).shape)

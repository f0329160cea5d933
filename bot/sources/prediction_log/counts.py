"""Count a log: run the statements, and make windows of their answers. Only counts and sums come back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from bot.clock import from_epoch
from bot.domain.prediction_log import (
    RESIDUALS,
    Every,
    Labels,
    Window,
)
from bot.sources.prediction_log.asked import (
    MOST_IDS,
    Asked,
    Key,
    no_joint,
)
from bot.sources.prediction_log.encode import (
    const,
)
from bot.sources.prediction_log.joints import read_joints, read_slices
from bot.sources.prediction_log.residuals import read_residuals
from bot.sources.prediction_log.rows import Labelled, labelled
from bot.sources.prediction_log.tallies import read_tallies
from bot.sources.warehouse import Reading


def read_windows(reading: Reading, asked: Asked) -> list[Window]:
    """Count everything that was asked for; one window a stretch and version that has rows."""
    totals = {(int(row[0]), str(row[1])): row[2:] for row in reading.rows(totals_of(asked))}
    if not totals:
        return []
    tallies = read_tallies(reading, asked, totals)
    joints, sums = read_joints(reading, asked)
    residuals = read_residuals(reading, asked)
    slices = read_slices(reading, asked)
    repeated = read_repeated(reading, asked, sum(int(row[0]) for row in totals.values()))
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
                joint=joints.get(key, no_joint(asked.profile)),
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


def totals_of(asked: Asked) -> sa.Select[Any]:
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


def read_repeated(reading: Reading, asked: Asked, rows: int) -> dict[Key, int] | None:
    """Rows whose id came before in the same window; None when there are no ids, or too many."""
    key = asked.place.columns.id
    if key is None or rows > MOST_IDS:
        return None
    source = asked.rows()
    statement = sa.select(
        source.c.fl_w, source.c.fl_v, sa.func.count(source.c[key]) - sa.func.count(sa.distinct(source.c[key]))
    ).group_by(source.c.fl_w, source.c.fl_v)
    return {(int(w), str(v)): int(n) for w, v, n in reading.rows(statement)}

"""The rows of a log as one subquery: numbered into stretches, joined to their labels, with every column as a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.prediction_log import Every, LogColumns, Stretch
from bot.errors import BadInputError
from bot.sources.prediction_log.encode import Expression, class_text, number, seconds, text
from bot.sources.warehouse import Type, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a log lies, and what its columns hold."""

    table: str
    log: sa.TableClause  # the same, as statements name it: one object, or each mention would be another table
    labels: str | None  # None: the target, if any, stands in the log
    columns: LogColumns
    types: Mapping[str, Type]  # of the log
    label_types: Mapping[str, Type]  # of the labels
    dialect: str

    def column(self, name: str) -> Expression:
        return self.log.c[name]

    @property
    def target_type(self) -> Type | None:
        if self.columns.target is None:
            return None
        return (self.label_types if self.labels is not None else self.types).get(self.columns.target)


def table_of(name: str, types: Mapping[str, Type]) -> sa.TableClause:
    bare = named(name)
    columns: list[sa.ColumnClause[Any]] = [sa.column(sa.quoted_name(column, quote=True)) for column in types]
    return sa.table(bare.name, *columns, schema=bare.schema)


def moment(place: Place) -> Expression:
    """Seconds since 1970 of the prediction; NULL for a log without times."""
    name = place.columns.time
    if name is None:
        return sa.cast(sa.null(), sa.Double)
    return seconds(place.column(name), place.types[name], place.dialect)


def between(place: Place, start: datetime | None, end: datetime | None) -> list[Any]:
    """Restrict to start <= time < end, on the column itself where an index could help."""
    name = place.columns.time
    if name is None:
        if start is not None or end is not None:
            raise BadInputError(f"{place.table}: without a column of time there is no window of time")
        return []
    kind, column = place.types[name], place.column(name)
    found = []
    for bound, after in ((start, True), (end, False)):
        if bound is None:
            continue
        if kind is Type.MOMENT:
            value: Any = sa.literal(bound, sa.DateTime(timezone=True))
        elif kind is Type.LOCAL:
            value = sa.literal(bound.astimezone(UTC).replace(tzinfo=None), sa.DateTime())
        else:
            column, value = moment(place), sa.literal(bound.timestamp(), sa.Double)
        found.append(column >= value if after else column < value)
    return found


def version_of(place: Place) -> Expression:
    name = place.columns.version
    return sa.literal("") if name is None else sa.func.coalesce(text(place.column(name), place.types[name]), "")


def numbered(
    place: Place,
    *,
    stretch: Stretch,
    start: datetime | None,
    end: datetime | None,
    version: str | None,
) -> sa.Subquery:
    """Number the rows into stretches: the log's own columns, and `fl_w`, `fl_v`, `fl_t`.

    Without times, the order is that of the files; a table of a database has none.
    """
    log, at = place.log, moment(place)
    columns = [*log.c, version_of(place).label("fl_v"), at.label("fl_t")]
    where = between(place, start, end)
    if version is not None and place.columns.version is not None:
        where.append(version_of(place) == version)
    if isinstance(stretch, Every):
        if place.columns.time is None:
            raise BadInputError(f"{place.table}: windows of time need a column of time")
        number_ = sa.cast(sa.func.floor(at / stretch.seconds), sa.BigInteger)
        return sa.select(*columns, number_.label("fl_w")).where(*where).where(at.is_not(None)).subquery("rows_")
    if place.columns.time is None and place.dialect != "duckdb":
        raise BadInputError(f"{place.table}: a table has no order of its own: name the column of the time")
    # the order of the file breaks ties, and stands in for the time where there is none
    placed = sa.select(*columns, sa.func.row_number().over().label("fl_n")).where(*where).subquery("placed")
    order = [placed.c.fl_t.asc().nulls_last(), placed.c.fl_n] if place.columns.time is not None else None
    row = sa.func.row_number().over(order_by=order) if order else placed.c.fl_n
    number_ = sa.cast(sa.func.floor((row - 1) / sa.literal(float(stretch.n), sa.Double)), sa.BigInteger)
    kept = [column for column in placed.c if column.name != "fl_n"]
    return sa.select(*kept, number_.label("fl_w")).subquery("rows_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Rows beside what came true: `rows` is what to select from."""

    rows: Any
    source: sa.Subquery
    label: Expression  # text of a class, or a number; NULL while not known
    told: Expression  # 1 where something stands in the label, readable or not
    conflict: Expression  # 1 where several labels of one id differ
    label_at: Expression  # seconds since 1970 when the label became known; NULL when nobody says


def labelled(place: Place, rows: sa.Subquery, *, as_class: bool) -> Labelled:
    """Join the labels: one an id, none where several differ."""
    target = place.columns.target
    zero, nothing = sa.literal_column("0", sa.Integer), sa.cast(sa.null(), sa.Double)
    if target is None or place.target_type is None:
        blank = sa.cast(sa.null(), sa.Text if as_class else sa.Double)
        return Labelled(rows=rows, source=rows, label=blank, told=zero, conflict=zero, label_at=nothing)
    kind = place.target_type
    if place.labels is None:
        column = rows.c[target]
        told = sa.case((text(column, kind).is_(None), zero), else_=sa.literal_column("1", sa.Integer))
        return Labelled(
            rows=rows,
            source=rows,
            label=_label(column, kind, place.dialect, as_class=as_class),
            told=told,
            conflict=zero,
            label_at=nothing,
        )
    key = place.columns.id
    if key is None:
        raise BadInputError(f"{place.labels}: labels beside a log are joined by an id: name its column")
    table = table_of(place.labels, place.label_types)
    column, at = table.c[target], place.columns.label_time
    same = place.types[key] is place.label_types[key]
    known = sa.cast(rows.c[key], sa.Text) if not same else rows.c[key]
    join = sa.cast(table.c[key], sa.Text) if not same else table.c[key]
    value = _label(column, kind, place.dialect, as_class=as_class)
    when = seconds(table.c[at], place.label_types[at], place.dialect) if at is not None else nothing
    one = (
        sa.select(
            join.label("fl_k"),
            sa.func.max(value).label("fl_y"),
            sa.func.min(value).label("fl_y2"),
            sa.func.max(text(column, kind)).label("fl_told"),
            sa.func.min(when).label("fl_at"),
        )
        .where(join.in_(sa.select(known)))  # of a large table, only what these rows need
        .group_by(join)
        .subquery("labels_")
    )
    differ = sa.and_(one.c.fl_y.is_not(None), one.c.fl_y != one.c.fl_y2)
    return Labelled(
        rows=rows.outerjoin(one, known == one.c.fl_k),
        source=rows,
        label=sa.case((differ, sa.null()), else_=one.c.fl_y),
        told=sa.case((one.c.fl_told.is_not(None), sa.literal_column("1", sa.Integer)), else_=zero),
        conflict=sa.case((differ, sa.literal_column("1", sa.Integer)), else_=zero),
        label_at=one.c.fl_at,
    )


def _label(column: Expression, kind: Type, dialect: str, *, as_class: bool) -> Expression:
    return class_text(column, kind, dialect) if as_class else number(column, kind, dialect)

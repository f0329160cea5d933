"""From a value in the database to the small number that is counted: which bin, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from bot.domain.prediction_log import ColumnKind, Grid
from bot.sources.warehouse import Type

MISSING, UNREADABLE, UNSEEN, BELOW, ABOVE = -1, -2, -3, -4, -5
LARGEST = 1.7e308  # above it lie infinity and, in the order of databases, NaN
NUMBER = r"^\s*[-+]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|nan|inf|infinity)\s*$"  # for engines without TRY_CAST
Expression = ColumnElement[Any]


def const(value: int) -> Expression:
    """A whole number that is part of the statement: it need not be bound, since it is ours."""
    return sa.literal_column(str(int(value)), sa.Integer)


def number(column: Expression, kind: Type, dialect: str) -> Expression:
    """Read a number; NULL for NULL, NaN, an empty text, and a text that is none."""
    real = _real(column, kind, dialect)
    return sa.case((real == sa.literal(float("nan"), sa.Double), sa.null()), else_=real)


def finite(value: Expression) -> Expression:
    """The same without infinities: one of them would make any sum worthless."""
    return sa.case((value.between(-LARGEST, LARGEST), value), else_=sa.null())


def _real(column: Expression, kind: Type, dialect: str) -> Expression:
    if kind is Type.NUMBER:
        return sa.cast(column, sa.Double)
    if kind is Type.BOOLEAN:
        return sa.case((column.is_(True), sa.literal(1.0)), (column.is_(False), sa.literal(0.0)))
    if dialect in ("duckdb", "snowflake", "trino", "databricks", "mssql"):
        return sa.try_cast(sa.func.trim(column), sa.Double)
    if dialect == "bigquery":
        return sa.func.safe_cast(column.op("AS")(sa.literal_column("FLOAT64")))
    text = sa.cast(column, sa.Text)
    return sa.case((text.op("~*")(NUMBER), sa.cast(text, sa.Double)), else_=sa.null())


def text(column: Expression, kind: Type) -> Expression:
    """Read a category; NULL for NULL and for an empty text."""
    told = column if kind is Type.TEXT else sa.cast(column, sa.Text)
    return sa.func.nullif(told, "")


def class_text(column: Expression, kind: Type, dialect: str) -> Expression:
    """Write a class the same way wherever it stands: 1, 1.0 and true are one class."""
    real = number(column, kind, dialect)
    whole = sa.cast(sa.cast(real, sa.BigInteger), sa.Text)
    told = text(column, kind)
    if kind is Type.BOOLEAN:
        return sa.case((column.is_(True), sa.literal("1")), (column.is_(False), sa.literal("0")))
    lower = sa.func.lower(told)
    return sa.case(
        (sa.and_(sa.func.abs(real) < 1e15, real == sa.func.floor(real)), whole),
        (lower == "true", sa.literal("1")),
        (lower == "false", sa.literal("0")),
        else_=sa.func.trim(told),
    )


def code(grid: Grid, column: Expression, kind: Type, dialect: str) -> Expression:
    """The bin of a value, or what is wrong with it."""
    if grid.kind is ColumnKind.CATEGORICAL:
        return category_code(text(column, kind), grid)
    blank = column.is_(None) if kind is not Type.TEXT else sa.or_(column.is_(None), sa.func.trim(column) == "")
    real = _real(column, kind, dialect)
    nan = real == sa.literal(float("nan"), sa.Double)
    steps = [(blank, const(MISSING)), (nan, const(MISSING))]
    if kind is not Type.NUMBER:
        steps.append((real.is_(None), const(UNREADABLE)))
    # infinities are out of any range; NaN, which databases sort above them, is missing and was caught before
    steps.append((real < sa.literal(max(grid.low, -LARGEST), sa.Double), const(BELOW)))
    steps.append((real > sa.literal(min(grid.high, LARGEST), sa.Double), const(ABOVE)))
    steps += [(real < sa.literal(edge, sa.Double), const(place)) for place, edge in enumerate(grid.edges)]
    return sa.case(*steps, else_=const(len(grid.edges)))


def category_code(told: Expression, grid: Grid) -> Expression:
    """The place of a category; rare ones share the last place."""
    steps: list[tuple[Any, Any]] = [(told.is_(None), const(MISSING))]
    steps += [(told == name, const(place)) for place, name in enumerate(grid.categories)]
    if not grid.listed:
        return sa.case(*steps, else_=const(len(grid.categories)))
    if grid.others:
        steps.append((told.in_(list(grid.others)), const(len(grid.categories))))
    return sa.case(*steps, else_=const(UNSEEN))


def class_code(told: Expression, classes: Sequence[str], *, unknown: int) -> Expression:
    """The place of a class; `unknown` for none and for one that the profile does not know."""
    steps = [(told == name, const(place)) for place, name in enumerate(classes)]
    return sa.case(*steps, else_=const(unknown)) if steps else const(unknown)


def seconds(column: Expression, kind: Type, dialect: str) -> Expression:
    """Seconds since 1970; NULL where a text is no time. Times without a zone are UTC."""
    if kind is Type.NUMBER:
        return sa.cast(column, sa.Double)
    if kind is Type.TEXT:
        moment = (
            sa.try_cast(column, sa.DateTime(timezone=True))
            if dialect == "duckdb"
            else sa.cast(column, sa.DateTime(timezone=True))
        )
        return sa.cast(sa.extract("epoch", moment), sa.Double)
    if dialect == "bigquery":
        return sa.func.unix_millis(sa.cast(column, sa.TIMESTAMP(timezone=True))) / 1000.0
    if dialect == "trino":
        return sa.func.to_unixtime(column)
    if dialect == "snowflake":
        return sa.func.date_part(sa.literal_column("epoch_millisecond"), column) / 1000.0
    if dialect == "databricks":
        return sa.func.unix_millis(column) / 1000.0
    return sa.cast(sa.extract("epoch", column), sa.Double)

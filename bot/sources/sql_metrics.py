"""Statistics that lie in a table, a time and a value a row: NannyML's, Databricks', or a team's own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.domain.series import SeriesKey
from bot.errors import BadInputError, SourceDownError
from bot.sources.points import EVERY, Missed, PointSource, Reading, Track
from bot.sources.prediction_log.encode import seconds
from bot.sources.warehouse import Reading as Look
from bot.sources.warehouse import Type, Warehouse, named

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumns:
    """Which columns are read; `window.end` is a field of a struct."""

    table: str = ""
    time: str = ""
    value: str = ""
    where: Mapping[str, Value] = field(default_factory=dict)


_NANNYML = TableColumns(time="end_timestamp", value="value")
PRESETS: Mapping[str, TableColumns] = {
    "nannyml_univariate_drift": replace(_NANNYML, table="univariate_drift_metrics"),
    "nannyml_cbpe": replace(_NANNYML, table="cbpe_performance_metrics"),
    "nannyml_realized": replace(_NANNYML, table="realized_performance_metrics"),
    # without a slice: the whole table; the profile of the input, not of the baseline
    "databricks_profile": TableColumns(time="window.end", where={"slice_key": None, "log_type": "INPUT"}),
    "databricks_drift": TableColumns(time="window.end", where={"slice_key": None}),
}


def columns_of(
    preset: str | None,
    *,
    table: str | None = None,
    time: str | None = None,
    value: str | None = None,
    where: Mapping[str, Value] | None = None,
) -> TableColumns:
    """Fill in what a preset knows; what is said wins."""
    base = PRESETS[preset] if preset else TableColumns()
    return TableColumns(
        table=table or base.table,
        time=time or base.time,
        value=value or base.value,
        where={**base.where, **(where or {})},
    )


class SqlMetrics(PointSource):
    """Implements ports.MetricSource.

    entity, entity_column: what a row is about; both: `entity/` and what the column holds.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        columns: TableColumns,
        *,
        signal: str,
        entity: str | None = None,
        entity_column: str | None = None,
        every: timedelta = EVERY,
    ) -> None:
        super().__init__(warehouse.name, [signal], every=every)
        self._warehouse = warehouse
        self._columns = columns
        self._signal = signal
        self._entity = entity
        self._entity_column = entity_column

    async def close(self) -> None:
        await asyncio.to_thread(self._warehouse.close)

    async def _read(self, *, start: datetime, end: datetime) -> Reading:
        try:
            rows = await asyncio.to_thread(self._rows, start, end)
        except BadInputError as error:  # a table may come back, and a column may be added
            raise SourceDownError(str(error)) from error
        points: dict[str, dict[float, float]] = {}
        for about, time_s, value in rows:
            if time_s is None or value is None or about is None or not math.isfinite(value):
                continue
            own = points.setdefault(self._about(about), {})
            if own.setdefault(float(time_s), float(value)) != float(value):
                because = (
                    f"{self.name}: several values of one time: name more columns in `where`, or an `entity_column`"
                )
                return Reading(missed=[Missed(signal=self._signal, because=because)])
        return Reading(tracks=[Track(key=SeriesKey(self._signal, name), points=own) for name, own in points.items()])

    def _about(self, told: Any) -> str:
        return "/".join(part for part in (self._entity, str(told) if self._entity_column else None) if part)

    def _rows(self, start: datetime, end: datetime) -> list[tuple[Any, ...]]:
        """Blocks. Reads about, seconds since 1970 and value, all between start and end."""
        asked = self._columns
        with self._warehouse.reading() as look:
            types = look.columns(asked.table)
            time, kind = self._column(look, types, asked.time)
            value, _ = self._column(look, types, asked.value)
            about: Any = sa.literal("")
            if self._entity_column is not None:
                about = sa.cast(self._column(look, types, self._entity_column)[0], sa.String)
            bounds = _between(time, kind, look.dialect, start=start, end=end)
            filters = [self._equal(look, types, name, wanted) for name, wanted in asked.where.items()]
            number = (
                sa.try_cast(value, sa.Double) if look.dialect == "duckdb" else sa.cast(value, sa.Double)
            )  # a .csv is read as text
            statement = sa.select(about, seconds(time, kind, look.dialect), number)
            return look.rows(statement.select_from(named(asked.table)).where(*bounds, *filters))

    def _column(self, look: Look, types: Mapping[str, Type], name: str) -> tuple[Any, Type]:
        """Find a column. A field of a struct counts as a time without a zone, which is what Databricks' windows are."""
        if name in types:
            return sa.column(sa.quoted_name(name, quote=True)), types[name]
        if name.partition(".")[0] in types:
            return look.path(name), Type.LOCAL
        raise BadInputError(f"{self.name}: {self._columns.table} has no column {name!r}; it has {_some(types)}")

    def _equal(self, look: Look, types: Mapping[str, Type], name: str, wanted: Value) -> Any:
        column, kind = self._column(look, types, name)
        if wanted is None:
            blank = column == "" if kind is Type.TEXT else sa.false()
            return sa.or_(column.is_(None), blank)
        if kind is Type.TEXT:
            return column == (str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
        return column == wanted


def _between(column: Any, kind: Type, dialect: str, *, start: datetime, end: datetime) -> list[Any]:
    """Restrict to start < time <= end, on the column itself where an index could help."""
    if kind is Type.MOMENT:
        first, last = (sa.literal(bound, sa.DateTime(timezone=True)) for bound in (start, end))
    elif kind is Type.LOCAL:
        first, last = (sa.literal(bound.astimezone(UTC).replace(tzinfo=None), sa.DateTime()) for bound in (start, end))
    else:
        column = seconds(column, kind, dialect)
        first, last = (sa.literal(bound.timestamp(), sa.Double) for bound in (start, end))
    return [column > first, column <= last]


def _some(types: Mapping[str, Type]) -> str:
    names = sorted(types)
    return ", ".join(names[:8]) + (" and more" if len(names) > 8 else "")

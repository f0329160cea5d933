"""A prediction log and its labels, wherever they lie. Start here: what can be asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from bot.clock import from_epoch
from bot.domain.prediction_log import Every, LogColumns, Problem, Profile, Span, Stretch, Window
from bot.errors import BadInputError
from bot.sources.prediction_log.asked import Asked
from bot.sources.prediction_log.counts import read_windows
from bot.sources.prediction_log.profile import build_profile, identifiers
from bot.sources.prediction_log.rows import Place, between, moment, table_of, version_of
from bot.sources.warehouse import Reading, Type, Warehouse

ROOM = 150_000  # rows of counts that one answer may have; longer stretches are read in parts
A_COLUMN = 14  # codes of a column, about


class PredictionLog:
    """Implements log_watch.PredictionLogReader.

    table, labels: names of tables, or of the files that the warehouse was given. labels None: the target, if there
    is one, stands in the log. columns: without features, every column that is nothing else is one.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        model: str,
        table: str,
        columns: LogColumns,
        labels: str | None = None,
        problem: Problem | None = None,
        positive: str | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._model = model
        self._table = table
        self._columns = columns
        self._labels = labels
        self._problem = problem
        self._positive = positive

    @property
    def model(self) -> str:
        return self._model

    @property
    def columns(self) -> LogColumns:
        return self._columns

    def spans(self, *, start: datetime, end: datetime) -> Sequence[Span]:
        """Which versions made predictions, and from when to when."""
        with self._warehouse.reading() as reading:
            place = self._place(reading)
            at, version = moment(place), version_of(place)
            inner = (
                sa.select(version.label("v"), at.label("t"))
                .select_from(place.log)
                .where(*between(place, start, end))
                .subquery("spans_")
            )
            statement = sa.select(inner.c.v, sa.func.count(), sa.func.min(inner.c.t), sa.func.max(inner.c.t)).group_by(
                inner.c.v
            )
            rows = [row for row in reading.rows(statement) if row[2] is not None]
        found = [
            Span(version=str(v), n=int(n), first=from_epoch(float(first)), last=from_epoch(float(last)))
            for v, n, first, last in rows
        ]
        return sorted(found, key=lambda one: one.first)

    def profile(
        self,
        *,
        stretch: Stretch,
        start: datetime | None = None,
        end: datetime | None = None,
        version: str | None = None,
        now: datetime,
    ) -> Profile:
        """Make a reference of what lies between. Raises BadInputError, SourceDownError."""
        with self._warehouse.reading() as reading:
            return build_profile(
                reading,
                self._place(reading),
                model=self._model,
                problem=self._problem,
                positive=self._positive,
                stretch=stretch,
                start=start,
                end=end,
                version=version,
                now=now,
            )

    def windows(
        self,
        profile: Profile,
        *,
        stretch: Stretch,
        start: datetime | None = None,
        end: datetime | None = None,
        version: str | None = None,
        now: datetime,
    ) -> Sequence[Window]:
        """Count what lies between, as the profile counts."""
        mine = self._columns
        columns = replace(  # what is counted is the profile's, where it stands is the log's own
            profile.columns,
            time=mine.time,
            id=mine.id,
            version=mine.version,
            target=mine.target if mine.target is not None else profile.columns.target,
            label_time=mine.label_time,
        )
        with self._warehouse.reading() as reading:
            place = self._place(reading, columns)
            found: list[Window] = []
            for since, until in _parts(profile, stretch, start, end):
                asked = Asked(
                    place=place, profile=profile, stretch=stretch, start=since, end=until, version=version, now=now
                )
                found += read_windows(reading, asked)
            return found

    def close(self) -> None:
        self._warehouse.close()

    # ------------------------------------------------------------ what lies there

    def _place(self, reading: Reading, columns: LogColumns | None = None) -> Place:
        """Look at the tables and check every name. Raises BadInputError with what there is."""
        types = reading.columns(self._table)
        label_types = reading.columns(self._labels) if self._labels is not None else {}
        told = columns or self._columns
        if not told.features:
            told = replace(told, features=_the_rest(told, types))
        elsewhere = {told.label_time} | ({told.target} if self._labels is not None else set())
        needed = [
            told.prediction,
            *told.scores,
            *told.features,
            *told.segments,
            told.time,
            told.id,
            told.version,
        ]
        _present(self._table, [name for name in needed if name is not None and name not in elsewhere], types)
        if self._labels is not None:
            _present(self._labels, [name for name in (told.id, told.target, told.label_time) if name], label_types)
        elif told.target is not None and told.target not in types:
            told = replace(told, target=None, label_time=None)  # a log whose labels lie nowhere yet
        elif told.label_time is not None:
            told = replace(told, label_time=None)
        return Place(
            table=self._table,
            log=table_of(self._table, types),
            labels=self._labels,
            columns=told,
            types=types,
            label_types=label_types,
            dialect=reading.dialect,
        )


def _the_rest(columns: LogColumns, types: Mapping[str, Type]) -> tuple[str, ...]:
    """Every column that is nothing else."""
    taken = {columns.prediction, columns.target, columns.label_time, *columns.scores, *columns.segments}
    taken |= set(identifiers(columns, types))
    return tuple(name for name in types if name not in taken)


def _present(table: str, names: Sequence[str], types: Mapping[str, Type]) -> None:
    absent = [name for name in dict.fromkeys(names) if name not in types]
    if absent:
        there = ", ".join(list(types)[:40])
        raise BadInputError(f"{table}: the column {', '.join(absent)} is missing; there are: {there or 'none'}")


def _parts(
    profile: Profile, stretch: Stretch, start: datetime | None, end: datetime | None
) -> list[tuple[datetime | None, datetime | None]]:
    """Cut a long stretch of time so that no answer grows beyond its room."""
    if not isinstance(stretch, Every) or start is None or end is None:
        return [(start, end)]
    a_window = max(1, len(profile.features) * A_COLUMN, *(_cells(profile, grid.bins) for grid in profile.slices), 1)
    windows = max(1, ROOM // a_window)
    length = windows * stretch.seconds
    found: list[tuple[datetime | None, datetime | None]] = []
    at = start.timestamp()
    while at < end.timestamp():
        until = min(at + length, end.timestamp())
        found.append((from_epoch(at), from_epoch(until)))
        at = until
    return found


def _cells(profile: Profile, groups: int) -> int:
    classes = max(len(profile.classes), 1)
    return groups * (profile.score.bins if profile.score is not None else 1) * classes

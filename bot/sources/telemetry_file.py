"""Reads the long table of a recording into arrays; the only file of the project that speaks SQL to DuckDB."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from pydantic_core import from_json

from bot.domain.labels import Labels, labels_of
from bot.domain.series import Floats, Rows, SeriesIndex, SeriesKey
from bot.errors import BadInputError

COLUMNS = ("time", "signal", "entity", "labels", "value")
LATEST_S = 4_102_444_800  # the year 2100: a larger number of seconds is one of milliseconds
WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
REAL = {"FLOAT", "DOUBLE"}
ZONE = r"[0-9T: .](Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$"
CSV = (  # everything said, nothing guessed: a guess would depend on what the first rows happen to hold
    "read_csv($path, compression = 'gzip', header = true, all_varchar = true,"
    " delim = ',', quote = '\"', escape = '\"', comment = '')"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Samples in the file's order."""

    index: SeriesIndex
    times_s: Floats  # (m,) seconds since 1970
    rows: Rows  # (m,) rows of the index
    values: Floats  # (m,) NaN means no sample


def read_table(path: Path, *, signals: frozenset[str]) -> Table:
    """Read `telemetry.parquet` or `telemetry.csv.gz`. Raises BadInputError naming file, row and reason.

    Rows are counted from 1 as people do; a header is no row.
    """
    with duckdb.connect(":memory:") as base:
        # a recording comes from anywhere: nothing may be fetched or loaded because of what it holds
        base.execute("SET autoinstall_known_extensions = false")
        base.execute("SET autoload_known_extensions = false")
        base.execute("SET TimeZone = 'UTC'")
        try:
            return _read(base, path, signals)
        except duckdb.Error as error:
            raise BadInputError(f"{path}: cannot be read: {_plain_words(error)}") from error


def _plain_words(error: duckdb.Error) -> str:
    """What went wrong, without the statement that DuckDB quotes below it."""
    return " ".join(str(error).partition("\n\nLINE ")[0].split())[:200]


def _read(base: duckdb.DuckDBPyConnection, path: Path, signals: frozenset[str]) -> Table:
    source = "read_parquet($path)" if path.suffix == ".parquet" else CSV
    given = {"path": glob.escape(str(path))}
    types = {name: kind for name, kind, *_ in base.execute(f"DESCRIBE SELECT * FROM {source}", given).fetchall()}  # noqa: S608 - two constants
    absent = [name for name in COLUMNS if name not in types]
    if absent:
        raise BadInputError(f"{path}: the column {', '.join(absent)} is missing; found {', '.join(types) or 'none'}")
    base.execute(
        # row_number() streams in the file's order: DuckDB keeps the order of what it reads unless told otherwise
        f"""CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS n, {_seconds(str(types["time"]), path)} AS t,
            {"time::VARCHAR" if types["time"] == "VARCHAR" else "NULL"} AS told, signal::VARCHAR AS signal,
            entity::VARCHAR AS entity, coalesce(nullif(trim(labels::VARCHAR), ''), '{{}}') AS labels,
            {_number(str(types["value"]), path)} AS v, value::VARCHAR AS value FROM {source}""",  # noqa: S608
        given,
    )
    _check(base, path)
    series = base.execute(
        """CREATE TEMP TABLE series AS SELECT signal, entity, labels, min(n) AS first_n,
           row_number() OVER (ORDER BY min(n)) - 1 AS id FROM raw GROUP BY signal, entity, labels;
           SELECT signal, entity, labels, first_n FROM series ORDER BY id"""
    ).fetchall()
    index, rows = _index(series, signals, path)
    got = base.execute("SELECT n, t, id, v FROM raw JOIN series USING (signal, entity, labels)").fetchnumpy()
    order = np.argsort(_plain(got["n"]), kind="stable")
    return Table(
        index=index,
        times_s=_plain(got["t"])[order].astype(np.float64),
        rows=rows[_plain(got["id"])[order].astype(np.int64)],
        values=_plain(got["v"])[order].astype(np.float64),
    )


def _seconds(kind: str, path: Path) -> str:
    """Return the expression that reads `time` as seconds since 1970; NULL where it cannot."""
    if kind in WHOLE or kind in REAL:
        return "time::DOUBLE"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return "epoch(time)"
    if kind == "VARCHAR":
        return (
            f"coalesce(try_cast(time AS DOUBLE),"
            f" CASE WHEN regexp_matches(trim(time), '{ZONE}') THEN epoch(try_cast(trim(time) AS TIMESTAMPTZ)) END)"
        )
    raise BadInputError(
        f"{path}: row 1: the column time has the type {kind}; expected whole seconds, or timestamps with a zone"
    )


def _number(kind: str, path: Path) -> str:
    if kind in WHOLE or kind in REAL or kind.startswith("DECIMAL"):
        return "coalesce(value::DOUBLE, 'nan'::DOUBLE)"
    if kind == "VARCHAR":
        return "CASE WHEN coalesce(trim(value), '') = '' THEN 'nan'::DOUBLE ELSE try_cast(trim(value) AS DOUBLE) END"
    raise BadInputError(f"{path}: row 1: the column value has the type {kind}; expected float64")


def _check(base: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Find the first row that does not fit the page."""
    bad = base.execute(
        """SELECT n, t, told, signal, entity, value, v FROM raw
           WHERE t IS NULL OR NOT isfinite(t) OR t < 0 OR t > $latest OR coalesce(signal, '') = ''
              OR coalesce(entity, '') = ''
              OR v IS NULL ORDER BY n LIMIT 1""",
        {"latest": LATEST_S},
    ).fetchone()
    if bad is None:
        return
    row, time_s, told, signal, entity, value, number = bad
    if not signal or not entity:
        reason = f"{'entity' if signal else 'signal'} is empty"
    elif time_s is None:
        reason = f"time is {told!r}; expected whole seconds since 1970, or ISO 8601 with a zone"
    elif number is None:
        reason = f"value is {value!r}; expected a number"
    else:
        reason = f"time is {time_s:.0f}; expected seconds since 1970 (are these milliseconds?)"
    raise BadInputError(f"{path}: row {row}: {reason}")


def _index(series: list[tuple[Any, ...]], signals: frozenset[str], path: Path) -> tuple[SeriesIndex, Rows]:
    """Key the series; label sets that differ only in how they are written are one."""
    index = SeriesIndex()
    rows = np.empty(len(series), np.int64)
    parsed: dict[str, Labels] = {}
    for place, (signal, entity, text, row) in enumerate(series):
        if signal not in signals:
            raise BadInputError(f"{path}: row {row}: the signal {signal!r} is not in catalog.yaml")
        if text not in parsed:
            parsed[text] = _labels(text, f"{path}: row {row}")
        rows[place] = index.row(SeriesKey(signal, entity, parsed[text]))
    return index, rows


def _labels(text: str, where: str) -> Labels:
    try:
        told = from_json(text)
    except ValueError as error:
        raise BadInputError(f"{where}: labels are not JSON: {text[:80]!r}") from error
    if not isinstance(told, Mapping) or any(isinstance(value, list | dict) or value is None for value in told.values()):
        raise BadInputError(f"{where}: labels must be a JSON object of names and texts, found {text[:80]!r}")
    return labels_of((name, value if isinstance(value, str) else str(value)) for name, value in told.items())


def _plain(column: Any) -> Any:
    """DuckDB masks columns that might hold NULL; after the checks none does."""
    return column.data if isinstance(column, np.ma.MaskedArray) else column

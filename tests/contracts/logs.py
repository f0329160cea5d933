"""The same prediction log as files and as tables, for the suite that every engine must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from bot.domain.prediction_log import LogColumns, Problem
from bot.sources.prediction_log.log import PredictionLog
from bot.sources.warehouse import Warehouse

START = datetime(2026, 5, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
LOG_TYPES = {
    "id": "text", "time": "timestamptz", "version": "text", "a": "double precision", "b": "double precision",
    "group": "text", "score": "double precision", "answer": "integer", "label": "integer",
}  # fmt: skip
LABEL_TYPES = {"id": "text", "label": "integer", "seen": "timestamptz"}
COLUMNS = LogColumns(
    prediction="answer", scores=("score",), target="label", time="time", id="id", version="version",
    features=("a", "b", "group"), label_time="seen",
)  # fmt: skip


@dataclass
class Engine:
    """One place where logs can lie."""

    kind: str  # "parquet", "csv" or "postgres"
    folder: Path
    url: str = ""  # of the PostgreSQL database
    made: dict[str, str] = field(default_factory=dict)  # files by the name of their table

    def put(self, table: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Make a table of its own, in the place of one that was there."""
        names = ", ".join(f'"{name}"' for name in types)
        marks = ", ".join("%s" if self.kind == "postgres" else "?" for _ in types)
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        if self.kind == "postgres":
            with psycopg.connect(self.url, autocommit=True) as base, base.cursor() as cursor:
                cursor.execute(f'DROP TABLE IF EXISTS "{table}"')
                cursor.execute(f'CREATE TABLE "{table}" ({columns})')
                cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)
            return
        path = self.folder / f"{table}.{self.kind}"
        with duckdb.connect(":memory:") as base:
            base.execute("SET TimeZone = 'UTC'")
            base.execute(f"CREATE TABLE t ({columns.replace('double precision', 'double')})")
            if rows:
                base.executemany(f"INSERT INTO t VALUES ({marks})", rows)
            base.execute(f"COPY t TO '{path}'" + (" (HEADER)" if self.kind == "csv" else ""))
        self.made[table] = str(path)

    def warehouse(self, **options: Any) -> Warehouse:
        if self.kind == "postgres":
            return Warehouse("log", self.url, **options)
        return Warehouse("log", "duckdb://", files=self.made, **options)

    def log(
        self,
        *,
        columns: LogColumns = COLUMNS,
        table: str = "log",
        labels: str | None = None,
        problem: Problem | None = None,
        **options: Any,
    ) -> PredictionLog:
        return PredictionLog(
            self.warehouse(**options), model="m", table=table, columns=columns, labels=labels, problem=problem
        )

"""`faultline quality`: a person's own files, counted by the code that reads a live log, and judged chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bot.domain.model_quality import QualityReport
from bot.domain.prediction_log import LogColumns, Problem, Rows
from bot.errors import BadInputError
from bot.pipeline.quality.judge import judge
from bot.pipeline.quality.windows import Judged
from bot.sources.prediction_log.log import PredictionLog
from bot.sources.warehouse import Warehouse

WANTED_STRETCHES = 10  # of a reference, to see how much they differ by themselves
LEAST_ROWS = 200  # of one of them
KINDS = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for."""

    reference: Path
    log: Path
    labels: Path | None
    columns: LogColumns  # without features: every column that both files have and that is nothing else
    problem: Problem | None
    positive: str | None
    chunk: int


def grade(request: Request, *, now: datetime) -> Iterator[tuple[QualityReport, int]]:
    """Yield every chunk with the number of its first row. Raises BadInputError."""
    files = {"reference": request.reference, "log": request.log}
    if request.labels is not None:
        files["labels"] = request.labels
    for path in files.values():
        if not path.name.endswith(KINDS):
            raise BadInputError(f"{path}: expected a file that ends in {', '.join(KINDS)}")
        if not path.is_file():
            raise BadInputError(f"{path}: there is no such file")
    warehouse = Warehouse("files", "duckdb://", files={name: str(path) for name, path in files.items()}, frozen=True)
    try:
        columns = _with_features(request.columns, warehouse)
        reference = PredictionLog(
            warehouse,
            model="",
            table="reference",
            columns=columns,
            problem=request.problem,
            positive=request.positive,
        )
        profile = reference.profile(stretch=Rows(_stretch(warehouse, request.chunk)), now=now)
        log = PredictionLog(
            warehouse,
            model="",
            table="log",
            columns=replace(columns, scores=profile.columns.scores),
            labels="labels" if request.labels is not None else None,
            problem=profile.problem,
        )
        past: list[Judged] = []
        row = 0
        for window in log.windows(profile, stretch=Rows(request.chunk), now=now):
            report = judge(profile, window, past, now=None)
            past.append(Judged(window=window, report=report))
            yield report, row
            row += window.n
    finally:
        warehouse.close()


def _stretch(warehouse: Warehouse, chunk: int) -> int:
    """Cut the reference as the log is cut, or finer when that gives too few stretches."""
    with warehouse.reading() as reading:
        rows = reading.count("reference")
    return min(chunk, max(LEAST_ROWS, rows // WANTED_STRETCHES))


def _with_features(columns: LogColumns, warehouse: Warehouse) -> LogColumns:
    if columns.features:
        return columns
    with warehouse.reading() as reading:
        here, there = list(reading.columns("reference")), set(reading.columns("log"))
    taken = {
        columns.prediction,
        *columns.scores,
        *columns.segments,
        columns.target,
        columns.time,
        columns.id,
        columns.version,
    }
    return replace(columns, features=_shared(here, there, taken))


def _shared(here: Sequence[str], there: set[str], taken: set[str | None]) -> tuple[str, ...]:
    return tuple(name for name in here if name in there and name not in taken)

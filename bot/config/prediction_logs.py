"""The section about prediction logs: where they lie, what their columns are, and how often they are judged."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from bot.config.base import Duration, FilePath, PositiveDuration, Section, SourceName, key
from bot.domain.prediction_log import LogColumns, Problem

FILES = "duckdb://"


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def without_password(value: str) -> str:
    """Check a database's address: no password in it, and a form that can be one."""
    user = value.partition("://")[2].rpartition("@")[0]
    if ":" in user:
        raise ValueError("expected no password here: set the variable FAULTLINE_<NAME>_PASSWORD, or `password_file`")
    if "://" not in value:
        raise ValueError("expected an address such as postgresql://user@host/name, or duckdb:// for files")
    return value


Columns = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class PredictionsSection(Section):
    """A prediction log. Only counts leave the database; a password comes from the environment or a file."""

    name: SourceName = Field(description="what people read, and part of its variables' names")
    model: str = Field(description="the catalogue's name of the model")
    url: str = key(
        FILES,
        "database: `postgresql://user@host/name`, or any other with an SQLAlchemy dialect, without a password;"
        " `duckdb://` reads files",
        why="needs no server",
    )
    password_file: FilePath | None = key(
        None, "file that holds the password; absent: the variable `FAULTLINE_<NAME>_PASSWORD`"
    )
    log: str = Field(description="table of predictions, or path of its .parquet or .csv files; `*` stands for many")
    labels: str | None = key(None, "table or files of labels", why="absent: `target` stands in the log")
    time: str = Field(description="column of when it was predicted")
    prediction: str = Field(description="column of what was answered")
    score: Columns = key((), "column of the probability; of several classes: one each", why="regression has none")
    target: str | None = key(None, "column of what came true", why="absent: quality is only estimated")
    id: str | None = key(None, "column that joins labels to predictions; needed with `labels`")
    version: str | None = key(None, "column of the version that answered", why="absent: one version is assumed")
    label_time: str | None = key(None, "column in `labels` of when the label became known")
    features: Columns = key((), "columns of inputs", why="absent: every column that is nothing else")
    segments: Columns = key((), "columns whose groups are judged one by one")
    problem: Literal["binary", "multiclass", "regression"] | None = key(
        None, "what kind of answer it gives", why="absent: seen from the reference"
    )
    positive: str | None = key(None, "the class that `score` speaks of", why="absent: 1, true or yes")
    window: PositiveDuration = key(
        timedelta(minutes=15),
        "predictions that are judged together",
        why="200 predictions a window suffice; with fewer, windows are added up",
    )
    lateness: Duration = key(timedelta(minutes=2), "until when rows of a window may still arrive")
    reference: PositiveDuration = key(
        timedelta(days=3), "healthy predictions that a version is compared with", why="a weekend looks like one then"
    )
    labels_within: PositiveDuration = key(
        timedelta(days=2), "how long labels keep coming: windows this old are read again"
    )
    timeout: PositiveDuration = key(timedelta(seconds=60), "longest a statement may run")
    max_rows: int = key(200_000, "largest answer, in rows of counts", why="memory here stays small", ge=1000)

    _no_password = field_validator("url", mode="after")(without_password)

    @model_validator(mode="after")
    def _whole(self) -> PredictionsSection:
        if self.labels is not None and (self.id is None or self.target is None):
            raise ValueError("expected `id` and `target` beside labels")
        return self

    def columns(self) -> LogColumns:
        return LogColumns(
            prediction=self.prediction,
            scores=self.score,
            target=self.target,
            time=self.time,
            id=self.id,
            version=self.version,
            features=self.features,
            segments=self.segments,
            label_time=self.label_time,
        )

    def kind(self) -> Problem | None:
        return None if self.problem is None else Problem(self.problem)

    @property
    def in_files(self) -> bool:
        return self.url == FILES

"""The sections about statistics that other programs compute already, each told as a signal of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bot.catalog import Names
from bot.config.base import FilePath, PositiveDuration, Section, SourceName, key
from bot.config.prediction_logs import FILES, without_password
from bot.config.servers import ServerSection

SELDOM = "they come by the hour or the day"
FIVE_MINUTES = timedelta(minutes=5)
SIGNAL = "name of the catalogue's signal that it is told as; the signal says which way is worse"
ENTITY = "what it is about, such as `fraud` or `fraud/amount`"


class MlflowMetricSection(Section):
    """A metric of the newest run of an experiment, on the server of sources.mlflow."""

    experiment: str = Field(description="name of the experiment", min_length=1)
    metric: str = Field(description="name of the metric, as runs log it", min_length=1)
    signal: str = Field(description=SIGNAL)
    entity: str = Field(description=ENTITY, min_length=1)


class EvidentlyMetricSection(Section):
    """One value of Evidently's snapshots."""

    metric: str = Field(description="its type, such as `evidently:metric_v2:ValueDrift`", min_length=1)
    labels: Mapping[str, str] = key({}, "what tells it from others of its type, such as `column: amount`")
    tags: tuple[str, ...] = key((), "only snapshots with these tags")
    signal: str = Field(description=SIGNAL)
    entity: str = Field(description=ENTITY, min_length=1)


class EvidentlySection(ServerSection):
    """A project in Evidently's own service, version 0.7."""

    name: SourceName = key("evidently", "what people read, and part of its variables' names")
    project: str = Field(
        description="id of the project, as in the address of its page",
        pattern=r"^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$",
    )
    metrics: tuple[EvidentlyMetricSection, ...] = Field(description="what is told from it", min_length=1)
    every: PositiveDuration = key(FIVE_MINUTES, "how often it is asked at most", why=SELDOM)


class SqlMetricsSection(Section):
    """A table with a time and a value a row; a password comes from the environment or a file."""

    name: SourceName = Field(description="what people read, and part of its variables' names")
    url: str = key(
        FILES,
        "database: `postgresql://user@host/name`, or any other with an SQLAlchemy dialect, without a password;"
        " `duckdb://` reads files",
        why="needs no server",
    )
    password_file: FilePath | None = key(
        None, "file that holds the password; absent: the variable `FAULTLINE_<NAME>_PASSWORD`"
    )
    preset: (
        Literal[
            "nannyml_univariate_drift", "nannyml_cbpe", "nannyml_realized", "databricks_profile", "databricks_drift"
        ]
        | None
    ) = key(None, "whose table it is: fills in the columns, and the table where its name is fixed")
    table: str | None = key(
        None, "table, or path of .parquet or .csv files; `*` stands for many", why="absent: the preset's"
    )
    time: str | None = key(
        None,
        "column of the time that the value is of; `window.end` reads a field of a struct",
        why="absent: the preset's",
    )
    value: str | None = key(None, "column of the value", why="absent: the preset's, for NannyML")
    where: Mapping[str, str | int | float | bool | None] = key(
        {}, "only rows with these values, by column; null where there is none", why="the preset's are kept beside them"
    )
    signal: str = Field(description=SIGNAL)
    entity: str | None = key(None, ENTITY)
    entity_column: str | None = key(None, "column that names what a row is about; with `entity`: its part after the /")
    every: PositiveDuration = key(FIVE_MINUTES, "how often it is asked at most", why=SELDOM)
    timeout: PositiveDuration = key(timedelta(seconds=8), "longest a statement may run", why="a tick waits for it")
    max_rows: int = key(100_000, "largest answer, in rows", why="a week of hours of 500 features", ge=100)

    _no_password = field_validator("url", mode="after")(without_password)

    @model_validator(mode="after")
    def _whole(self) -> SqlMetricsSection:
        if not self.entity and not self.entity_column:
            raise ValueError("expected `entity`, `entity_column`, or both")
        fixed = self.preset is not None and self.preset.startswith("nannyml")
        lacking = [
            name
            for name, needed in (("table", not fixed), ("time", self.preset is None), ("value", not fixed))
            if needed and getattr(self, name) is None
        ]
        if self.in_files and self.table is None:
            lacking = list(dict.fromkeys(["table", *lacking]))
        if lacking:
            raise ValueError(f"expected {', '.join(f'`{name}`' for name in lacking)}")
        return self

    @property
    def in_files(self) -> bool:
        return self.url == FILES


class HistogramSection(Section):
    """A histogram in Prometheus: how far each window's shape is from that of the version's first windows."""

    source: str = Field(description="name of a Prometheus source")
    query: str = Field(
        description="PromQL: increases of cumulative buckets over `window`, such as"
        " `sum by (le, model, version) (increase(model_score_bucket[1h]))`",
        min_length=1,
    )
    entity: Names = Field(description="the label, or labels, that name what it is about", min_length=1)
    version: str | None = key(None, "the label that holds the version", why="absent: one version is assumed")
    window: PositiveDuration = key(
        timedelta(hours=1), "length of a window, the same as in the query", why="200 rows a window suffice"
    )
    reference: int = key(24, "first full windows of a version, which later ones are compared with", why="a day", ge=1)
    past: PositiveDuration = key(
        timedelta(days=15), "how far back references are looked for at a start", why="what Prometheus keeps by itself"
    )
    signal: str = Field(description=SIGNAL)

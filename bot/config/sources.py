"""The sections about other servers: where samples and changes come from, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.catalog import Names
from bot.config.base import FilePath, Section, SourceName, key
from bot.config.prediction_logs import PredictionsSection
from bot.config.pulls import EvidentlySection, HistogramSection, MlflowMetricSection, SqlMetricsSection
from bot.config.servers import ServerSection
from bot.domain.change import ChangeKind


class PrometheusSection(ServerSection):
    """Anything that speaks Prometheus' HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics."""

    name: SourceName = key("prometheus", "what people read, and part of its variables' names")
    signals: tuple[str, ...] | None = key(
        None, "names of the catalogue's signals to ask here", why="absent: every signal that has a query"
    )
    max_series: int = key(20_000, "series this source may bring", why="ten times a large team's", ge=1)


class MlflowSection(ServerSection):
    name: SourceName = key("mlflow", "what people read, and part of its variables' names")
    alias: str = key("champion", "the alias that serves", why="the name in MLflow's own documentation")
    models: Mapping[str, str] = key(
        {}, "by the catalogue's name of a model, its registered name", why="absent: the names are the same"
    )


class ChangesSection(Section):
    """A query whose series tell of rollouts and other changes."""

    source: str = Field(description="name of a Prometheus source")
    query: str = Field(description="PromQL: one series a state, such as a build-info metric", min_length=1)
    kind: ChangeKind = key(ChangeKind.DEPLOY, "what kind of change it is")
    entity: Names = key((), "the label, or labels, that name what changed")
    version: str | None = key(None, "the label that holds the version", why="absent: a value that moves is a change")
    text: str | None = key(None, "the label that holds words for people")


class SourcesSection(Section):
    prometheus: tuple[PrometheusSection, ...] = key((), "servers of samples")
    changes: tuple[ChangesSection, ...] = key((), "where changes are told")
    predictions: tuple[PredictionsSection, ...] = key((), "prediction logs, one a model: quality is judged from them")
    mlflow: MlflowSection | None = key(None, "the model registry; its alias moves become the ledger of deploys")
    mlflow_metrics: tuple[MlflowMetricSection, ...] = key((), "metrics of runs on the server of `mlflow`")
    evidently: tuple[EvidentlySection, ...] = key((), "statistics of Evidently's snapshots")
    sql_metrics: tuple[SqlMetricsSection, ...] = key((), "statistics in tables: NannyML's, Databricks', your own")
    histograms: tuple[HistogramSection, ...] = key((), "Prometheus histograms whose shape is watched")
    recording: FilePath | None = key(None, "folder of a recording, read as if it were live; for rehearsals")

    @property
    def databases(self) -> tuple[PredictionsSection | SqlMetricsSection, ...]:
        """Sections with a database, whose passwords have variables of their own."""
        return (*self.predictions, *self.sql_metrics)

    def pulled_signals(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Signals brought without a query in the catalogue: the place of each, below `sources`, and its name."""
        for number, metric in enumerate(self.mlflow_metrics):
            yield ("mlflow_metrics", number, "signal"), metric.signal
        for number, server in enumerate(self.evidently):
            for position, value in enumerate(server.metrics):
                yield ("evidently", number, "metrics", position, "signal"), value.signal
        for number, table in enumerate(self.sql_metrics):
            yield ("sql_metrics", number, "signal"), table.signal
        for number, histogram in enumerate(self.histograms):
            yield ("histograms", number, "signal"), histogram.signal


def _one_for_all(value: Any) -> Any:
    return {"*": value} if isinstance(value, str) else value


class WebhookSection(ServerSection):
    kind: Literal["webhook"] = Field(description="a signed POST to `url`")
    secret_file: FilePath | None = key(
        None, "file with the secret that signs; absent: the variable `FAULTLINE_RETRAIN_SECRET`"
    )


class AirflowSection(ServerSection):
    kind: Literal["airflow"] = Field(description="start a DAG run in Airflow 3")
    dags: Annotated[
        Mapping[str, str],
        BeforeValidator(_one_for_all),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
    ] = Field(description="the DAG that retrains, by model, `*` for the others; or one name for all")


class ActionsSection(Section):
    mode: Literal["dry_run", "live"] = key(
        "dry_run", "`live` really moves aliases and starts retraining, once approved", why="nothing happens by surprise"
    )
    rollback: Literal["mlflow"] = key(
        "mlflow", "where a rollback moves the alias", why="the registry of sources.mlflow"
    )
    retrain: Annotated[WebhookSection | AirflowSection, Field(discriminator="kind")] | None = key(
        None, "who retrains a model", why="absent: retraining is not offered"
    )

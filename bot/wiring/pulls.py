"""From settings to the sources of statistics that other programs compute already."""

from __future__ import annotations

from collections.abc import Callable

from bot.config import Settings
from bot.config.pulls import EvidentlySection, HistogramSection, SqlMetricsSection
from bot.http import HttpClient
from bot.ports import MetricSource
from bot.sources.bucket_shapes import ShapeRule
from bot.sources.evidently import EvidentlySource, SnapshotValue
from bot.sources.histograms import HistogramDrift, HistogramQuery
from bot.sources.mlflow_metrics import MlflowMetrics, RunMetric
from bot.sources.sql_metrics import SqlMetrics, columns_of
from bot.sources.warehouse import Warehouse, with_password

METRICS = "metrics"  # what statements call files
Client = Callable[[Settings, str], HttpClient]  # of the server with this name


def pulled_sources(settings: Settings, client: Client) -> list[MetricSource]:
    """One a server, a table, or a Prometheus with histograms. Raises BadInputError, as a missing secret does."""
    found: list[MetricSource] = []
    if settings.sources.mlflow_metrics:
        found.append(_mlflow(settings, client))
    found += [_evidently(section, client(settings, section.name)) for section in settings.sources.evidently]
    found += [_table(settings, section) for section in settings.sources.sql_metrics]
    by_server: dict[str, list[HistogramQuery]] = {}
    for section in settings.sources.histograms:
        by_server.setdefault(section.source, []).append(_histogram(section))
    found += [
        HistogramDrift(f"{name} histograms", client(settings, name), queries) for name, queries in by_server.items()
    ]
    return found


def _mlflow(settings: Settings, client: Client) -> MlflowMetrics:
    server = settings.sources.mlflow
    assert server is not None, "checked when the configuration was read"
    metrics = [
        RunMetric(experiment=one.experiment, metric=one.metric, signal=one.signal, entity=one.entity)
        for one in settings.sources.mlflow_metrics
    ]
    return MlflowMetrics(f"{server.name} metrics", client(settings, server.name), metrics)


def _evidently(section: EvidentlySection, client: HttpClient) -> EvidentlySource:
    wanted = [
        SnapshotValue(metric=one.metric, labels=one.labels, tags=one.tags, signal=one.signal, entity=one.entity)
        for one in section.metrics
    ]
    return EvidentlySource(section.name, client, project=section.project, wanted=wanted, every=section.every)


def _table(settings: Settings, section: SqlMetricsSection) -> SqlMetrics:
    password = settings.secrets.passwords.get(section.name)
    columns = columns_of(
        section.preset,
        table=METRICS if section.in_files else section.table,
        time=section.time,
        value=section.value,
        where=section.where,
    )
    warehouse = Warehouse(
        section.name,
        with_password(section.name, section.url, password.get_secret_value() if password else None),
        timeout_s=section.timeout.total_seconds(),
        max_rows=section.max_rows,
        files={METRICS: section.table or ""} if section.in_files else {},
    )
    return SqlMetrics(
        warehouse,
        columns,
        signal=section.signal,
        entity=section.entity,
        entity_column=section.entity_column,
        every=section.every,
    )


def _histogram(section: HistogramSection) -> HistogramQuery:
    return HistogramQuery(
        query=section.query,
        rule=ShapeRule(
            signal=section.signal,
            entity_labels=section.entity,
            version_label=section.version,
            reference=section.reference,
        ),
        window=section.window,
        past=section.past,
    )

"""Metrics that training or evaluation runs log into MLflow, as series: the newest run of an experiment that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from bot.domain.series import SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient, HttpRefusedError
from bot.sources.points import EVERY, Form, Missed, PointSource, Reading, Reply, Track, ask_by_post, understood

BASE = "api/2.0/mlflow"
NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
RUNS = 100  # the newest ones looked through; older ones have no news
PAGE = 10_000
PAGES = 10  # of a metric's history; a run that logs more is not what a tick should read


class _Experiment(Reply):
    experiment_id: str = Field(coerce_numbers_to_str=True)
    lifecycle_stage: str = "active"


class _OneExperiment(Reply):
    experiment: _Experiment


class _Metric(Reply):
    key: str = ""
    value: float  # NaN comes as the text "NaN"
    timestamp: int  # milliseconds since 1970


class _RunInfo(Reply):
    run_id: str


class _RunData(Reply):
    metrics: tuple[_Metric, ...] = ()


class _Run(Reply):
    info: _RunInfo
    data: _RunData = _RunData()


class _Runs(Reply):
    runs: tuple[_Run, ...] = ()


class _History(Reply):
    metrics: tuple[_Metric, ...] = ()
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMetric:
    experiment: str
    metric: str
    signal: str
    entity: str

    @property
    def key(self) -> SeriesKey:
        return SeriesKey(self.signal, self.entity)


class MlflowMetrics(PointSource):
    """Implements ports.MetricSource.

    Earlier runs count with the last value that each logged: that is what they told when they were the newest.
    """

    def __init__(
        self, name: str, client: HttpClient, metrics: Sequence[RunMetric], *, every: timedelta = EVERY
    ) -> None:
        super().__init__(name, [one.signal for one in metrics], every=every)
        self._client = client
        self._metrics = tuple(metrics)

    async def close(self) -> None:
        await self._client.close()

    async def _read(self, *, start: datetime, end: datetime) -> Reading:  # noqa: ARG002 - MLflow filters no times
        runs: dict[str, tuple[_Run, ...] | str] = {}  # by experiment; a text says why there are none
        tracks: list[Track] = []
        missed: list[Missed] = []
        for one in self._metrics:
            if one.experiment not in runs:
                runs[one.experiment] = await self._runs(one.experiment)
            there = runs[one.experiment]
            points = there if isinstance(there, str) else await self._points(one, there)
            if isinstance(points, str):
                missed.append(Missed(signal=one.signal, because=points))
            else:
                tracks.append(Track(key=one.key, points=points))
        return Reading(tracks=tracks, missed=missed)

    async def _runs(self, experiment: str) -> tuple[_Run, ...] | str:
        """List the newest active runs, newest first."""
        try:
            told = await self._client.get_json(f"{BASE}/experiments/get-by-name", {"experiment_name": experiment})
        except HttpRefusedError as error:
            if error.code == NOT_THERE:
                return f"{self._client.where} has no experiment {experiment!r}"
            raise SourceDownError(str(error)) from error
        found = self._fits(_OneExperiment, told).experiment
        if found.lifecycle_stage != "active":
            return f"the experiment {experiment!r} of {self._client.where} is deleted"
        asked = {
            "experiment_ids": [found.experiment_id],
            "run_view_type": "ACTIVE_ONLY",
            "order_by": ["attributes.start_time DESC"],
            "max_results": RUNS,
        }
        try:
            return self._fits(_Runs, await ask_by_post(self._client, f"{BASE}/runs/search", asked)).runs
        except HttpRefusedError as error:
            raise SourceDownError(str(error)) from error

    async def _points(self, one: RunMetric, runs: Sequence[_Run]) -> dict[float, float] | str:
        having = [run for run in runs if any(metric.key == one.metric for metric in run.data.metrics)]
        if not having:
            return f"no run of {one.experiment!r} has the metric {one.metric!r}, among the newest {RUNS}"
        points: dict[float, float] = {}
        for run in reversed(having[1:]):
            points |= {_seconds(last): last.value for last in run.data.metrics if last.key == one.metric}
        token: str | None = None
        for _ in range(PAGES):
            params = {"run_id": having[0].info.run_id, "metric_key": one.metric, "max_results": str(PAGE)}
            try:
                told = await self._client.get_json(
                    f"{BASE}/metrics/get-history", params | ({"page_token": token} if token else {})
                )
            except HttpRefusedError as error:
                raise SourceDownError(str(error)) from error
            page = self._fits(_History, told)
            points |= {_seconds(metric): metric.value for metric in page.metrics}
            token = page.next_page_token
            if not token:
                return points
        return f"the newest run of {one.experiment!r} has more than {PAGE * PAGES:,} values of {one.metric!r}"

    def _fits(self, form: type[Form], told: Any) -> Form:
        return understood(form, told, who=f"{self._client.where} (MLflow?)")


def _seconds(metric: _Metric) -> float:
    return metric.timestamp / 1000.0

"""A real MLflow's answers about experiments, runs and the history of a metric."""

import asyncio
import uuid
from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.series import SeriesIndex, SeriesKey
from bot.http import HttpClient
from bot.sources.mlflow_metrics import MlflowMetrics, RunMetric
from tests.integration.servers.mlflow import mlflow
from tests.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

AT = from_epoch(1_795_464_000.0)


@pytest.fixture
async def client():
    try:
        url = await asyncio.to_thread(mlflow)
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    async with HttpClient(url, deadline_s=60) as found:
        yield found


async def test_the_newest_active_run_with_the_metric_is_told(client):
    name = f"fraud-{uuid.uuid4().hex[:8]}"

    async def post(path, **payload):
        return await client.post_json(f"api/2.0/mlflow/{path}", payload)

    async def run(start_s, *points, key="val_auc"):
        info = (await post("runs/create", experiment_id=experiment, start_time=int(start_s * 1000)))["run"]["info"]
        for value, time_s in points:
            await post("runs/log-metric", run_id=info["run_id"], key=key, value=value, timestamp=int(time_s * 1000))
        return info["run_id"]

    experiment = (await post("experiments/create", name=name))["experiment_id"]
    now = AT.timestamp()
    await run(now - 7200, (0.5, now - 7000))
    await run(now - 3600, (0.7, now - 3000), (0.8, now - 60), (0.75, now - 600), ("NaN", now - 30))
    deleted = await run(now - 1800, (0.1, now - 10))
    await post("runs/delete", run_id=deleted)
    await run(now - 900, (9.0, now - 20), key="loss")
    metric = RunMetric(experiment=name, metric="val_auc", signal="auc", entity="fraud")
    absent = RunMetric(experiment=f"{name}-x", metric="val_auc", signal="other", entity="fraud")
    index = SeriesIndex()

    pull = await MlflowMetrics("m", client, [metric, absent]).pull(index, at=AT)
    history = await MlflowMetrics("m", client, [metric]).history(
        index, start=AT - timedelta(hours=2), end=AT, step_s=600.0
    )

    assert [index[row] for row in pull.samples.rows] == [SeriesKey("auc", "fraud")]
    assert pull.samples.values.tolist() == [0.8]  # what is no number, half a minute later, is no point
    assert [spot.signals for spot in pull.blind] == [("other",)]
    told = history.values[:, 0]
    assert told[np.isfinite(told)].tolist() == [0.5, 0.7, 0.75, 0.8]

"""Metrics of runs: the shapes are those of MLflow 3, recorded in tests/integration/test_mlflow_metrics.py."""

import json
from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.series import SeriesIndex, SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.mlflow_metrics import MlflowMetrics, RunMetric
from tests.sources.loopback import api_server

pytestmark = pytest.mark.enable_socket

AT = from_epoch(1_795_464_000.0)
AUC = RunMetric(experiment="fraud", metric="val_auc", signal="auc", entity="fraud")
GONE = (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No Experiment with name=fraud"})


def ms(ago_s):
    return int((AT.timestamp() - ago_s) * 1000)


def metric(value, ago_s, *, key="val_auc"):
    return {"key": key, "value": value, "timestamp": ms(ago_s), "step": 0}


def run(run_id, *metrics):
    return {"info": {"run_id": run_id, "status": "RUNNING"}, "data": {"metrics": list(metrics)}, "inputs": {}}


class Mlflow:
    """Answers as MLflow does; what it holds can be changed between questions."""

    def __init__(self, runs=(), histories=None, **answers):
        self.runs, self.histories, self.answers = list(runs), histories or {}, answers

    def __call__(self, asked):
        call = asked.path.removeprefix("/api/2.0/mlflow/")
        if call in self.answers:
            return self.answers[call]
        if call == "experiments/get-by-name":
            return 200, {"experiment": {"experiment_id": "7", "name": "fraud", "lifecycle_stage": "active"}}
        if call == "runs/search":
            return 200, {"runs": self.runs} if self.runs else {}
        pages = self.histories[asked.query["run_id"]]
        page = int(asked.query.get("page_token", 0))
        more = {"next_page_token": str(page + 1)} if page + 1 < len(pages) else {}
        return 200, {"metrics": pages[page], **more}


ONE = Mlflow([run("r1", metric(0.8, 60))], {"r1": [[metric(0.7, 3600), metric(0.8, 60)]]})


def values(pull, index):
    return {index[row]: value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)}


async def asked_of(server, act, *metrics, **options):
    async with api_server(server) as (url, seen), HttpClient(url) as client:
        return await act(MlflowMetrics("mlflow metrics", client, metrics or (AUC,), **options)), seen


async def test_the_newest_point_is_told_once_and_a_new_one_again():
    index, server = SeriesIndex(), Mlflow([run("r1", metric(0.8, 60))], {"r1": [[metric(0.8, 60)]]})

    async def three(source):
        first = await source.pull(index, at=AT)
        second = await source.pull(index, at=AT + timedelta(minutes=5))
        server.runs.insert(0, run("r2", metric(0.6, -540)))
        server.histories["r2"] = [[metric(0.6, -540)]]
        return [values(one, index) for one in (first, second, await source.pull(index, at=AT + timedelta(minutes=10)))]

    told, _ = await asked_of(server, three)

    key = SeriesKey("auc", "fraud")
    assert told == [{key: 0.8}, {}, {key: 0.6}]


async def test_it_is_asked_no_more_often_than_said():
    async def twice(source):
        for seconds in (0, 299, 300):
            await source.pull(SeriesIndex(), at=AT + timedelta(seconds=seconds))

    _, seen = await asked_of(ONE, twice)

    assert len(seen) == 6
    search = next(asked for asked in seen if asked.path.endswith("runs/search"))
    assert json.loads(search.body)["run_view_type"] == "ACTIVE_ONLY"


async def test_past_points_lie_where_they_could_be_known_and_are_not_told_again():
    index = SeriesIndex()
    server = Mlflow(
        [run("r2", metric(0.8, 60)), run("r1", metric(0.5, 210), metric(9.0, 200, key="loss"))],
        {"r2": [[metric(0.7, 150)], [metric(0.8, 60)]]},
    )

    async def both(source):
        history = await source.history(index, start=AT - timedelta(seconds=300), end=AT, step_s=60.0)
        return history, await source.pull(index, at=AT)

    (history, pull), _ = await asked_of(server, both)

    np.testing.assert_array_equal(history.values[:, 0], [np.nan, np.nan, 0.5, 0.7, 0.8, np.nan])
    assert [index[row] for row in history.rows] == [SeriesKey("auc", "fraud")]
    assert not len(pull.samples.rows)


@pytest.mark.parametrize("odd", [pytest.param("NaN", id="NaN"), pytest.param("Infinity", id="infinity")])
async def test_a_value_that_is_no_number_is_no_sample(odd):
    server = Mlflow([run("r1", metric(odd, 60))], {"r1": [[metric(odd, 60)]]})

    pull, _ = await asked_of(server, lambda source: source.pull(SeriesIndex(), at=AT))

    assert (len(pull.samples.rows), pull.blind) == (0, ())


@pytest.mark.parametrize(
    ("server", "because"),
    [
        pytest.param(Mlflow(**{"experiments/get-by-name": GONE}), "no experiment 'fraud'", id="no experiment"),
        pytest.param(Mlflow(), "no run of 'fraud' has the metric 'val_auc'", id="no run"),
        pytest.param(Mlflow([run("r1", metric(1, 1, key="loss"))]), "no run of 'fraud'", id="another metric"),
    ],
)
async def test_what_is_not_there_is_blind(server, because):
    pull, _ = await asked_of(server, lambda source: source.pull(SeriesIndex(), at=AT))

    assert [(spot.signals, because in spot.because) for spot in pull.blind] == [(("auc",), True)]


@pytest.mark.parametrize(
    ("call", "answer", "because"),
    [
        pytest.param("experiments/get-by-name", (401, {"error_code": "UNAUTHENTICATED"}), "401", id="401"),
        pytest.param("experiments/get-by-name", (200, "<html>"), "not JSON", id="not JSON"),
        pytest.param("experiments/get-by-name", (200, []), "another form", id="a list"),
        pytest.param("runs/search", (500, {"message": "db"}), "db", id="broken"),
        pytest.param("runs/search", (403, {"message": "no"}), "no", id="forbidden"),
        pytest.param("runs/search", (200, "<html>"), "not JSON", id="not JSON to a post"),
        pytest.param("runs/search", (200, {"runs": [{"info": {}}]}), "run_id", id="no id"),
        pytest.param("metrics/get-history", (200, {"metrics": [{"value": 1}]}), "timestamp", id="no time"),
        pytest.param("metrics/get-history", (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}), "404", id="run gone"),
    ],
)
async def test_nonsense_means_it_is_down(call, answer, because):
    server = Mlflow(ONE.runs, ONE.histories, **{call: answer})

    with pytest.raises(SourceDownError, match=because):
        await asked_of(server, lambda source: source.pull(SeriesIndex(), at=AT))


async def test_a_history_without_end_is_not_followed():
    server = Mlflow(ONE.runs, {"r1": [[metric(0.8, 60)]] * 11})

    pull, seen = await asked_of(server, lambda source: source.pull(SeriesIndex(), at=AT))

    assert "more than 100,000 values" in pull.blind[0].because
    assert len(seen) == 12

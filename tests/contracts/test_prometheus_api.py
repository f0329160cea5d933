"""What our source relies on in Prometheus' API: held by the world's imitation, by Prometheus and by VictoriaMetrics."""

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.catalogue import Kind, Signal
from bot.domain.series import SeriesIndex
from bot.http import HttpClient
from bot.sources.prometheus import PrometheusSource
from bot.sources.vector_scan import scan
from bot.world.clock import VirtualClock
from bot.world.server import serve
from tests.integration.servers.prometheus import prometheus, victoria_metrics
from tests.servers import ServerAbsentError

pytestmark = pytest.mark.enable_socket

METRIC = "node:cpu:ratio"
ORIGIN_S = 1_790_000_040.0  # a whole minute
NODES, MINUTES = 3, 240


@dataclass(frozen=True)
class Api:
    url: str
    at_s: float  # a whole minute with a sample of METRIC


@asynccontextmanager
async def world(_folder):
    clock = VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, wall=lambda: 0.0)
    async with serve(clock, seed=7, history_h=8) as running:
        yield Api(running.url, ORIGIN_S - 60)


def history(end_s):
    return [
        (METRIC, f'node="n-{node:02d}"', 0.2 + node / 10 + minute % 7 / 100, end_s - 60 * (MINUTES - minute))
        for node in range(NODES)
        for minute in range(MINUTES + 1)
    ]


@asynccontextmanager
async def real(start, folder):
    at_s = time.time() // 60 * 60
    try:
        with start(folder, history=history(at_s)) as url:
            yield Api(url, at_s)
    except ServerAbsentError as absent:
        pytest.skip(str(absent))


SERVERS = {
    "world": world,
    "prometheus": lambda folder: real(prometheus, folder),
    "victoria-metrics": lambda folder: real(victoria_metrics, folder),
}


@pytest.fixture(
    params=[
        "world",
        *(pytest.param(name, marks=pytest.mark.integration) for name in ("prometheus", "victoria-metrics")),
    ]
)
async def api(request, tmp_path):
    async with SERVERS[request.param](tmp_path) as found:
        yield found


def source(client, *queries):
    return PrometheusSource(
        "prom",
        client,
        [
            Signal(name=query, kind=Kind.CPU, query=query, entity_labels=("node",) if query == METRIC else ())
            for query in queries
        ],
    )


async def test_an_instant_answer_is_the_end_of_the_range(api):
    index = SeriesIndex()
    at = from_epoch(api.at_s)
    async with HttpClient(api.url) as client:
        asked = source(client, METRIC)
        past = await asked.history(index, start=at - timedelta(hours=2), end=at, step_s=60.0)
        pull = await asked.pull(index, at=at)

    last = dict(zip(past.rows.tolist(), past.values[-1].tolist(), strict=True))
    assert len(index) >= NODES
    assert dict(zip(pull.samples.rows.tolist(), pull.samples.values.tolist(), strict=True)) == pytest.approx(last)
    assert past.values.shape == (121, len(index))
    assert np.isfinite(past.values).mean() > 0.95
    assert pull.blind == ()


async def test_a_past_that_the_server_does_not_know_is_empty(api):
    at = from_epoch(api.at_s) - timedelta(days=20)
    async with HttpClient(api.url) as client:
        past = await source(client, METRIC).history(SeriesIndex(), start=at - timedelta(hours=1), end=at, step_s=60.0)

    assert past.values.shape == (61, 0)


async def test_a_long_past_at_a_fine_step_is_brought_in_pieces(api):
    at = from_epoch(api.at_s)
    index = SeriesIndex()
    async with HttpClient(api.url) as client:
        past = await source(client, METRIC).history(index, start=at - timedelta(hours=4), end=at, step_s=1.0)

    assert past.values.shape == (14_401, len(index))
    assert np.isfinite(past.values[-1]).all()


@pytest.mark.parametrize(
    ("query", "values"),
    [
        pytest.param("no_such_metric", [], id="unknown metric"),
        pytest.param("1", [1.0], id="scalar"),
        pytest.param("vector(1)", [1.0], id="vector of a number"),
    ],
)
async def test_an_answer_without_series_is_no_trouble(api, query, values):
    async with HttpClient(api.url) as client:
        pull = await source(client, query).pull(SeriesIndex(), at=from_epoch(api.at_s))

    assert (pull.samples.values.tolist(), pull.blind) == (values, ())


async def test_a_broken_query_blinds_its_signal_only(api):
    async with HttpClient(api.url) as client:
        pull = await source(client, "rate(", METRIC).pull(SeriesIndex(), at=from_epoch(api.at_s))

    assert [spot.signals for spot in pull.blind] == [("rate(",)]
    assert len(pull.samples.rows) >= NODES


async def test_an_instant_answer_has_the_form_that_is_read_without_parsing(api):
    async with HttpClient(api.url) as client:
        body = await client.get_bytes("api/v1/query", {"query": METRIC, "time": f"{api.at_s + 0.25:.3f}"})

    found = scan(body, {})

    assert found is not None
    assert {metric["__name__"] for _, _, metric in found.unseen} == {METRIC}
    assert len(found.values) >= NODES
    assert np.isfinite(found.values).all()

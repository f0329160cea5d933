import asyncio
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot.domain.catalogue import Kind, Signal
from bot.domain.change import ChangeKind
from bot.domain.series import SeriesIndex
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.prometheus import PrometheusSource
from bot.sources.prometheus_changes import PrometheusChanges
from bot.sources.version_watch import ChangeQuery
from tests.integration.exporter import USUAL_LATENCY_MS, Exporter
from tests.integration.servers.prometheus import prometheus
from tests.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

LATENCY = Signal(name="latency", kind=Kind.LATENCY, query="shop_latency_ms", entity_labels=("service",))
UP = Signal(name="up", kind=Kind.AVAILABILITY, query="min by (job) (up)", entity_labels=("job",))
BROKEN = Signal(name="broken", kind=Kind.CPU, query="rate(", entity_labels=("job",))
PATIENCE_S = 40.0  # the first scrape comes some 6 s after ready


@pytest.fixture
def exporter():
    with Exporter() as running:
        yield running


@pytest.fixture
def server(tmp_path, exporter):
    try:
        with prometheus(tmp_path, targets=[exporter.target]) as url:
            yield url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))


def now():
    return datetime.now(tz=UTC)


async def values(source, index):
    """Pull once; by the series' words."""
    pull = await source.pull(index, at=now())
    return {str(index[row]): value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)}, pull


async def until(source, index, condition):
    """Pull until what is seen fulfils the condition."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        seen, pull = await values(source, index)
        if condition(seen):
            return pull
        assert time.monotonic() < give_up, f"still {seen}"
        await asyncio.sleep(0.2)


async def test_what_a_real_service_reports_is_seen_and_its_end_too(server, exporter):
    async with HttpClient(server) as client:
        source, index = PrometheusSource("prom", client, [LATENCY, UP, BROKEN]), SeriesIndex()

        name = f'latency of gateway {{"instance": "{exporter.target}", "job": "shop"}}'

        pull = await until(source, index, lambda seen: seen.get(name) == USUAL_LATENCY_MS)
        assert [(spot.signals, "parse error" in spot.because) for spot in pull.blind] == [(("broken",), True)]

        exporter.slow_down(10)
        await until(source, index, lambda seen: seen.get(name) == 10 * USUAL_LATENCY_MS)

        exporter.forget()
        await until(source, index, lambda seen: name in seen and np.isnan(seen[name]))

        exporter.stop()
        await until(source, index, lambda seen: seen.get("up of shop") == 0.0 and name not in seen)
        assert len(index) == 2


async def test_a_rollout_is_told_with_both_versions(server, exporter):
    query = ChangeQuery(
        query="max by (service, version) (shop_build_info)",
        kind=ChangeKind.DEPLOY,
        entity_labels=("service",),
        version_label="version",
    )
    build = Signal(name="build", kind=Kind.VERSION, query=query.query, entity_labels=("service", "version"))
    async with HttpClient(server) as client:
        await until(
            PrometheusSource("prom", client, [build]), SeriesIndex(), lambda seen: "build of gateway/v1" in seen
        )
        changes = PrometheusChanges("rollouts", client, [query], step=timedelta(seconds=1))
        since = now()
        assert await changes.changes(since=since - timedelta(hours=1), until=since) == []

        exporter.deploy("v2")
        await until(
            PrometheusSource("prom", client, [build]), SeriesIndex(), lambda seen: set(seen) == {"build of gateway/v2"}
        )
        told = await changes.changes(since=since, until=now())

    assert [(change.entity, change.from_, change.to) for change in told] == [("gateway", "v1", "v2")]


async def test_a_server_that_goes_away_is_down(tmp_path):
    try:
        with prometheus(tmp_path) as url:
            gone = url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))

    async with HttpClient(gone) as client:
        with pytest.raises(SourceDownError, match="cannot be reached"):
            await PrometheusSource("prom", client, [UP]).pull(SeriesIndex(), at=now())

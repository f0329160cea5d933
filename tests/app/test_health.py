"""Probes: alive while the loop ticks, ready while the bot does its job, and in words what is wrong."""

from __future__ import annotations

import time
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer, unused_port

from bot.health import STALLED_AFTER, HealthServer, Pulse, health_app
from bot.metrics import Metrics

NOW = 10_000.0
HEALTHY = Pulse(
    last_tick_monotonic=NOW, started_monotonic=NOW - 3600, tick_period_s=60.0, store_ok=True, slack_trouble=None
)
FRESH = replace(HEALTHY, last_tick_monotonic=None, started_monotonic=NOW)  # warming up


@pytest.mark.parametrize(
    ("pulse", "after_s", "stalled"),
    [
        pytest.param(HEALTHY, 0.0, False, id="just ticked"),
        pytest.param(HEALTHY, STALLED_AFTER * 60.0, False, id="three periods"),
        pytest.param(HEALTHY, STALLED_AFTER * 60.0 + 1, True, id="more than three periods"),
        pytest.param(FRESH, STALLED_AFTER * 60.0 + 59, False, id="still warming up"),
        pytest.param(FRESH, STALLED_AFTER * 60.0 + 61, True, id="warming up for too long"),
        pytest.param(replace(HEALTHY, tick_period_s=0.1), 2.9, False, id="a demo's short period has a floor"),
        pytest.param(replace(HEALTHY, tick_period_s=0.1), 3.1, True, id="and stalls all the same"),
    ],
)
def test_a_stalled_loop_shows_within_three_periods(pulse, after_s, stalled):
    assert pulse.stalled(NOW + after_s) is stalled


@pytest.mark.parametrize(
    ("pulse", "trouble"),
    [
        pytest.param(HEALTHY, [], id="all is well"),
        pytest.param(FRESH, ["no tick yet"], id="warming up"),
        pytest.param(replace(HEALTHY, store_ok=False), ["the store cannot be written"], id="store down"),
        pytest.param(replace(HEALTHY, slack_trouble="invalid_auth"), ["slack: invalid_auth"], id="Slack refuses"),
        pytest.param(
            replace(HEALTHY, last_tick_monotonic=NOW - 999), ["no tick for more than 3 periods"], id="stalled"
        ),
        pytest.param(
            replace(FRESH, store_ok=False, slack_trouble="not connected yet"),
            ["no tick yet", "the store cannot be written", "slack: not connected yet"],
            id="everything at once",
        ),
    ],
)
def test_everything_that_makes_it_not_ready_is_said(pulse, trouble):
    assert pulse.trouble(NOW) == trouble


def real(*, ago=0.0, **changes):
    """A pulse on the machine's own clock, with the last tick so many seconds ago."""
    now = time.monotonic()
    return replace(HEALTHY, last_tick_monotonic=now - ago, started_monotonic=now - ago, **changes)


async def asked(path, pulse, metrics=None):
    async with TestClient(TestServer(health_app(metrics or Metrics(), lambda: pulse))) as client:
        answer = await client.get(path)
        return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("pulse", "alive", "ready"),
    [
        pytest.param({}, 200, 200, id="all is well"),
        pytest.param({"store_ok": False}, 200, 503, id="a store that is down is no reason to be restarted"),
        pytest.param({"slack_trouble": "down"}, 200, 503, id="nor is Slack"),
        pytest.param({"ago": 181.0}, 503, 503, id="a stalled loop is"),
    ],
)
async def test_alive_and_ready_are_two_questions(pulse, alive, ready):
    answers = [(await asked(path, real(**pulse)))[0] for path in ("/healthz", "/readyz")]

    assert answers == [alive, ready]


@pytest.mark.enable_socket
async def test_a_probe_that_fails_says_why():
    _, text, _ = await asked("/readyz", real(store_ok=False))

    assert text == '{"ok": false, "trouble": ["the store cannot be written"]}'


@pytest.mark.enable_socket
async def test_the_numbers_are_served_as_prometheus_reads_them():
    metrics = Metrics()
    metrics.ticks.labels("done").inc()

    status, text, kind = await asked("/metrics", real(), metrics)

    assert (status, kind.startswith("text/plain; version=")) == (200, True)
    assert 'faultline_ticks_total{outcome="done"} 1.0' in text.splitlines()


@pytest.mark.enable_socket
async def test_the_server_listens_where_it_is_told_and_lets_go_of_the_port():
    port = unused_port()
    server = HealthServer(app=health_app(Metrics(), real), bind="127.0.0.1", port=port)
    await server.start()
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as answer:
        status = answer.status

    await server.stop()

    again = HealthServer(app=health_app(Metrics(), real), bind="127.0.0.1", port=port)
    await again.start()
    await again.stop()
    assert status == 200


@pytest.mark.enable_socket
async def test_a_port_that_is_taken_is_told_to_the_caller():
    port = unused_port()
    first, second = (HealthServer(app=health_app(Metrics(), real), bind="127.0.0.1", port=port) for _ in range(2))
    await first.start()

    with pytest.raises(OSError, match=str(port)):
        await second.start()

    await second.stop()
    await first.stop()

"""Prometheus cannot be read: that is news of its own, told once, and no word about any model."""

import pytest

pytestmark = pytest.mark.enable_socket

PROMETHEUS = "/api/v1/"


async def test_a_silent_prometheus_is_told_once_and_once_when_it_is_back(story, snapshot):
    await story.minutes(2)
    story.production.weather.down.add(PROMETHEUS)
    await story.until("## Firing", within=6)
    told = len(story.said())

    await story.minutes(10)

    assert len(story.headlines()) == 1
    assert len(story.said()) == told
    assert "no telemetry from prometheus" in story.headlines()[0]
    assert "fraud" not in story.transcript()
    assert "ranking" not in story.transcript()

    story.production.weather.down.clear()
    await story.until("## Resolved", within=10)
    await story.minutes(5)

    assert len(story.headlines()) == 1
    assert len(story.said()) == told + 1
    assert story.transcript() == snapshot


async def test_a_model_that_cannot_be_seen_is_not_shown_as_well(story):
    await story.minutes(2)
    story.production.weather.down.add(PROMETHEUS)
    await story.minutes(10)

    status = await story.slash("alice", "/faultline status")

    assert "cannot read: prometheus" in status
    assert "no incident" not in status

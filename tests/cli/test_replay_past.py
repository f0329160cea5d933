"""`faultline replay` over the configured sources: what it takes, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.errors import BadInputError, SourceDownError
from bot.replay.asked import AskedSpan
from bot.wiring.replaying import replay_span
from tests.cli.conftest import GOOD
from tests.sources.loopback import api_server

BEGIN = from_epoch(1_760_000_100.0)  # 2025-10-09 08:55, long ago on any clock
SPAN = AskedSpan(begin=BEGIN, end=BEGIN + timedelta(hours=30))


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        pytest.param([], "replay takes either folders of recordings, or --from", id="nothing"),
        pytest.param(["folder", "--from", "7d"], "replay takes either folders of recordings, or --from", id="both"),
        pytest.param(["folder", "--to", "7d"], "--to belongs to --from", id="an end for a folder"),
        pytest.param(["--to", "7d"], "replay takes either", id="an end alone"),
        pytest.param(["--from", "week"], "--from 'week' is no moment", id="no moment"),
        pytest.param(
            ["--from", "2025-10-09T08:00:10", "--to", "2025-10-09T08:00:50"],
            "the span is shorter than a tick, which is 60 s here",
            id="too short",
        ),
        pytest.param(["--from", "7d", "--out", "faultline.yaml"], "--out faultline.yaml: cannot be a folder", id="out"),
    ],
)
def test_what_cannot_be_asked_costs_one_line_and_exit_code_2(faultline, config, arguments, because):
    config()

    done = faultline("replay", *arguments)

    assert done.exit_code == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith(f"faultline: {because}")


def test_no_source_of_samples_is_told(faultline, config):
    log = {"name": "log", "model": "fraud", "log": "log.csv", "time": "at", "prediction": "said"}
    config({"sources": {"predictions": [log]}})

    done = faultline("replay", "--from", "7d")

    assert done.exit_code == 2
    assert "sources: none brings samples, so there is nothing to replay" in done.stderr


@pytest.mark.enable_socket
def test_a_server_that_is_down_is_exit_code_1(faultline, config, monkeypatch):
    monkeypatch.setattr("bot.sources.past.TRIES", 1)
    config()

    done = faultline("replay", "--from", "7d")

    assert done.exit_code == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("faultline: prom: http://127.0.0.1:9 cannot be reached")
    assert "the replay stopped at" in line


# ---------------------------------------------------------------- a server that answers


def calm(asked):
    """A latency that is there at every minute of the last three days."""
    start, end, step = (float(asked.query[name]) for name in ("start", "end", "step"))
    values = [[at, str(20.0 + at // 60 % 3)] for at in np.arange(start, end + step / 2, step).tolist()]
    result = [{"metric": {"service": "scoring"}, "values": values}]
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def replayed(settings, handler, *, sections=None, said=lambda _: None):
    """Replay SPAN over a Prometheus that answers like this; returns the report and what was asked."""
    async with api_server(handler) as (url, seen):
        loaded = settings({"sources": {"prometheus": [{"name": "prom", "url": url}], **(sections or {})}})
        report = await asyncio.to_thread(replay_span, loaded, SPAN, say=said, wait=timedelta(0))
        return report, seen


@pytest.mark.enable_socket
async def test_a_span_is_read_with_a_day_before_it_in_pages_and_only_read(settings):
    said = []

    report, seen = await replayed(settings, calm, said=said.append)

    spans = [(float(asked.query["start"]), float(asked.query["end"])) for asked in seen]
    assert spans[0][0] == (BEGIN - timedelta(hours=24)).timestamp()
    assert spans[-1][1] == SPAN.end.timestamp()
    assert all(later[0] == earlier[1] + 60 for earlier, later in pairwise(spans))
    assert {(asked.method, asked.path) for asked in seen} == {("GET", "/api/v1/query_range")}
    assert (report.ticks, report.series, report.incidents) == (54 * 60 + 1, 1, ())
    assert report.recording == "2025-10-09T08:55Z/2025-10-10T14:55Z"
    assert said[0] == "at 2025-10-09 08:55 UTC"


@pytest.mark.enable_socket
async def test_a_server_that_stays_away_midway_ends_the_replay_and_says_where(settings):
    def leaves(asked):
        return calm(asked) if float(asked.query["end"]) < BEGIN.timestamp() + 12 * 3600 else (503, "shutting down")

    with pytest.raises(
        SourceDownError, match=r"^prom: .* answered 503: .*: the replay stopped at 2025-10-09 20:55 UTC$"
    ):
        await replayed(settings, leaves)


@pytest.mark.enable_socket
async def test_a_query_that_the_server_refuses_is_told_as_a_blind_spot(settings):
    bad = {"name": "errors", "kind": "errors", "query": "rate(", "entity": "service"}

    def answers(asked):
        if asked.query["query"] == "rate(":
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}
        return calm(asked)

    async with api_server(answers) as (url, _):
        catalog = {**GOOD["catalog"], "signals": [*GOOD["catalog"]["signals"], bad]}
        loaded = settings({"sources": {"prometheus": [{"name": "prom", "url": url}]}, "catalog": catalog})
        report = await asyncio.to_thread(replay_span, loaded, SPAN, say=lambda _: None, wait=timedelta(0))

    assert [(one.source, one.signals, one.start, one.end) for one in report.blind] == [
        ("prom", ("errors",), SPAN.begin, SPAN.end)
    ]
    assert "parse error" in report.text()


@pytest.mark.enable_socket
async def test_an_empty_span_says_what_to_look_at(settings):
    def nothing(_):
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": []}}

    with pytest.raises(BadInputError, match="prom: no sample of any signal from 2025-10-08 08:55 to 2025-10-10 14:55"):
        await replayed(settings, nothing)


@pytest.mark.enable_socket
async def test_what_has_no_past_is_named(settings):
    report, _ = await replayed(settings, calm, sections={"mlflow": {"name": "registry", "url": "http://127.0.0.1:9"}})

    assert any(
        line.startswith("Not replayed: registry: a registry keeps no history") for line in report.text().split("\n")
    )

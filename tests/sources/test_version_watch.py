import math

import pytest

from bot.clock import from_epoch
from bot.domain.change import ChangeKind
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.prometheus_changes import PrometheusChanges
from bot.sources.version_watch import ChangeQuery, VersionWatch
from tests.sources.loopback import api_server

T0 = 1_790_000_000.0
INFO = ChangeQuery(
    query="build_info", kind=ChangeKind.DEPLOY, entity_labels=("service",), version_label="version", text_label="image"
)
PLAIN = ChangeQuery(query="generation", kind=ChangeKind.CONFIG, entity_labels=("service",))


def info(version, value=1.0, *, pod="a", service="web"):
    return ({"service": service, "version": version, "pod": pod}, value)


def watched(query, *columns):
    """Feed a column a minute; tell (minute, from, to) of each change."""
    watch = VersionWatch(query)
    return [
        ((change.time.timestamp() - T0) / 60, change.from_, change.to)
        for minute, column in enumerate(columns)
        for change in watch.observe(T0 + 60 * minute, column)
    ]


@pytest.mark.parametrize(
    ("columns", "changes"),
    [
        pytest.param([[info("1")], [info("1")]], [], id="nothing new"),
        pytest.param([[info("1")], [info("2")]], [(1, "1", "2")], id="replaced"),
        pytest.param([[info("1")], [info("1"), info("2")], [info("2")]], [(1, "1", "2")], id="rolled over"),
        pytest.param([[info("1")], [info("2")], [info("1")]], [(1, "1", "2"), (2, "2", "1")], id="there and back"),
        pytest.param([[info("1")], [], [info("1")]], [], id="a gap is no change"),
        pytest.param([[info("1", pod="a")], [info("1", pod="b")]], [], id="a restarted pod is no change"),
        pytest.param([[info("1")], [info("1"), info("5", service="new")]], [], id="first sight of a service"),
        pytest.param([[info("1")], [info("1", math.nan)], [info("1")]], [], id="NaN says nothing"),
        pytest.param([[info("1", T0 - 9e5)], [info("2", T0 + 30)]], [(0.5, "1", "2")], id="the value is the time"),
        pytest.param([[info("1", T0 - 9e5)], [info("1", T0 + 30)]], [(0.5, None, "1")], id="the same version again"),
        pytest.param([[], [info("1", T0 + 30)]], [(0.5, None, "1")], id="a service that began after our first look"),
        pytest.param([[({"job": "x"}, 1.0)], [({"job": "y"}, 1.0)]], [], id="without an entity"),
    ],
)
def test_a_version_that_appears_is_a_change(columns, changes):
    assert watched(INFO, *columns) == changes


@pytest.mark.parametrize(
    ("values", "minutes"),
    [
        pytest.param([3, 3, 4], [2], id="counted up"),
        pytest.param([3, 3, 3], [], id="steady"),
        pytest.param([0, 1, 0], [1, 2], id="on and off"),
    ],
)
def test_a_value_that_changes_is_a_change(values, minutes):
    columns = [[({"service": "web"}, float(value))] for value in values]

    assert [minute for minute, _, _ in watched(PLAIN, *columns)] == minutes


def matrix(*series):
    return {"status": "success", "data": {"resultType": "matrix", "result": list(series)}}


@pytest.mark.enable_socket
async def test_changes_before_the_start_are_known_and_none_is_told_twice():
    rollout = T0 - 1800

    def answers(asked):
        start, end = float(asked.query["start"]), float(asked.query["end"])
        times = [start + 60 * number for number in range(int((end - start) / 60) + 1)]
        old = {"metric": {"service": "web", "version": "1"}, "values": [[t, "1"] for t in times if t < rollout]}
        new = {"metric": {"service": "web", "version": "2"}, "values": [[t, "1"] for t in times if t >= rollout]}
        return 200, matrix(*(one for one in (old, new) if one["values"]))

    async with api_server(answers) as (url, seen), HttpClient(url) as client:
        source = PrometheusChanges("rollouts", client, [INFO])
        first = await source.changes(since=from_epoch(T0 - 3600), until=from_epoch(T0))
        second = await source.changes(since=from_epoch(T0), until=from_epoch(T0 + 60))

    assert [(change.entity, change.from_, change.to) for change in first] == [("web", "1", "2")]
    assert abs(first[0].time.timestamp() - rollout) <= 60
    assert second == []
    assert float(seen[1].query["start"]) > float(seen[0].query["end"])


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((400, {"status": "error", "errorType": "bad_data", "error": "parse error"}), id="bad query"),
        pytest.param((200, matrix() | {"warnings": ["a store is away"]}), id="half an answer"),
        pytest.param((200, {"status": "success", "data": {"resultType": "vector", "result": []}}), id="another form"),
    ],
)
async def test_an_answer_that_cannot_be_trusted_means_the_source_is_down(answer):
    async with api_server(lambda _: answer) as (url, _), HttpClient(url) as client:
        with pytest.raises(SourceDownError):
            await PrometheusChanges("rollouts", client, [INFO]).changes(since=from_epoch(T0), until=from_epoch(T0 + 60))

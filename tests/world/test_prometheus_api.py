import math

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from bot.world.clock import VirtualClock
from bot.world.faults.infrastructure import TelemetryGap
from bot.world.prometheus_api import MAX_POINTS, _text
from bot.world.selector import ParseError, parse
from bot.world.server import application, live_world, serve
from tests.world.measures import ORIGIN_S, HandClock

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def wall():
    return HandClock(1000.0)


@pytest.fixture
def clock(wall):
    return VirtualClock(origin_s=ORIGIN_S, origin_wall_s=1000.0, rate=60.0, wall=wall)


@pytest.fixture
def world(clock):
    return live_world(clock, seed=7, scenario="demo", history_h=48)


@pytest.fixture
async def client(world, clock):
    async with TestClient(TestServer(application(world, clock, scenario="demo"))) as found:
        yield found


async def ask(client, path, **parameters):
    async with client.get(path, params=parameters) as response:
        return response.status, await response.json()


def shape(value):
    """Keep the skeleton of an answer: keys, kinds of values, one element a list."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return (
            [shape(value[0])] if value and isinstance(value[0], dict) else [type(item).__name__ for item in value[:2]]
        )
    return "number" if isinstance(value, int | float) else type(value).__name__


def without_metric(body):
    """Labels differ between real servers and ours; all else must not."""
    for one in body["data"]["result"]:
        assert all(isinstance(item, str) for pair in one.pop("metric").items() for item in pair)
        if "values" in one:
            assert all(isinstance(stamp, int | float) and isinstance(text, str) for stamp, text in one["values"])
            one["values"] = []
        else:
            stamp, text = one.pop("value")
            assert isinstance(stamp, int | float)
            assert isinstance(text, str)
    body["data"]["result"] = body["data"]["result"][:1]
    return shape(body)


async def test_an_instant_answer_has_the_recorded_shape(client, recorded_answer):
    recorded = recorded_answer("prom_query_vector")

    status, body = await ask(client, "/api/v1/query", query="node:cpu:ratio")

    assert status == recorded["status"]
    assert without_metric(body) == without_metric(recorded["body"])


async def test_a_range_answer_has_the_recorded_shape(client, recorded_answer):
    recorded = recorded_answer("prom_query_range")

    status, body = await ask(
        client, "/api/v1/query_range", query="node:cpu:ratio", start=ORIGIN_S - 600.5, end=ORIGIN_S, step=60
    )

    assert status == recorded["status"]
    assert without_metric(body) == without_metric(recorded["body"])


@pytest.mark.parametrize("name", ["prom_empty", "prom_bad_query", "prom_too_many_points"])
async def test_answers_without_data_are_those_of_the_real_server(client, recorded_answer, name):
    recorded = recorded_answer(name)

    async with client.get(recorded["request"]["path"].replace("query=up", "query=up")) as response:
        assert response.status == recorded["status"]
        assert response.content_type == recorded["content_type"]
        assert await response.json() == recorded["body"]


@pytest.mark.parametrize(
    ("name", "query"), [("prom_nan_vector", "vector(NaN)"), ("prom_scalar_inf", "+Inf")], ids=["nan", "scalar"]
)
async def test_numbers_answer_as_recorded(client, recorded_answer, name, query):
    recorded = recorded_answer(name)["body"]

    _, body = await ask(client, "/api/v1/query", query=query, time="1795463613.044")

    assert body["data"]["resultType"] == recorded["data"]["resultType"]
    assert str(body["data"]["result"]).replace(".044", ".046") == str(recorded["data"]["result"]).replace(
        ".044", ".046"
    )


async def test_discovery_answers_have_the_recorded_shape(client, recorded_answer):
    _, build = await ask(client, "/api/v1/status/buildinfo")
    _, names = await ask(client, "/api/v1/label/node/values")
    _, series = await ask(client, "/api/v1/series", **{"match[]": "node:cpu:ratio"})
    _, metadata = await ask(client, "/api/v1/metadata", metric="node:cpu:ratio")

    assert shape(build) == shape(recorded_answer("prom_buildinfo")["body"])
    assert shape(names) == shape(recorded_answer("prom_label_values")["body"])
    assert names["data"] == ["n-01", "n-02", "n-03", "n-04"]
    assert [one["node"] for one in series["data"]] == names["data"]
    assert shape(metadata["data"]["node:cpu:ratio"]) == shape(
        recorded_answer("prom_metadata")["body"]["data"]["model_latency_seconds"]
    )


async def test_post_answers_as_get(client):
    given = {"query": 'node:cpu:ratio{node="n-01"}', "time": str(ORIGIN_S - 60)}

    async with client.post("/api/v1/query", data=given) as response:
        posted = await response.json()

    assert posted == (await ask(client, "/api/v1/query", **given))[1]


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ('node:cpu:ratio{node="n-01"}', {"n-01"}),
        ('node:cpu:ratio{node!="n-01"}', {"n-02", "n-03", "n-04"}),
        ('node:cpu:ratio{node=~"n-0[12]"}', {"n-01", "n-02"}),
        ('node:cpu:ratio{node!~"n-0[12]", absent=""}', {"n-03", "n-04"}),
        ('node:cpu:ratio{node=~"n-0"}', set()),
        ('{__name__="node:cpu:ratio",node="n-04",}', {"n-04"}),
    ],
    ids=["equal", "not equal", "pattern", "no pattern", "anchored", "by name"],
)
async def test_selectors_select(client, query, nodes):
    _, body = await ask(client, "/api/v1/query", query=query)

    assert {one["metric"]["node"] for one in body["data"]["result"]} == nodes


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sum(node:cpu:ratio)",
        "node:cpu:ratio[5m]",
        "{}",
        '{x=""}',
        'a{b="c"',
        'a{b="["} extra',
        'a{b=~"["}',
        "a{b=c}",
    ],
)
def test_what_is_not_a_selector_is_a_parse_error(query):
    with pytest.raises(ParseError, match=r"^1:\d+: parse error: "):
        parse(query)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"start": "x", "end": "1", "step": "1"}, "start"),
        ({"start": "2", "end": "1", "step": "1"}, "end"),
        ({"start": "1", "end": "2", "step": "0"}, "step"),
        ({"start": "1", "end": "2", "step": "1q"}, "step"),
        ({"start": "1", "end": "2"}, "step"),
    ],
)
async def test_bad_parameters_are_named(client, parameters, named):
    status, body = await ask(client, "/api/v1/query_range", query="up", **parameters)

    assert (status, body["errorType"]) == (400, "bad_data")
    assert f'invalid parameter "{named}"' in body["error"]


async def test_history_is_there_at_once_and_nothing_before_it(client, world):
    _, body = await ask(
        client, "/api/v1/query_range", query="node:cpu:ratio", start=ORIGIN_S - 49 * 3600, end=ORIGIN_S, step="1m"
    )

    points = body["data"]["result"][0]["values"]
    assert points[0][0] == world.start_s
    assert len(points) == 48 * 60 + 1
    assert len(points) <= MAX_POINTS


async def test_time_passes_at_the_rate_of_the_clock(client, wall):
    _, before = await ask(client, "/api/v1/query", query="node:cpu:ratio")
    wall.time_s += 1

    _, after = await ask(client, "/api/v1/query", query="node:cpu:ratio")

    stamps = [body["data"]["result"][0]["value"][0] for body in (before, after)]
    assert stamps == [ORIGIN_S, ORIGIN_S + 60]
    assert before["data"]["result"][0]["value"][1] != after["data"]["result"][0]["value"][1]


async def test_a_sample_answers_for_five_minutes_and_no_longer(client):
    last = {
        age: len((await ask(client, "/api/v1/query", query="up", time=ORIGIN_S + age))[1]["data"]["result"])
        for age in (0, 299, 301)
    }

    assert last == {0: 1, 299: 1, 301: 0}


async def test_a_missed_scrape_is_absent(client, world, wall):
    world.add(TelemetryGap(target="n-02", start_s=ORIGIN_S + 60, end_s=ORIGIN_S + 240))
    wall.time_s += 2

    _, body = await ask(client, "/api/v1/query", query="node:cpu:ratio")

    assert {one["metric"]["node"] for one in body["data"]["result"]} == {"n-01", "n-03", "n-04"}


async def test_a_rollout_shows_as_a_new_time_and_version(client, wall):
    query = 'service:deploy_time:seconds{service="frontdoor"}'
    _, before = await ask(client, "/api/v1/query", query=query)
    wall.time_s += 3

    _, after = await ask(client, "/api/v1/query", query=query)

    assert [one["metric"]["version"] for one in before["data"]["result"]] == ["v12.3"]
    assert [(one["metric"]["version"], float(one["value"][1])) for one in after["data"]["result"]] == [
        ("v12.4", ORIGIN_S + 120)
    ]


async def test_the_exposition_names_each_metric_once(client):
    async with client.get("/metrics") as response:
        text = await response.text()
        assert response.content_type == "text/plain"

    types = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(types) == len(set(types)) > 30
    assert len(samples) > 100
    assert all(math.isfinite(float(line.rpartition(" ")[2])) for line in samples)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (3.0, "3"),
        (2e-07, "0.0000002"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (1e20, "100000000000000000000"),
    ],
)
def test_values_are_written_without_an_exponent(value, text):
    assert _text(value) == text


async def test_a_world_serves_on_a_free_port_and_stops(clock):
    async with serve(clock, seed=1, scenario="quiet", history_h=1) as running, ClientSession() as session:
        async with session.get(f"{running.url}/-/ready") as response:
            assert response.status == 200
        async with session.get(f"{running.url}/_world/clock") as response:
            assert (await response.json())["now"] == ORIGIN_S

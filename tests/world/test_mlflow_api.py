import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.world.clock import VirtualClock
from bot.world.server import application, live_world
from tests.world.measures import ORIGIN_S, HandClock

pytestmark = pytest.mark.enable_socket

BASE = "/api/2.0/mlflow"


@pytest.fixture
def wall():
    return HandClock()


@pytest.fixture
async def client(wall):
    clock = VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, rate=60.0, wall=wall)
    world = live_world(clock, seed=7, scenario="demo", history_h=2)
    async with TestClient(TestServer(application(world, clock, scenario="demo"))) as found:
        yield found


async def call(client, method, path, **given):
    sent = {"params": given} if method == "GET" else {"json": given}
    async with client.request(method, f"{BASE}/{path}", **sent) as response:
        return response.status, await response.json()


def keys(value):
    """Keep names and types of an answer."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [keys(item) for item in value]
    return type(value).__name__


async def test_the_happy_path_answers_as_recorded(client, recorded_answer):
    answers = {
        "mlflow_create_model": await call(client, "POST", "registered-models/create", name="m"),
        "mlflow_create_version": await call(client, "POST", "model-versions/create", name="m", source="s3://b/m"),
        "mlflow_set_alias": await call(
            client, "POST", "registered-models/alias", name="m", alias="champion", version="1"
        ),
        "mlflow_get_alias": await call(client, "GET", "registered-models/alias", name="m", alias="champion"),
        "mlflow_search_models": await call(client, "GET", "registered-models/search", filter="name = 'm'"),
        "mlflow_search_versions": await call(client, "GET", "model-versions/search", filter="name='m'"),
    }

    for name, (status, body) in answers.items():
        recorded = recorded_answer(name)
        assert status == recorded["status"], name
        assert keys(body) == keys(recorded["body"]), name


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("mlflow_alias_missing", ("GET", "registered-models/alias", {"name": "fraud", "alias": "x"})),
        (
            "mlflow_alias_bad_version",
            ("POST", "registered-models/alias", {"name": "fraud", "alias": "champion", "version": "99"}),
        ),
        ("mlflow_model_missing", ("GET", "registered-models/get", {"name": "nope"})),
        ("mlflow_create_again", ("POST", "registered-models/create", {"name": "fraud"})),
        ("mlflow_bad_filter", ("GET", "registered-models/search", {"filter": "x ="})),
    ],
)
async def test_errors_are_those_of_the_real_server(client, recorded_answer, name, asked):
    method, path, given = asked
    recorded = recorded_answer(name)

    status, body = await call(client, method, path, **given)

    assert status == recorded["status"]
    expected = recorded["body"]
    expected["message"] = expected["message"].replace("rec1795463612", "fraud")
    assert body == expected


async def test_the_demo_moves_the_alias_when_its_minute_comes(client, wall):
    _, before = await call(client, "GET", "registered-models/alias", name="fraud", alias="champion")
    wall.time_s = 5.0

    _, after = await call(client, "GET", "registered-models/alias", name="fraud", alias="champion")

    assert before["model_version"]["version"] == "3"
    assert after["model_version"]["version"] == "4"
    assert after["model_version"]["last_updated_timestamp"] < ORIGIN_S * 1000  # a move leaves no trace in times


async def test_moving_the_alias_changes_the_serving_version_a_minute_or_two_later(client, wall):
    wall.time_s = 8.0
    query = {"params": {"query": 'model:serving_version:info{model="fraud"}'}}

    async def serving():
        async with client.get("/api/v1/query", **query) as response:
            return (await response.json())["data"]["result"][0]["value"][1]

    assert await serving() == "4"

    await call(client, "POST", "registered-models/alias", name="fraud", alias="champion", version="3")

    assert await serving() == "4"
    wall.time_s += 2.5
    assert await serving() == "3"


async def test_searches_show_no_aliases_of_versions(client):
    _, versions = await call(
        client, "GET", "model-versions/search", filter="name='fraud'", order_by="version_number DESC"
    )

    assert [one["version"] for one in versions["model_versions"]] == ["4", "3", "2", "1"]
    assert not any("aliases" in one for one in versions["model_versions"])


async def test_pages_follow_each_other(client):
    given = {"filter": "name='ranking'", "order_by": "version_number ASC", "max_results": 3}
    seen, token = [], ""
    while True:
        _, page = await call(client, "GET", "model-versions/search", **given, page_token=token)
        seen += [one["version"] for one in page["model_versions"]]
        token = page.get("next_page_token", "")
        if not token:
            break

    assert seen == ["1", "2", "3", "4", "5", "6", "7"]


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", "LATEST"])
async def test_reserved_and_odd_aliases_are_refused(client, alias):
    status, body = await call(client, "POST", "registered-models/alias", name="fraud", alias=alias, version="3")

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


async def test_deleting_an_alias_twice_is_fine_and_servers_keep_what_they_have(client, wall):
    for _ in range(2):
        assert await call(client, "DELETE", "registered-models/alias", name="fraud", alias="champion") == (200, {})
    wall.time_s = 3.0

    status, _ = await call(client, "GET", "registered-models/alias", name="fraud", alias="champion")
    async with client.get("/api/v1/query", params={"query": 'model:serving_version:info{model="fraud"}'}) as response:
        served = (await response.json())["data"]["result"][0]["value"][1]

    assert (status, served) == (400, "3")


async def test_tags_stay_and_can_be_searched(client):
    given = {"name": "fraud", "key": "faultline.incident", "value": "i-7"}
    await call(client, "POST", "model-versions/set-tag", version="4", **given)
    await call(client, "POST", "registered-models/set-tag", **given)

    _, version = await call(client, "GET", "model-versions/get", name="fraud", version="4")
    _, model = await call(client, "GET", "registered-models/get", name="fraud")
    _, found = await call(client, "GET", "model-versions/search", filter="tags.`faultline.incident` = 'i-7'")

    tag = [{"key": "faultline.incident", "value": "i-7"}]
    assert version["model_version"]["tags"] == tag
    assert model["registered_model"]["tags"] == tag
    assert [one["version"] for one in found["model_versions"]] == ["4"]


async def test_a_version_leads_to_its_run_and_commit(client):
    _, version = await call(client, "GET", "model-versions/get", name="fraud", version="3")

    status, run = await call(client, "GET", "runs/get", run_id=version["model_version"]["run_id"])
    missing, _ = await call(client, "GET", "runs/get", run_id="nope")

    tags = {one["key"]: one["value"] for one in run["run"]["data"]["tags"]}
    assert (status, missing) == (200, 404)
    assert run["run"]["info"]["lifecycle_stage"] == "active"
    assert len(tags["mlflow.source.git.commit"]) == 40


async def test_what_is_missing_is_named(client):
    status, body = await call(client, "GET", "registered-models/alias", name="fraud")

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "'alias'" in body["message"]


async def test_a_foreign_host_is_refused_but_its_health_is_not_hidden(client):
    header = {"headers": {"Host": "mlflow:5000"}}

    async with client.get(f"{BASE}/registered-models/get?name=fraud", **header) as response:
        refused = response.status, await response.text()
    async with client.get("/health", **header) as response:
        health = response.status, await response.text()

    assert refused == (403, "Invalid Host header - possible DNS rebinding attack detected")
    assert health == (200, "OK")

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.world.clock import VirtualClock
from bot.world.server import application, live_world
from tests.world.measures import ORIGIN_S, HandClock

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def wall():
    return HandClock()


@pytest.fixture
async def client(wall):
    clock = VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, rate=60.0, wall=wall)
    world = live_world(clock, seed=7, scenario="quiet", history_h=2)
    async with TestClient(TestServer(application(world, clock, scenario="quiet"))) as found:
        yield found


async def value(client, query):
    async with client.get("/api/v1/query", params={"query": query}) as response:
        return float((await response.json())["data"]["result"][0]["value"][1])


async def test_a_fault_can_be_switched_on_and_off(client, wall):
    query = 'node:tcp_retransmits:ratio{node="n-03"}'
    async with client.post("/_world/faults", json={"kind": "network_loss", "target": "n-03"}) as response:
        assert response.status == 201
        name = (await response.json())["id"]
    wall.time_s = 3.0
    during = await value(client, query)

    async with client.delete(f"/_world/faults/{name}") as response:
        assert response.status == 200
    wall.time_s = 8.0

    assert during > 0.05
    assert await value(client, query) < 0.01
    async with client.get("/_world/faults") as response:
        assert (await response.json())["active"] == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "earthquake", "target": "n-03"}, "expected one of autoscale"),
        ({"kind": "network_loss", "target": "fraud"}, "expected one of n-01"),
        ({"kind": "network_loss", "target": "n-03", "strength": 3}, "has no 'strength'"),
        ({"kind": "network_loss", "target": "n-03", "severity": "much"}, "severity is 'much'"),
        ({"kind": "bad_version", "target": "fraud", "to_version": 9}, "no version 9"),
        (["network_loss"], "JSON object"),
    ],
    ids=["kind", "target", "field", "type", "version", "shape"],
)
async def test_a_fault_that_cannot_be_says_why(client, given, told):
    async with client.post("/_world/faults", json=given) as response:
        assert response.status == 400
        assert told in (await response.json())["error"]


async def test_an_alias_moved_here_is_moved_in_the_registry(client):
    async with client.post("/_world/alias", json={"model": "fraud", "version": 2, "by": "ann"}) as response:
        assert response.status == 200

    path = "/api/2.0/mlflow/registered-models/alias"
    async with client.get(path, params={"name": "fraud", "alias": "champion"}) as response:
        assert (await response.json())["model_version"]["version"] == "2"
    async with client.get("/_world/changes") as response:
        changes = (await response.json())["changes"]
    assert [(one["kind"], one["from"], one["to"], one["by"]) for one in changes] == [("model_version", "3", "2", "ann")]


async def test_every_query_of_the_catalogue_finds_series_with_its_entity(client):
    async with client.get("/_world/catalog") as response:
        catalogue = await response.json()

    for signal in catalogue["signals"]:
        async with client.get("/api/v1/query", params={"query": signal["query"]}) as response:
            result = (await response.json())["data"]["result"]
        names = [signal["entity"]] if isinstance(signal["entity"], str) else signal["entity"]
        assert result, signal
        assert all(set(names) <= set(one["metric"]) for one in result), signal

"""What our registry client and our alias mover rely on in MLflow's API: held by the world's imitation and by MLflow."""

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from bot.actions.mlflow_alias import MlflowAliasMover
from bot.errors import GiveUpError
from bot.http import HttpClient
from bot.sources.mlflow import MlflowRegistry
from bot.world.clock import VirtualClock
from bot.world.server import serve
from tests.integration.servers.mlflow import delete, mlflow
from tests.servers import ServerAbsentError

pytestmark = pytest.mark.enable_socket

NUMBERS = itertools.count()  # the real server outlives a test: every test has a model of its own
ORIGIN_S = 1_790_000_040.0


@dataclass(frozen=True)
class Scene:
    """A registered model with three versions, none of which holds the alias."""

    client: HttpClient
    registered: str

    @property
    def registry(self):
        return MlflowRegistry("mlflow", self.client, names={"fraud": self.registered})

    @property
    def mover(self):
        return MlflowAliasMover(self.client, names={"fraud": self.registered})

    async def post(self, path, **payload):
        return await self.client.post_json(f"api/2.0/mlflow/{path}", {"name": self.registered, **payload})


async def _scene(client):
    scene = Scene(client, f"team.fraud-{next(NUMBERS)}")
    await scene.post("registered-models/create")
    for version in range(3):
        await scene.post("model-versions/create", source=f"s3://models/{version}")
    return scene


@pytest.fixture(params=["world", pytest.param("mlflow", marks=pytest.mark.integration)])
async def scene(request):
    if request.param == "world":
        clock = VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, wall=lambda: 0.0)
        async with serve(clock, seed=7, history_h=1) as running, HttpClient(running.url) as client:
            yield await _scene(client)
        return
    try:
        url = await asyncio.to_thread(mlflow)
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    async with HttpClient(url, deadline_s=60) as client:
        yield await _scene(client)


async def test_nobody_holds_an_alias_that_was_never_set(scene):
    assert await scene.registry.holder("fraud") is None


async def test_a_moved_alias_is_read_back_and_moved_again(scene):
    await scene.mover.move("fraud", to_version="3")
    first = await scene.registry.holder("fraud")
    await scene.mover.move("fraud", to_version="1")

    assert (first, await scene.registry.holder("fraud")) == ("3", "1")


async def test_an_unknown_version_is_given_up_and_changes_nothing(scene):
    await scene.mover.move("fraud", to_version="2")

    with pytest.raises(GiveUpError, match="99"):
        await scene.mover.move("fraud", to_version="99")

    assert await scene.registry.holder("fraud") == "2"


async def test_an_unknown_model_is_given_up(scene):
    registry = MlflowRegistry("mlflow", scene.client, names={"fraud": "nobody-registered-this"})

    with pytest.raises(GiveUpError, match="nobody-registered-this"):
        await registry.holder("fraud")


async def test_nobody_holds_an_alias_that_was_removed(scene):
    await scene.mover.move("fraud", to_version="2")
    await delete(scene.client, "registered-models/alias", name=scene.registered, alias="champion")

    assert await scene.registry.holder("fraud") is None


async def test_versions_are_told_newest_first(scene):
    assert [one.version for one in await scene.registry.versions("fraud")] == ["3", "2", "1"]


async def test_a_version_is_described(scene):
    found = await scene.registry.version("fraud", "2")

    assert (found.model, found.version, found.ready, found.source) == ("fraud", "2", True, "s3://models/1")
    assert found.created is not None


@pytest.mark.parametrize("version", ["99", "champion"])
async def test_a_version_that_is_not_there_is_none(scene, version):
    assert await scene.registry.version("fraud", version) is None

"""What only a real MLflow shows: runs, their commits, its host guard. The common rest is in tests/contracts."""

import asyncio
import uuid

import pytest

from bot.actions.mlflow_alias import MlflowAliasMover
from bot.errors import GiveUpError, SourceDownError
from bot.http import HttpClient
from bot.sources.mlflow import MlflowRegistry
from tests.integration.servers.mlflow import delete, mlflow
from tests.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture
async def client():
    try:
        url = await asyncio.to_thread(mlflow)
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    async with HttpClient(url, deadline_s=60) as found:
        yield found


async def registered_run(client):
    """Log a run with a commit and register what it made; returns the model's name and the run's id."""
    name = f"fraud-{uuid.uuid4().hex[:8]}"

    async def post(path, **payload):
        return await client.post_json(f"api/2.0/mlflow/{path}", payload)

    created = await post(
        "runs/create", experiment_id="0", tags=[{"key": "mlflow.source.git.commit", "value": "abc123"}], start_time=1
    )
    info = created["run"]["info"]
    await post("registered-models/create", name=name)
    await post("model-versions/create", name=name, source=f"{info['artifact_uri']}/model", run_id=info["run_id"])
    return name, info["run_id"]


async def test_a_version_is_traced_to_its_commit_and_to_the_end_of_its_run(client):
    name, run_id = await registered_run(client)
    registry = MlflowRegistry("mlflow", client)

    before = await registry.version(name, "1")
    await client.post_json("api/2.0/mlflow/runs/delete", {"run_id": run_id})
    after = await registry.version(name, "1")

    assert (before.run_id, before.run_active, before.commit) == (run_id, True, "abc123")
    assert (after.run_active, after.commit) == (False, "abc123")


async def test_an_alias_vanishes_with_its_version(client):
    name, _ = await registered_run(client)
    registry = MlflowRegistry("mlflow", client)
    await MlflowAliasMover(client).move(name, to_version="1")

    await delete(client, "model-versions/delete", name=name, version="1")

    assert await registry.holder(name) is None
    assert await registry.version(name, "1") is None


async def test_a_name_that_the_server_does_not_know_is_explained(client, monkeypatch):
    loop = asyncio.get_running_loop()
    looked_up = loop.getaddrinfo

    async def lookup(host, *rest, **more):
        return await looked_up("127.0.0.1" if host == "mlflow.example" else host, *rest, **more)

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    port = client.where.rpartition(":")[2]

    async with HttpClient(f"http://mlflow.example:{port}") as stranger:
        with pytest.raises(SourceDownError, match="--allowed-hosts"):
            await MlflowRegistry("mlflow", stranger).holder("fraud")
        with pytest.raises(GiveUpError, match="--allowed-hosts"):
            await MlflowAliasMover(stranger).move("fraud", to_version="1")

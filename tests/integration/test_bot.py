"""The whole bot as a process against real Prometheus, MLflow and PostgreSQL; only Slack is ours."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import yaml

from bot.emulator import AppDefinition, Definition, serve
from bot.http import HttpClient
from bot.slack.manifest import SCOPES
from tests.integration.exporter import Production
from tests.integration.running_bot import Channel, command, running, settings, until
from tests.integration.servers.mlflow import mlflow
from tests.integration.servers.prometheus import prometheus
from tests.servers import ServerAbsentError, free_port, postgres

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket, pytest.mark.slow]

HISTORY_S = 240  # far more than detectors want before they judge, and than a version needs to count as proved


@dataclass(frozen=True)
class Registry:
    """One model of the real MLflow, as its people see it."""

    client: HttpClient
    name: str

    async def post(self, path: str, **payload: Any) -> Any:
        return await self.client.post_json(f"api/2.0/mlflow/{path}", {"name": self.name, **payload})

    async def promote(self, version: str) -> None:
        await self.post("registered-models/alias", alias="champion", version=version)

    async def champion(self) -> str:
        wanted = {"name": self.name, "alias": "champion"}
        found = await self.client.get_json("api/2.0/mlflow/registered-models/alias", wanted)
        return found["model_version"]["version"]


# ---------------------------------------------------------------- servers, once for all tests here


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[str]:
    try:
        with postgres() as url:
            yield url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="module")
def database_names() -> Iterator[str]:
    return (f"bot{number}" for number in itertools.count())


@pytest.fixture
async def on_postgres(postgres_server, database_names) -> str:
    """An empty database."""
    name = next(database_names)
    connection = await asyncpg.connect(postgres_server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return postgres_server.rpartition("/")[0] + f"/{name}"


@pytest.fixture
def on_sqlite(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'faultline.db'}"


@pytest.fixture
async def registry():
    """A model whose versions 3 and 4 are registered; 3 serves."""
    try:
        url = await asyncio.to_thread(mlflow)
    except ServerAbsentError as absent:
        pytest.skip(str(absent))
    async with HttpClient(url, deadline_s=60) as client:
        found = Registry(client, f"fraud-{uuid.uuid4().hex[:8]}")
        await found.post("registered-models/create")
        for version in range(1, 5):
            await found.post("model-versions/create", source=f"s3://models/{version}")
        await found.promote("3")
        yield found


# ---------------------------------------------------------------- what a test looks at and breaks


@pytest.fixture
async def production(registry):
    """Serves whatever version holds the alias, as a model server would."""
    with Production() as served:

        async def follow() -> None:
            while True:
                served.serving = await registry.champion()
                await asyncio.sleep(0.5)

        following = asyncio.create_task(follow())
        yield served
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@dataclass(frozen=True)
class Telemetry:
    url: str
    stop: Callable[[], None]


@pytest.fixture
async def telemetry(tmp_path, production):
    """Prometheus that has watched for minutes, and scrapes from now on."""
    history = production.history(until=time.time(), seconds=HISTORY_S)
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(prometheus(tmp_path, targets=[production.target], history=history))
        except ServerAbsentError as absent:
            pytest.skip(str(absent))
        async with HttpClient(url) as client:

            async def scraped() -> bool:  # the first time some seconds after ready
                answer = await client.get_json("api/v1/query", {"query": "up"})
                return bool(answer["data"]["result"])

            await until(scraped, "scraped")
        yield Telemetry(url, stack.close)


@pytest.fixture(params=["the target dies", "Prometheus dies"])
def loss(request, production, telemetry) -> Production | Telemetry:
    """What can be stopped so that no samples come any more."""
    return production if request.param == "the target dies" else telemetry


@pytest.fixture
async def slack():
    app = AppDefinition(name="faultline", scopes=SCOPES)
    async with await serve(Definition(app=app)) as server:
        yield server


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def channel(slack, session) -> Channel:
    return Channel(slack.url, session)


@pytest.fixture
def configure(tmp_path, slack, telemetry, registry):
    """Write the team's file; what is given wins."""

    def write(store: str, *, mlflow_url: str | None = None) -> Path:
        found = settings(
            slack=slack.api_url,
            prometheus=telemetry.url,
            mlflow=mlflow_url or registry.client.where,
            registered=registry.name,
            store=store,
        )
        path = tmp_path / "faultline.yaml"
        path.write_text(yaml.safe_dump(found, sort_keys=False))
        return path

    return write


# ---------------------------------------------------------------- what people get


async def test_a_bad_version_is_rolled_back_in_the_registry_and_recovery_is_verified(
    configure, on_postgres, session, channel, registry
):
    async with running(configure(on_postgres), session):
        await registry.promote("4")
        incident = await channel.message("model: bad version 4 of fraud", "fl_roll_back")
        await channel.click(incident, "fl_roll_back", user="alice")
        card = await channel.message("fl_approve")
        assert await registry.champion() == "4", "nothing moves before it is approved"

        await channel.click(card, "fl_approve", user="bob")

        verified = await channel.message("Verified", "is back to usual")
        assert "version 3 serves" in verified.whole
        assert await registry.champion() == "3"
        await channel.message("Resolved · ", "bad version 4 of fraud", "done and verified")
        assert len(await channel.headlines()) == 1


async def test_a_full_disk_is_infrastructure_and_told_once_by_two_processes_in_turn(
    configure, on_postgres, session, channel, production
):
    config = configure(on_postgres)
    async with running(config, session) as first:
        production.disk_full = True
        incident = await channel.message("infrastructure: a full disk", "n-2", "would not help")
        await channel.message("What is going on")
        await channel.message("evidence.png")  # the last word until something changes
        assert await first.end() == 0
    before = await channel.said()

    async with running(config, session) as second:
        await asyncio.sleep(8)  # several looks at the same trouble
        after = await channel.said()
        production.disk_full = False
        await channel.message("Resolved · ", "infrastructure: a full disk")
        assert await second.end() == 0

    assert [one.ts for one in after] == [one.ts for one in before]
    assert [one.ts for one in await channel.headlines()] == [incident.ts]


async def test_samples_that_stop_are_lost_telemetry_and_no_model_is_blamed(
    configure, on_sqlite, session, channel, loss
):
    async with running(configure(on_sqlite), session):
        loss.stop()

        await channel.message("infrastructure: no telemetry from", "would not help")

        assert [one.title for one in await channel.said() if "model: " in one.title] == []


async def test_probes_and_numbers_answer(configure, on_postgres, session):
    async with running(configure(on_postgres), session) as bot:
        assert (await bot.probe("healthz"))[0] == 200
        assert (await bot.probe("readyz"))[0] == 200

        async def told() -> str | None:
            _, numbers = await bot.probe("metrics")
            return numbers if re.search(r'faultline_series{state="judged"} [1-9]', numbers) else None

        numbers = await until(told, "series judged")

    for name in ("faultline_tick_step_seconds_count", "faultline_series", "faultline_outbox_oldest_seconds"):
        assert re.search(rf"^{name}", numbers, re.MULTILINE), name


# ---------------------------------------------------------------- what operators get


async def test_the_doctor_names_every_part_and_finds_them_well(configure, on_postgres):
    config = configure(on_postgres)
    assert (await command(config, "migrate"))[0] == 0

    code, said = await command(config, "doctor")

    assert code == 0, said
    for part in (
        "configuration",
        "secrets",
        "Slack bot token",
        "Slack channel",
        "Slack Socket Mode",
        "source prometheus",
        "registry mlflow",
        "store",
        "language model",
        "retraining",
        "approvers",
    ):
        assert part in said


async def test_the_doctor_says_what_to_do_about_a_registry_that_is_not_there(configure, on_sqlite):
    config = configure(on_sqlite, mlflow_url=f"http://127.0.0.1:{free_port()}")
    assert (await command(config, "migrate"))[0] == 0

    code, said = await command(config, "doctor")

    assert code == 1
    assert re.search(r"FAILED +registry mlflow .*\n +-> check sources.mlflow: the address", said), said

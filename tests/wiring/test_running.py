"""The whole bot in this process, against the emulated Slack and a simulated production: how it starts, lives and stops."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from bot.clock import from_epoch
from bot.emulator import serve
from bot.errors import BadInputError, GiveUpError, StoreDownError
from bot.slack import adapter
from bot.store.memory import MemoryStore
from bot.store.sql import open_store
from bot.wiring import running
from bot.wiring.running import Bot, run_bot, slot_of
from bot.world.clock import VirtualClock
from bot.world.server import serve as serve_world
from bot.world.signals import catalog
from bot.world.topology import shop
from tests.app.builders import incident, put
from tests.servers import free_port
from tests.sources.loopback import api_server

MINUTE = timedelta(minutes=1)
TOKENS = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-emulator", "FAULTLINE_SLACK_APP_TOKEN": "xapp-emulator"}
RATE = 120.0  # a minute of the world in half a second
T0 = 1_790_000_040  # a full minute
EMPTY = (200, {"status": "success", "data": {"resultType": "vector", "result": []}})


@pytest.mark.parametrize(
    ("at", "period", "slot"),
    [
        pytest.param(T0, 60, T0, id="on the minute"),
        pytest.param(T0 + 59.999, 60, T0, id="just before the next"),
        pytest.param(T0 + 60, 60, T0 + 60, id="the next"),
        pytest.param(T0 + 44, 15, T0 + 30, id="another period"),
        pytest.param(T0 + 0.7, 0.5, T0 + 0.5, id="shorter than a second"),
    ],
)
def test_a_slot_is_the_full_period_that_has_begun_last(at, period, slot):
    found = slot_of(from_epoch(at), timedelta(seconds=period))

    assert found == from_epoch(slot)
    assert slot_of(found, timedelta(seconds=period)) == found


# ---------------------------------------------------------------- a house to live in


@pytest.fixture
def settings_for(settings):
    """What the bot is told: where Slack, production and its own probes are. Its clock stands near T0 unless told."""

    def make(*, slack, world="http://127.0.0.1:9", port=None, clock=None, environ=TOKENS, **sections):
        served = catalog(shop())
        return settings(
            {
                "slack": {"channel": "C0INCIDENTS", "base_url": slack},
                "sources": {"prometheus": [{"url": world}]},
                "catalog": {**served, "signals": served["signals"][:4]},
                "policies": {"warm_up": "1h"},
                "health": {"port": port or free_port()},
                "clock": clock or {"rate": 1, "origin": T0 + 5, "origin_wall": time.time()},
                **sections,
            },
            environ,
        )

    return make


@asynccontextmanager
async def production():
    """A world whose minutes pass twice a second, and the clock that goes with it."""
    origin = time.time()
    virtual = VirtualClock(origin_s=origin, origin_wall_s=origin, rate=RATE)
    async with serve_world(virtual, seed=7, scenario="quiet", history_h=2.0) as world:
        yield world.url, {"rate": RATE, "origin": origin, "origin_wall": origin}


@asynccontextmanager
async def living(settings, store=None):
    bot = Bot(settings, store or MemoryStore())
    try:
        await bot.start()
        yield bot
    finally:
        await bot.stop()


async def until(seen):
    """Wait for what `seen` returns to be true."""
    async with asyncio.timeout(10):
        while not (found := seen()):  # noqa: ASYNC110 - the bot and its parts share no event
            await asyncio.sleep(0.01)
    return found


async def asked(settings, path):
    """What a probe of the bot gets: the status and the answer."""
    url = f"http://127.0.0.1:{settings.health.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


# ---------------------------------------------------------------- life


@pytest.mark.enable_socket
async def test_a_started_bot_warms_up_ticks_and_is_ready(settings_for):
    async with await serve() as slack, production() as (world, clock):
        given = settings_for(slack=slack.api_url, world=world, clock=clock)
        store = MemoryStore()
        async with living(given, store) as bot:
            assert len(bot.watch.index) > 0
            assert await asked(given, "/readyz") == (503, {"ok": False, "trouble": ["no tick yet"]})

            first = await until(lambda: bot.pulse().last_tick_monotonic)
            ready = await asked(given, "/readyz")
            await until(lambda: bot.pulse().last_tick_monotonic > first)

            assert ready == (200, {"ok": True, "trouble": []})
            assert bot.watch.judged > 0
        assert await store.snapshot() is not None


@pytest.mark.enable_socket
async def test_a_running_bot_posts_the_digest_that_is_due(settings_for):
    async with await serve() as slack, production() as (world, clock):
        now = from_epoch(clock["origin"])
        given = settings_for(
            slack=slack.api_url,
            world=world,
            clock=clock,
            policies={"warm_up": "1h", "digest_at": f"{now - timedelta(minutes=30):%H:%M}"},
        )
        store = MemoryStore()
        await put(store, incident(at=now - timedelta(hours=2)))
        async with living(given, store):
            said = slack.emulator.workspace.channel("incidents").messages
            await until(lambda: [one for one in said.values() if "The day in brief: 1 incident told" in one.text])


@pytest.mark.enable_socket
async def test_a_second_ring_in_the_same_slot_does_nothing(settings_for):
    async with api_server(lambda _: EMPTY) as (world, seen):
        bot = Bot(settings_for(slack="http://127.0.0.1:9/api/", world=world), MemoryStore())
        try:
            await bot.tick()
            count, ticked = len(seen), bot.pulse().last_tick_monotonic

            await bot.tick()
        finally:
            await bot.stop()

    assert count == 4
    assert (len(seen), bot.pulse().last_tick_monotonic) == (count, ticked)


async def test_a_bot_that_never_ticked_stops_and_saves_nothing(settings_for):
    store = MemoryStore()

    await Bot(settings_for(slack="http://127.0.0.1:9/api/", port=8080), store).stop()

    assert await store.snapshot() is None


async def test_the_first_word_ends_it(settings_for):
    bot = Bot(settings_for(slack="http://127.0.0.1:9/api/", port=8080), MemoryStore())

    bot.end()
    bot.end(GiveUpError("too late"))

    await bot.ended
    await bot.stop()


@pytest.mark.enable_socket
async def test_the_whole_run_ends_on_a_refused_token_and_lets_go_of_the_database(settings_for, tmp_path):
    url = f"sqlite:///{tmp_path}/faultline.db"
    async with await serve() as slack:
        slack.emulator.token_error = "token_revoked"
        given = settings_for(slack=slack.api_url, store={"url": url})

        with pytest.raises(BadInputError, match="token_revoked -> the app was uninstalled"):
            await run_bot(given)

    store = await open_store(url)  # refused while another process holds it
    await store.close()


@pytest.mark.enable_socket
async def test_the_budget_of_false_episodes_reaches_the_detectors(settings_for):
    given = settings_for(slack="http://127.0.0.1:9/api/", detectors={"false_episodes_a_day": 0.2})

    async with living(given) as bot:
        assert bot.watch.budget == 0.2


# ---------------------------------------------------------------- Slack


@pytest.mark.enable_socket
async def test_without_slack_it_watches_on_and_connects_later(settings_for, monkeypatch):
    monkeypatch.setattr(running, "CONNECT_AGAIN_S", (0.1,))  # how patient it is, is no setting
    port = free_port()
    async with AsyncExitStack() as later, production() as (world, clock):
        given = settings_for(slack=f"http://127.0.0.1:{port}/api/", world=world, clock=clock)
        async with living(given) as bot:
            await until(lambda: bot.pulse().last_tick_monotonic)
            without = await asked(given, "/readyz")
            alive = await asked(given, "/healthz")
            await later.enter_async_context(await serve(port=port))
            await until(lambda: bot.pulse().slack_trouble is None)
            with_slack = await asked(given, "/readyz")

    assert without[0] == 503
    assert [line.partition(":")[0] for line in without[1]["trouble"]] == ["slack"]
    assert (alive[0], with_slack[0]) == (200, 200)


@pytest.mark.enable_socket
async def test_a_token_that_slack_refuses_at_the_start_is_for_a_person(settings_for):
    async with await serve() as slack:
        given = settings_for(slack=slack.api_url, environ=TOKENS | {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-another"})

        with pytest.raises(BadInputError) as refusal:
            async with living(given):
                pass

    assert "invalid_auth -> copy it again" in str(refusal.value)
    assert "FAULTLINE_SLACK_BOT_TOKEN" in str(refusal.value)
    assert "xoxb-another" not in str(refusal.value)


@pytest.mark.enable_socket
async def test_a_channel_that_the_bot_is_not_in_shows_before_any_incident(settings_for, monkeypatch):
    monkeypatch.setattr(adapter, "CHANNEL_AGAIN_S", 0.1)
    async with await serve() as slack, production() as (world, clock):
        here = slack.emulator.workspace.channels["C0INCIDENTS"]
        here.members.remove("U0BOT")
        given = settings_for(slack=slack.api_url, world=world, clock=clock)
        async with living(given) as bot:
            await until(lambda: bot.pulse().last_tick_monotonic)
            without = await asked(given, "/readyz")
            here.members.append("U0BOT")
            await until(lambda: bot.pulse().slack_trouble is None)
            invited = await asked(given, "/readyz")

    assert without[0] == 503
    assert "the bot is not in #" in without[1]["trouble"][0]
    assert "/invite" in without[1]["trouble"][0]
    assert invited[0] == 200


@pytest.mark.enable_socket
async def test_a_token_that_slack_refuses_later_ends_the_run(settings_for, monkeypatch):
    monkeypatch.setattr(running, "CONNECT_AGAIN_S", (0.1,))
    port = free_port()
    async with (
        api_server(lambda _: EMPTY) as (world, _),
        living(settings_for(slack=f"http://127.0.0.1:{port}/api/", world=world)) as bot,
        await serve(port=port) as slack,
    ):
        slack.emulator.token_error = "token_revoked"

        with pytest.raises(BadInputError, match="token_revoked -> the app was uninstalled"):
            async with asyncio.timeout(10):
                await bot.ended


# ---------------------------------------------------------------- what it stands on


@pytest.mark.enable_socket
async def test_a_taken_port_is_named_by_its_key(settings_for):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        given = settings_for(slack="http://127.0.0.1:9/api/", port=other.getsockname()[1])

        with pytest.raises(BadInputError, match=r"health\.port: cannot listen there: "):
            async with living(given):
                pass


class FailingStore(MemoryStore):
    """A store that cannot be written for a while."""

    down = True

    async def commit(self, changeset):
        if self.down:
            raise StoreDownError("no space left")
        await super().commit(changeset)


@pytest.mark.enable_socket
async def test_a_store_that_cannot_be_written_is_not_ready_and_the_slot_is_tried_again(settings_for):
    store = FailingStore()
    async with api_server(lambda _: EMPTY) as (world, _):
        bot = Bot(settings_for(slack="http://127.0.0.1:9/api/", world=world), store)
        try:
            await bot.tick()
            down = bot.pulse()
            store.down = False
            await bot.tick()
        finally:
            await bot.stop()

    assert "the store cannot be written" in down.trouble(time.monotonic())
    assert not down.stalled(time.monotonic())
    assert bot.pulse().store_ok

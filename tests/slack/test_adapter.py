"""The whole adapter over real Bolt and a real socket: connects, acknowledges, publishes, stops, and fails readably."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from bot.clock import ManualClock
from bot.domain.message import HeadlineMessage
from bot.errors import GiveUpError, RetryLaterError
from bot.metrics import Metrics
from bot.ports import Changeset
from bot.slack.adapter import SlackAdapter
from bot.slack.options import SlackOptions
from bot.store.memory import MemoryStore
from tests.slack.builders import ANNA, CHANNEL, T0, incident, item
from tests.slack.fake_desk import FakeDesk
from tests.slack.fake_slack import BOT, TEAM

pytestmark = pytest.mark.enable_socket


class Loopback:
    """The few methods of Slack that a start, a command and a message need."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict]] = []
        self.refuse: dict[str, str] = {}
        self.sockets: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
        self.acks: asyncio.Queue[str] = asyncio.Queue()
        self.called = asyncio.Condition()
        self.url = ""

    async def method(self, request):
        name = request.match_info["method"]
        body = await request.read()
        sent = json.loads(body) if request.content_type == "application/json" and body else dict(request.query)
        async with self.called:
            self.calls.append((name, sent))
            self.called.notify_all()
        if name in self.refuse:
            return web.json_response({"ok": False, "error": self.refuse[name]})
        answers = {
            "auth.test": {"team_id": TEAM, "user_id": BOT, "bot_id": "B1", "team": "Team"},
            "apps.connections.open": {"url": self.url.replace("http", "ws") + "/link"},
            "users.info": {"user": {"id": ANNA, "team_id": TEAM}},
            "chat.postMessage": {"channel": CHANNEL, "ts": "1.1", "message": {}},
        }
        return web.json_response({"ok": True, **answers.get(name, {})})

    async def link(self, request):
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        await self.sockets.put(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self.acks.put(json.loads(message.data)["envelope_id"])
        return socket

    async def wait_for(self, method):
        async with self.called:
            await self.called.wait_for(lambda: any(name == method for name, _ in self.calls))
        return next(sent for name, sent in self.calls if name == method)


@asynccontextmanager
async def running():
    slack = Loopback()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.method)
    app.router.add_get("/link", slack.link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    store = MemoryStore()
    options = SlackOptions(bot_token="xoxb-1", app_token="xapp-1", channel=CHANNEL, base_url=f"{slack.url}/api/")
    adapter = SlackAdapter(options, store=store, clock=ManualClock(T0), metrics=Metrics())
    try:
        yield slack, adapter, store
    finally:
        await adapter.stop()
        await runner.cleanup()


async def test_a_command_is_acknowledged_and_then_answered_in_private():
    async with asyncio.timeout(20), running() as (slack, adapter, _):
        await adapter.start(FakeDesk())
        socket = await slack.sockets.get()
        payload = {
            "command": "/faultline",
            "text": "status",
            "user_id": ANNA,
            "team_id": TEAM,
            "channel_id": CHANNEL,
            "trigger_id": "t1",
        }

        await socket.send_json({"envelope_id": "e1", "type": "slash_commands", "payload": payload})

        assert await slack.acks.get() == "e1"
        said = await slack.wait_for("chat.postEphemeral")
        assert (said["user"], said["channel"]) == (ANNA, CHANNEL)


async def test_what_waits_in_the_outbox_is_posted_once_connected():
    async with asyncio.timeout(20), running() as (slack, adapter, store):
        await store.commit(Changeset(outbox=(item(HeadlineMessage(incident=incident())),)))

        await adapter.start(FakeDesk())
        posted = await slack.wait_for("chat.postMessage")

        assert adapter.connected
        assert posted["metadata"]["event_payload"]["op"] == "inc-7f3a:headline:1"
        assert posted["unfurl_links"] is False


@pytest.mark.parametrize(
    ("method", "code"), [("auth.test", "invalid_auth"), ("apps.connections.open", "not_allowed_token_type")]
)
async def test_a_bad_token_fails_readably_instead_of_looping(method, code):
    async with asyncio.timeout(20), running() as (slack, adapter, _):
        slack.refuse[method] = code

        with pytest.raises(GiveUpError, match=code):
            await adapter.start(FakeDesk())


async def test_an_unreachable_slack_is_worth_another_try():
    options = SlackOptions(bot_token="xoxb-1", app_token="xapp-1", channel=CHANNEL, base_url="http://127.0.0.1:1/api/")
    adapter = SlackAdapter(options, store=MemoryStore(), clock=ManualClock(T0), metrics=Metrics())

    with pytest.raises(RetryLaterError):
        await adapter.start(FakeDesk())

    await adapter.stop()

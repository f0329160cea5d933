from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.emulator import AppDefinition, Definition, Server, Settings, Shortcut, serve
from bot.emulator.definition import SCOPES

SETTINGS = Settings(share_delay_s=0.02, ack_timeout_s=0.6, event_retry_delays_s=(0.0, 60.0))
APP = AppDefinition(
    scopes=(*SCOPES, "channels:join", "team:read", "users:read.email"),
    shortcuts=(Shortcut(name="Look closer", callback_id="look"),),
)


@pytest.fixture
def definition() -> Definition:
    return Definition(settings=SETTINGS, app=APP)


@pytest.fixture
async def server(definition: Definition) -> AsyncIterator[Server]:
    async with await serve(definition) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(server: Server, session: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-emulator", base_url=server.api_url, session=session, retry_handlers=[])


@pytest.fixture
async def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client)


@pytest.fixture
async def connect(server: Server, app: AsyncApp) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Connect the app over Socket Mode once a test has registered its listeners."""
    handlers: list[AsyncSocketModeHandler] = []

    async def start() -> None:
        handler = AsyncSocketModeHandler(app, "xapp-emulator", ping_interval=0.2)
        handlers.append(handler)
        before = len(server.emulator.sockets.connections)
        await handler.connect_async()
        await until(lambda: len(server.emulator.sockets.connections) > before)

    yield start
    for handler in handlers:
        await handler.close_async()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    return until


@pytest.fixture
def with_settings() -> Callable[..., Definition]:
    def build(**changes: object) -> Definition:
        return Definition(settings=dataclasses.replace(SETTINGS, **changes), app=APP)

    return build

"""The bot's own health over HTTP: alive, ready, and its numbers. A stalled loop shows within three ticks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.metrics import Metrics

STALLED_AFTER = 3  # periods without the end of a tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How the bot is, as far as its own loop knows."""

    last_tick_monotonic: float | None  # real seconds, or None before the first
    started_monotonic: float
    tick_period_s: float  # real seconds
    store_ok: bool
    slack_trouble: str | None

    def stalled(self, now: float) -> bool:
        since = self.last_tick_monotonic if self.last_tick_monotonic is not None else self.started_monotonic
        grace = 60.0 if self.last_tick_monotonic is None else 0.0  # warming up reads two days of history
        return now - since > STALLED_AFTER * max(self.tick_period_s, 1.0) + grace

    def trouble(self, now: float) -> list[str]:
        """Everything that makes us not ready, in words."""
        found = []
        if self.last_tick_monotonic is None:
            found.append("no tick yet")
        if self.stalled(now):
            found.append(f"no tick for more than {STALLED_AFTER} periods")
        if not self.store_ok:
            found.append("the store cannot be written")
        if self.slack_trouble:
            found.append(f"slack: {self.slack_trouble}")
        return found


def health_app(metrics: Metrics, pulse: Callable[[], Pulse]) -> web.Application:
    """/healthz: restart me when this fails. /readyz: am I doing my job. /metrics: the numbers."""

    async def healthz(_: web.Request) -> web.Response:
        stalled = pulse().stalled(time.monotonic())
        return web.json_response({"ok": not stalled}, status=503 if stalled else 200)

    async def readyz(_: web.Request) -> web.Response:
        trouble = pulse().trouble(time.monotonic())
        return web.json_response({"ok": not trouble, "trouble": trouble}, status=503 if trouble else 200)

    async def numbers(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", numbers)])
    return app


class HealthServer:
    def __init__(self, *, app: web.Application, bind: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None)
        self._bind = bind
        self._port = port

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._bind, self._port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

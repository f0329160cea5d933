"""Slack's requests over signed HTTP instead of Socket Mode. Whatever is not provably Slack's, and new, gets a 401."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

log = logging.getLogger(__name__)

WINDOW_S = 300.0  # how far Slack's clock and ours may be apart
REMEMBER_S = 600.0  # twice the window: a replay inside it passes the signature check
BODY_MAX = 1_000_000  # the largest payload, a modal with its state, is a quarter of this
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class Signatures:
    """Accepts each signed request once.

    now: real seconds since 1970, which is what Slack signs.
    """

    def __init__(self, secret: str, *, now: Callable[[], float] = time.time) -> None:
        if not secret:
            raise ValueError("an empty signing secret would accept anybody's requests")
        self._secret = secret.encode()
        self._now = now
        self._seen: dict[str, float] = {}

    def accept(self, *, timestamp: str, signature: str, body: bytes) -> bool:
        """Say whether the request is Slack's and new. Never raises, whatever is sent."""
        if not TIMESTAMP.fullmatch(timestamp) or not SIGNATURE.fullmatch(signature):
            return False
        now = self._now()
        if abs(now - int(timestamp)) > WINDOW_S:
            return False
        expected = "v0=" + hmac.new(self._secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            return False
        for old in [seen for seen, at in self._seen.items() if now - at > REMEMBER_S]:
            del self._seen[old]
        if signature in self._seen:
            return False
        self._seen[signature] = now
        return True


class HttpTransport:
    """A small server; TLS ends at the proxy before it."""

    def __init__(self, app: AsyncApp, *, secret: str, host: str, port: int, path: str) -> None:
        self._bolt = app
        self._signatures = Signatures(secret)
        self._host, self._port = host, port
        self._web = web.Application(client_max_size=BODY_MAX)
        self._web.router.add_post(path, self._handle)
        self._runner: web.AppRunner | None = None

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        known = self._signatures.accept(
            timestamp=request.headers.get("X-Slack-Request-Timestamp", ""),
            signature=request.headers.get("X-Slack-Signature", ""),
            body=body,
        )
        if not known:
            return web.Response(status=401, text="invalid request")
        try:
            body.decode("utf-8")
        except UnicodeDecodeError:
            return web.Response(status=401, text="invalid request")
        return await to_aiohttp_response(await self._bolt.async_dispatch(await to_bolt_request(request)))

    async def start(self) -> int:
        """Listen; returns the port, which the system chose when 0 was asked for."""
        self._runner = web.AppRunner(self._web, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

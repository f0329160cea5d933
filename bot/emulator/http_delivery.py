"""Signed HTTP delivery: the alternative to Socket Mode for apps with a request URL."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.emulator.tasks import Tasks


def signature(secret: str, *, timestamp: str, body: bytes) -> str:
    """Sign as Slack does: `v0=` and the HMAC-SHA256 of version, time and raw body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def encode(envelope: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return an envelope's body and content type as an HTTP request."""
    payload = envelope["payload"]
    if envelope["type"] == "events_api":
        return json.dumps(payload).encode(), "application/json"
    form = payload if envelope["type"] == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


class HttpTransport:
    """Posts envelopes to one URL; a 200 is the acknowledgement and its body the response payload."""

    def __init__(
        self, url: str, *, secret: str, tasks: Tasks, acknowledge: Callable[[str, Any], None], timeout_s: float
    ) -> None:
        self._url, self._secret, self._tasks, self._acknowledge = url, secret, tasks, acknowledge
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, envelope: Mapping[str, Any], *, elsewhere: bool = False) -> bool:  # noqa: ARG002 (one URL)
        self._tasks.start(self._post(envelope))
        return True

    async def _post(self, envelope: Mapping[str, Any]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        body, kind = encode(envelope)
        now = str(int(time.time()))
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature(self._secret, timestamp=now, body=body),
        }
        if envelope.get("retry_attempt"):
            headers["X-Slack-Retry-Num"] = str(envelope["retry_attempt"])
            headers["X-Slack-Retry-Reason"] = str(envelope["retry_reason"])
        try:
            async with self._session.post(self._url, data=body, headers=headers) as reply:
                text = await reply.text()
                if reply.status == 200:
                    self._acknowledge(str(envelope["envelope_id"]), _response(text))
        except (aiohttp.ClientError, TimeoutError):
            return  # no acknowledgement: the ack clock tells

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _response(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}

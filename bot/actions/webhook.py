"""Asks any system to retrain by a signed webhook that may arrive twice and must act once."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from bot.clock import Clock
from bot.http import HttpClient

TIMESTAMP, SIGNATURE, KEY = "X-Faultline-Timestamp", "X-Faultline-Signature", "Idempotency-Key"
REFERENCES = ("reference", "run_id", "id", "url")  # where a reply may name its run, the plainest first
MAX_REFERENCE = 200  # longer is no name of a run


def sign(body: bytes, *, timestamp: str, secret: str) -> str:
    """Sign time and body together, so that an old body cannot be sent again as new.

    >>> sign(b"{}", timestamp="1790000000", secret="s")[:12]
    'v1=4197b98ed'
    """
    digest = hmac.new(secret.encode(), f"v1:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


class WebhookRetrainer:
    """Implements ports.Retrainer: POST to the client's own URL.

    The receiver checks the signature, refuses times older than some minutes, and remembers the key.
    """

    def __init__(self, client: HttpClient, *, secret: str, clock: Clock, path: str = "") -> None:
        self._client = client
        self._secret = secret
        self._clock = clock
        self._path = path

    async def close(self) -> None:
        await self._client.close()

    async def start(self, model: str, *, key: str, reason: str) -> str:
        """Return the reference that the reply names, else the key."""
        body = json.dumps({"action": "retrain", "model": model, "key": key, "reason": reason}, sort_keys=True).encode()
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            TIMESTAMP: timestamp,
            SIGNATURE: sign(body, timestamp=timestamp, secret=self._secret),
            KEY: key,
        }
        return _reference(await self._client.post_bytes(self._path, body, headers=headers)) or key


def _reference(answer: bytes) -> str:
    """Find the run's name; an answer without one is still a yes."""
    try:
        told: Any = from_json(answer)
    except ValueError:
        return ""
    if not isinstance(told, Mapping):
        return ""
    named = (told.get(name) for name in REFERENCES)
    return next((str(one)[:MAX_REFERENCE] for one in named if isinstance(one, str | int) and one), "")

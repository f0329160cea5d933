"""Gets an envelope to the app and waits for its acknowledgement, whatever the transport."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.emulator.faults import EventFault, Faults

OVERTAKE_S = 2.0  # a reordered envelope waits this long for a later one to pass it


class Transport(Protocol):
    async def send(self, envelope: Mapping[str, Any], *, elsewhere: bool = False) -> bool:
        """Return False when nobody is listening. elsewhere: prefer another connection than the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the app made of an envelope. problem: empty, no_connection or timeout."""

    acked: bool
    response: Any = None
    after_s: float = 0.0
    problem: str = ""


class Delivery:
    def __init__(self, *, faults: Faults, ack_timeout_s: float) -> None:
        self.transport: Transport | None = None
        self._faults = faults
        self._ack_timeout_s = ack_timeout_s
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._overtaken = asyncio.Event()

    def acknowledge(self, envelope_id: str, payload: Any) -> None:
        """Take an acknowledgement from a transport; one that is late or repeated changes nothing."""
        waiting = self._pending.get(envelope_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(payload)

    async def deliver(self, kind: str, payload: Mapping[str, Any], *, attempt: int = 0, reason: str = "") -> Outcome:
        """Send one envelope and wait at most the 3 s that Slack waits."""
        envelope = _envelope(kind, payload, attempt=attempt, reason=reason)
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[envelope["envelope_id"]] = waiting
        try:
            fault = self._faults.take_event(kind, str(payload.get("event", {}).get("type", "")))
            sent = await self._send(envelope, fault)
            started = time.monotonic()
            if not sent:
                return Outcome(acked=False, problem="no_connection")
            async with asyncio.timeout(self._ack_timeout_s):
                response = await waiting
            return Outcome(acked=True, response=response, after_s=time.monotonic() - started)
        except TimeoutError:
            return Outcome(acked=False, problem="timeout", after_s=self._ack_timeout_s)
        finally:
            del self._pending[envelope["envelope_id"]]

    async def _send(self, envelope: Mapping[str, Any], fault: EventFault | None) -> bool:
        kind = fault.kind if fault else ""
        if kind == "lose":
            return True
        if fault is not None and kind == "delay":
            await asyncio.sleep(fault.delay_s)
        if kind == "reorder":
            await self._be_overtaken()
        assert self.transport is not None, "the server gives a transport before anything is delivered"
        sent = await self.transport.send(envelope)
        if kind in {"duplicate", "other_socket"}:
            await self.transport.send(envelope, elsewhere=kind == "other_socket")
        if kind == "retry":
            again = _envelope(str(envelope["type"]), envelope["payload"], attempt=1, reason="timeout")
            await self.transport.send(again)
        self._overtaken.set()
        return sent

    async def _be_overtaken(self) -> None:
        self._overtaken = asyncio.Event()
        try:
            async with asyncio.timeout(OVERTAKE_S):
                await self._overtaken.wait()
        except TimeoutError:
            return


def _envelope(kind: str, payload: Mapping[str, Any], *, attempt: int, reason: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "envelope_id": str(uuid.uuid4()),
        "type": kind,
        "payload": payload,
        "accepts_response_payload": kind != "events_api",
    }
    if kind == "events_api":
        found |= {"retry_attempt": attempt, "retry_reason": reason}
    return found

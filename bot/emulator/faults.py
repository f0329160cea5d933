"""Faults on demand: what the network and Slack's servers do to a call on a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from bot.emulator.errors import RefusalError, bad_arguments

KINDS: Final = frozenset(
    {
        "drop_after",
        "drop_before",
        "garbage_200",
        "http_500_after",
        "http_500_before",
        "late_commit",
        "ratelimit",
        "slow",
    }
)
EVENT_KINDS: Final = frozenset({"delay", "duplicate", "lose", "other_socket", "reorder", "retry"})
GIVE_UP_S = 60.0  # how long late_commit waits for the client to hang up
LATE_S = 0.2  # after the client gave up


@dataclass(slots=True, kw_only=True)
class Fault:
    """method: a Web API method, `hooks`, `upload`, or * for any; kind: one of KINDS, or error:<code>."""

    method: str
    kind: str
    times: int = 1
    retry_after: int = 1  # s
    delay_s: float = 2.0


@dataclass(slots=True, kw_only=True)
class EventFault:
    """envelope: events_api, slash_commands, interactive or *; event: narrows to one type of event."""

    kind: str
    envelope: str = "*"
    event: str = ""
    times: int = 1
    delay_s: float = 1.0


@dataclass(slots=True)
class Faults:
    calls: list[Fault] = field(default_factory=list)
    events: list[EventFault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        if fault.kind not in KINDS and not fault.kind.startswith("error:"):
            raise bad_arguments(f"unknown kind {fault.kind}; known are {', '.join(sorted(KINDS))} and error:<code>")
        self.calls.append(fault)

    def add_event(self, fault: EventFault) -> None:
        if fault.kind not in EVENT_KINDS:
            raise bad_arguments(f"unknown kind {fault.kind}; known are {', '.join(sorted(EVENT_KINDS))}")
        self.events.append(fault)

    def clear(self) -> None:
        self.calls.clear()
        self.events.clear()

    def take(self, method: str) -> Fault | None:
        for fault in self.calls:
            if fault.method in {method, "*"} and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def take_event(self, envelope: str, event: str) -> EventFault | None:
        for fault in self.events:
            if fault.envelope in {envelope, "*"} and fault.event in {"", event} and fault.times > 0:
                fault.times -= 1
                return fault
        return None


async def suffer(
    fault: Fault | None, request: web.Request, commit: Callable[[], Awaitable[web.Response]]
) -> web.Response:
    """Answer a call as the fault wants; `commit` does the call's work and makes the honest answer."""
    if fault is None:
        return await commit()
    if (refused := _refuse(fault, request)) is not None:
        return refused
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay_s)
        return await commit()
    if fault.kind == "late_commit":
        await request.read()  # it cannot be read once the client is gone
        await _wait_for_hang_up(request)
    await commit()
    match fault.kind:
        case "http_500_after":
            return web.Response(status=500, text="upstream trouble")
        case "garbage_200":
            return web.Response(text="<html><body>Be right back</body></html>", content_type="text/html")
        case _:
            return _hang_up(request)


def _refuse(fault: Fault, request: web.Request) -> web.Response | None:
    """Answer without doing the call's work, for the kinds that do none."""
    if fault.kind.startswith("error:"):
        return web.json_response(RefusalError(fault.kind.removeprefix("error:")).body())
    match fault.kind:
        case "ratelimit":
            return limited(fault.retry_after)
        case "drop_before":
            return _hang_up(request)
        case "http_500_before":
            return web.Response(status=500, text="upstream trouble")
        case _:
            return None


def limited(retry_after_s: int) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers={"Retry-After": str(retry_after_s)})


def _hang_up(request: web.Request) -> web.Response:
    """Cut the connection without a word; what is returned is written to nobody."""
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.abort()
    return web.Response()


async def _wait_for_hang_up(request: web.Request) -> None:
    until = asyncio.get_running_loop().time() + GIVE_UP_S
    while not _gone(request) and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.02)
    await asyncio.sleep(LATE_S)


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()

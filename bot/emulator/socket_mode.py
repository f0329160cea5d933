"""Socket Mode, Slack's side: tickets, hello, envelopes to any one connection, pings, and bad manners on request."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from bot.emulator.errors import RefusalError

MOST_CONNECTIONS = 10


@dataclass(slots=True, eq=False)
class Connection:
    number: int
    socket: web.WebSocketResponse
    request: web.Request
    holding: bool = False  # answers no ping, as a half-dead connection does


class SocketHub:
    """All open connections of the app. Implements Transport."""

    def __init__(self, *, app_id: str, acknowledge: Callable[[str, Any], None], changed: Callable[[], None]) -> None:
        self._app_id = app_id
        self._acknowledge = acknowledge
        self._changed = changed
        self._tickets: set[str] = set()
        self._count = 0
        self._turn = 0
        self.connections: list[Connection] = []

    def new_url(self, *, base: str) -> str:
        """Return a WebSocket address that works once."""
        if len(self.connections) >= MOST_CONNECTIONS:
            raise RefusalError("too_many_websockets")
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"{base.replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={self._app_id}"

    async def send(self, envelope: Mapping[str, Any], *, elsewhere: bool = False) -> bool:
        """Give each envelope to the next connection in turn."""
        alive = [connection for connection in self.connections if not connection.socket.closed]
        if not alive:
            return False
        if not elsewhere or len(alive) > 1:
            self._turn += 1
        try:
            await alive[self._turn % len(alive)].socket.send_json(envelope)
        except ConnectionError:
            return False
        return True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection at /link."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=8 * 2**20)
        await socket.prepare(request)
        self._count += 1
        connection = Connection(self._count, socket, request)
        self.connections.append(connection)
        self._changed()
        try:
            await socket.send_json(self._hello(connection))
            await self._listen(connection)
        finally:
            self.connections.remove(connection)
            self._changed()
        return socket

    def _hello(self, connection: Connection) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": f"emulator-{connection.number}", "approximate_connection_time": 18060},
        }

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is WSMsgType.PING and not connection.holding:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._hear(message.data)

    def _hear(self, data: str) -> None:
        try:
            found = json.loads(data)
        except ValueError:
            return  # Slack ignores what it cannot read, and the envelope stays unacknowledged
        if isinstance(found, dict) and isinstance(found.get("envelope_id"), str):
            self._acknowledge(found["envelope_id"], found.get("payload"))

    async def disconnect(self, reason: str) -> int:
        """Say goodbye as Slack does before it closes; a `warning` leaves the connection open."""
        told = tuple(self.connections)
        for connection in told:
            await connection.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": f"emulator-{connection.number}"}}
            )
            if reason != "warning":
                await connection.socket.close()
        return len(told)

    def kill(self) -> int:
        """Cut every connection without a word."""
        told = tuple(self.connections)
        for connection in told:
            transport = connection.request.transport
            if transport is not None:
                transport.abort()
        return len(told)

    def hold(self, *, holding: bool) -> int:
        for connection in self.connections:
            connection.holding = holding
        return len(self.connections)

    async def close(self) -> None:
        for connection in tuple(self.connections):
            await connection.socket.close()

"""The page's live connection: the whole workspace once, then every change as it happens."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from bot.emulator.core import Emulator
from bot.emulator.entities import Change
from bot.emulator.snapshot import channel_shape, message_shape, notices_shape, snapshot, views_shape

SLOW = 2_000  # changes waiting for a browser before it is told to start over


class PageSockets:
    """All open pages. Each has its own queue, so that a sleeping tab slows nobody."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._queues: dict[web.WebSocketResponse, asyncio.Queue[dict[str, Any]]] = {}
        emulator.workspace.subscribe(self.hear)

    def hear(self, change: Change) -> None:
        if not self._queues:
            return
        update = self._update(change)
        for socket, queue in self._queues.items():
            if queue.qsize() < SLOW:
                queue.put_nowait(update)
            else:
                self._emulator.tasks.start(socket.close())

    def _update(self, change: Change) -> dict[str, Any]:
        workspace = self._emulator.workspace
        found: dict[str, Any] = {"type": change.kind}
        match change.kind:
            case "views":
                return {**found, "views": views_shape(workspace)}
            case "connections":
                return {**found, "connections": len(self._emulator.sockets.connections)}
            case "home":
                return {**found, "user": change.user, "view": workspace.homes[change.user].to_api()}
            case "warning":
                return {**found, "notice": notices_shape(workspace, len(workspace.notices) - 1)}
            case "joined" | "opened_im":
                return {**found, "channel": channel_shape(workspace, workspace.channels[change.channel])}
        assert change.message is not None
        message = change.message
        gone = change.kind == "ephemeral_deleted" or (change.kind == "deleted" and not message.deleted)
        if gone:
            return {**found, "type": "gone", "channel_id": change.channel, "ts": message.ts}
        if message.is_reply and message.thread_ts in workspace.channels[change.channel].messages:
            root = workspace.channels[change.channel].messages[message.thread_ts or ""]
            found["root"] = message_shape(workspace, root)
        files = [workspace.files[key].to_api(base=workspace.base) for key in message.files if key in workspace.files]
        return {**found, "type": "message", "message": message_shape(workspace, message), "files": files}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._queues[socket] = queue
        queue.put_nowait({"type": "snapshot", "snapshot": snapshot(self._emulator)})
        writer = asyncio.create_task(_write(socket, queue))
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            del self._queues[socket]
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def start_over(self) -> None:
        """Send everything again, after a reset."""
        for queue in self._queues.values():
            queue.put_nowait({"type": "snapshot", "snapshot": snapshot(self._emulator)})

    async def close(self) -> None:
        for socket in tuple(self._queues):
            await socket.close()


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[dict[str, Any]]) -> None:
    while True:
        update = await queue.get()
        if socket.closed:
            return
        await socket.send_json(update)

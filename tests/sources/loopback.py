"""Small servers on an ephemeral loopback port: one that answers bytes as told, one that answers recorded JSON."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FIXTURES = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict
    headers: dict
    body: bytes


def recorded(name):
    """Read an answer that a real server gave: status and body."""
    found = json.loads((FIXTURES / f"{name}.json").read_text())
    return found["status"], found["body"]


@asynccontextmanager
async def raw_server(*chunks, hang=False):
    """Answer any request with these bytes, then close, or never finish. Yields the base URL and the request heads."""
    heads, over = [], asyncio.Event()

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head.decode())
        try:
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)
            if hang:
                await over.wait()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        over.set()
        server.close()
        await server.wait_closed()


def ok(body, *, kind="application/json", more=""):
    """Write a whole HTTP answer."""
    return (f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}\r\n").encode() + body


@asynccontextmanager
async def api_server(handler):
    """Serve `handler(asked) -> (status, body)`; a body that is text goes out as text. Yields URL and requests."""
    seen = []

    async def answer(request):
        asked = Asked(request.method, request.path, dict(request.query), dict(request.headers), await request.read())
        seen.append(asked)
        told = handler(asked)
        status, body = await told if asyncio.iscoroutine(told) else told
        if isinstance(body, str):
            return web.Response(status=status, text=body)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
    finally:
        await runner.cleanup()

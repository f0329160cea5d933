"""One HTTP server with every surface of the emulated Slack, on loopback only."""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.emulator import control
from bot.emulator.core import Emulator
from bot.emulator.definition import Definition
from bot.emulator.errors import RefusalError
from bot.emulator.faults import suffer
from bot.emulator.page_socket import PageSockets
from bot.emulator.state_file import StateFile
from bot.emulator.web_api import dispatch
from bot.emulator.web_api.files import receive

PAGE = Path(__file__).parent / "page"
LARGEST_BODY = 64 * 2**20  # bytes; an upload travels in one piece
POLICY: Final = "default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"


class Server:
    """A running emulator. `url` is its address, `api_url` what an SDK wants as base_url."""

    def __init__(
        self, emulator: Emulator, *, runner: web.AppRunner, pages: PageSockets, state: StateFile | None
    ) -> None:
        self.emulator = emulator
        self._runner, self._pages, self._state = runner, pages, state

    @property
    def url(self) -> str:
        return self.emulator.workspace.base

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    async def close(self) -> None:
        await self._pages.close()
        await self.emulator.close()
        await self._runner.cleanup()
        if self._state is not None:
            self._state.save()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def serve(
    definition: Definition | None = None, *, host: str = "127.0.0.1", port: int = 0, state_file: Path | None = None
) -> Server:
    """Start listening and return at once; port 0 takes a free one.

    Leave with `close`, or use it as an asynchronous context manager.

    Raises ValueError for a host that is not loopback: everybody who can reach this server is every user in it.
    """
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address")
    emulator = Emulator(definition)
    state = StateFile(state_file, emulator.workspace) if state_file else None
    if state is not None:
        state.load()
        emulator.tasks.start(state.keep())
    pages = PageSockets(emulator)
    runner = web.AppRunner(make_app(emulator, pages), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound = runner.addresses[0][1]
    emulator.workspace.base = f"http://{host}:{bound}"
    return Server(emulator, runner=runner, pages=pages, state=state)


def make_app(emulator: Emulator, pages: PageSockets) -> web.Application:
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[only_local])
    surfaces = _Surfaces(emulator, pages)
    app.router.add_route("*", "/api/{method}", surfaces.api)
    app.router.add_get("/link", emulator.sockets.handle)
    app.router.add_post("/hooks/{id}", surfaces.hook)
    app.router.add_post("/upload/v1/{id}", surfaces.upload)
    app.router.add_get("/files-pri/{file}/{name}", surfaces.download)
    app.router.add_route("*", "/_control/{command}", surfaces.control)
    app.router.add_get("/page/socket", pages.handle)
    app.router.add_get("/", surfaces.page)
    app.router.add_static("/page/", PAGE)
    return app


@web.middleware
async def only_local(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse other hosts' names and other sites' scripts: a browser on this machine must not be talked into acting."""
    host = urlsplit(f"//{request.headers.get('Host', '')}")
    origin = request.headers.get("Origin")
    if not _is_loopback(host.hostname or "") or (origin is not None and urlsplit(origin).netloc != host.netloc):
        return web.Response(status=403, text="this server speaks only to its own machine")
    return await handler(request)


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class _Surfaces:
    def __init__(self, emulator: Emulator, pages: PageSockets) -> None:
        self._emulator, self._pages = emulator, pages

    async def api(self, request: web.Request) -> web.Response:
        return await dispatch.handle(self._emulator, request)

    async def upload(self, request: web.Request) -> web.Response:
        return await receive(self._emulator, request)

    async def control(self, request: web.Request) -> web.Response:
        answer = await control.handle(self._emulator, request)
        if request.match_info["command"] == "reset":
            self._pages.start_over()
        return answer

    async def hook(self, request: web.Request) -> web.Response:
        async def answer() -> web.Response:
            try:
                body: Any = await request.json()
                self._emulator.hooks.use(request.match_info["id"], body if isinstance(body, dict) else {})
            except ValueError:
                return web.Response(status=400, text="invalid_payload")
            except RefusalError as refusal:
                gone = refusal.code in {"expired_url", "used_url"}
                return web.json_response(refusal.body(), status=404 if gone else 400)
            return web.Response(text="ok")

        return await suffer(self._emulator.faults.take("hooks"), request, answer)

    async def download(self, request: web.Request) -> web.Response:
        file = self._emulator.workspace.files.get(request.match_info["file"].rpartition("-")[2])
        if file is None or file.content is None or file.deleted:
            return web.Response(status=404)
        kind = file.mimetype if file.mimetype.startswith("image/") else "application/octet-stream"
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return web.Response(body=file.content, content_type=kind, headers=headers)

    async def page(self, _request: web.Request) -> web.Response:
        text = await asyncio.to_thread((PAGE / "index.html").read_text, encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

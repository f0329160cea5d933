"""A scripted model server on loopback that speaks OpenAI's chat API, well or badly as the URL says."""

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.llm import personas

HUGE = 60 * 1024 * 1024


@dataclass
class Seen:
    """What arrived, and where."""

    hosts: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    bodies: list = field(default_factory=list)
    elsewhere: int = 0  # requests to the host that redirects point to


def envelope(message, *, finish="stop"):
    return {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 90, "total_tokens": 1290},
    }


def calling(name, arguments):
    call = {"id": "t-1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return envelope({"content": None, "tool_calls": [call]}, finish="tool_calls")


def answer_of(body, persona):
    """What a persona would say to this request, through the only tool that was offered."""
    prompt = type("Prompt", (), {"user": body["messages"][-1]["content"]})
    if body["messages"][-1]["role"] != "user":  # the repair: the evidence stands in the first message to us
        prompt.user = next(message["content"] for message in body["messages"] if message["role"] == "user")
    return calling(body["tools"][0]["function"]["name"], json.dumps(persona(personas.data_of(prompt))))


class Server:
    def __init__(self):
        self.seen = Seen()
        self.over = asyncio.Event()
        self.other = ""

    async def handle(self, request):
        mode = request.match_info["mode"]
        raw = await request.read()
        self.seen.hosts.append(request.host)
        self.seen.headers.append(dict(request.headers))
        self.seen.bodies.append(json.loads(raw))
        return await self.respond(mode, request, json.loads(raw))

    async def respond(self, mode, request, body):
        tool = body["tools"][0]["function"]["name"]
        good = answer_of(body, personas.faithful)
        told = {
            "badjson": calling(tool, '{"hypothesis": "H1", "claims": [{"te'),
            "wrongschema": calling(tool, '{"root_cause": "x", "actions": [{"rollback": "fraud"}]}'),
            "prose": envelope({"content": "Sure! The disk is full, I would roll back."}),
            "nan": calling(tool, '{"hypothesis": NaN, "claims": NaN, "next_checks": NaN}'),
            "deep": calling(tool, "[" * 100_000),
            "trunc": envelope({"content": '{"hypothesis": "H'}, finish="length"),
            "empty": {**good, "choices": []},
            "unknowntool": calling("rollback_model", '{"model": "fraud"}'),
            "toolloop": calling("query_metrics", '{"query": "up"}'),
        }
        if mode in told:
            return web.json_response(told[mode])
        if hasattr(personas, mode):
            return web.json_response(answer_of(body, getattr(personas, mode)))
        return await getattr(self, mode)(request, json.dumps(good).encode())

    async def ok(self, request, good):
        return web.Response(body=good, content_type="application/json")

    async def html200(self, request, good):
        return web.Response(text="<html>Bad gateway</html>", content_type="text/html")

    async def cut(self, request, good):
        return web.Response(body=good[: len(good) // 2], content_type="application/json")

    async def e500(self, request, good):
        return web.json_response({"error": {"message": "boom"}}, status=500)

    async def e429(self, request, good):
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "20"})

    async def e429hour(self, request, good):
        return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "3600"})

    async def redir(self, request, good):
        return web.Response(status=307, headers={"Location": f"{self.other}/v1/chat/completions"})

    async def silent(self, request, good):
        await self.over.wait()
        return web.Response()

    async def drip(self, request, good):
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        while not self.over.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    async def huge(self, request, good):
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        for _ in range(HUGE // 65536):
            await response.write(b" " * 65536)
        return response

    async def gzipbomb(self, request, good):
        bomb = gzip.compress(b" " * HUGE)
        return web.Response(body=bomb, headers={"content-encoding": "gzip", "content-type": "application/json"})

    async def elsewhere(self, request):
        self.seen.elsewhere += 1
        return web.json_response({})


@asynccontextmanager
async def model_server():
    """Yields the base URL (add `/<mode>/v1`) and what was seen."""
    server = Server()
    one, two = web.Application(client_max_size=2**24), web.Application()
    one.router.add_post("/{mode}/v1/chat/completions", server.handle)
    two.router.add_route("*", "/{tail:.*}", server.elsewhere)
    runners = [web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (one, two)]
    urls = []
    for runner, host in zip(runners, ("127.0.0.1", "127.0.0.2"), strict=True):
        await runner.setup()
        site = web.TCPSite(runner, host, 0)
        await site.start()
        urls.append(f"http://{host}:{site._server.sockets[0].getsockname()[1]}")
    server.other = urls[1]
    try:
        yield urls[0], server.seen
    finally:
        server.over.set()
        for runner in runners:
            await runner.cleanup()

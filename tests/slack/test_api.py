"""How Slack's answers are sorted, over a real loopback connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from bot.metrics import Metrics
from bot.slack.api import SlackApi, make_client, make_session

pytestmark = pytest.mark.enable_socket


@asynccontextmanager
async def slack_answering(respond):
    """Yields the API and the list of requests that arrived."""
    seen = []

    async def handle(request):
        seen.append((request.method, request.path, await request.read(), dict(request.query)))
        return await respond(request)

    app = web.Application()
    app.router.add_route("*", "/api/{method}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    session = make_session()
    try:
        client = make_client("xoxb-1", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/api/", session=session)
        yield SlackApi(client, metrics=Metrics()), seen
    finally:
        await session.close()
        await runner.cleanup()


def answering(status=200, *, json=None, text=None, headers=None):
    async def respond(_):
        if json is not None:
            return web.json_response(json, status=status, headers=headers)
        return web.Response(status=status, text=text or "", headers=headers, content_type="text/html")

    return respond


async def lose(request):
    request.transport.abort()
    await asyncio.sleep(0)
    return web.Response()


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        pytest.param(
            answering(429, json={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "7"}),
            RetryLaterError,
            id="limit",
        ),
        pytest.param(answering(json={"ok": False, "error": "rate_limited"}), RetryLaterError, id="limit in a 200"),
        pytest.param(answering(500, text="oops"), UnknownOutcomeError, id="500"),
        pytest.param(answering(503, json={"ok": False, "error": "service_unavailable"}), UnknownOutcomeError, id="503"),
        pytest.param(answering(200, text="<html>"), UnknownOutcomeError, id="not JSON"),
        pytest.param(answering(200, json=[1]), UnknownOutcomeError, id="JSON, but no object"),
        pytest.param(answering(json={"ok": False, "error": "fatal_error"}), UnknownOutcomeError, id="may have worked"),
        pytest.param(answering(json={"ok": False, "error": "invalid_blocks"}), GiveUpError, id="content"),
        pytest.param(lose, UnknownOutcomeError, id="reply lost"),
    ],
)
async def test_answers_to_a_post_are_sorted(respond, error):
    async with slack_answering(respond) as (api, seen):
        with pytest.raises(error):
            await api.post(channel="C1", text="hello")

        assert len(seen) == 1  # nothing is repeated behind our back


async def test_the_wish_to_wait_is_passed_on():
    respond = answering(429, json={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "7"})
    async with slack_answering(respond) as (api, _):
        with pytest.raises(RetryLaterError) as caught:
            await api.post(channel="C1", text="hello")

        assert caught.value.after_s == 7.0


async def test_a_refused_connection_was_certainly_not_sent():
    session = make_session()
    api = SlackApi(make_client("xoxb-1", base_url="http://127.0.0.1:1/api/", session=session), metrics=Metrics())

    with pytest.raises(RetryLaterError):
        await api.post(channel="C1", text="hello")

    await session.close()


async def test_a_read_in_doubt_is_simply_read_again():
    async with slack_answering(answering(500, text="oops")) as (api, _):
        with pytest.raises(RetryLaterError):
            await api.read("conversations.history", channel="C1")


async def test_posts_never_unfurl_or_link_and_refusals_carry_slacks_word():
    async with slack_answering(answering(json={"ok": False, "error": "missing_scope", "needed": "chat:write"})) as (
        api,
        seen,
    ):
        with pytest.raises(GiveUpError, match="chat:write") as caught:
            await api.post(channel="C1", text="hello")

    assert caught.value.code == "missing_scope"
    for flag in (b'"unfurl_links": false', b'"unfurl_media": false', b'"parse": "none"', b'"link_names": false'):
        assert flag in seen[0][2]

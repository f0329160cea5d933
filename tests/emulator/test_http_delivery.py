"""Signed HTTP delivery, checked by the real verifier."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from bot.emulator import AppDefinition

pytestmark = pytest.mark.enable_socket
SECRET = AppDefinition().signing_secret


@pytest.fixture
async def received(server):
    """An app behind a URL that answers everything it can verify; returns what it got."""
    got = []

    async def answer(request):
        body = await request.text()
        if not SignatureVerifier(SECRET).is_valid_request(body, dict(request.headers)):
            return web.Response(status=401)
        got.append((request.content_type, body, request.headers.get("X-Slack-Retry-Num")))
        return web.json_response({"text": "private answer"}) if "command=" in body else web.Response()

    app = web.Application()
    app.router.add_post("/slack/events", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.emulator.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield got
    await runner.cleanup()


async def test_a_command_is_a_signed_form_and_its_body_answers(server, received):
    outcome = await server.emulator.people.slash(user="alice", channel="incidents", text="/ops status")

    kind, body, _ = received[0]
    assert kind == "application/x-www-form-urlencoded"
    assert parse_qs(body)["text"] == ["status"]
    assert outcome.response == {"text": "private answer"}


async def test_a_click_is_a_form_with_one_payload(server, client, received):
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    ts = (
        await client.chat_postMessage(
            channel="C0INCIDENTS", text="x", blocks=[{"type": "actions", "elements": [button]}]
        )
    )["ts"]

    outcome = await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="go")

    forms = [body for kind, body, _ in received if kind == "application/x-www-form-urlencoded"]
    assert outcome.acked
    assert json.loads(parse_qs(forms[0])["payload"][0])["actions"][0]["action_id"] == "go"


async def test_an_event_is_json(server, received, eventually):
    server.emulator.people.message(user="alice", channel="incidents", text="hello")

    await eventually(lambda: received)
    kind, body, retry = received[0]
    assert (kind, json.loads(body)["event"]["text"], retry) == ("application/json", "hello", None)


async def test_an_app_that_refuses_is_asked_again(server, received, eventually, monkeypatch):
    monkeypatch.setattr(server.emulator.delivery.transport, "_secret", "wrong")
    server.emulator.people.message(user="alice", channel="incidents", text="hello")
    await eventually(lambda: server.emulator.delivery._pending)
    await eventually(lambda: not server.emulator.delivery._pending)
    monkeypatch.setattr(server.emulator.delivery.transport, "_secret", SECRET)

    await eventually(lambda: received or server.emulator.clock.advance(60))

    assert int(received[0][2]) >= 1

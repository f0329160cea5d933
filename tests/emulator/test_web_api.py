"""What every method shares: tokens, scopes, ways to send arguments, limits, faults."""

from __future__ import annotations

import asyncio
import dataclasses

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.emulator import Definition, EventFault, Fault, serve
from bot.emulator.errors import LimitedError
from bot.emulator.limits import Limits

pytestmark = pytest.mark.enable_socket
INCIDENTS = "C0INCIDENTS"


def texts(server):
    return [message.text for message in server.emulator.workspace.channel("incidents").messages.values()]


@pytest.mark.parametrize(
    ("token", "method", "error"),
    [
        pytest.param("", "auth.test", "not_authed", id="no token"),
        pytest.param("xoxb-other", "auth.test", "invalid_auth", id="unknown token"),
        pytest.param("xapp-emulator", "auth.test", "not_allowed_token_type", id="app token for a method"),
        pytest.param("xoxb-emulator", "apps.connections.open", "not_allowed_token_type", id="bot token for a socket"),
        pytest.param("xoxb-emulator", "chat.shout", "unknown_method", id="no such method"),
    ],
)
async def test_a_wrong_token_or_method_is_named(server, session, token, method, error):
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async with session.post(f"{server.api_url}{method}", headers=headers) as answer:
        body = await answer.json()

    assert (answer.status, body) == (200, {**body, "ok": False, "error": error})


async def test_a_missing_scope_says_what_is_needed(definition, session):
    poor = dataclasses.replace(definition, app=dataclasses.replace(definition.app, scopes=("chat:write",)))
    async with await serve(poor) as server:
        client = AsyncWebClient(token="xoxb-emulator", base_url=server.api_url, session=session)
        with pytest.raises(SlackApiError) as caught:
            await client.conversations_history(channel=INCIDENTS)

    assert caught.value.response["error"] == "missing_scope"
    assert (caught.value.response["needed"], caught.value.response["provided"]) == ("channels:history", "chat:write")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"json": {"channel": INCIDENTS, "text": "hello"}}, id="json"),
        pytest.param({"data": {"channel": INCIDENTS, "text": "hello"}}, id="form"),
        pytest.param({"params": {"channel": INCIDENTS, "text": "hello"}}, id="query"),
        pytest.param({"data": aiohttp.FormData([("channel", INCIDENTS), ("text", "hello")])}, id="form again"),
    ],
)
async def test_arguments_come_in_any_way(server, session, sent):
    headers = {"Authorization": "Bearer xoxb-emulator"}

    async with session.post(f"{server.api_url}chat.postMessage", headers=headers, **sent) as answer:
        assert (await answer.json())["ok"]

    assert texts(server) == ["hello"]


async def test_an_empty_json_body_and_a_token_as_argument_are_fine(server, session):
    headers = {"Content-Type": "application/json"}

    async with session.post(f"{server.api_url}auth.test?token=xoxb-emulator", data=b"", headers=headers) as answer:
        assert (await answer.json())["ok"]


async def test_missing_arguments_are_listed(client):
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("chat.update", json={"text": "x"})

    assert caught.value.response["error"] == "invalid_arguments"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: channel",
        "[ERROR] missing required field: ts",
    ]


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        pytest.param("drop_before", False, id="connection lost before"),
        pytest.param("drop_after", True, id="reply lost"),
        pytest.param("http_500_before", False, id="500, not done"),
        pytest.param("http_500_after", True, id="500, done"),
        pytest.param("garbage_200", True, id="a page instead of JSON"),
        pytest.param("error:fatal_error", False, id="Slack's own error"),
        pytest.param("ratelimit", False, id="limited"),
    ],
)
async def test_a_fault_strikes_once_and_stores_or_not(server, client, kind, stored):
    server.emulator.faults.add(Fault(method="chat.postMessage", kind=kind))

    with pytest.raises((SlackApiError, aiohttp.ClientError)):
        await client.chat_postMessage(channel=INCIDENTS, text="first")
    await client.chat_postMessage(channel=INCIDENTS, text="second")

    assert texts(server) == (["first", "second"] if stored else ["second"])


async def test_a_lost_reply_is_posted_twice_by_the_sdks_own_retry(server, session):
    client = AsyncWebClient(
        token="xoxb-emulator",
        base_url=server.api_url,
        session=session,
        retry_handlers=[AsyncConnectionErrorRetryHandler()],
    )
    server.emulator.faults.add(Fault(method="chat.postMessage", kind="drop_after"))

    await client.chat_postMessage(channel=INCIDENTS, text="double")

    assert texts(server) == ["double", "double"]


async def test_a_late_commit_happens_after_the_client_gave_up(server, eventually):
    server.emulator.faults.add(Fault(method="chat.postMessage", kind="late_commit"))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.2)) as hasty:
        client = AsyncWebClient(token="xoxb-emulator", base_url=server.api_url, session=hasty, retry_handlers=[])
        with pytest.raises(asyncio.TimeoutError):
            await client.chat_postMessage(channel=INCIDENTS, text="late")
        assert texts(server) == []

        await eventually(lambda: texts(server) == ["late"])


async def test_a_limit_says_how_long_to_wait(server, client):
    server.emulator.faults.add(Fault(method="chat.postMessage", kind="ratelimit", retry_after=7))

    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=INCIDENTS, text="x")

    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    assert caught.value.response["error"] == "ratelimited"


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        pytest.param("off", 30, id="off"),
        pytest.param("soft", 10, id="soft allows a burst"),
        pytest.param("hard", 1, id="hard allows one a second"),
    ],
)
def test_a_channels_bucket(mode, allowed):
    limits, taken = Limits(mode=mode, timer=lambda: 100.0), 0

    for _ in range(30):
        try:
            limits.check_post("C1")
            taken += 1
        except LimitedError:
            break

    assert taken == allowed


async def test_hard_limits_reach_the_client_as_429(server, client):
    server.emulator.limits.mode = "hard"
    await client.chat_postMessage(channel=INCIDENTS, text="one")

    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=INCIDENTS, text="two")

    assert caught.value.response.status_code == 429


async def test_the_log_tells_every_call_without_the_token(server, client):
    await client.chat_postMessage(channel=INCIDENTS, text="x")

    entry = server.emulator.log[-1]
    assert (entry["method"], entry["ok"], entry["arguments"]["text"]) == ("chat.postMessage", True, "x")
    assert "xoxb" not in repr(entry)


async def test_a_revoked_token_stops_everything(server, client):
    server.emulator.token_error = "token_revoked"

    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()

    assert caught.value.response["error"] == "token_revoked"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="a name that resolves here"),
        pytest.param({"Origin": "https://evil.example"}, id="a script of another site"),
    ],
)
async def test_strangers_are_refused(server, session, headers):
    async with session.get(f"{server.url}/_control/snapshot", headers=headers) as answer:
        assert answer.status == 403


async def test_only_loopback_is_served():
    with pytest.raises(ValueError, match="not a loopback"):
        await serve(Definition(), host="192.0.2.1")


async def test_the_control_api_names_what_does_not_fit(server, session):
    async with session.post(f"{server.url}/_control/message", json={"user": "alice", "colour": "red"}) as answer:
        body = await answer.json()

    assert (answer.status, body["error"]) == (400, "invalid_arguments")


async def test_unknown_faults_are_refused(server):
    with pytest.raises(Exception, match="invalid_arguments"):
        server.emulator.faults.add(Fault(method="x", kind="gremlins"))
    with pytest.raises(Exception, match="invalid_arguments"):
        server.emulator.faults.add_event(EventFault(kind="gremlins"))

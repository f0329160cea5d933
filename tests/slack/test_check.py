"""What the doctor says about Slack: the fault, and what to do, without raising and without changing anything."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.metrics import Metrics
from bot.slack.check import check_slack
from bot.slack.manifest import needed_scopes
from bot.slack.options import SlackOptions
from tests.slack.builders import CHANNEL

ALL = ",".join(needed_scopes(private_channels=False, user_groups=False))
GOOD = {
    "auth.test": {"ok": True, "team_id": "T1", "team": "Team", "user": "faultline"},
    "conversations.info": {"ok": True, "channel": {"id": CHANNEL, "name": "incidents", "is_member": True}},
    "apps.connections.open": {"ok": True, "url": "ws://127.0.0.1/link"},
}


@asynccontextmanager
async def slack(answers, scopes=ALL):
    async def handle(request):
        return web.json_response(answers[request.match_info["method"]], headers={"X-OAuth-Scopes": scopes})

    app = web.Application()
    app.router.add_route("*", "/api/{method}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


async def checked(change=None, *, scopes=ALL, **options):
    async with slack(GOOD | (change or {}), scopes) as url:
        given = {"bot_token": "xoxb-1", "app_token": "xapp-1", "channel": CHANNEL, "base_url": url} | options
        found = await check_slack(SlackOptions(**given), metrics=Metrics())
    return {one.name: one for one in found}


@pytest.mark.enable_socket
async def test_a_good_setup_is_ok_in_every_part():
    found = await checked()

    assert {one.state for one in found.values()} == {"ok"}
    assert set(found) == {"Slack bot token", "Slack scopes", "Slack channel", "Slack Socket Mode"}


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("change", "options", "name", "words"),
    [
        pytest.param(
            {"auth.test": {"ok": False, "error": "invalid_auth"}},
            {},
            "Slack bot token",
            "copy it again",
            id="bad token",
        ),
        pytest.param({}, {"scopes": "chat:write"}, "Slack scopes", "reinstall", id="scopes missing"),
        pytest.param({}, {"team": "T9"}, "Slack bot token", "workspace", id="another workspace"),
        pytest.param(
            {"conversations.info": {"ok": True, "channel": {"is_member": False}}},
            {},
            "Slack channel",
            "/invite",
            id="not a member",
        ),
        pytest.param(
            {"conversations.info": {"ok": False, "error": "channel_not_found"}},
            {},
            "Slack channel",
            "id",
            id="no such channel",
        ),
        pytest.param(
            {"apps.connections.open": {"ok": False, "error": "not_allowed_token_type"}},
            {},
            "Slack Socket Mode",
            "mixed up",
            id="tokens mixed up",
        ),
        pytest.param({}, {"app_token": ""}, "Slack Socket Mode", "connections:write", id="no app token"),
    ],
)
async def test_each_fault_is_named_with_its_remedy(change, options, name, words):
    found = await checked(change, **options)

    assert found[name].state == "failed"
    assert words in found[name].fix


async def test_without_a_token_slack_is_not_configured():
    [found] = await check_slack(SlackOptions(bot_token="", channel=""), metrics=Metrics())

    assert found.state == "not configured"


@pytest.mark.enable_socket
async def test_an_unreachable_slack_is_a_failure_and_not_a_crash():
    found = await check_slack(
        SlackOptions(bot_token="xoxb-1", app_token="xapp-1", channel=CHANNEL, base_url="http://127.0.0.1:1/api/"),
        metrics=Metrics(),
    )

    assert [one.state for one in found] == ["failed", "failed"]

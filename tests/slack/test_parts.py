"""The smaller parts: the manifest, the picture, the options, the tokens."""

from __future__ import annotations

import math
import struct

import pytest

from bot.errors import GiveUpError
from bot.slack.app import check_tokens
from bot.slack.commands import COMMANDS
from bot.slack.manifest import manifest
from bot.slack.options import SlackOptions, Transport
from bot.slack.people import SlackDirectory
from bot.slack.plots import draw
from tests.slack.builders import CHANNEL, plot
from tests.slack.fake_slack import FakeSlack

OPTIONS = {"bot_token": "xoxb-secret", "app_token": "xapp-secret", "channel": CHANNEL}


def test_the_manifest_offers_every_command_we_handle():
    found = manifest(socket_mode=True, request_url=None, private_channels=False, user_groups=False)

    assert {one["command"] for one in found["features"]["slash_commands"]} == set(COMMANDS)
    assert all(len(one["usage_hint"]) <= 1000 and one["should_escape"] for one in found["features"]["slash_commands"])
    assert "usergroups:read" not in found["oauth_config"]["scopes"]["bot"]


def test_the_http_manifest_names_its_address_everywhere():
    url = "https://bot.example/slack/events"
    found = manifest(socket_mode=False, request_url=url, private_channels=True, user_groups=True)

    assert found["settings"]["event_subscriptions"]["request_url"] == url
    assert found["settings"]["interactivity"]["request_url"] == url
    assert all(one["url"] == url for one in found["features"]["slash_commands"])
    assert {"groups:history", "usergroups:read"} <= set(found["oauth_config"]["scopes"]["bot"])
    assert not found["settings"]["socket_mode_enabled"]


def test_http_without_an_address_is_no_manifest():
    with pytest.raises(ValueError, match="URL"):
        manifest(socket_mode=False, request_url=None, private_channels=False, user_groups=False)


@pytest.mark.parametrize(
    "series",
    [
        pytest.param((plot(),), id="one"),
        pytest.param((plot(), plot(title="p99 $x^2$ \u6f22\u5b57 \u202e", unit="ms")) * 3, id="outside text, too many"),
        pytest.param((plot(onset_s=math.nan, values=(None,) * 60),), id="silent series"),
    ],
)
def test_the_picture_is_a_png_of_readable_size(series):
    content = draw(series)

    width, height = struct.unpack(">II", content[16:24])
    assert content.startswith(b"\x89PNG")
    assert 700 <= width <= 1200
    assert 200 <= height <= 1200


def test_secrets_do_not_show_in_a_repr():
    assert "secret" not in repr(SlackOptions(**OPTIONS, signing_secret="secret"))


@pytest.mark.parametrize(
    "change",
    [
        {"bot_token": "xapp-secret"},
        {"app_token": "xoxb-secret"},
        {"transport": Transport.HTTP, "signing_secret": ""},
    ],
)
def test_tokens_that_cannot_work_are_refused_before_anything_starts(change):
    with pytest.raises(GiveUpError):
        check_tokens(SlackOptions(**(OPTIONS | change)))


async def test_group_members_are_read_fresh_and_errors_reach_the_caller():
    slack = FakeSlack()
    slack.answers["usergroups.users.list"] = {"users": ["U1", "U2"]}
    directory = SlackDirectory(slack)

    assert await directory.members("S1") == {"U1", "U2"}
    slack.faults["usergroups.users.list"].append(GiveUpError("paid plans only", code="plan_upgrade_required"))
    with pytest.raises(GiveUpError):
        await directory.members("S1")

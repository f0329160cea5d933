"""A workspace's definition in JSON, text as Slack stores it, and the command that starts it all."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request

import pytest

from bot.emulator import Definition, load_definition
from bot.emulator.mrkdwn import escape, typed


def test_a_definition_needs_only_what_differs(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(
        json.dumps(
            {
                "team_name": "Acme",
                "app": {"name": "robo", "slash_commands": [{"command": "/robo", "usage_hint": "help"}]},
                "settings": {"trigger_ttl_s": 30},
            }
        )
    )

    found = load_definition(path)

    assert (found.team_name, found.app.name, found.app.bot_token) == ("Acme", "robo", "xoxb-emulator")
    assert found.app.slash_commands[0].command == "/robo"
    assert found.settings.trigger_ttl_s == 30
    assert found.people == Definition().people


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"colour": 1}, "unknown key 'colour'", id="unknown key"),
        pytest.param({"app": {"scopes": "chat:write"}}, r"\.app\.scopes: expected a list", id="not a list"),
        pytest.param({"people": [{"name": "x"}]}, r"\.people\[0\]: .*id", id="missing key"),
        pytest.param({"settings": {"paid_plan": "yes"}}, r"\.settings\.paid_plan: expected bool", id="wrong kind"),
        pytest.param([], "expected an object", id="not an object"),
    ],
)
def test_a_wrong_definition_is_named(tmp_path, given, words):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(given))

    with pytest.raises(ValueError, match=words):
        load_definition(path)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        pytest.param("a < b > c & d", "a &lt; b &gt; c &amp; d", id="stray signs"),
        pytest.param("&amp; &lt;", "&amp; &lt;", id="escaped already"),
        pytest.param(
            "<@U1> <#C1|x> <!here> <https://x.example|y>", "<@U1> <#C1|x> <!here> <https://x.example|y>", id="sequences"
        ),
        pytest.param("<script>", "&lt;script&gt;", id="markup"),
    ],
)
def test_text_is_stored_escaped(text, stored):
    assert escape(text) == stored


def test_what_people_type_becomes_ids():
    handles = {"names": {"bob": "U1"}, "channels": {"ops": "C1"}, "groups": {"team": "S1"}}

    found = typed("@bob @team @nobody @here #ops a@bob https://x.example/@bob <@U9>", **handles)

    assert found == ("<@U1> <!subteam^S1|@team> @nobody <!here> <#C1|ops> a@bob <https://x.example/@bob> <@U9>")


@pytest.mark.enable_socket
async def test_the_command_prints_its_address_and_stops_when_told(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.emulator", "--port", "0", "--state-file", str(tmp_path / "s.json"), stdout=-1
    )
    line = (await process.stdout.readline()).decode()
    url = line.split()[2]

    answer = await asyncio.to_thread(urllib.request.urlopen, url)
    with answer:
        page = answer.read().decode()
    process.terminate()

    assert await process.wait() == 0
    assert 'data-testid="acting-as"' in page
    assert (tmp_path / "s.json").exists()

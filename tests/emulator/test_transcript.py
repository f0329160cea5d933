"""The transcript reads like the channel, edits included; the state file brings it all back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.emulator import Definition, Emulator, serve
from bot.emulator.state_file import StateFile

pytestmark = pytest.mark.enable_socket
APP = {"user": "U0BOT", "bot_id": "B0EMULATED", "app_id": "A0EMULATED"}


@pytest.fixture
async def fresh() -> AsyncIterator[Emulator]:
    emulator = Emulator(Definition())
    yield emulator
    await emulator.close()


@pytest.fixture
async def told() -> AsyncIterator[Emulator]:
    """A channel where the app said something, bob answered, and the app edited and whispered."""
    emulator = Emulator(Definition())
    emulator.clock.set(1_700_000_000)
    workspace = emulator.workspace
    channel = workspace.channel("incidents")
    bar = {
        "color": "a30200",
        "id": 1,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Firing"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Owner*\n<@U0BOB>"}]},
            {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Take"}}]},
        ],
    }
    root = workspace.post(channel, **APP, text="x", attachments=[bar])
    emulator.people.message(user="bob", channel="incidents", text="on it & <3", thread_ts=root.ts)
    workspace.edit(root, by="U0BOT", text="all well", attachments=[])
    workspace.whisper(channel, to="U0BOB", text="thanks", **APP)
    workspace.react(root, "eyes", user="U0CAROL")
    yield emulator
    await emulator.close()


async def test_a_transcript_reads_like_the_channel(told):
    lines = told.transcript("incidents").splitlines()

    stripped = [line.replace("[22:13:20] ", "").replace("until 22:13:20: ", "") for line in lines]
    assert stripped == [
        "#incidents",
        "",
        "app (edited 1 x)",
        "  ~ x",
        "  ~ | ## Firing",
        "  ~ | *Owner* @bob",
        "  ~ | [Take]",
        "  all well",
        "  :eyes: 1",
        "    bob",
        "      on it & <3",
        "",
        "app (only visible to bob)",
        "  thanks",
    ]


async def test_a_transcript_can_leave_out_what_edits_replaced(told):
    assert "Firing" not in told.transcript("incidents", history=False)


async def test_a_transcript_is_served_as_text(server, session):
    server.emulator.people.message(user="alice", channel="incidents", text="hello")

    async with session.get(f"{server.url}/_control/transcript?channel=incidents") as answer:
        text = await answer.text()

    assert answer.content_type == "text/plain"
    assert "alice\n  hello" in text


async def test_the_state_file_brings_everything_back(tmp_path, told, fresh):
    before, after = told, fresh
    before.workspace.channel("incidents").ephemerals.clear()  # Slack forgets them on a reload as well
    StateFile(tmp_path / "state.json", before.workspace).save()

    StateFile(tmp_path / "state.json", after.workspace).load()

    assert after.transcript("incidents") == before.transcript("incidents")
    later = after.people.message(user="alice", channel="incidents", text="later")
    assert float(later.ts) > max(float(ts) for ts in before.workspace.channel("incidents").messages)


async def test_a_server_keeps_its_state_over_a_restart(tmp_path):
    for expected in (1, 2):
        async with await serve(Definition(), state_file=tmp_path / "state.json") as server:
            server.emulator.people.message(user="alice", channel="incidents", text="hello")
            assert len(server.emulator.workspace.channel("incidents").messages) == expected


async def test_a_snapshot_holds_what_the_page_needs(server, session):
    server.emulator.people.message(user="alice", channel="incidents", text="hello")

    async with session.get(f"{server.url}/_control/snapshot") as answer:
        found = await answer.json()

    channel = next(channel for channel in found["channels"] if channel["name"] == "incidents")
    assert [message["text"] for message in channel["messages"]] == ["hello"]
    assert {"app", "users", "groups", "files", "views", "homes", "notices", "connections"} <= set(found)


async def test_a_reset_forgets_everything(server, session):
    server.emulator.people.message(user="alice", channel="incidents", text="hello")

    async with session.post(f"{server.url}/_control/reset", json={}) as answer:
        assert (await answer.json())["ok"]

    assert server.emulator.workspace.channel("incidents").messages == {}

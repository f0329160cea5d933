"""chat.*, conversations.* and their rules, through the real SDK."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError

pytestmark = pytest.mark.enable_socket
INCIDENTS = "C0INCIDENTS"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*p95* is up"}}


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_a_post_answers_with_the_stored_message(client):
    found = await client.chat_postMessage(channel=INCIDENTS, text="a < b & <@U0BOB>", blocks=[SECTION])

    message = found["message"]
    assert found["channel"] == INCIDENTS
    assert message["ts"] == found["ts"]
    assert message["text"] == "a &lt; b &amp; <@U0BOB>"
    assert message["bot_id"] == "B0EMULATED"
    assert message["blocks"][0]["block_id"]


async def test_timestamps_grow_and_never_repeat(client):
    stamps = [(await client.chat_postMessage(channel=INCIDENTS, text=str(n)))["ts"] for n in range(20)]

    assert stamps == sorted(set(stamps), key=float)


async def test_an_update_with_text_alone_removes_the_blocks_and_keeps_the_metadata(client):
    metadata = {"event_type": "incident", "event_payload": {"id": "i-1"}}
    ts = (await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[SECTION], metadata=metadata))["ts"]

    found = await client.chat_update(channel=INCIDENTS, ts=ts, text="plain")

    assert found["text"] == "plain"
    assert "blocks" not in found["message"]
    assert "ts" not in found["message"]
    assert found["message"]["edited"]["user"] == "U0BOT"
    assert found["message"]["metadata"] == metadata


async def test_metadata_is_whole_only_when_asked_for(client):
    metadata = {"event_type": "incident", "event_payload": {"id": "i-1"}}
    await client.chat_postMessage(channel=INCIDENTS, text="x", metadata=metadata)

    short = (await client.conversations_history(channel=INCIDENTS))["messages"][0]
    whole = (await client.conversations_history(channel=INCIDENTS, include_all_metadata=True))["messages"][0]

    assert short["metadata"] == {"event_type": "incident"}
    assert whole["metadata"] == metadata


async def test_an_update_can_remove_metadata(client):
    metadata = {"event_type": "incident", "event_payload": {}}
    ts = (await client.chat_postMessage(channel=INCIDENTS, text="x", metadata=metadata))["ts"]

    found = await client.chat_update(channel=INCIDENTS, ts=ts, text="x", metadata={})

    assert "metadata" not in found["message"]


async def test_a_thread_counts_its_replies_on_the_root(client):
    root = (await client.chat_postMessage(channel=INCIDENTS, text="root"))["ts"]
    reply = await client.chat_postMessage(channel=INCIDENTS, text="reply", thread_ts=root)
    await client.chat_postMessage(channel=INCIDENTS, text="loud", thread_ts=root, reply_broadcast=True)

    thread = (await client.conversations_replies(channel=INCIDENTS, ts=root))["messages"]
    channel = (await client.conversations_history(channel=INCIDENTS))["messages"]

    assert reply["message"]["parent_user_id"] == "U0BOT"
    assert [message["text"] for message in thread] == ["root", "reply", "loud"]
    assert thread[0]["reply_count"] == 2
    assert [message["text"] for message in channel] == ["loud", "root"]


async def test_a_reply_to_a_vanished_root_lands_in_the_channel(client):
    found = await client.chat_postMessage(channel=INCIDENTS, text="lost", thread_ts="1.000001")

    assert "thread_ts" not in found["message"]


async def test_a_deleted_root_leaves_a_tombstone_only_over_replies(client):
    lonely = (await client.chat_postMessage(channel=INCIDENTS, text="lonely"))["ts"]
    root = (await client.chat_postMessage(channel=INCIDENTS, text="root"))["ts"]
    await client.chat_postMessage(channel=INCIDENTS, text="reply", thread_ts=root)

    await client.chat_delete(channel=INCIDENTS, ts=lonely)
    await client.chat_delete(channel=INCIDENTS, ts=root)

    left = (await client.conversations_history(channel=INCIDENTS))["messages"]
    assert [message["subtype"] for message in left] == ["tombstone"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"channel": "C404", "text": "x"}, "channel_not_found", id="no such channel"),
        pytest.param({"channel": "C0RANDOM", "text": "x"}, "not_in_channel", id="never invited"),
        pytest.param({"channel": INCIDENTS, "text": ""}, "no_text", id="nothing to say"),
        pytest.param(
            {"channel": INCIDENTS, "text": "x", "metadata": {"event_type": "a"}},
            "invalid_metadata_schema",
            id="metadata without payload",
        ),
        pytest.param(
            {"channel": INCIDENTS, "text": "x", "metadata": {"event_type": "a", "event_payload": {"k": "v" * 9000}}},
            "metadata_too_large",
            id="metadata as a database",
        ),
        pytest.param(
            {"channel": INCIDENTS, "text": "x", "markdown_text": "y"}, "markdown_text_conflict", id="two texts"
        ),
        pytest.param(
            {
                "channel": INCIDENTS,
                "text": "x",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}} for _ in range(5)],
            },
            "msg_blocks_too_long",
            id="blocks too long in sum",
        ),
    ],
)
async def test_a_post_is_refused_in_slacks_own_words(client, arguments, error):
    response = await refusal(client.api_call("chat.postMessage", json=arguments))

    assert response["error"] == error


async def test_only_own_messages_can_be_updated(client, server):
    theirs = server.emulator.people.message(user="alice", channel="incidents", text="mine")

    assert (await refusal(client.chat_update(channel=INCIDENTS, ts=theirs.ts, text="x")))["error"] == (
        "cant_update_message"
    )
    assert (await refusal(client.chat_update(channel=INCIDENTS, ts="1.000001", text="x")))["error"] == (
        "message_not_found"
    )


async def test_an_update_takes_less_text_than_a_post(client):
    ts = (await client.chat_postMessage(channel=INCIDENTS, text="y" * 40_500))["ts"]
    stored = (await client.conversations_history(channel=INCIDENTS))["messages"][0]

    response = await refusal(client.chat_update(channel=INCIDENTS, ts=ts, text="y" * 4_001))

    assert len(stored["text"]) == 40_000
    assert response["error"] == "msg_too_long"


async def test_an_ephemeral_is_seen_by_one_member_and_cannot_be_updated(client, server):
    ts = (await client.chat_postEphemeral(channel=INCIDENTS, user="U0BOB", text="psst"))["message_ts"]

    whispered = server.emulator.workspace.channel("incidents").ephemerals[ts]
    assert whispered.ephemeral_for == "U0BOB"
    assert (await refusal(client.chat_update(channel=INCIDENTS, ts=ts, text="x")))["error"] == "message_not_found"
    outsider = client.chat_postEphemeral(channel=INCIDENTS, user="U404", text="psst")
    assert (await refusal(outsider))["error"] == "user_not_in_channel"


async def test_history_pages_by_cursor_newest_first(client):
    for number in range(5):
        await client.chat_postMessage(channel=INCIDENTS, text=str(number))

    seen, cursor = [], None
    while True:
        page = await client.conversations_history(channel=INCIDENTS, limit=2, cursor=cursor)
        seen += [message["text"] for message in page["messages"]]
        if not page["has_more"]:
            break
        cursor = page["response_metadata"]["next_cursor"]

    assert seen == ["4", "3", "2", "1", "0"]


async def test_history_can_be_bounded_by_time(client):
    stamps = [(await client.chat_postMessage(channel=INCIDENTS, text=str(n)))["ts"] for n in range(4)]

    after = await client.conversations_history(channel=INCIDENTS, oldest=stamps[1])
    between = await client.conversations_history(channel=INCIDENTS, oldest=stamps[1], latest=stamps[2], inclusive=True)

    assert [message["text"] for message in after["messages"]] == ["3", "2"]
    assert [message["text"] for message in between["messages"]] == ["2", "1"]
    assert (await refusal(client.conversations_history(channel=INCIDENTS, oldest="noon")))["error"] == (
        "invalid_ts_oldest"
    )


async def test_a_stream_grows_and_then_ends(client, server):
    root = (await client.chat_postMessage(channel=INCIDENTS, text="root"))["ts"]
    who = {"recipient_user_id": "U0BOB", "recipient_team_id": "T0EMULATED"}
    ts = (await client.chat_startStream(channel=INCIDENTS, thread_ts=root, **who))["ts"]
    await client.chat_appendStream(
        channel=INCIDENTS, ts=ts, markdown_text="", chunks=[{"type": "markdown_text", "text": "one "}]
    )

    found = await client.chat_stopStream(channel=INCIDENTS, ts=ts, markdown_text="two")

    assert found["message"]["text"] == "one two"
    again = client.chat_appendStream(channel=INCIDENTS, ts=ts, markdown_text="three")
    assert (await refusal(again))["error"] == "message_not_in_streaming_state"


async def test_a_stream_expires(client, server):
    root = (await client.chat_postMessage(channel=INCIDENTS, text="root"))["ts"]
    who = {"recipient_user_id": "U0BOB", "recipient_team_id": "T0EMULATED"}
    ts = (await client.chat_startStream(channel=INCIDENTS, thread_ts=root, **who))["ts"]

    server.emulator.clock.advance(301)

    late = client.chat_stopStream(channel=INCIDENTS, ts=ts)
    assert (await refusal(late))["error"] == "message_not_in_streaming_state"


async def test_reactions_are_refused_twice_and_taken_back_once(client):
    place = {"channel": INCIDENTS, "timestamp": (await client.chat_postMessage(channel=INCIDENTS, text="x"))["ts"]}
    await client.reactions_add(name="eyes", **place)

    assert (await refusal(client.reactions_add(name="eyes", **place)))["error"] == "already_reacted"
    assert (await client.reactions_get(**place))["message"]["reactions"][0]["users"] == ["U0BOT"]
    await client.reactions_remove(name="eyes", **place)
    assert (await refusal(client.reactions_remove(name="eyes", **place)))["error"] == "no_reaction"
    assert (await refusal(client.reactions_add(name="NOT A NAME", **place)))["error"] == "invalid_name"


async def test_who_is_who(client):
    who = await client.auth_test()
    dave = await client.users_info(user="U0DAVE")
    groups = await client.usergroups_list(include_users=True)
    approvers = await client.usergroups_users_list(usergroup="S0APPROVERS")
    by_mail = await client.users_lookupByEmail(email="BOB@example.com")
    channels = await client.conversations_list()
    direct = await client.conversations_open(users="U0BOB")

    assert (who["bot_id"], who["user_id"], who["is_enterprise_install"]) == ("B0EMULATED", "U0BOT", False)
    assert dave["user"]["is_restricted"]
    assert groups["usergroups"][0]["users"] == approvers["users"] == ["U0BOB", "U0CAROL"]
    assert by_mail["user"]["id"] == "U0BOB"
    assert {channel["name"]: channel["is_member"] for channel in channels["channels"]} == {
        "incidents": True,
        "random": False,
    }
    assert direct["channel"]["id"].startswith("D")
    assert "chat:write" in who.headers["X-OAuth-Scopes"]


async def test_joining_lets_the_app_speak(client):
    await client.conversations_join(channel="C0RANDOM")

    assert (await client.chat_postMessage(channel="C0RANDOM", text="hello"))["ok"]
    assert "U0BOT" in (await client.conversations_members(channel="C0RANDOM"))["members"]

"""Buttons, selects, modals and the home, with the real Bolt."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError

from bot.emulator.errors import RefusalError

pytestmark = pytest.mark.enable_socket
INCIDENTS = "C0INCIDENTS"


def plain(text):
    return {"type": "plain_text", "text": text}


def option(value):
    return {"text": plain(value.title()), "value": value}


BUTTONS = {
    "type": "actions",
    "block_id": "row",
    "elements": [
        {"type": "button", "action_id": "ack", "text": plain("Acknowledge"), "value": "i-1"},
        {
            "type": "button",
            "action_id": "undo",
            "text": plain("Undo"),
            "style": "danger",
            "confirm": {
                "title": plain("Sure?"),
                "text": plain("It moves."),
                "confirm": plain("Yes"),
                "deny": plain("No"),
            },
        },
        {"type": "overflow", "action_id": "more", "options": [option("open"), option("mute")]},
        {"type": "static_select", "action_id": "pick", "options": [option("one"), option("two")]},
    ],
}
MODAL = {
    "type": "modal",
    "callback_id": "form",
    "private_metadata": "i-1",
    "title": plain("Silence"),
    "submit": plain("Save"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text", "min_length": 3},
        },
        {
            "type": "input",
            "block_id": "how",
            "label": plain("Kind"),
            "element": {
                "type": "static_select",
                "action_id": "kind",
                "options": [option("short"), option("long")],
                "initial_option": option("short"),
            },
        },
    ],
}


async def post_buttons(client, **extra):
    return (await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[BUTTONS], **extra))["ts"]


async def test_a_button_in_a_coloured_attachment_carries_value_and_message(server, app, connect, client):
    seen = {}

    @app.action("ack")
    async def acknowledge(ack, body, respond):
        await ack()
        seen.update(body)
        await respond("only for you")

    await connect()
    attachments = [{"color": "#a30200", "blocks": [BUTTONS]}]
    ts = (await client.chat_postMessage(channel=INCIDENTS, text="x", attachments=attachments))["ts"]

    outcome = await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="ack")

    assert outcome.acked
    assert (seen["actions"][0]["value"], seen["actions"][0]["block_id"]) == ("i-1", "row")
    assert seen["message"]["ts"] == seen["container"]["message_ts"] == ts
    assert seen["container"]["type"] == "message_attachment"


async def test_respond_can_replace_or_delete_the_original(server, app, connect, client, eventually):
    @app.action("ack")
    async def acknowledge(ack, respond):
        await ack()
        await respond(text="taken", replace_original=True)

    @app.action("undo")
    async def undo(ack, respond):
        await ack()
        await respond(delete_original=True)

    await connect()
    ts = await post_buttons(client)
    doomed = await post_buttons(client)
    messages = server.emulator.workspace.channel("incidents").messages

    await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="ack")
    await server.emulator.clicks.press(user="bob", channel="incidents", ts=doomed, action_id="undo")

    await eventually(lambda: messages[ts].text == "taken" and doomed not in messages)
    assert messages[ts].blocks == []


@pytest.mark.parametrize(
    "chosen_option",
    [
        pytest.param(("more", "mute"), id="overflow"),
        pytest.param(("pick", "two"), id="select"),
    ],
)
async def test_a_choice_arrives_as_the_whole_option(server, app, connect, client, chosen_option):
    seen, (action_id, choice) = {}, chosen_option

    @app.action(action_id)
    async def chosen(ack, action):
        await ack()
        seen.update(action)

    await connect()
    ts = await post_buttons(client)

    await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id=action_id, choice=choice)

    assert seen["selected_option"] == option(choice)


async def test_a_denied_confirmation_sends_nothing(server, client):
    ts = await post_buttons(client)

    outcome = await server.emulator.clicks.press(
        user="bob", channel="incidents", ts=ts, action_id="undo", confirm=False
    )

    assert outcome.problem == "not_sent"


async def test_a_button_that_is_not_there_cannot_be_pressed(server, client):
    ts = await post_buttons(client)

    with pytest.raises(RefusalError, match="no_such_action"):
        await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="ghost")


async def test_an_unanswered_button_is_a_visible_warning(server, client, connect):
    await connect()
    ts = await post_buttons(client)

    outcome = await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="ack")

    notice = server.emulator.workspace.notices[-1]
    assert outcome.problem == "timeout"
    assert (notice.ts, notice.user) == (ts, "U0BOB")


@pytest.fixture
async def modal(server, app, connect, client):
    """An app whose button opens a modal, pressed by bob; returns what the app heard."""
    heard = {"errors": [], "answer": {}}

    @app.action("ack")
    async def opens(ack, body):
        await ack()
        heard["trigger"] = body["trigger_id"]
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("form")
    async def submitted(ack, view):
        heard["values"] = view["state"]["values"]
        heard["private"] = view["private_metadata"]
        await ack(**heard["answer"])

    @app.view_closed("form")
    async def closed(ack, body):
        await ack()
        heard["cleared"] = body["is_cleared"]

    await connect()
    ts = await post_buttons(client)
    await server.emulator.clicks.press(user="bob", channel="incidents", ts=ts, action_id="ack")
    return heard


async def test_a_modal_is_submitted_with_slacks_state_and_closes(server, modal, eventually):
    await eventually(lambda: server.emulator.views.top("U0BOB"))

    found = await server.emulator.clicks.submit(
        user="bob", values={"why": {"text": "planned"}, "how": {"kind": "long"}}
    )

    assert found.errors == {}
    assert modal["private"] == "i-1"
    assert modal["values"]["why"]["text"] == {"type": "plain_text_input", "value": "planned"}
    assert modal["values"]["how"]["kind"]["selected_option"] == option("long")
    assert server.emulator.views.top("U0BOB") is None


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        pytest.param({}, {"why": "Please complete this required field."}, id="nothing typed"),
        pytest.param({"why": {"text": "no"}}, {"why": "Enter at least 3 characters."}, id="too short"),
    ],
)
async def test_the_client_refuses_an_incomplete_form(server, modal, eventually, values, errors):
    await eventually(lambda: server.emulator.views.top("U0BOB"))

    found = await server.emulator.clicks.submit(user="bob", values=values)

    assert found.errors == errors
    assert "values" not in modal


@pytest.mark.parametrize(
    ("answer", "leaves"),
    [
        pytest.param(
            {"response_action": "errors", "errors": {"why": "Too vague"}}, (1, {"why": "Too vague"}), id="errors"
        ),
        pytest.param({"response_action": "update", "view": MODAL}, (1, {}), id="update"),
        pytest.param({"response_action": "push", "view": MODAL}, (2, {}), id="push"),
        pytest.param({"response_action": "clear"}, (0, {}), id="clear"),
    ],
)
async def test_the_app_decides_what_follows_a_submission(server, modal, eventually, answer, leaves):
    depth, errors = leaves
    await eventually(lambda: server.emulator.views.top("U0BOB"))
    modal["answer"] = answer

    found = await server.emulator.clicks.submit(user="bob", values={"why": {"text": "planned"}})

    assert found.errors == errors
    assert len(server.emulator.workspace.stacks.get("U0BOB", [])) == depth


async def test_a_closed_modal_is_told_when_asked_for(server, modal, eventually):
    await eventually(lambda: server.emulator.views.top("U0BOB"))

    await server.emulator.clicks.close(user="bob")

    await eventually(lambda: modal.get("cleared") is False)
    assert server.emulator.views.top("U0BOB") is None


async def test_a_trigger_works_once_and_briefly(server, client):
    triggers = server.emulator.triggers
    used, old = triggers.new("U0BOB"), triggers.new("U0BOB")

    async def error(trigger):
        with pytest.raises(SlackApiError) as caught:
            await client.views_open(trigger_id=trigger, view=MODAL)
        return caught.value.response["error"]

    await client.views_open(trigger_id=used, view=MODAL)
    assert await error(used) == "exchanged_trigger_id"
    server.emulator.clock.advance(4)
    assert await error(old) == "expired_trigger_id"
    assert await error("1.2.3") == "invalid_trigger_id"


async def test_modals_stack_three_deep(server, client):
    first = await client.views_open(trigger_id=server.emulator.triggers.new("U0BOB"), view=MODAL)
    view_id = first["view"]["id"]
    for _ in range(2):
        trigger = server.emulator.triggers.new("U0BOB", view_id=view_id)
        pushed = (await client.views_push(trigger_id=trigger, view=MODAL))["view"]

    assert (pushed["root_view_id"], len(server.emulator.workspace.stacks["U0BOB"])) == (view_id, 3)
    with pytest.raises(SlackApiError) as caught:
        await client.views_push(trigger_id=server.emulator.triggers.new("U0BOB", view_id=view_id), view=MODAL)
    assert caught.value.response["error"] == "push_limit_reached"


async def test_updating_a_view_keeps_what_was_typed_and_checks_the_hash(server, client):
    view = (await client.views_open(trigger_id=server.emulator.triggers.new("U0BOB"), view=MODAL))["view"]
    server.emulator.workspace.views[view["id"]].state["why"]["text"]["value"] = "typed"

    updated = (await client.views_update(view_id=view["id"], view=MODAL, hash=view["hash"]))["view"]

    assert updated["state"]["values"]["why"]["text"]["value"] == "typed"
    with pytest.raises(SlackApiError) as caught:
        await client.views_update(view_id=view["id"], view=MODAL, hash=view["hash"])
    assert caught.value.response["error"] == "hash_conflict"


async def test_the_home_opens_and_its_buttons_work(server, app, connect, client, eventually):
    seen = {}
    home = {"type": "home", "blocks": [BUTTONS]}

    @app.event("app_home_opened")
    async def opened(event):
        seen["tab"] = event["tab"]
        seen["hash"] = (await client.views_publish(user_id=event["user"], view=home))["view"]["hash"]

    @app.action("ack")
    async def pressed(ack, body):
        await ack()
        seen["view"] = body["view"]["type"]

    await connect()
    server.emulator.people.open_home(user="alice")
    await eventually(lambda: "hash" in seen)
    await server.emulator.clicks.press_in_view(user="alice", action_id="ack")

    assert (seen["tab"], seen["view"]) == ("home", "home")
    with pytest.raises(SlackApiError) as caught:
        await client.views_publish(user_id="U0ALICE", view=home, hash="stale")
    assert caught.value.response["error"] == "hash_conflict"


async def test_a_message_shortcut_carries_the_message(server, app, connect):
    seen = {}

    @app.message_shortcut("look")
    async def look(ack, body):
        await ack()
        seen.update(body)

    await connect()
    message = server.emulator.people.message(user="alice", channel="incidents", text="odd")

    await server.emulator.clicks.shortcut(user="bob", callback_id="look", channel="incidents", ts=message.ts)

    assert (seen["message"]["text"], seen["user"]["name"], seen["channel"]["id"]) == ("odd", "bob", INCIDENTS)

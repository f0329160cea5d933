"""What people press, type and ask: acknowledged by real Bolt, carried out once, refused in private."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from bot.domain.incident import Feedback, State
from bot.domain.message import HeadlineMessage, Posted, ProposalMessage
from bot.domain.silence import MAX_SILENCE
from bot.errors import GiveUpError, RefusedError, RetryLaterError
from bot.slack.buttons import HANDLERS
from bot.slack.render.home import render_home
from bot.slack.render.ids import Action, View
from bot.slack.render.message import render
from tests.slack.builders import ANNA, BEN, CHANNEL, incident, proposal, silence, status
from tests.slack.fake_slack import BOT
from tests.slack.house import House


def action_ids(value):
    if isinstance(value, dict):
        if "action_id" in value:
            yield value["action_id"]
        for one in value.values():
            yield from action_ids(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from action_ids(one)


def everything_clickable():
    for message in (
        HeadlineMessage(incident=incident(), can_roll_back="fraud"),
        HeadlineMessage(incident=incident(state=State.RESOLVED)),
        ProposalMessage(proposal=proposal()),
    ):
        yield from action_ids(render(message).all_blocks())
    yield from action_ids(render_home(status(silences=(silence(),))))


def test_every_rendered_button_has_a_handler_and_every_handler_a_button():
    assert set(everything_clickable()) == {action.value for action in HANDLERS} == {action.value for action in Action}


@pytest.mark.parametrize(
    ("action", "value", "asked"),
    [
        (Action.ACKNOWLEDGE, {"i": "inc-7f3a"}, ("acknowledge", "inc-7f3a", ANNA)),
        (Action.RESOLVE, {"i": "inc-7f3a"}, ("resolve", "inc-7f3a", ANNA)),
        (Action.ROLL_BACK, {"i": "inc-7f3a", "m": "fraud"}, ("rollback", "fraud", None, ANNA, "inc-7f3a")),
        (Action.APPROVE, {"p": "prop-1", "n": "n0nce"}, ("decide", "prop-1", "n0nce", True, ANNA, "")),
        (Action.UNSILENCE, {"s": "sil-1"}, ("unsilence", "sil-1", ANNA)),
    ],
)
async def test_a_click_reaches_the_desk_and_wakes_the_publisher(action, value, asked):
    house = House()

    response = await house.click(action.value, **value)

    assert response.status == 200
    assert house.desk.asked[0] == asked
    assert house.woken == 1


async def test_feedback_comes_from_the_overflow_menu():
    house = House()

    await house.click(Action.FEEDBACK, selected='{"f":"infrastructure","i":"inc-7f3a"}')

    assert house.desk.asked == [("feedback", "inc-7f3a", Feedback.INFRASTRUCTURE, ANNA)]


async def test_the_same_click_delivered_twice_acts_once():
    house = House()
    body = house._base(
        ANNA,
        type="block_actions",
        actions=[
            {"action_id": Action.ACKNOWLEDGE.value, "value": '{"i":"inc-7f3a"}', "block_id": "b", "type": "button"}
        ],
        channel={"id": CHANNEL},
    )

    await house.deliver(body)
    await house.deliver(body)

    assert len(house.desk.asked) == 1


async def test_a_refusal_is_private_and_edits_nothing():
    house = House()
    house.desk.raises = RefusedError("Only Ben may approve.")

    await house.click(Action.APPROVE, p="prop-1", n="n0nce")

    assert house.private_words() == ["Only Ben may approve."]
    assert house.slack.names("chat.update") == []


@pytest.mark.parametrize("value", ["", "not json", "[]", '{"p":5,"n":"x"}', '{"i":"other"}'])
async def test_a_value_that_is_not_ours_is_refused(value):
    house = House()

    await house.click(Action.APPROVE, raw=value)

    assert house.desk.asked == []
    assert "newest card" in house.private_words()[0]


async def test_a_button_in_another_channel_is_refused():
    house = House()

    await house.click(Action.APPROVE, channel="C0OTHER", p="prop-1", n="n0nce")

    assert house.desk.asked == []


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param({"deleted": True}, id="deactivated"),
        pytest.param({"is_bot": True}, id="bot"),
        pytest.param({"is_restricted": True}, id="guest"),
        pytest.param({"is_ultra_restricted": True}, id="single-channel guest"),
        pytest.param({"is_stranger": True}, id="stranger"),
        pytest.param({"team_id": "T0OTHER"}, id="other workspace"),
        pytest.param({"team_id": None}, id="workspace not told"),
        pytest.param({"id": "U0SOMEBODY"}, id="somebody else's profile"),
        pytest.param({"is_workflow_bot": True}, id="workflow"),
    ],
)
@pytest.mark.parametrize("action", [Action.APPROVE, Action.ACKNOWLEDGE, Action.ROLL_BACK, Action.RESOLVE])
async def test_only_people_of_our_workspace_are_let_in(profile, action):
    house = House()
    house.slack.users[ANNA] |= profile

    await house.click(action, i="inc-7f3a", p="prop-1", n="n0nce", m="fraud")

    assert house.desk.asked == []
    assert len(house.private_words()) == 1


async def test_a_request_of_another_workspace_is_refused():
    house = House()

    await house.slash("status", team="T0OTHER")

    assert house.desk.asked == []


async def test_an_unreadable_profile_refuses_an_approval_even_if_it_was_read_before():
    house = House()
    await house.click(Action.ACKNOWLEDGE, i="inc-7f3a")
    house.slack.faults["users.info"].append(RetryLaterError("no answer"))

    await house.click(Action.APPROVE, p="prop-1", n="n0nce")

    assert [what[0] for what in house.desk.asked] == ["acknowledge"]


async def test_when_we_cannot_the_person_hears_that_nothing_changed():
    house = House()
    house.desk.raises = RetryLaterError("database locked")

    await house.click(Action.ACKNOWLEDGE, i="inc-7f3a")

    assert "nothing was changed" in house.private_words()[0]


@pytest.mark.parametrize(
    ("command", "text", "asked"),
    [
        ("/faultline", "status", ("status",)),
        ("/faultline", "incidents", ("incidents",)),
        ("/faultline", "explain inc-7f3a", ("explain", "inc-7f3a")),
        ("/faultline", "rollback fraud 3", ("rollback", "fraud", "3", ANNA, None)),
        ("/rollback", "fraud", ("rollback", "fraud", None, ANNA, None)),
        ("/faultline", "retrain fraud", ("retrain", "fraud", ANNA)),
        ("/faultline", "unsilence sil-1", ("unsilence", "sil-1", ANNA)),
        (
            "/silence",
            "model=\u201cfraud\u201d 1h30m known drift",
            ("silence", ('model="fraud"',), timedelta(minutes=90), "known drift", ANNA),
        ),
    ],
)
async def test_a_command_reaches_the_desk_and_is_answered_privately(command, text, asked):
    house = House()

    await house.slash(text, command=command)

    assert house.desk.asked == [asked]
    assert len(house.private_words()) == 1


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("silence model=fraud", "/faultline silence"),
        ("silence 4h why", "/faultline silence"),
        ("silence model=fraud 4h", "/faultline silence"),
        (f"silence model=fraud {MAX_SILENCE.days + 1}d why", "/faultline silence"),
        ("rollback", "/faultline rollback"),
        ("rollback a b c", "/faultline rollback"),
        ("explain", "/faultline explain"),
        ("dance", "/faultline status"),
        ("", "/faultline help"),
    ],
)
async def test_bad_arguments_are_answered_with_the_right_form(text, form):
    house = House()

    await house.slash(text)

    assert house.desk.asked == []
    assert form in json.dumps(house.slack.sent("chat.postEphemeral")[0]["blocks"])


async def test_the_silence_button_opens_a_form_filled_from_the_incident():
    house = House()

    await house.click(Action.SILENCE, i="inc-7f3a")

    assert house.slack.names("views.") == ["views.open", "views.update"]
    form = house.slack.sent("views.update")[0]["view"]
    assert form["blocks"][0]["element"]["initial_value"] == 'incident="inc-7f3a"'


async def test_a_form_that_was_closed_before_it_was_filled_is_no_news():
    house = House()
    house.slack.faults["views.update"] = [GiveUpError("views.update: Slack says not_found", code="not_found")]

    await house.click(Action.SILENCE, i="inc-7f3a")

    assert house.slack.sent("chat.postEphemeral") == []


FILLED = {
    "matchers": {"type": "plain_text_input", "value": 'entity="fraud"'},
    "duration": {"type": "static_select", "selected_option": {"value": "4h"}},
    "custom_duration": {"type": "plain_text_input", "value": None},
    "reason": {"type": "plain_text_input", "value": "retraining"},
}


async def test_a_silence_is_previewed_then_confirmed():
    house = House()

    first = await house.submit(View.SILENCE_FORM, FILLED, meta=json.dumps({"i": "inc-7f3a", "c": CHANNEL}))
    assert json.loads(first.body)["response_action"] == "update"
    preview = house.slack.sent("views.update")[0]["view"]
    assert "37 findings" in json.dumps(preview)
    assert [what[0] for what in house.desk.asked] == ["preview"]

    second = await house.submit(View.SILENCE_CONFIRM, {}, meta=preview["private_metadata"])

    assert json.loads(second.body)["response_action"] == "clear"
    assert house.desk.asked[-1] == ("silence", ('entity="fraud"',), timedelta(hours=4), "retraining", ANNA)
    assert "Silenced" in house.private_words()[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": {"type": "plain_text_input", "value": "nonsense"}}, "matchers"),
        ({"matchers": {"type": "plain_text_input", "value": 'a=~"(x+)+"'}}, "matchers"),
        ({"reason": {"type": "plain_text_input", "value": "  "}}, "reason"),
        ({"duration": {"type": "static_select", "selected_option": {"value": "custom"}}}, "custom_duration"),
    ],
)
async def test_mistakes_in_the_form_are_shown_at_their_field(change, field):
    house = House()

    response = await house.submit(View.SILENCE_FORM, FILLED | change)

    assert list(json.loads(response.body)["errors"]) == [field]
    assert house.desk.asked == []


async def test_a_denial_asks_why_and_carries_the_comment():
    house = House()
    await house.click(Action.DENY, user=BEN, p="prop-1", n="n0nce")
    form = house.slack.sent("views.open")[0]["view"]

    comment = {"comment": {"type": "plain_text_input", "value": "not during the sale"}}
    await house.submit(View.DENY, comment, meta=form["private_metadata"], user=BEN)

    assert house.desk.asked == [("decide", "prop-1", "n0nce", False, BEN, "not during the sale")]


async def test_opening_the_home_publishes_it_and_survives_a_conflict():
    house = House()
    house.slack.faults["views.publish"].append(GiveUpError("conflict", code="hash_conflict"))

    await house.event({"type": "app_home_opened", "user": ANNA, "tab": "home", "view": {"hash": "old"}})

    assert [call["user_id"] for call in house.slack.sent("views.publish")] == [ANNA, ANNA]
    assert "hash" not in house.slack.sent("views.publish")[1]


def in_a_thread(house, *, slot="headline"):
    house.store.places[("inc-7f3a", slot)] = Posted(
        thread="inc-7f3a", slot=slot, channel=CHANNEL, ts="5.5", revision=1, digest=""
    )


def question(text, **more):
    return {"type": "message", "user": ANNA, "channel": CHANNEL, "text": text, "ts": "6.6", "thread_ts": "5.5", **more}


async def test_a_question_in_an_incidents_thread_is_answered_there():
    house = House()
    in_a_thread(house)

    await house.event(question("why do you think so?"))

    [answer] = house.slack.messages
    assert answer["thread_ts"] == "5.5"
    assert [call["name"] for call in house.slack.sent("reactions.add")] == ["eyes", "white_check_mark"]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(question("I look at it"), id="no question"),
        pytest.param(question("really?", thread_ts="9.9"), id="another thread"),
        pytest.param(question("really?", bot_id="B1"), id="a bot"),
        pytest.param(question("really?", subtype="message_changed"), id="an edit"),
    ],
)
async def test_talk_that_is_not_for_us_stays_unanswered(event):
    house = House()
    in_a_thread(house)

    await house.event(event)

    assert house.slack.messages == []


async def test_a_mention_delivered_as_two_events_is_answered_once():
    house = House()
    in_a_thread(house)
    mention = question(f"<@{BOT}> what happened?")

    await house.event(mention, event_id="Ev1")
    await house.event({**mention, "type": "app_mention"}, event_id="Ev2")

    assert len(house.slack.messages) == 1


async def test_a_mention_outside_our_threads_can_ask_for_the_status():
    house = House()

    await house.event(
        {"type": "app_mention", "user": ANNA, "channel": CHANNEL, "text": f"<@{BOT}> status", "ts": "6.6"}
    )

    assert house.desk.asked == [("status",)]


async def test_a_mention_cannot_act():
    house = House()

    await house.event(
        {"type": "app_mention", "user": ANNA, "channel": CHANNEL, "text": f"<@{BOT}> rollback fraud", "ts": "6.6"}
    )

    assert house.desk.asked == []
    assert "command" in house.slack.messages[0]["text"]


async def test_the_shortcut_explains_the_incident_in_a_modal():
    house = House()
    in_a_thread(house)

    await house.deliver(
        house._base(
            ANNA,
            type="message_action",
            callback_id="ask_incident",
            channel={"id": CHANNEL},
            message_ts="5.5",
            message={"ts": "5.5"},
        )
    )

    assert "What is going on" in json.dumps(house.slack.sent("views.update")[0]["view"])

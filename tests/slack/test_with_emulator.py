"""The whole Slack side against the emulated Slack: real Bolt, real Socket Mode, real HTTP, Slack's faults."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import WallClock
from bot.domain.message import EvidenceMessage, HeadlineMessage, ProposalMessage, Slot
from bot.emulator import EventFault, Fault, serve
from bot.errors import RefusedError
from bot.metrics import Metrics
from bot.ports import Changeset
from bot.slack.adapter import SlackAdapter
from bot.slack.check import check_slack
from bot.slack.options import SlackOptions
from bot.slack.publisher import Timing
from bot.slack.render.ids import Action
from bot.store.memory import MemoryStore
from tests.slack.builders import incident, item, plot, proposal
from tests.slack.fake_desk import FakeDesk

pytestmark = pytest.mark.enable_socket

CHANNEL, ALICE, BOB, GUEST = "C0INCIDENTS", "U0ALICE", "U0BOB", "U0DAVE"
QUICK = Timing(quiet=timedelta(seconds=0.2), poll=timedelta(seconds=0.05))


class World:
    def __init__(self, server, adapter, store, desk) -> None:
        self.slack, self.adapter, self.store, self.desk = server.emulator, adapter, store, desk

    @property
    def channel(self):
        return self.slack.workspace.channel(CHANNEL)

    async def say(self, *items):
        await self.store.commit(Changeset(outbox=items))
        self.adapter.publisher.wake()

    async def until(self, seen):
        """Wait for what `seen` returns to be true, and return it."""
        async with asyncio.timeout(15):
            while not (found := seen()):  # noqa: ASYNC110 - desk, store and workspace share no event
                await asyncio.sleep(0.01)
        return found

    async def all_sent(self):
        async with asyncio.timeout(15):
            while (await self.store.outbox_depth()).waiting:  # noqa: ASYNC110 - a store has no event
                await asyncio.sleep(0.01)

    def roots(self):
        return list(self.channel.roots())

    def private(self):
        return [message.text for message in self.channel.ephemerals.values()]

    async def open_incident(self):
        await self.say(item(HeadlineMessage(incident=incident(), can_roll_back="fraud")))
        return (await self.until(self.roots))[0]


@asynccontextmanager
async def world():
    async with await serve() as server:
        app, store, desk = server.emulator.definition.app, MemoryStore(), FakeDesk()
        options = SlackOptions(
            bot_token=app.bot_token, app_token=app.app_token, channel=CHANNEL, base_url=server.api_url
        )
        adapter = SlackAdapter(options, store=store, clock=WallClock(), metrics=Metrics(), timing=QUICK)
        try:
            await adapter.start(desk)
            yield World(server, adapter, store, desk)
        finally:
            await adapter.stop()


async def test_an_incident_becomes_one_thread_with_evidence_and_a_picture():
    async with world() as here:
        await here.say(
            item(HeadlineMessage(incident=incident())),
            item(EvidenceMessage(incident=incident(), plot=(plot(),)), slot=Slot.EVIDENCE),
        )
        await here.until(lambda: [file for file in here.slack.workspace.files.values() if file.shares])

        [root] = here.roots()
        evidence, picture = here.channel.replies(root.ts)
        assert "Very likely model" in root.text
        assert "71 %" in str(evidence.blocks)
        assert picture.files == list(here.slack.workspace.files)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "http_500_after", "http_500_before", "garbage_200"])
async def test_no_fault_of_the_network_doubles_or_loses_a_headline(kind):
    async with world() as here:
        here.slack.faults.add(Fault(method="chat.postMessage", kind=kind))

        await here.say(item(HeadlineMessage(incident=incident())))
        await here.all_sent()

        assert len(here.roots()) == 1
        assert (await here.store.posted("inc-7f3a", "headline")).ts == here.roots()[0].ts


async def test_a_limit_delays_a_headline_and_does_not_lose_it():
    async with world() as here:
        here.slack.faults.add(Fault(method="chat.postMessage", kind="ratelimit", retry_after=1))

        await here.say(item(HeadlineMessage(incident=incident())))
        await here.all_sent()

        assert len(here.roots()) == 1


async def test_acknowledge_is_pressed_in_the_page():
    async with world() as here:
        root = await here.open_incident()

        outcome = await here.slack.clicks.press(
            user=BOB, channel=CHANNEL, ts=root.ts, action_id=Action.ACKNOWLEDGE.value
        )

        assert outcome.acked
        await here.until(lambda: ("acknowledge", "inc-7f3a", BOB) in here.desk.asked)


async def test_a_click_delivered_twice_acts_once():
    async with world() as here:
        root = await here.open_incident()
        here.slack.faults.add_event(EventFault(kind="duplicate", envelope="interactive"))

        await here.slack.clicks.press(user=BOB, channel=CHANNEL, ts=root.ts, action_id=Action.RESOLVE.value)
        await here.slack.people.slash(user=BOB, channel=CHANNEL, text="/faultline status")
        await here.until(lambda: ("status",) in here.desk.asked)

        assert here.desk.asked.count(("resolve", "inc-7f3a", BOB)) == 1


async def test_a_guest_may_not_approve_and_hears_so_alone():
    async with world() as here:
        await here.open_incident()
        await here.say(item(ProposalMessage(proposal=proposal()), slot="proposal:prop-1"))
        [card] = await here.until(lambda: here.channel.replies(here.roots()[0].ts))
        before = card.text

        await here.slack.clicks.press(user=GUEST, channel=CHANNEL, ts=card.ts, action_id=Action.APPROVE.value)
        [said] = await here.until(here.private)

        assert "guests" in said
        assert here.desk.asked == []
        assert card.text == before


async def test_a_refusal_of_the_desk_is_private():
    async with world() as here:
        root = await here.open_incident()
        here.desk.raises = RefusedError("Only Carol may do that.")

        await here.slack.clicks.press(user=BOB, channel=CHANNEL, ts=root.ts, action_id=Action.ROLL_BACK.value)

        assert await here.until(here.private) == ["Only Carol may do that."]


async def test_a_silence_goes_through_form_preview_and_confirmation():
    async with world() as here:
        root = await here.open_incident()
        await here.slack.clicks.press(user=BOB, channel=CHANNEL, ts=root.ts, action_id=Action.SILENCE.value)
        top = lambda: here.slack.views.top(BOB)  # noqa: E731
        await here.until(lambda: top() and top().content["callback_id"] == "fl_view_silence")

        wrong = await here.slack.clicks.submit(
            user=BOB, values={"matchers": {"matchers": "nonsense"}, "reason": {"reason": "why"}}
        )
        assert list(wrong.errors) == ["matchers"]
        await here.slack.clicks.submit(
            user=BOB, values={"matchers": {"matchers": 'entity="fraud"'}, "reason": {"reason": "why"}}
        )
        await here.until(lambda: top().content["callback_id"] == "fl_view_silence_confirm")
        await here.slack.clicks.submit(user=BOB)

        await here.until(here.private)
        assert here.desk.asked[-1] == ("silence", ('entity="fraud"',), timedelta(hours=1), "why", BOB)
        assert top() is None


async def test_a_denial_asks_why():
    async with world() as here:
        await here.open_incident()
        await here.say(item(ProposalMessage(proposal=proposal()), slot="proposal:prop-1"))
        [card] = await here.until(lambda: here.channel.replies(here.roots()[0].ts))
        await here.slack.clicks.press(user=BOB, channel=CHANNEL, ts=card.ts, action_id=Action.DENY.value)
        await here.until(lambda: here.slack.views.top(BOB))

        await here.slack.clicks.submit(user=BOB, values={"comment": {"comment": "not now"}})

        await here.until(lambda: here.desk.asked)
        assert here.desk.asked == [("decide", "prop-1", "n0nce", False, BOB, "not now")]


async def test_a_command_is_answered_privately_even_where_the_bot_is_no_member():
    async with world() as here:
        await here.slack.people.slash(user=ALICE, channel="C0RANDOM", text="/silence fraud")

        room = here.slack.workspace.channel("C0RANDOM")
        await here.until(lambda: room.ephemerals)
        assert "duration" in next(iter(room.ephemerals.values())).text
        assert here.slack.workspace.channel(CHANNEL).ephemerals == {}


async def test_a_question_in_the_thread_is_answered_once():
    async with world() as here:
        root = await here.open_incident()

        here.slack.people.mention(user=ALICE, channel=CHANNEL, text="<@U0BOT> what happened?", thread_ts=root.ts)
        question, *_ = here.channel.replies(root.ts)
        await here.until(lambda: "white_check_mark" in question.reactions)

        assert len(here.channel.replies(root.ts)) == 2
        assert "eyes" not in question.reactions


async def test_the_home_shows_the_models():
    async with world() as here:
        here.slack.people.open_home(user=ALICE)

        view = await here.until(lambda: here.slack.workspace.homes.get(ALICE))
        assert "fraud" in str(view.content["blocks"])


async def test_an_edit_keeps_the_thread_and_a_deleted_headline_is_replaced():
    async with world() as here:
        root = await here.open_incident()
        await here.say(item(HeadlineMessage(incident=incident(acknowledged_by=BOB)), revision=2))
        await here.until(lambda: "Acknowledged" in here.roots()[0].text)
        assert here.roots()[0].ts == root.ts

        del here.channel.messages[root.ts]
        await here.say(item(HeadlineMessage(incident=incident(acknowledged_by=ALICE)), revision=3))

        [again] = await here.until(here.roots)
        assert again.ts != root.ts


async def test_the_doctor_finds_an_emulated_workspace_in_order():
    async with await serve() as server:
        app = server.emulator.definition.app
        options = SlackOptions(
            bot_token=app.bot_token, app_token=app.app_token, channel=CHANNEL, base_url=server.api_url
        )

        good = await check_slack(options, metrics=Metrics())
        bad = await check_slack(replace(options, channel="C0RANDOM"), metrics=Metrics())

    assert {one.name: one.state for one in good} == dict.fromkeys(
        ["Slack bot token", "Slack scopes", "Slack channel", "Slack Socket Mode"], "ok"
    )
    assert [one.name for one in bad if one.state == "failed"] == ["Slack channel"]

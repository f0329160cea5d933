"""The publisher over the real rules of the outbox, for what depends on both."""

from __future__ import annotations

from datetime import timedelta

from bot.clock import ManualClock
from bot.domain.incident import Feedback
from bot.domain.message import HeadlineMessage, OutcomeMessage, ProposalMessage, Slot, TextMessage
from bot.domain.proposal import ProposalState
from bot.ports import Changeset
from bot.slack.pacing import Pacer
from bot.slack.publisher import Publisher, Timing
from bot.store.memory import MemoryStore
from tests.slack.builders import ANNA, CHANNEL, T0, incident, item, proposal
from tests.slack.fake_slack import BOT, LOST, FakeSlack


class House:
    def __init__(self) -> None:
        self.slack, self.store, self.clock = FakeSlack(), MemoryStore(), ManualClock(T0)
        self.publisher = self.another()

    def another(self):
        return Publisher(
            api=self.slack,
            store=self.store,
            clock=self.clock,
            channel=CHANNEL,
            bot_user=lambda: BOT,
            pacer=Pacer(rate=1e6, now=lambda: 0.0),
        )

    async def say(self, *items):
        await self.store.commit(Changeset(outbox=items))

    async def until_quiet(self):
        while await self.publisher.drain():
            pass


async def test_a_thread_is_posted_in_order_and_edited_in_place():
    house = House()
    await house.say(
        item(HeadlineMessage(incident=incident())),
        item(TextMessage(text="first"), slot="reply:1"),
        item(TextMessage(text="second"), slot="reply:2"),
    )
    await house.until_quiet()
    await house.say(item(HeadlineMessage(incident=incident(feedback=Feedback.MODEL, feedback_by=ANNA)), revision=2))
    await house.until_quiet()

    root, *replies = house.slack.messages
    assert [reply["text"] for reply in replies] == ["first", "second"]
    assert {reply["thread_ts"] for reply in replies} == {root["ts"]}
    assert "says it was the model" in str(root["attachments"])


async def test_a_publisher_that_died_with_an_unknown_send_leaves_no_double():
    house = House()
    await house.say(item(HeadlineMessage(incident=incident())), item(TextMessage(text="first"), slot="reply:1"))
    house.slack.faults["chat.postMessage"].append(LOST)
    await house.publisher.drain()

    house.publisher = house.another()
    house.clock.set(T0 + Timing().quiet + timedelta(seconds=1))
    await house.until_quiet()

    assert len(house.slack.messages) == 2
    assert house.slack.messages[1]["thread_ts"] == house.slack.messages[0]["ts"]
    assert (await house.store.outbox_depth()).waiting == 0


async def test_newer_content_after_a_lost_reply_edits_the_message_that_arrived():
    house = House()
    await house.say(item(HeadlineMessage(incident=incident())))
    house.slack.faults["chat.postMessage"].append(LOST)
    await house.publisher.drain()
    await house.say(item(HeadlineMessage(incident=incident(acknowledged_by=ANNA)), revision=2))

    house.clock.set(T0 + Timing().quiet + timedelta(seconds=1))
    await house.until_quiet()

    [message] = house.slack.messages
    assert "Acknowledged" in message["text"]


async def test_a_proposal_without_an_incident_begins_its_own_thread():
    house = House()
    asked, done = proposal(incident_id=None), proposal(incident_id=None, state=ProposalState.VERIFIED)
    await house.say(item(ProposalMessage(proposal=asked), thread="prop-1", slot=Slot.HEADLINE))
    await house.until_quiet()
    await house.say(
        item(ProposalMessage(proposal=done), thread="prop-1", slot=Slot.HEADLINE, revision=2),
        item(OutcomeMessage(proposal=done), thread="prop-1", slot="outcome:prop-1"),
    )
    await house.until_quiet()

    card, outcome = house.slack.messages
    assert "verified" in card["text"]
    assert outcome["thread_ts"] == card["ts"]

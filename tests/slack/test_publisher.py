"""Each message once, in its thread, whatever Slack does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import ManualClock
from bot.domain.incident import IncidentId, Severity
from bot.domain.message import ChangeMessage, EvidenceMessage, HeadlineMessage, Slot, TextMessage
from bot.domain.notice import Reason
from bot.domain.verdict import Cause
from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from bot.slack.pacing import Pacer
from bot.slack.publisher import Publisher, Timing
from bot.slack.render.validate import TEXT_MAX
from tests.slack.builders import CHANNEL, T0, incident, item, plot
from tests.slack.fake_slack import BOT, LOST, REFUSED, FakeSlack, limited
from tests.slack.fake_store import FakeStore

HEADLINE = HeadlineMessage(incident=incident())
QUIET = Timing().quiet


class House:
    """A publisher with everything around it faked but its own logic."""

    def __init__(self, *items, **options) -> None:
        self.slack, self.store, self.clock = FakeSlack(), FakeStore(*items), ManualClock(T0)
        options.setdefault("pacer", Pacer(rate=1e6, now=lambda: 0.0))
        self.publisher = Publisher(
            api=self.slack,
            store=self.store,
            clock=self.clock,
            channel=CHANNEL,
            bot_user=lambda: BOT,
            draw=lambda series: b"PNG",
            **options,
        )

    async def drain(self, times=1):
        for _ in range(times):
            await self.publisher.drain()

    async def later(self, seconds):
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        await self.drain()


async def test_a_headline_is_posted_with_its_own_key_in_the_metadata():
    house = House(item(HEADLINE))

    await house.drain()

    [message] = house.slack.messages
    assert message["metadata"] == {
        "event_type": "faultline_message",
        "event_payload": {"op": "inc-7f3a:headline:1", "thread": "inc-7f3a", "slot": "headline", "rev": 1},
    }
    assert house.store.states == ["sent"]


async def test_replies_go_into_the_headlines_thread():
    house = House(item(TextMessage(text="Silenced"), slot="reply:1"), item(HEADLINE))

    await house.drain(2)

    root, reply = house.slack.messages
    assert "thread_ts" not in root or root["thread_ts"] is None
    assert reply["thread_ts"] == root["ts"]


async def test_a_second_revision_edits_in_place():
    house = House(item(HEADLINE))
    await house.drain()
    house.store.put(item(HeadlineMessage(incident=incident(acknowledged_by="U0ANNA")), revision=2))

    await house.drain()

    [message] = house.slack.messages
    assert "Acknowledged" in message["text"]
    assert message["metadata"]["event_payload"]["rev"] == 2


async def test_an_edit_that_changes_nothing_is_not_sent():
    house = House(item(HEADLINE))
    await house.drain()
    house.store.put(item(HEADLINE, revision=2))

    await house.drain()

    assert house.slack.names("chat.") == ["chat.postMessage"]
    assert house.store.places[("inc-7f3a", "headline")].revision == 2


async def test_block_ids_change_with_each_edit():
    house = House(item(HEADLINE))
    await house.drain()
    before = {block["block_id"] for block in house.slack.messages[0]["blocks"]}
    house.store.put(item(HeadlineMessage(incident=incident(acknowledged_by="U0ANNA")), revision=2))

    await house.drain()

    assert before.isdisjoint(block["block_id"] for block in house.slack.messages[0]["blocks"])


async def test_a_lost_reply_is_adopted_after_the_quiet_time_and_not_doubled():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"].append(LOST)

    await house.drain()
    await house.later(QUIET.total_seconds() - 1)
    assert house.slack.names("conversations") == []  # it might still be on its way
    await house.later(1)

    assert len(house.slack.messages) == 1
    assert house.store.places[("inc-7f3a", "headline")].ts == house.slack.messages[0]["ts"]


async def test_a_message_that_never_arrived_is_sent_again():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"].append(UnknownOutcomeError("lost before it was stored"))

    await house.drain()
    await house.later(QUIET.total_seconds())

    assert len(house.slack.messages) == 1
    assert house.store.states == ["sent"]


async def test_newer_content_after_a_lost_reply_edits_what_arrived():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"].append(LOST)
    await house.drain()
    newer = item(HeadlineMessage(incident=incident(acknowledged_by="U0ANNA")), revision=2, op="inc-7f3a:headline:1")
    house.store.entries[0]["item"] = newer

    await house.later(QUIET.total_seconds())

    [message] = house.slack.messages
    assert "Acknowledged" in message["text"]


async def test_a_copied_key_in_somebody_elses_message_is_not_ours():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"].append(LOST)
    await house.drain()
    house.slack.messages[0]["user"] = "U0MALLORY"

    await house.later(QUIET.total_seconds())

    assert len(house.slack.messages) == 2


async def test_a_look_back_that_fails_is_not_read_as_absent():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"].append(LOST)
    house.slack.faults["conversations.history"].append(RetryLaterError("no answer"))

    await house.drain()
    await house.later(QUIET.total_seconds())
    await house.later(60)

    assert len(house.slack.messages) == 1
    assert house.store.states == ["sent"]


async def test_a_message_that_vanishes_each_time_is_parked():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"] += [UnknownOutcomeError("lost")] * 3

    await house.drain()
    for _ in range(3):
        await house.later(QUIET.total_seconds())

    assert house.store.states == ["parked"]
    assert house.slack.names("chat.postMessage") == ["chat.postMessage"] * 3


async def test_a_limit_is_obeyed_and_costs_no_attempt():
    now = [0.0]
    house = House(item(HEADLINE), pacer=Pacer(now=lambda: now[0]))
    house.slack.faults["chat.postMessage"].append(limited(7.0))

    await house.drain()
    await house.later(6)
    assert house.slack.messages == []
    now[0] = 10.0
    await house.later(4)

    assert len(house.slack.messages) == 1
    assert house.store.entries[0]["attempts"] == 1


async def test_refused_blocks_become_plainer_until_slack_takes_them():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"] += [REFUSED, REFUSED]

    await house.drain(3)

    [message] = house.slack.messages
    assert message["blocks"] == []
    assert "Likely" in message["text"] or "likely" in message["text"]
    assert len(message["text"]) <= TEXT_MAX


async def test_content_that_even_as_text_is_refused_is_parked():
    house = House(item(HEADLINE))
    house.slack.faults["chat.postMessage"] += [REFUSED] * 3

    await house.drain(4)

    assert house.store.states == ["parked"]


@pytest.mark.parametrize("code", ["invalid_auth", "not_in_channel", "missing_scope", "is_archived"])
async def test_token_and_channel_trouble_keeps_the_queue_and_is_visible(code):
    other = item(HeadlineMessage(incident=incident(id=IncidentId("inc-2"))), thread="inc-2")
    house = House(item(HEADLINE), other)
    house.slack.faults["chat.postMessage"].append(GiveUpError(f"Slack says {code}", code=code))

    await house.drain()

    assert house.store.states == ["waiting", "waiting"]
    assert code in house.publisher.trouble
    assert house.slack.names("chat.") == ["chat.postMessage"]  # the second would have failed alike
    await house.later(31)
    assert house.publisher.trouble is None
    assert house.store.states == ["sent", "sent"]


async def test_a_deleted_headline_is_replaced_by_one_that_links_it():
    house = House(item(HEADLINE))
    await house.drain()
    house.slack.messages.clear()
    house.store.put(item(HeadlineMessage(incident=incident(acknowledged_by="U0ANNA")), revision=2))

    await house.drain()

    [message] = house.slack.messages
    assert "an earlier message" in message["blocks"][-1]["elements"][0]["text"]
    assert house.store.places[("inc-7f3a", "headline")].ts == message["ts"]


async def test_a_replacement_whose_reply_is_lost_again_and_again_stands_once():
    house = House(item(HEADLINE))
    await house.drain()
    house.slack.messages.clear()
    house.store.put(item(HeadlineMessage(incident=incident(acknowledged_by="U0ANNA")), revision=2))
    house.slack.faults["chat.postMessage"] += [LOST] * 3

    await house.drain()
    for _ in range(8):
        await house.later(31)

    [message] = house.slack.messages
    assert set(house.store.states) == {"sent"}
    assert house.store.places[("inc-7f3a", "headline")].ts == message["ts"]


async def test_a_copy_is_removed_when_another_publisher_was_first():
    house = House(item(HEADLINE))
    house.store.steal = True

    await house.drain()

    assert house.slack.messages == []


async def test_the_picture_follows_the_evidence_into_the_thread():
    evidence = EvidenceMessage(incident=incident(), plot=(plot(),))
    house = House(item(HEADLINE), item(evidence, slot=Slot.EVIDENCE))

    await house.drain(2)

    [completion] = house.slack.sent("files.completeUploadExternal")
    assert completion["thread_ts"] == house.slack.messages[0]["ts"]
    assert house.slack.uploads == [b"PNG"]


async def test_the_text_stands_even_when_the_picture_fails():
    evidence = EvidenceMessage(incident=incident(), plot=(plot(),))
    house = House(item(HEADLINE), item(evidence, slot=Slot.EVIDENCE))
    house.slack.faults["files.getUploadURLExternal"].append(GiveUpError("no", code="file_uploads_disabled"))

    await house.drain(2)

    assert house.store.states == ["sent", "sent"]


async def test_a_picture_whose_completion_is_in_doubt_is_looked_up_first():
    evidence = EvidenceMessage(incident=incident(), plot=(plot(),))
    house = House(item(HEADLINE), item(evidence, slot=Slot.EVIDENCE))
    house.slack.faults["files.completeUploadExternal"].append(LOST)
    house.slack.answers["files.info"] = {"file": {"shares": {"public": {CHANNEL: [{}]}}}}

    await house.drain(2)

    assert len(house.slack.sent("files.completeUploadExternal")) == 1


async def test_critical_incidents_leave_first():
    mild = incident(id=IncidentId("inc-mild"), severity=Severity.WARNING)
    grave = incident(id=IncidentId("inc-grave"), severity=Severity.CRITICAL)
    house = House(
        item(HeadlineMessage(incident=mild), thread="inc-mild"),
        item(HeadlineMessage(incident=grave), thread="inc-grave"),
    )

    await house.drain()

    assert "inc-grave" in house.slack.messages[0]["text"]


async def test_a_broadcast_reply_is_shown_in_the_channel_too():
    change = ChangeMessage(
        incident_id=IncidentId("inc-7f3a"),
        reason=Reason.SEVERITY,
        at=T0,
        onset=T0,
        severity=Severity.CRITICAL,
        cause=Cause.MODEL,
        broadcast=True,
    )
    house = House(item(HEADLINE), item(change, slot="reply:2"))

    await house.drain(2)

    assert house.slack.messages[1]["reply_broadcast"] is True


async def test_nothing_is_sent_on_a_lease_too_short_for_a_late_arrival():
    house = House(item(HEADLINE), timing=Timing(lease=timedelta(seconds=20)))

    await house.drain()

    assert house.slack.messages == []
    assert house.store.states == ["waiting"]


def test_a_channel_gets_a_message_a_second_after_a_small_burst():
    now = [0.0]
    pacer = Pacer(rate=1.0, burst=2, now=lambda: now[0])

    waits = [pacer.wait_s("chat.postMessage", "C1") for _ in range(3)]

    assert waits == [0.0, 0.0, 1.0]
    assert pacer.wait_s("chat.postMessage", "C2") == 0.0
    now[0] = 1.0
    assert pacer.wait_s("chat.postMessage", "C1") == 0.0


def test_a_fast_clock_stretches_leases_and_not_the_wait_slack_asked_for():
    timing = replace(Timing(), clock_rate=60.0)

    assert timing.on_clock(timing.lease) == timedelta(minutes=45)

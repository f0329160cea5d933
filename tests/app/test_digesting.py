"""The digest stands in the outbox once a day, whatever happens to the process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import ManualClock
from bot.digesting import Digesting
from bot.domain.incident import Severity
from bot.domain.message import DigestMessage, Slot
from bot.domain.policy import SpeakingPolicy
from bot.errors import StoreDownError
from bot.ports import Changeset, ProposalWrite, TickMark
from tests.app.builders import HOUR, MINUTE, T0, TWO_MODELS, incident, proposal, put
from tests.app.fakes import WatchedStore
from tests.app.outbox import deliver, waiting

THREAD = "digest-2026-11-24"
SLOT = T0.replace(day=24, hour=9, minute=0)
DAY = timedelta(days=1)


class Desk:
    """A digest over a store, an hour of trouble the day before in it; `restart` begins a new process."""

    def __init__(self, *, now=SLOT, policy=None):
        self.store, self.clock = WatchedStore(), ManualClock(now)
        self.policy = policy or SpeakingPolicy()
        self.restart()

    def restart(self):
        self.digesting = Digesting(store=self.store, catalogue=TWO_MODELS, clock=self.clock, policy=self.policy)

    async def catch_up(self):
        """What is posted anew, and where."""
        await self.digesting.catch_up()
        return [(one.item.thread, one.item.op) for one in await self.deliver() if one.posted is None]

    async def deliver(self):
        return await deliver(self.store, self.clock.now())


async def a_day(**more):
    desk = Desk(**more)
    await put(desk.store, incident())
    return desk


async def test_the_digest_begins_a_thread_named_by_its_day():
    desk = await a_day()

    assert await desk.catch_up() == [(THREAD, f"{THREAD}:headline:1")]


async def test_nothing_is_posted_before_its_time():
    desk = await a_day(now=SLOT - MINUTE)

    assert await desk.catch_up() == []


async def test_one_day_has_one_digest_also_across_restarts():
    desk = await a_day()
    await desk.catch_up()

    for _ in range(6):
        desk.restart()
        await desk.clock.advance(2 * HOUR)
        assert await desk.catch_up() == []
    await desk.clock.advance(12 * HOUR)

    assert await desk.catch_up() == [("digest-2026-11-25", "digest-2026-11-25:headline:1")]


async def test_a_process_that_dies_before_it_was_sent_leaves_one_message():
    desk = await a_day()
    await desk.digesting.catch_up()
    desk.restart()
    await desk.digesting.catch_up()

    assert [one.item.thread for one in await desk.deliver()] == [THREAD]


async def test_a_process_that_dies_while_it_is_being_sent_posts_it_once():
    desk = await a_day()
    await desk.digesting.catch_up()
    [claimed] = await desk.store.claim(owner="dead", now=desk.clock.now(), lease=MINUTE, limit=9)
    desk.restart()
    await desk.digesting.catch_up()
    await desk.clock.advance(2 * MINUTE)

    delivered = await desk.deliver()

    assert [one.item.op for one in delivered if one.posted is None] == [claimed.item.op]


@pytest.mark.parametrize(
    ("down", "posted"), [pytest.param(12 * HOUR, 1, id="half a day"), pytest.param(12 * HOUR + MINUTE, 0, id="longer")]
)
async def test_a_digest_that_was_missed_is_caught_up_within_half_a_day(down, posted):
    desk = await a_day(now=SLOT + down)

    assert len(await desk.catch_up()) == posted


async def test_a_day_without_anything_to_tell_has_no_digest():
    desk = Desk()

    assert await desk.catch_up() == []
    assert desk.store.commits == []


async def test_no_time_no_digest():
    desk = await a_day(policy=SpeakingPolicy(digest_at=None))

    assert await desk.catch_up() == []


async def test_a_store_that_is_down_is_asked_again():
    desk = await a_day()
    desk.store.down = True
    with pytest.raises(StoreDownError):
        await desk.digesting.catch_up()
    desk.store.down = False

    assert await desk.catch_up() == [(THREAD, f"{THREAD}:headline:1")]


async def test_the_digest_tells_what_the_store_remembers():
    desk = await a_day()
    await put(desk.store, incident("inc-quiet", severity=Severity.INFO), told=False)
    await desk.store.commit(
        Changeset(
            proposals=(ProposalWrite(proposal=replace(proposal(), expires_at=SLOT + HOUR), expected_state=None),),
            tick=TickMark(at=SLOT, seconds=1.0, series=1, findings=0, blind=("prometheus",)),
        )
    )

    await desk.digesting.catch_up()

    message = await waiting(desk.store, Slot.HEADLINE, THREAD)
    assert isinstance(message, DigestMessage)
    assert [one.incident_id for one in message.told] == ["inc-7f3a"]
    assert message.quiet == ("quality moved: fraud (71 %, usual 91 %)",)
    assert message.blind == ("prometheus",)
    assert message.pending == ("rollback of fraud to version 3: waits for approval until 10:00 UTC",)

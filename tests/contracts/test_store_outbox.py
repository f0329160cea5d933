"""What the outbox promises: one message a place, order in a thread, nothing sent on a lost lease."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.domain.message import OutboxItem
from bot.ports import Changeset, Claimed
from tests.contracts import values as v

SECOND = timedelta(seconds=1)


async def put(store, *items: OutboxItem) -> None:
    for item in items:
        await store.commit(Changeset(outbox=(item,)))


async def claim(store, *, after: timedelta = timedelta(0), owner: str = "a", limit: int = 10) -> list[Claimed]:
    return list(await store.claim(owner=owner, now=v.T0 + after, lease=v.LEASE, limit=limit))


async def ops(store, **options) -> list[str]:
    return [claimed.item.op for claimed in await claim(store, **options)]


async def deliver(store, *, after: timedelta = timedelta(0), ts: str = "1.0001") -> str:
    """Claim the next item and record it as sent; return its op."""
    (claimed,) = await claim(store, after=after, limit=1)
    item = claimed.item
    assert await store.sent(claimed, v.place(item.thread, item.slot, ts=ts, revision=item.revision), owner="a")
    return item.op


# ---------------------------------------------------------------- what replaces what


async def test_newer_content_replaces_what_waits_for_the_same_place(store):
    await put(store, v.item(revision=1), v.item(revision=2), v.item(slot="evidence", revision=1))

    assert (await store.outbox_depth()).waiting == 2
    assert await deliver(store) == "i-1:headline:2"
    assert await ops(store) == ["i-1:evidence:1"]


async def test_older_content_is_dropped(store):
    await put(store, v.item(revision=2), v.item(revision=1))

    assert await ops(store) == ["i-1:headline:2"]


async def test_content_older_than_what_stands_in_slack_is_dropped(store):
    await put(store, v.item(revision=2))
    await deliver(store)

    await put(store, v.item(revision=1))

    assert (await store.outbox_depth()).waiting == 0


async def test_the_same_revision_may_be_said_anew(store):
    await put(store, v.item(revision=2, text="before"))
    await deliver(store)
    await put(store, v.item(revision=2, text="after"))

    (claimed,) = await claim(store)

    assert claimed.item.message.text == "after"
    assert claimed.posted == v.place(ts="1.0001", revision=2)


async def test_a_claimed_item_is_left_alone_and_its_successor_waits(store):
    await put(store, v.item(revision=1))
    (first,) = await claim(store)
    await put(store, v.item(revision=2))

    assert await ops(store) == []
    assert await store.sent(first, v.place(revision=1), owner="a")
    (second,) = await claim(store)
    assert (second.item.revision, second.posted) == (2, v.place(revision=1))


async def test_a_later_edit_joins_the_window_of_the_first(store):
    await put(
        store,
        v.item(revision=1, not_before=v.T0 + 45 * SECOND),
        v.item(revision=2, at=v.T0 + 40 * SECOND, not_before=v.T0 + 85 * SECOND),
    )

    assert await ops(store, after=44 * SECOND) == []
    assert await ops(store, after=45 * SECOND) == ["i-1:headline:2"]


async def test_a_persons_edit_goes_at_once(store):
    await put(store, v.item(revision=1, not_before=v.T0 + 45 * SECOND), v.item(revision=2, at=v.T0 + SECOND))

    assert await ops(store, after=SECOND) == ["i-1:headline:2"]


async def test_an_item_that_may_have_arrived_keeps_its_op_under_newer_content(store):
    await put(store, v.item(revision=1))
    (first,) = await claim(store)
    await store.release(first, owner="a", not_before=v.T0 + 20 * SECOND, sure=False)
    await put(store, v.item(revision=2))

    (again,) = await claim(store, after=20 * SECOND)

    assert (again.item.op, again.item.revision, again.attempt) == ("i-1:headline:1", 2, 2)
    assert again.first_try == v.T0


# ---------------------------------------------------------------- who goes next


async def test_the_headline_goes_before_replies_that_came_earlier(store):
    await put(store, v.item(slot="evidence"), v.item(slot="reply:1"), v.item(slot="headline"))

    assert [await deliver(store, ts=f"{n}.0") for n in range(3)] == [
        "i-1:headline:0",
        "i-1:evidence:0",
        "i-1:reply:1:0",
    ]


async def test_replies_wait_for_a_headline_that_may_not_go_yet(store):
    await put(store, v.item(not_before=v.T0 + v.MINUTE), v.item(slot="evidence"))

    assert await ops(store) == []
    assert await ops(store, after=v.MINUTE) == ["i-1:headline:0"]


async def test_replies_do_not_wait_for_an_edit_of_a_headline_that_stands(store):
    await put(store, v.item())
    await deliver(store)
    await put(store, v.item(revision=1, not_before=v.T0 + v.MINUTE), v.item(slot="evidence"))

    (claimed,) = await claim(store)

    assert claimed.item.op == "i-1:evidence:0"
    assert claimed.posted is None
    assert claimed.root == v.place(ts="1.0001")


async def test_a_thread_gives_out_one_item_at_a_time_and_threads_do_not_wait_for_each_other(store):
    await put(store, v.item("i-1"), v.item("i-1", "evidence"), v.item("i-2"), v.item("i-3"))

    assert await ops(store, limit=2) == ["i-1:headline:0", "i-2:headline:0"]
    assert await ops(store) == ["i-3:headline:0"]
    assert await ops(store) == []


async def test_a_thread_without_a_headline_hangs_on_its_first_message(store):
    await put(store, v.item("p-1", "proposal:p-1"), v.item("p-1", "outcome:p-1"))
    (card,) = await claim(store)
    assert (card.item.slot, card.root) == ("proposal:p-1", None)
    await store.sent(card, v.place("p-1", "proposal:p-1"), owner="a")

    (outcome,) = await claim(store)

    assert outcome.root == v.place("p-1", "proposal:p-1")


async def test_two_claimers_at_once_never_share_an_item_or_a_thread(store):
    for thread in range(6):
        await put(store, v.item(f"i-{thread}"), v.item(f"i-{thread}", "evidence"))

    taken = await asyncio.gather(*(ops(store, owner=f"w{n}", limit=3) for n in range(4)))

    threads = [op.partition(":")[0] for batch in taken for op in batch]
    assert sorted(threads) == [f"i-{thread}" for thread in range(6)]


# ---------------------------------------------------------------- leases


async def test_a_lease_that_ran_out_is_taken_over_and_the_late_one_hears_it(store):
    await put(store, v.item())
    (first,) = await claim(store, owner="a")
    assert await ops(store, owner="b", after=v.LEASE - SECOND) == []

    (second,) = await claim(store, owner="b", after=v.LEASE)

    assert (first.attempt, second.attempt, second.first_try) == (1, 2, v.T0)
    assert not await store.sent(first, v.place(ts="1.1"), owner="a")
    assert await store.posted("i-1", "headline") is None
    assert await store.sent(second, v.place(ts="2.2"), owner="b")
    assert (await store.posted("i-1", "headline")).ts == "2.2"


async def test_a_claim_repeated_under_the_same_name_is_another_claim(store):
    await put(store, v.item())
    (first,) = await claim(store)
    (second,) = await claim(store, after=v.LEASE)

    assert not await store.sent(first, v.place(), owner="a")
    assert await store.sent(second, v.place(), owner="a")


async def test_a_lease_that_ran_out_goes_before_everything_else_of_its_thread(store):
    await put(store, v.item(slot="evidence"))
    await claim(store)
    await put(store, v.item(slot="headline"))

    assert await ops(store, after=v.LEASE) == ["i-1:evidence:0"]


async def test_somebody_who_lost_the_lease_can_neither_give_back_nor_park(store):
    await put(store, v.item())
    (first,) = await claim(store, owner="a")
    (second,) = await claim(store, owner="b", after=v.LEASE)

    await store.release(first, owner="a", not_before=v.T0, sure=True)
    await store.park(first, owner="a", because="late")

    assert (await store.outbox_depth()).parked == 0
    assert await store.sent(second, v.place(), owner="b")


# ---------------------------------------------------------------- sent, given back, parked


async def test_what_was_sent_is_found_by_place_and_by_timestamp(store):
    await put(store, v.item())

    await deliver(store, ts="1762160400.000200")

    assert await store.posted("i-1", "headline") == v.place(ts="1762160400.000200")
    assert await store.posted_at("C1", "1762160400.000200") == v.place(ts="1762160400.000200")
    assert await store.posted_at("C2", "1762160400.000200") is None
    assert await ops(store, after=timedelta(hours=1)) == []


async def test_an_edit_replaces_what_we_know_of_the_place(store):
    await put(store, v.item(revision=1))
    await deliver(store, ts="1.0")
    await put(store, v.item(revision=2))
    await deliver(store, ts="1.0")

    assert (await store.posted("i-1", "headline")).revision == 2


async def test_a_try_that_surely_failed_does_not_count(store):
    await put(store, v.item())
    (first,) = await claim(store)

    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=True)

    assert await ops(store, after=v.MINUTE - SECOND) == []
    (again,) = await claim(store, after=v.MINUTE)
    assert (again.attempt, again.first_try) == (1, v.T0 + v.MINUTE)


async def test_a_try_of_unknown_outcome_counts(store):
    await put(store, v.item())
    (first,) = await claim(store)

    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=False)

    (again,) = await claim(store, after=v.MINUTE)
    assert (again.attempt, again.first_try, again.item.op) == (2, v.T0, "i-1:headline:0")


async def test_replies_wait_for_one_that_was_given_back(store):
    await put(store, v.item())
    await deliver(store)
    await put(store, v.item(slot="reply:1"), v.item(slot="reply:2"))
    (first,) = await claim(store)

    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=True)

    assert await ops(store, after=SECOND) == []
    assert await ops(store, after=v.MINUTE) == ["i-1:reply:1:0"]


async def test_an_item_given_back_takes_up_what_came_meanwhile(store):
    await put(store, v.item(revision=1))
    (first,) = await claim(store)
    await put(store, v.item(revision=2))

    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=False)

    assert (await store.outbox_depth()).waiting == 1
    (again,) = await claim(store, after=v.MINUTE)
    assert (again.item.op, again.item.revision, again.attempt) == ("i-1:headline:1", 2, 2)


async def test_an_item_surely_not_sent_gives_way_to_what_came_meanwhile(store):
    await put(store, v.item(revision=1))
    (first,) = await claim(store)
    await put(store, v.item(revision=2))

    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=True)

    assert await ops(store, after=SECOND) == []
    (again,) = await claim(store, after=v.MINUTE)
    assert (again.item.op, again.item.revision, again.attempt) == ("i-1:headline:2", 2, 1)


async def test_newer_content_does_not_hurry_a_place_that_must_wait(store):
    await put(store, v.item(revision=1))
    (first,) = await claim(store)
    await store.release(first, owner="a", not_before=v.T0 + v.MINUTE, sure=True)

    await put(store, v.item(revision=2))

    assert await ops(store, after=SECOND) == []
    assert await ops(store, after=v.MINUTE) == ["i-1:headline:2"]


async def test_a_parked_item_is_never_tried_again_and_is_counted(store):
    await put(store, v.item("i-1"), v.item("i-2", at=v.T0 + SECOND))
    (first,) = await claim(store, limit=1)

    await store.park(first, owner="a", because="channel_not_found")

    assert await ops(store, after=timedelta(days=1)) == ["i-2:headline:0"]
    depth = await store.outbox_depth()
    assert (depth.waiting, depth.parked, depth.oldest) == (1, 1, v.T0 + SECOND)


async def test_replies_stay_behind_a_parked_headline_until_a_newer_one_stands(store):
    await put(store, v.item(), v.item(slot="evidence"))
    (headline,) = await claim(store)
    await store.park(headline, owner="a", because="msg_too_long")
    assert await ops(store) == []

    await put(store, v.item(revision=1))

    assert [await deliver(store, ts="1.0"), await deliver(store, ts="2.0")] == ["i-1:headline:1", "i-1:evidence:0"]
    assert (await store.outbox_depth()).parked == 0


async def test_an_empty_outbox_has_no_oldest_item(store):
    depth = await store.outbox_depth()

    assert (depth.waiting, depth.parked, depth.oldest) == (0, 0, None)

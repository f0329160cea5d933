"""Properties of choosing from the outbox that hold whatever is in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.store.queue import ItemState, Ticket, choose

NOW = datetime(2026, 11, 3, tzinfo=UTC)
TIMES = st.sampled_from([NOW - timedelta(minutes=1), NOW, NOW + timedelta(minutes=1)])


@st.composite
def outboxes(draw) -> list[Ticket]:
    """At most one waiting item a place and one claimed item a thread, as the database enforces."""
    found: list[Ticket] = []
    waiting, claimed = set(), set()
    for seq in range(draw(st.integers(0, 12))):
        ticket = Ticket(
            seq=seq,
            thread=draw(st.sampled_from("ab")),
            slot=draw(st.sampled_from(["headline", "evidence", "reply:1"])),
            state=draw(st.sampled_from([ItemState.WAITING, ItemState.CLAIMED, ItemState.PARKED])),
            not_before=draw(TIMES),
            lease_until=draw(TIMES),
            held_back=draw(st.booleans()),
        )
        place = (ticket.thread, ticket.slot)
        if (ticket.state is ItemState.WAITING and place in waiting) or (
            ticket.state is ItemState.CLAIMED and ticket.thread in claimed
        ):
            continue
        waiting |= {place} if ticket.state is ItemState.WAITING else set()
        claimed |= {ticket.thread} if ticket.state is ItemState.CLAIMED else set()
        found.append(ticket)
    return found


@given(outbox=outboxes(), opened=st.sets(st.sampled_from("ab")), limit=st.integers(0, 3))
def test_nothing_is_given_out_that_may_not_be(outbox, opened, limit):
    chosen = [ticket for ticket in outbox if ticket.seq in choose(outbox, opened=opened, now=NOW, limit=limit)]

    threads = [ticket.thread for ticket in chosen]
    assert len(threads) == len(set(threads)) <= limit
    for ticket in chosen:
        rest = [other for other in outbox if other.thread == ticket.thread and other is not ticket]
        if ticket.state is ItemState.CLAIMED:
            assert ticket.lease_until <= NOW
            continue
        assert ticket.state is ItemState.WAITING
        assert ticket.not_before <= NOW
        assert not any(other.state is ItemState.CLAIMED for other in rest)
        if ticket.thread not in opened and ticket.slot != "headline":
            assert not any(other.slot == "headline" for other in rest)


@given(outbox=outboxes())
def test_a_thread_that_stands_and_has_only_due_items_never_stalls(outbox):
    due = [ticket for ticket in outbox if ticket.state is ItemState.WAITING and ticket.not_before <= NOW]
    expected = {
        ticket.thread
        for ticket in due
        if all(
            (other.state is not ItemState.CLAIMED or other.lease_until <= NOW) and other.not_before <= NOW
            for other in outbox
            if other.thread == ticket.thread
        )
    }

    seqs = choose(outbox, opened={"a", "b"}, now=NOW, limit=9)

    assert expected <= {ticket.thread for ticket in outbox if ticket.seq in seqs}

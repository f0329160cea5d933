"""The rules of the outbox, pure: what replaces what, who may be sent next, and how an item comes back.

Both stores obey these functions, so that a test against the one in memory says something about the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.message import OutboxItem, Posted, Slot


class ItemState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    PARKED = "parked"


UNSENT = (ItemState.WAITING, ItemState.CLAIMED, ItemState.PARKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item and how far it got."""

    item: OutboxItem
    state: ItemState = ItemState.WAITING
    attempts: int = 0  # tries that may have reached Slack
    first_try: datetime | None = None
    owner: str = ""
    lease_until: datetime | None = None
    held_back: bool = False  # given back after a try: the rest of its thread waits with it
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What choosing the next items needs of an entry; the message itself stays where it is."""

    seq: int
    thread: str
    slot: str
    state: ItemState
    not_before: datetime
    lease_until: datetime | None
    held_back: bool


def admit(item: OutboxItem, *, waiting: Entry | None, claimed: Entry | None, posted: Posted | None) -> Entry | None:
    """Say what waits for a slot once `item` has arrived; None when `item` is older than what we have.

    An item that may have reached Slack keeps its op when newer content replaces it: the op is how Slack is asked
    whether the message arrived, and under a new one it would be posted twice.
    """
    known = [entry.item.revision for entry in (waiting, claimed) if entry] + ([posted.revision] if posted else [])
    if any(revision > item.revision for revision in known):
        return None
    if waiting is None:
        return Entry(item=item)
    # the first edit opened the window; later ones join it, or a busy incident would never be edited
    not_before = waiting.item.not_before if waiting.held_back else min(item.not_before, waiting.item.not_before)
    op = waiting.item.op if waiting.attempts else item.op
    return replace(waiting, item=replace(item, op=op, not_before=not_before, created=waiting.item.created))


def choose(tickets: Iterable[Ticket], *, opened: Collection[str], now: datetime, limit: int) -> list[int]:
    """Pick the seqs to claim: at most one a thread, in the order they came.

    opened: threads of which something stands in Slack already. While nothing does, only the message that opens
    the thread may go. A thread with an item given back waits until that item is due again.
    """
    threads: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        threads.setdefault(ticket.thread, []).append(ticket)
    found = [
        chosen
        for name, thread in threads.items()
        if (chosen := _next(thread, open_=name in opened, now=now)) is not None
    ]
    return [ticket.seq for ticket in sorted(found, key=lambda ticket: ticket.seq)][:limit]


def _next(thread: Collection[Ticket], *, open_: bool, now: datetime) -> Ticket | None:
    claimed = next((ticket for ticket in thread if ticket.state is ItemState.CLAIMED), None)
    if claimed is not None:
        return claimed if claimed.lease_until is None or claimed.lease_until <= now else None
    waiting = sorted((ticket for ticket in thread if ticket.state is ItemState.WAITING), key=_place)
    if any(ticket.held_back and ticket.not_before > now for ticket in waiting):
        return None
    if not open_:
        renewed = {ticket.slot for ticket in waiting}  # a parked message may have a successor
        parked = [t for t in thread if t.state is ItemState.PARKED and t.slot not in renewed]
        first = min((*waiting, *parked), key=_place, default=None)
        waiting = [first] if first is not None and first.state is ItemState.WAITING else []
    return next((ticket for ticket in waiting if ticket.not_before <= now), None)


def _place(ticket: Ticket) -> tuple[bool, int]:
    return ticket.slot != Slot.HEADLINE, ticket.seq


def give_back(entry: Entry, newer: Entry | None, *, not_before: datetime, sure: bool) -> Entry:
    """Say what waits for the slot after a try failed; it stands for `newer` too, which came meanwhile."""
    attempts = entry.attempts - 1 if sure else entry.attempts
    content = newer.item if newer else entry.item
    untried = attempts == 0
    return Entry(
        item=replace(
            content,
            op=content.op if untried else entry.item.op,
            not_before=not_before,
            created=entry.item.created,
        ),
        attempts=attempts,
        first_try=None if untried else entry.first_try,
        held_back=True,
    )


def root_of(posted: Iterable[Posted]) -> Posted | None:
    """Find the message that opens a thread: the headline or, where there is none, the oldest one."""
    return min(posted, key=lambda place: (place.slot != Slot.HEADLINE, place.ts), default=None)

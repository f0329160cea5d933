"""The outbox in SQL: taking items on a lease, and giving them back sent, unsent or parked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import Posted
from bot.ports import Claimed, OutboxDepth
from bot.store import rows
from bot.store import tables as t
from bot.store.database import Database
from bot.store.queue import UNSENT, ItemState, Ticket, choose, give_back, root_of
from bot.store.records import entry_of, posted_of
from bot.store.writes import insert_or_ignore, posted_slot, upsert

SEEN_FOR = timedelta(days=1)  # Slack repeats an event within the hour
ONE_CLAIMER = text("SELECT pg_advisory_xact_lock(7022611)")  # any constant of ours: claimers take turns


class Outbox:
    """The other half of a Store: small writing transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, *, owner: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Claimed]:
        # most looks find nothing, and need not hold up the writers
        async with self._database.read() as connection:
            if not await _choose(connection, now=now, limit=limit):
                return ()
        async with self._database.write() as connection:
            if not self._database.sqlite:
                await connection.execute(ONE_CLAIMER)
            taken = [
                await _take(connection, seq, owner=owner, now=now, lease=lease)
                for seq in await _choose(connection, now=now, limit=limit)
            ]
            return [claimed for claimed in taken if claimed is not None]

    async def sent(self, claimed: Claimed, posted: Posted, *, owner: str) -> bool:
        c = t.outbox.c
        async with self._database.write() as connection:
            # the lease's end is the latest time we know of here, and good enough to tell when to forget
            columns = {"state": ItemState.SENT.value, "owner": "", "lease_until": None, "ended": c.lease_until}
            ours = update(t.outbox).where(*_ours(claimed, owner)).values(columns)
            if (await connection.execute(ours)).rowcount != 1:
                return False
            await upsert(connection, t.posted, [rows.posted_columns(posted)])
            # what was set aside in this place is overtaken
            overtaken = (c.thread == posted.thread, c.slot == posted.slot, c.state == ItemState.PARKED.value)
            await connection.execute(delete(t.outbox).where(*overtaken, c.revision <= posted.revision))
            return True

    async def release(self, claimed: Claimed, *, owner: str, not_before: datetime, sure: bool) -> None:
        c = t.outbox.c
        item = claimed.item
        async with self._database.write() as connection:
            row = (await connection.execute(select(t.outbox).where(*_ours(claimed, owner)).with_for_update())).first()
            if row is None:
                return  # the lease ran out and somebody else has it: it is theirs to give back
            place = (c.thread == item.thread, c.slot == item.slot, c.state == ItemState.WAITING.value)
            newer = (await connection.execute(select(t.outbox).where(*place).with_for_update())).first()
            entry = give_back(entry_of(row), entry_of(newer) if newer else None, not_before=not_before, sure=sure)
            if newer is not None:
                await connection.execute(delete(t.outbox).where(c.seq == newer.seq))
            await connection.execute(update(t.outbox).where(c.seq == row.seq).values(rows.entry_columns(entry)))

    async def park(self, claimed: Claimed, *, owner: str, because: str) -> None:
        async with self._database.write() as connection:
            columns = {"state": ItemState.PARKED.value, "because": because, "owner": "", "lease_until": None}
            await connection.execute(update(t.outbox).where(*_ours(claimed, owner)).values(columns))

    async def posted(self, thread: str, slot: str) -> Posted | None:
        async with self._database.read() as connection:
            return await posted_slot(connection, thread, slot)

    async def posted_at(self, channel: str, ts: str) -> Posted | None:
        query = select(t.posted).where(t.posted.c.channel == channel, t.posted.c.ts == ts)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
            return None if row is None else posted_of(row)

    async def outbox_depth(self) -> OutboxDepth:
        c = t.outbox.c
        query = (
            select(c.state, func.count().label("items"), func.min(c.created).label("oldest"))
            .where(c.state.in_(UNSENT))
            .group_by(c.state)
        )
        async with self._database.read() as connection:
            found = {row.state: row for row in await connection.execute(query)}
        parked = found.pop(ItemState.PARKED.value, None)
        return OutboxDepth(
            waiting=sum(row.items for row in found.values()),
            parked=parked.items if parked else 0,
            oldest=min((row.oldest for row in found.values()), default=None),
        )

    async def first_time(self, key: str, *, now: datetime) -> bool:
        c = t.inbound_seen.c
        async with self._database.write() as connection:
            await connection.execute(delete(t.inbound_seen).where(c.at <= now - SEEN_FOR))
            statement = insert_or_ignore(connection, t.inbound_seen).values(key=key, at=now).returning(c.key)
            return (await connection.execute(statement)).first() is not None


async def _choose(connection: AsyncConnection, *, now: datetime, limit: int) -> list[int]:
    c = t.outbox.c
    columns = (c.seq, c.thread, c.slot, c.state, c.not_before, c.lease_until, c.held_back)
    found = (await connection.execute(select(*columns).where(c.state.in_(UNSENT)))).all()
    if not found:
        return []
    unsent = select(c.thread).where(c.state.in_(UNSENT))
    opened = await connection.execute(select(t.posted.c.thread).where(t.posted.c.thread.in_(unsent)).distinct())
    tickets = [
        Ticket(
            seq=row.seq,
            thread=row.thread,
            slot=row.slot,
            state=ItemState(row.state),
            not_before=row.not_before,
            lease_until=row.lease_until,
            held_back=row.held_back,
        )
        for row in found
    ]
    return choose(tickets, opened=frozenset(opened.scalars()), now=now, limit=limit)


async def _take(
    connection: AsyncConnection, seq: int, *, owner: str, now: datetime, lease: timedelta
) -> Claimed | None:
    c = t.outbox.c
    statement = (
        update(t.outbox)
        .where(c.seq == seq, c.state.in_([ItemState.WAITING, ItemState.CLAIMED]))
        .values(
            state=ItemState.CLAIMED.value,
            owner=owner,
            lease_until=now + lease,
            attempts=c.attempts + 1,
            first_try=func.coalesce(c.first_try, literal(now, c.first_try.type)),
            held_back=False,
        )
        .returning(t.outbox)  # the content as it is now: on PostgreSQL it may be newer than what was chosen
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    entry = entry_of(row)
    query = select(t.posted).where(t.posted.c.thread == row.thread)
    places = [posted_of(place) for place in await connection.execute(query)]
    return Claimed(
        item=entry.item,
        attempt=entry.attempts,
        first_try=entry.first_try or now,
        posted=next((place for place in places if place.slot == row.slot), None),
        root=root_of(places),
    )


def _ours(claimed: Claimed, owner: str) -> tuple[ColumnElement[bool], ...]:
    """Whose lease it is. The attempt tells our claim from a later one under the same name."""
    c = t.outbox.c
    return (
        c.op == claimed.item.op,
        c.state == ItemState.CLAIMED.value,
        c.owner == owner,
        c.attempts == claimed.attempt,
    )

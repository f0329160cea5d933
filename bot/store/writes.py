"""One changeset into one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.message import OutboxItem, Posted
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, ProposalWrite, TickMark
from bot.store import rows
from bot.store import tables as t
from bot.store.queue import Entry, ItemState, admit
from bot.store.records import entry_of, posted_of

# How long what only explains the past is kept. Incidents, proposals, profiles, lessons, the ledger
# and the audit log stay for good.
KEEP_SENT = timedelta(days=1)  # long enough to look back after any restart
KEEP_TICKS = timedelta(days=8)
KEEP_PAST = timedelta(days=30)  # previews of silences look 7 days back; decisions are read by people


async def write(connection: AsyncConnection, changeset: Changeset) -> None:
    """Write it all. Raises ConcurrentChangeError; the caller's transaction then undoes what was written."""
    # in one order everywhere, so that two writers cannot wait for each other
    for incident_write in sorted(changeset.incidents, key=lambda write: write.incident.id):
        await _write_incident(connection, incident_write)
    # what ends comes first, so that a proposal may replace another one of its model
    for proposal_write in sorted(changeset.proposals, key=lambda write: write.expected_state is None):
        await _write_proposal(connection, proposal_write)
    for incident in (write.incident for write in changeset.incidents):
        await upsert(connection, t.findings, rows.finding_columns(incident))
    approvals = (approval for write in changeset.proposals for approval in write.proposal.approvals)
    await insert_new(connection, t.approvals, map(rows.approval_columns, approvals))
    await upsert(connection, t.told, map(rows.told_columns, changeset.told))
    await upsert(connection, t.silences, map(rows.silence_columns, changeset.silences))
    await insert_new(connection, t.changes, map(rows.change_columns, changeset.changes))
    await upsert(connection, t.lessons, map(rows.lesson_columns, changeset.lessons))
    await insert_new(connection, t.profiles, map(rows.profile_columns, changeset.profiles))
    await _append(connection, t.decisions, [rows.decision_columns(one, changeset.tick) for one in changeset.decisions])
    await _append(connection, t.deploys, [rows.deploy_columns(event) for event in changeset.deploys])
    await _append(connection, t.audit, [rows.audit_columns(entry) for entry in changeset.audit])
    for item in changeset.outbox:
        await _queue(connection, item)
    if changeset.snapshot is not None:
        await upsert(connection, t.snapshots, [{"id": 1, "state": changeset.snapshot}])
    if changeset.tick is not None:
        await upsert(connection, t.ticks, [rows.tick_columns(changeset.tick)])
        await _forget(connection, changeset.tick)


async def upsert(connection: AsyncConnection, table: Table, values: Iterable[rows.Columns]) -> None:
    """Insert, or replace what has the same primary key."""
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    await _run(connection, statement.on_conflict_do_update(index_elements=keys, set_=rest), list(values))


async def insert_new(connection: AsyncConnection, table: Table, values: Iterable[rows.Columns]) -> None:
    """Insert what is not there yet; leave the rest as it is."""
    await _run(connection, insert_or_ignore(connection, table), list(values))


def insert_or_ignore(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return _insert(connection, table).on_conflict_do_nothing()


def _insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def _append(connection: AsyncConnection, table: Table, values: Sequence[rows.Columns]) -> None:
    for one in values:  # one by one: the order of rows is their meaning
        await connection.execute(insert(table).values(one))


async def _run(connection: AsyncConnection, statement: Any, values: list[rows.Columns]) -> None:
    if values:
        await connection.execute(statement, values)


async def _write_incident(connection: AsyncConnection, write: IncidentWrite) -> None:
    columns = rows.incident_columns(write.incident)
    if write.expected_revision is None:
        await connection.execute(insert(t.incidents).values(columns))
        return
    where = (t.incidents.c.id == write.incident.id, t.incidents.c.revision == write.expected_revision)
    done = await connection.execute(update(t.incidents).where(*where).values(columns))
    if done.rowcount != 1:
        raise ConcurrentChangeError(
            f"incident {write.incident.id} no longer has revision {write.expected_revision}: read it again"
        )


async def _write_proposal(connection: AsyncConnection, write: ProposalWrite) -> None:
    columns = rows.proposal_columns(write.proposal)
    if write.expected_state is None:
        await connection.execute(insert(t.proposals).values(columns))
        return
    where = (t.proposals.c.id == write.proposal.id, t.proposals.c.state == write.expected_state.value)
    done = await connection.execute(update(t.proposals).where(*where).values(columns))
    if done.rowcount != 1:
        raise ConcurrentChangeError(f"proposal {write.proposal.id} is no longer {write.expected_state}: read it again")


async def _queue(connection: AsyncConnection, item: OutboxItem) -> None:
    c = t.outbox.c
    query = (
        select(t.outbox)
        .where(c.thread == item.thread, c.slot == item.slot, c.state.in_([ItemState.WAITING, ItemState.CLAIMED]))
        .with_for_update()  # PostgreSQL: nobody claims it while we look; SQLite ignores this, it has one writer
    )
    found: dict[ItemState, tuple[int, Entry]] = {}
    for row in await connection.execute(query):
        entry = entry_of(row)
        found[entry.state] = (row.seq, entry)
    seq, waiting = found.get(ItemState.WAITING, (None, None))
    _, claimed = found.get(ItemState.CLAIMED, (None, None))
    posted = await posted_slot(connection, item.thread, item.slot)
    entry_now = admit(item, waiting=waiting, claimed=claimed, posted=posted)
    if entry_now is None:
        return
    columns = rows.entry_columns(entry_now)
    if seq is None:
        await connection.execute(insert(t.outbox).values(columns))
    else:
        await connection.execute(update(t.outbox).where(c.seq == seq).values(columns))


async def posted_slot(connection: AsyncConnection, thread: str, slot: str) -> Posted | None:
    query = select(t.posted).where(t.posted.c.thread == thread, t.posted.c.slot == slot)
    row = (await connection.execute(query)).first()
    return None if row is None else posted_of(row)


async def _forget(connection: AsyncConnection, tick: TickMark) -> None:
    await connection.execute(delete(t.outbox).where(t.outbox.c.ended < tick.at - KEEP_SENT))
    await connection.execute(delete(t.ticks).where(t.ticks.c.at < tick.at - KEEP_TICKS))
    await connection.execute(delete(t.decisions).where(t.decisions.c.tick < tick.at - KEEP_PAST))
    await connection.execute(delete(t.findings).where(t.findings.c.detected < tick.at - KEEP_PAST))

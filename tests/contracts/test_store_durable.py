"""What survives: restarts, kill -9 in the middle of commits, two writers, people with a database shell."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.incident import IncidentId
from bot.errors import StoreDownError
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, TickMark
from bot.store.database import Database, read_url
from tests.contracts import values as v

POSTGRES_ONLY = [pytest.param("postgres", marks=[pytest.mark.integration, pytest.mark.enable_socket])]
COMMITTER = Path(__file__).with_name("committer.py")


def new(incident) -> IncidentWrite:
    return IncidentWrite(incident=incident, expected_revision=None)


async def test_everything_is_there_after_a_restart(opener):
    tick = TickMark(at=v.T0, seconds=1.0, series=4, findings=3)
    store = await opener()
    await store.commit(
        Changeset(
            incidents=(new(v.incident()),),
            told=(v.told(),),
            outbox=(v.item(),),
            silences=(v.silence(),),
            deploys=(v.deploy("8", at=v.T0),),
            tick=tick,
            snapshot=b"state",
        )
    )
    (claimed,) = await store.claim(owner="a", now=v.T0, lease=v.LEASE, limit=1)
    await store.first_time("Ev1", now=v.T0)
    await store.close()

    again = await opener()

    assert (await again.incident(IncidentId("i-1"))).firing == v.incident().firing
    assert await again.told([IncidentId("i-1")]) == {"i-1": v.told()}
    assert await again.silences(active_at=v.T0) == [v.silence()]
    assert await again.last_tick() == tick
    assert await again.snapshot() == b"state"
    assert not await again.first_time("Ev1", now=v.T0)
    assert await again.claim(owner="b", now=v.T0, lease=v.LEASE, limit=1) == ()
    (taken_over,) = await again.claim(owner="b", now=v.T0 + v.LEASE, lease=v.LEASE, limit=1)
    assert (taken_over.item.op, taken_over.attempt) == (claimed.item.op, 2)


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_commits_leaves_all_or_nothing(url, opener):
    rng = random.Random(7)  # where in the stream of commits the kill falls; the exact instruction is the machine's luck
    acknowledged = -1
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(COMMITTER), url, str(acknowledged + 2), stdout=subprocess.PIPE
        )
        for _ in range(rng.randrange(5, 30)):
            acknowledged = int(await process.stdout.readline())
        process.kill()
        acknowledged = max(acknowledged, *(int(line) for line in (await process.stdout.read()).split()), -1)
        await process.wait()

    store = await opener()
    incidents = {incident.id for incident in await store.incidents(limit=10_000)}
    audited = {entry.subject for entry in await store.audit(limit=10_000)}
    with_findings = {incident_id for incident_id, _ in await store.findings(since=v.T0 - v.MINUTE)}
    queued = (await store.outbox_depth()).waiting
    last = max(int(name.removeprefix("i-")) for name in incidents)

    assert last in (acknowledged, acknowledged + 1)
    assert f"i-{acknowledged:06d}" in incidents
    assert incidents == audited == with_findings
    assert queued == 2 * len(incidents)
    assert (await store.last_tick()).series == last
    assert await store.snapshot() == str(last).encode()


async def test_two_connections_that_write_at_once_lose_nothing(url, opener):
    store = await opener()
    if url.startswith("postgresql"):
        other = await opener()
    else:
        other = store  # a second process is refused, and one store writes from many tasks

    async def write(writer, name: str) -> None:
        for number in range(15):
            await writer.commit(
                Changeset(incidents=(new(v.incident(f"{name}-{number}")),), audit=(v.audit(subject=name),))
            )

    await asyncio.gather(write(store, "a"), write(other, "b"), write(store, "c"))

    assert len(await store.incidents(limit=100)) == 45
    assert len(await store.audit(limit=100)) == 45


async def test_writers_of_the_same_incidents_in_opposite_order_do_not_block_each_other(opener):
    store = await opener()
    both = [v.incident("i-1"), v.incident("i-2")]
    await store.commit(Changeset(incidents=tuple(map(new, both))))

    async def attempt(names: tuple[str, str]) -> bool:
        writes = tuple(IncidentWrite(incident=v.incident(name, revision=1), expected_revision=0) for name in names)
        try:
            await store.commit(Changeset(incidents=writes))
        except ConcurrentChangeError:
            return False
        return True

    won = await asyncio.gather(*(attempt(names) for names in (("i-1", "i-2"), ("i-2", "i-1")) * 3))

    assert sum(won) == 1


@pytest.fixture
async def shell(url) -> AsyncIterator[Database]:
    """A person beside the bot, with the database open."""
    opened = Database(read_url(url))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'somebody else'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE what = 'rollback.approved'",
    ],
)
async def test_nobody_edits_the_audit_log(shell, opener, statement):
    store = await opener()
    await store.commit(Changeset(audit=(v.audit(),)))

    with pytest.raises(StoreDownError, match="append-only"):
        async with shell.write() as connection:
            await connection.execute(text(statement))

    assert await store.audit(limit=9) == [v.audit()]


async def test_a_value_that_cannot_be_read_is_an_error_and_not_an_absence(shell, opener):
    store = await opener()
    await store.commit(Changeset(incidents=(new(v.incident()),)))
    async with shell.write() as connection:
        await connection.execute(text("UPDATE incidents SET value = '{}'"))

    with pytest.raises(StoreDownError, match="cannot read"):
        await store.incident(IncidentId("i-1"))


async def test_a_commit_that_is_cancelled_anywhere_leaves_all_or_nothing_and_no_lock(opener):
    store = await opener()

    for steps in range(60):
        name = f"i-{steps}"
        commit = asyncio.create_task(
            store.commit(Changeset(incidents=(new(v.incident(name)),), audit=(v.audit(subject=name),)))
        )
        for _ in range(steps):
            await asyncio.sleep(0)
        commit.cancel()
        await asyncio.gather(commit, return_exceptions=True)
    await store.commit(Changeset(incidents=(new(v.incident("after")),), audit=(v.audit(subject="after"),)))

    incidents = {incident.id for incident in await store.incidents(limit=100)}
    assert "after" in incidents
    assert incidents == {entry.subject for entry in await store.audit(limit=100)}


@pytest.mark.parametrize("url", POSTGRES_ONLY, indirect=True)
async def test_a_server_that_drops_its_connections_costs_at_most_one_error(shell, opener):
    store = await opener()
    await store.commit(Changeset(audit=(v.audit("before"),)))

    async with shell.write() as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        await connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
    await store.commit(Changeset(audit=(v.audit("after"),)))

    assert [entry.what for entry in await store.audit(limit=9)] == ["after", "before"]

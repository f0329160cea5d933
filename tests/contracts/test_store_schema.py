"""Opening and migrating: which databases are refused, and that the migrations say the same as the tables."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from bot.errors import BadInputError
from bot.ports import Changeset
from bot.store import writes
from bot.store.database import Database, read_url
from bot.store.migrate import alembic_config, head, migrate, revision_of, revisions
from bot.store.sql import open_store
from bot.store.tables import METADATA
from tests.contracts import values as v


async def run(url: str, *statements: str) -> None:
    shell = Database(read_url(url))
    async with shell.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await shell.close()


async def test_migrations_lead_to_the_tables_that_the_code_declares(url):
    def differences(connection) -> list:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, METADATA)

    database = Database(read_url(url))
    async with database.read() as connection:
        found = await connection.run_sync(differences)
    await database.close()

    assert found == []


async def test_the_revisions_we_know_are_those_that_alembic_finds(url):
    def known(connection) -> list[str]:
        script = ScriptDirectory.from_config(alembic_config(connection))
        assert script.get_current_head() == head()
        return [revision.revision for revision in script.walk_revisions()][::-1]

    database = Database(read_url(url))
    async with database.read() as connection:
        assert await connection.run_sync(known) == list(revisions())
    await database.close()


async def test_going_down_leaves_nothing_behind(url):
    def down(connection) -> list[str]:
        command.downgrade(alembic_config(connection), "base")
        return inspect(connection).get_table_names()

    database = Database(read_url(url))
    async with database.write() as connection:
        assert await connection.run_sync(down) == ["alembic_version"]
    await database.close()
    assert await migrate(url) == head()


async def test_a_migration_lays_the_schema_once(empty_url):
    assert await migrate(empty_url) == head()
    assert await migrate(empty_url) == head()

    store = await open_store(empty_url)
    assert await store.schema() == head()
    await store.close()


async def test_opening_with_create_lays_the_schema(empty_url):
    store = await open_store(empty_url, create=True)
    await store.commit(Changeset(audit=(v.audit(),)))
    await store.close()

    again = await open_store(empty_url)
    assert await again.audit(limit=1) == [v.audit()]
    await again.close()


async def test_a_database_of_the_first_schema_is_upgraded_with_its_data(empty_url):
    database = Database(read_url(empty_url))
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(alembic_config(sync), "0001"))
        await writes.write(connection, Changeset(audit=(v.audit(),), silences=(v.silence(),), outbox=(v.item(),)))
    await database.close()
    with pytest.raises(BadInputError, match=r"schema 0001.*run `faultline migrate`"):
        await open_store(empty_url)

    store = await open_store(empty_url, create=True)
    await store.commit(Changeset(profiles=(v.profile(),), lessons=(v.lesson(),)))

    assert await store.schema() == head()
    assert await store.audit(limit=9) == [v.audit()]
    assert await store.silence(v.silence().id) == v.silence()
    assert (await store.outbox_depth()).waiting == 1
    assert await store.profile("fraud", "9") == v.profile()
    assert await store.lessons(since=v.T0 - v.MINUTE) == [v.lesson()]
    await store.close()


async def test_a_database_without_a_schema_is_refused(empty_url):
    with pytest.raises(BadInputError, match="run `faultline migrate`"):
        await open_store(empty_url)


@pytest.mark.parametrize("create", [False, True])
async def test_a_newer_schema_is_refused_and_left_alone(url, create):
    await run(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(BadInputError, match=r"9999.*newer"):
        await open_store(url, create=create)
    with pytest.raises(BadInputError, match=r"9999.*newer"):
        await migrate(url)

    database = Database(read_url(url))
    assert await revision_of(database) == "9999"
    await database.close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_url):
    await run(empty_url, "CREATE TABLE outbox (theirs INTEGER)")

    with pytest.raises(Exception, match="outbox"):
        await migrate(empty_url)

    database = Database(read_url(empty_url))
    async with database.read() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["outbox"]
    await database.close()


async def test_a_reader_looks_beside_the_bot_and_cannot_write(url):
    bot = await open_store(url)
    await bot.commit(Changeset(audit=(v.audit(),)))
    reader = await open_store(url, read_only=True)

    seen = await reader.audit(limit=9)
    with pytest.raises(Exception, match=r"read-?only"):
        await reader.commit(Changeset(audit=(v.audit("forged"),)))
    await reader.close()

    assert seen == [v.audit()]
    assert await bot.audit(limit=9) == [v.audit()]
    await bot.close()

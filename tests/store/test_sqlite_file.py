"""What only a file can do wrong: be taken, missing, damaged, or written by a migration without a copy."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import BadInputError, StoreDownError
from bot.ports import Changeset
from bot.store.migrate import check_revision, head, migrate
from bot.store.sql import open_store
from tests.contracts import values as v

HOLDER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from bot.store.sql import open_store

async def main():
    store = await open_store({url!r})
    print("open", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@pytest.fixture
async def url(tmp_path) -> str:
    made = f"sqlite:///{tmp_path / 'faultline.db'}"
    await migrate(made)
    return made


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("busy_timeout", 10_000),
        ("foreign_keys", 1),
        ("journal_size_limit", 64 * 1024 * 1024),
    ],
)
async def test_every_connection_is_careful(url, pragma, expected):
    store = await open_store(url)

    async with store._database.write() as connection:
        found = (await connection.execute(text(f"PRAGMA {pragma}"))).scalar()
    await store.close()

    assert found == expected


async def test_a_writing_transaction_holds_the_lock_from_its_beginning(url, tmp_path):
    store = await open_store(url)

    async with store._database.write():
        with (
            closing(sqlite3.connect(tmp_path / "faultline.db", timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
    async with store._database.read():
        with closing(sqlite3.connect(tmp_path / "faultline.db", timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
    await store.close()


async def test_a_silence_that_can_no_longer_be_read_mutes_nothing_and_hides_no_other(url, tmp_path, caplog):
    store = await open_store(url)
    await store.commit(Changeset(silences=(v.silence("sil-old"), v.silence("sil-new"))))
    with closing(sqlite3.connect(tmp_path / "faultline.db")) as shell, shell:
        shell.execute("""UPDATE silences SET value = json_set(value, '$.matchers', '{"x"') WHERE id = 'sil-old'""")

    assert [one.id for one in await store.silences(active_at=v.T0)] == ["sil-new"]
    assert "cannot be read" in caplog.text
    await store.close()


async def test_a_second_process_is_refused_and_told_which_one_is_there(url, tmp_path):
    source = HOLDER.format(root=str(Path(__file__).parents[2]), url=url)
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert await holder.stdout.readline() == b"open\n"

        with pytest.raises(BadInputError, match=rf"in use by another Faultline \(process {holder.pid}\)"):
            await open_store(url)
        with pytest.raises(BadInputError, match="in use"):
            await migrate(url)
        reader = await open_store(url, read_only=True)
        assert await reader.schema() == head()
        await reader.close()
    finally:
        holder.kill()
        await holder.communicate()

    store = await open_store(url)  # the lock ended with its process
    await store.close()


async def test_a_closed_store_frees_the_file(url):
    for _ in range(2):
        store = await open_store(url)
        await store.close()


async def test_a_refused_opening_frees_the_file(url, tmp_path):
    with closing(sqlite3.connect(tmp_path / "faultline.db")) as shell, shell:
        shell.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadInputError):
        await open_store(url)
    with closing(sqlite3.connect(tmp_path / "faultline.db")) as shell, shell:
        shell.execute("UPDATE alembic_version SET version_num = ?", (head(),))

    store = await open_store(url)
    await store.close()


async def test_a_mistyped_name_makes_no_file(tmp_path):
    with pytest.raises(BadInputError, match=r"no database at .*typo\.db"):
        await open_store(f"sqlite:///{tmp_path / 'typo.db'}")

    assert list(tmp_path.iterdir()) == []


async def test_a_new_file_gets_its_folder(tmp_path):
    store = await open_store(f"sqlite:///{tmp_path / 'new' / 'deep' / 'f.db'}", create=True)
    await store.close()

    assert (tmp_path / "new" / "deep" / "f.db").exists()


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "f.db"
    path.write_bytes(b"not a database, but somebody's letters\n" * 200)

    for create in (False, True):
        with pytest.raises(BadInputError, match="damaged"):
            await open_store(f"sqlite:///{path}", create=create)

    assert path.read_bytes().startswith(b"not a database")


async def test_a_damaged_file_is_refused(url, tmp_path):
    store = await open_store(url)
    for number in range(60):
        await store.commit(Changeset(audit=(v.audit(f"entry.{number}" * 40),)))
    await store.close()
    path = tmp_path / "faultline.db"
    content = bytearray(path.read_bytes())
    content[-3 * 4096 :] = b"\xa5" * (3 * 4096)
    path.write_bytes(bytes(content))

    with pytest.raises(BadInputError, match="damaged"):
        await open_store(url)


async def test_a_full_disk_is_an_error_and_not_a_loss(url):
    store = await open_store(url)
    await store.commit(Changeset(audit=(v.audit("before"),)))
    async with store._database.write() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar()
        await connection.execute(text(f"PRAGMA max_page_count = {pages + 1}"))

    with pytest.raises(StoreDownError, match="full"):
        await store.commit(Changeset(audit=(v.audit("during"),), snapshot=b"x" * 200_000))

    assert [entry.what for entry in await store.audit(limit=9)] == ["before"]
    async with store._database.write() as connection:
        await connection.execute(text("PRAGMA max_page_count = 1000000"))
    await store.commit(Changeset(audit=(v.audit("after"),), snapshot=b"x" * 200_000))
    await store.close()


async def test_a_file_with_anything_in_it_is_copied_before_it_is_migrated(tmp_path):
    path = tmp_path / "f.db"
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute("CREATE TABLE letters (text TEXT)")
        shell.execute("INSERT INTO letters VALUES ('dear')")

    await migrate(f"sqlite:///{path}")
    await migrate(f"sqlite:///{path}")

    (copy,) = tmp_path.glob("*.backup-*")
    with closing(sqlite3.connect(copy)) as shell:
        assert shell.execute("SELECT text FROM letters").fetchall() == [("dear",)]
        assert shell.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


async def test_a_backup_overwrites_no_older_one(tmp_path):
    path = tmp_path / "f.db"
    with closing(sqlite3.connect(path)) as shell, shell:
        shell.execute("CREATE TABLE letters (text TEXT)")
    older = tmp_path / "f.db.backup-unknown"
    older.write_text("precious")

    await migrate(f"sqlite:///{path}")

    assert older.read_text() == "precious"
    assert (tmp_path / "f.db.backup-unknown-2").exists()


async def test_a_new_file_needs_no_copy(tmp_path):
    await migrate(f"sqlite:///{tmp_path / 'f.db'}")

    assert list(tmp_path.glob("*.backup-*")) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(None, "holds no Faultline database yet: run `faultline migrate`", id="empty"),
        pytest.param("0001", "has schema 0001, this version needs 0002: run `faultline migrate`", id="older"),
        pytest.param("0003", "has schema 0003, which is newer than this version's 0002", id="newer"),
    ],
)
def test_another_schema_is_refused_with_what_to_do(found, words):
    with pytest.raises(BadInputError, match="^f.db " + words):
        check_revision(found, name="f.db", known=("0001", "0002"))


def test_the_schema_of_this_version_is_accepted():
    check_revision("0002", name="f.db", known=("0001", "0002"))

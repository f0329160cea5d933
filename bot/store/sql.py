"""The store on SQLite and PostgreSQL, and the checks before it is used."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.errors import BadInputError
from bot.ports import Changeset
from bot.store import writes
from bot.store.database import Database, read_url
from bot.store.migrate import check_revision, make_folder, revision_of, revisions, upgrade
from bot.store.outbox import Outbox
from bot.store.reads import Reads


class SqlStore(Reads, Outbox):
    """Implements bot.ports.Store. Get one from `open_store`."""

    async def commit(self, changeset: Changeset) -> None:
        async with self._database.write() as connection:
            await writes.write(connection, changeset)

    async def close(self) -> None:
        await self._database.close()


async def open_store(url: str, *, create: bool = False, read_only: bool = False, beside: bool = False) -> SqlStore:
    """Open the database at `url`: "sqlite:///relative.db", "sqlite:////absolute.db" or "postgresql://user@host/name".

    create:    make or upgrade the schema where needed, after a backup.
    read_only: look without taking the lock of an SQLite file, beside a running bot; every write fails.
    beside:    the same, for short writes, which a running bot reads at its next tick.
    Raises BadInputError when a person must act first: unreadable URL, no database yet, schema older or newer than
    this version's, file damaged or in use by another process. Raises StoreDownError when it cannot be reached.
    """
    if create and (read_only or beside):
        raise ValueError("a store is created by whoever has it alone")
    database = Database(read_url(url), read_only=read_only)
    try:
        if create:
            make_folder(database)
        else:
            _check_there(database)
        if not (read_only or beside):
            database.take_lock()
        if database.sqlite:
            await _check_file(database)
        if create:
            await upgrade(database)
        else:
            check_revision(await revision_of(database), name=database.name, known=revisions())
    except BaseException:
        await database.close()
        raise
    return SqlStore(database)


class NoDatabaseError(BadInputError):
    """The file is not there yet."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"there is no database at {path}: run `faultline migrate`")
        self.path = path


def _check_there(database: Database) -> None:
    """SQLite would make an empty file of a mistyped name."""
    if database.path is not None and not database.path.exists():
        raise NoDatabaseError(database.path)


async def _check_file(database: Database) -> None:
    """Refuse a damaged file before anything is built on it."""
    try:
        async with database.engine.begin() as connection:
            verdict = (await connection.execute(text("PRAGMA quick_check(1)"))).scalar()
    except OperationalError:
        return  # locked or unreadable just now: the next statement says so in our own words
    except DBAPIError as error:
        verdict = str(error.orig)
    if verdict != "ok":
        raise BadInputError(
            f"{database.path} is damaged ({verdict}): restore a backup, or move the file away to start afresh"
        )

"""Bring a database to the schema of this version, after a backup, or say why not."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text

from bot.errors import BadInputError, StoreDownError
from bot.store.database import Database, read_url

MIGRATIONS = Path(__file__).parent / "migrations"


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this version knows, oldest first.

    Read from the file names, which begin with them: starting the bot need not import Alembic.
    """
    return tuple(sorted(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def head() -> str:
    return revisions()[-1]


async def migrate(url: str) -> str:
    """Create or upgrade the schema; return its revision.

    An SQLite file with anything in it is copied beside itself first. Raises BadInputError when the database is
    newer than this program or in use, StoreDownError when it cannot be reached.
    """
    database = Database(read_url(url))
    try:
        make_folder(database)
        database.take_lock()
        return await upgrade(database)
    finally:
        await database.close()


def make_folder(database: Database) -> None:
    """Make the folder of a new SQLite file. Raises BadInputError."""
    if database.path is None:
        return
    try:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"cannot make the folder of {database.path}: {error.strerror}") from error


async def revision_of(database: Database) -> str | None:
    """Which revision the database has; None when it has none of our tables."""
    async with database.read() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
            return None
        found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        return None if found is None else str(found)


def check_revision(found: str | None, *, name: str, known: tuple[str, ...]) -> None:
    """Refuse a schema that this version does not write. Raises BadInputError."""
    if found == known[-1]:
        return
    if found is None:
        raise BadInputError(f"{name} holds no Faultline database yet: run `faultline migrate`")
    if found in known:
        raise BadInputError(
            f"{name} has schema {found}, this version needs {known[-1]}: run `faultline migrate` (it keeps a backup)"
        )
    raise BadInputError(
        f"{name} has schema {found}, which is newer than this version's {known[-1]}: "
        "install the version that wrote it, or restore the backup made before its migration"
    )


async def upgrade(database: Database) -> str:
    """Run the missing steps in one transaction: killed in the middle, the old schema is still there."""
    found = await revision_of(database)
    if found == head():
        return found
    if found is not None and found not in revisions():
        check_revision(found, name=database.name, known=revisions())
    if database.path is not None:
        await asyncio.to_thread(back_up, database.path, found)
    async with database.write() as connection:
        await connection.run_sync(_run_alembic)
    return head()


def back_up(path: Path, revision: str | None) -> Path | None:
    """Copy an SQLite database that has tables; return where to. Never overwrites an older copy."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None
            stem = f"{path.name}.backup-{revision or 'unknown'}"
            target = next(
                free
                for number in range(1, 10_000)
                if not (free := path.with_name(stem if number == 1 else f"{stem}-{number}")).exists()
            )
            connection.execute("VACUUM INTO ?", (str(target),))
            return target
    except sqlite3.Error as error:
        raise StoreDownError(f"cannot back up {path} before migrating it: {error}") from error


def _run_alembic(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  half a second of imports that a migrated database never needs

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Any:
    from alembic.config import Config  # noqa: PLC0415  as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config

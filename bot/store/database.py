"""The connection to SQLite or PostgreSQL: the URL, the pragmas, the two kinds of transactions, and its errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import asyncpg
from pydantic import ValidationError
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import BadInputError, StoreDownError
from bot.ports import ConcurrentChangeError
from bot.store.lock import FileLock

BUSY_MS = 10_000  # how long a writer waits for another one
WAL_LIMIT = 64 * 1024 * 1024  # bytes; one long reader let the log grow past 100 MB
POOL_WAIT_S = 5.0  # well below a tick, so that an exhausted pool is an error and not a hang
PG_TIMEOUT_S = 10.0
LOST_RACES = frozenset(
    {
        "23505",  # PostgreSQL: unique violation
        "40001",  # serialization failure
        "40P01",  # deadlock
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
    }
)

SCHEMES = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
EXPECTED = "expected sqlite:///path/to/file.db or postgresql://user@host/database"
PG_OPTIONS = frozenset({"ssl", "sslmode", "application_name", "host", "port"})


def read_url(text: str) -> URL:
    """Read a database URL as people write it, and name the asynchronous driver in it.

    Raises BadInputError, which never quotes the URL: part of it may be a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadInputError(f"the store's url cannot be read: {EXPECTED}") from None
    scheme = url.drivername.partition("+")[0]
    if scheme not in SCHEMES:
        raise BadInputError(f"the store's url names {scheme!r}, which is no database we know: {EXPECTED}")
    url = url.set(drivername=SCHEMES[scheme])
    if scheme == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:") or url.query:
            raise BadInputError("the store's url must name a file and nothing more: sqlite:///path/to/file.db")
        return url
    if unknown := sorted(set(url.query) - PG_OPTIONS):
        raise BadInputError(
            f"the store's url has options we do not pass on: {', '.join(unknown)}; "
            f"those we do: {', '.join(sorted(PG_OPTIONS))}"
        )
    if not url.database:
        raise BadInputError(f"the store's url names no database: {EXPECTED}")
    return url


class Database:
    """An engine with one kind of transaction for reading and one for writing."""

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        self._url = url
        self.read_only = read_only
        self.path = Path(url.database or "") if url.drivername.startswith("sqlite") else None
        self.engine = (
            _sqlite_engine(url, read_only=read_only) if self.path else _postgres_engine(url, read_only=read_only)
        )
        self._writing = self.engine.execution_options(faultline_writes=True)
        # SQLite's own queue for writers is a polling loop; inside one process a fair lock is quicker
        self._turn = asyncio.Lock() if self.path else None
        self._lock: FileLock | None = None

    @property
    def sqlite(self) -> bool:
        return self.path is not None

    @property
    def name(self) -> str:
        """The URL without its password, for people."""
        return self._url.render_as_string(hide_password=True)

    def take_lock(self) -> None:
        """Make this process the only one that works on an SQLite file. Raises BadInputError."""
        if self.path is not None:
            self._lock = FileLock.take(self.path)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with self._errors():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """All of it or none; on SQLite the write lock is held from the start.

        A transaction that reads first and writes later fails at once when another writer came between, whatever
        the timeout: hence BEGIN IMMEDIATE.
        """
        with self._errors():
            async with self._turn or nullcontext(), self._writing.begin() as connection:
                yield connection

    async def close(self) -> None:
        await self.engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if _lost_race(error.orig):
                raise ConcurrentChangeError(f"somebody else was quicker: {self._plain(error)}") from error
            raise StoreDownError(f"the store cannot answer: {self._plain(error)}") from error
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise StoreDownError(f"the store cannot answer: {self._plain(error)}") from error
        except ValidationError as error:
            raise StoreDownError(f"the store holds a {error.title} that this version cannot read") from error

    def _plain(self, error: BaseException) -> str:
        """One line without the statement, its values or the password."""
        cause = getattr(error, "orig", None) or error
        line = (str(cause).splitlines() or [""])[0] or type(cause).__name__
        password = self._url.password
        if password:
            for spelling in {str(password), quote(str(password), safe=""), quote_plus(str(password))}:
                line = line.replace(spelling, "***")
        return line


def _lost_race(error: BaseException | None) -> bool:
    """Tell a writer who came second from a database in trouble: the first may read again and go on."""
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    return code in LOST_RACES


def _sqlite_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, pool_timeout=POOL_WAIT_S)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own kind
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("faultline_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgres_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    query = dict(url.query)
    settings = {"application_name": str(query.pop("application_name", "faultline"))}
    if read_only:
        settings["default_transaction_read_only"] = "on"
    if "sslmode" in query:  # libpq's word, which most people's URLs carry
        query["ssl"] = query.pop("sslmode")
    return create_async_engine(
        url.set(query=query),
        hide_parameters=True,
        pool_pre_ping=True,  # a restarted server costs one look, not one failed tick
        pool_timeout=POOL_WAIT_S,
        connect_args={"server_settings": settings, "timeout": POOL_WAIT_S, "command_timeout": PG_TIMEOUT_S},
    )

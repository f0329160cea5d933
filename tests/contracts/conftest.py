from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from bot.ports import Store
from bot.store.memory import MemoryStore
from bot.store.migrate import migrate
from bot.store.sql import SqlStore, open_store
from tests.servers import ServerAbsentError, postgres

POSTGRES = pytest.param("postgres", marks=[pytest.mark.integration, pytest.mark.enable_socket])
EVERY_STORE = ["memory", "sqlite", POSTGRES]
SQL_STORES = ["sqlite", POSTGRES]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    try:
        with postgres() as url:
            yield url
    except ServerAbsentError as absent:
        pytest.skip(str(absent))


@dataclass
class Databases:
    """Makes databases of a server; the schema is laid once and copied from then on."""

    server: str
    numbers: Iterator[int]
    laid: bool = False

    async def fresh(self, *, empty: bool = False) -> str:
        if not empty and not self.laid:
            await self._run("CREATE DATABASE laid")
            await migrate(self._url("laid"))
            self.laid = True
        name = f"t{next(self.numbers)}"
        await self._run(f"CREATE DATABASE {name}" + ("" if empty else " TEMPLATE laid"))
        return self._url(name)

    def _url(self, name: str) -> str:
        return self.server.rpartition("/")[0] + f"/{name}"

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres_databases(postgres_server) -> Databases:
    return Databases(server=postgres_server, numbers=itertools.count())


@pytest.fixture(scope="session")
def laid_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("laid")


async def _database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "postgres":
        return await request.getfixturevalue("postgres_databases").fresh()
    laid = request.getfixturevalue("laid_folder") / "laid.db"
    if not laid.exists():
        await migrate(f"sqlite:///{laid}")
    path = tmp_path / "faultline.db"
    shutil.copy(laid, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=EVERY_STORE)
async def store(request, tmp_path) -> AsyncIterator[Store]:
    opened = (
        MemoryStore()
        if request.param == "memory"
        else await open_store(await _database(request.param, request, tmp_path))
    )
    yield opened
    await opened.close()


@pytest.fixture(params=SQL_STORES)
async def url(request, tmp_path) -> str:
    """A database with the schema laid and nothing in it."""
    return await _database(request.param, request, tmp_path)


@pytest.fixture(params=SQL_STORES)
async def empty_url(request, tmp_path) -> str:
    """A database without a schema."""
    if request.param == "postgres":
        return await request.getfixturevalue("postgres_databases").fresh(empty=True)
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
async def opener(url) -> AsyncIterator[Callable[[], SqlStore]]:
    """Opens the same database again and again, as restarts do; closes what the test left open."""
    opened: list[SqlStore] = []

    async def opening() -> SqlStore:
        opened.append(await open_store(url))
        return opened[-1]

    yield opening
    for one in opened:
        await one.close()

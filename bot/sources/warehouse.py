"""A read-only door to whatever SQL engine a team has: PostgreSQL, DuckDB over files, or any other with a dialect.

Everything here blocks: callers use a thread. Statements come from SQLAlchemy, names are checked against what the
database tells, and values are bound.
"""

from __future__ import annotations

import glob
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from bot.errors import BadInputError, SourceDownError

MEMORY = "192MB"  # of DuckDB in this process; with Python and what it keeps outside, about 300 MB at any number of rows
SPILL = "4GB"  # on disk, for what does not fit
FILES = (".parquet", ".csv", ".csv.gz")
CSV = (  # everything said, nothing guessed: a guess would depend on what the first rows happen to hold
    "read_csv({0}, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', comment = '',"
    " union_by_name = true)"
)
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
PACKAGES = {  # what a person must install beside Faultline
    "bigquery": "sqlalchemy-bigquery",
    "snowflake": "snowflake-sqlalchemy",
    "trino": "trino[sqlalchemy]",
    "clickhouse": "clickhouse-sqlalchemy",
    "databricks": "databricks-sqlalchemy",
    "redshift": "sqlalchemy-redshift",
}
NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "NUMERIC", "REAL", "SERIAL", "NUMBER")


class Type(StrEnum):
    """What a column holds, as far as counting must know."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    MOMENT = "moment"  # with a zone
    LOCAL = "local"  # a time without a zone: taken for UTC
    OTHER = "other"


class Reading:
    """A look at the database, all of it in one state where the engine can."""

    def __init__(self, name: str, connection: Connection, *, max_rows: int, timeout_s: float) -> None:
        self._name = name
        self._connection = connection
        self._max_rows = max_rows
        self._timeout_s = timeout_s

    @property
    def dialect(self) -> str:
        return self._connection.dialect.name

    def rows(self, statement: sa.sql.expression.Executable) -> list[tuple[Any, ...]]:
        """Read all rows. Raises SourceDownError when it fails, takes too long, or brings too many."""
        if isinstance(statement, sa.Select):  # a driver fetches all that is answered before we see any of it
            statement = statement.limit(self._max_rows + 1)
        try:
            with self._in_time():
                result = self._connection.execute(statement)
                found = [tuple(row) for row in result.fetchmany(self._max_rows + 1)]
        except SQLAlchemyError as error:
            raise SourceDownError(f"{self._name}: {plain(error)}") from error
        if len(found) > self._max_rows:
            raise SourceDownError(
                f"{self._name}: the answer has more than {self._max_rows:,} rows of counts; raise max_rows, or name"
                " fewer features"
            )
        return found

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Cut off a statement in DuckDB, which knows no timeout of its own."""
        if self.dialect != "duckdb":
            yield
            return
        raw: Any = self._connection.connection.dbapi_connection
        timer = threading.Timer(self._timeout_s, raw.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except SQLAlchemyError as error:
            if "INTERRUPT" in str(error).upper():
                raise SourceDownError(f"{self._name}: no answer in {self._timeout_s:g} s") from error
            raise
        finally:
            timer.cancel()

    def count(self, table: str) -> int:
        return int(self.rows(sa.select(sa.func.count()).select_from(named(table)))[0][0])

    def columns(self, table: str) -> Mapping[str, Type]:
        """Return the type of each column of a table or view. Raises BadInputError when it is not there."""
        try:
            if self.dialect == "duckdb":
                told = self._connection.execute(sa.text(f"DESCRIBE SELECT * FROM {self._quoted(table)}"))  # noqa: S608
                return {str(row[0]): _duckdb_type(str(row[1])) for row in told}
            schema, _, name = table.rpartition(".")
            found = sa.inspect(self._connection).get_columns(name, schema=schema or None)
        except NoSuchTableError:
            raise BadInputError(f"{self._name}: there is no table {table}, or it may not be read") from None
        except SQLAlchemyError as error:
            if self.dialect == "duckdb":
                raise BadInputError(f"{self._name}: {table} cannot be read: {plain(error)}") from error
            raise SourceDownError(f"{self._name}: {plain(error)}") from error
        if not found:
            raise BadInputError(f"{self._name}: there is no table {table}, or it may not be read")
        return {str(column["name"]): _type(column["type"]) for column in found}

    def path(self, name: str) -> sa.ColumnElement[Any]:
        """A field of a struct, such as `window.end`, with each part quoted."""
        return sa.literal_column(self._quoted(name))

    def _quoted(self, table: str) -> str:
        prepare = self._connection.dialect.identifier_preparer
        return ".".join(prepare.quote_identifier(part) for part in table.split("."))


class Warehouse:
    """Opens connections that can read and nothing else.

    url:   with a password only in the URL object that wiring makes; messages never hold it.
    files: for `duckdb://`: path or glob of .parquet or .csv files, by the name that statements use.
    frozen: the files do not change while this is open: a .csv is read once for all, and not once a look.
    """

    def __init__(
        self,
        name: str,
        url: str | URL,
        *,
        timeout_s: float = 60.0,
        max_rows: int = 200_000,
        files: Mapping[str, str] | None = None,
        memory: str = MEMORY,
        threads: int | None = None,
        frozen: bool = False,
    ) -> None:
        self.name = name
        self._timeout_s = timeout_s
        self._max_rows = max_rows
        self._files = dict(files or {})
        self._memory = memory
        self._threads = threads
        self._frozen = frozen
        self._copied = False
        self._url = _read_url(name, url)
        self._engine: Engine | None = None
        self._one = threading.Lock()  # what lies in DuckDB's memory has one connection, and that serves one thread

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Open a look; a second one waits for the first. Raises SourceDownError when the database cannot be reached."""
        with self._one, self._look() as reading:
            yield reading

    @contextmanager
    def _look(self) -> Iterator[Reading]:
        if self._engine is None:
            self._engine = self._open()
        try:
            connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise SourceDownError(f"{self.name}: {plain(error)}") from error
        try:
            self._copy(connection)
            yield Reading(self.name, connection, max_rows=self._max_rows, timeout_s=self._timeout_s)
        finally:
            connection.close()

    def _copy(self, connection: Connection) -> None:
        """Read the texts of .csv files into tables: a look counts them many times over, and would parse them each time.

        What memory cannot hold lies on disk.
        """
        if self._frozen and self._copied:
            return
        try:
            for name, path in self._files.items():
                if not path.endswith(".parquet"):
                    _view(connection, name, path, source=self.name)
            connection.commit()
        except SQLAlchemyError as error:
            raise SourceDownError(f"{self.name}: {plain(error)}") from error
        self._copied = True

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _spill(self) -> str:
        """A folder of our own for what memory cannot hold: DuckDB's would be beside where we happen to run."""
        folder = tempfile.mkdtemp(prefix="faultline-duckdb-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _open(self) -> Engine:
        backend = self._url.get_backend_name()
        try:
            if backend == "duckdb":
                return self._duckdb()
            if backend == "postgresql":
                options = (
                    "-c default_transaction_read_only=on -c timezone=UTC"
                    f" -c statement_timeout={round(self._timeout_s * 1000)}"
                )
                return sa.create_engine(
                    self._url,
                    poolclass=NullPool,  # a look every few minutes: an idle connection is only in the way
                    isolation_level="REPEATABLE READ",
                    connect_args={"options": options, "connect_timeout": 10, "application_name": "faultline"},
                )
            return sa.create_engine(self._url, poolclass=NullPool)
        except NoSuchModuleError:
            package = PACKAGES.get(backend)
            hint = f"install {package} beside Faultline" if package else "install its SQLAlchemy dialect"
            raise BadInputError(f"{self.name}: the database {backend!r} is not known here: {hint}") from None
        except ModuleNotFoundError as error:
            raise BadInputError(f"{self.name}: the driver {error.name!r} is not installed") from None

    def _duckdb(self) -> Engine:
        settings: dict[str, Any] = {
            "memory_limit": self._memory,
            "temp_directory": self._spill(),
            "max_temp_directory_size": SPILL,
            # files come from anywhere: nothing may be fetched or loaded because of what they hold
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        if self._threads is not None:
            settings["threads"] = self._threads
        in_memory = self._url.database in (None, "", ":memory:")
        url = self._url.set(database=":memory:") if in_memory else self._url
        engine = sa.create_engine(
            url,
            poolclass=StaticPool if in_memory else NullPool,
            connect_args={"config": settings, "read_only": not in_memory},
        )
        sa.event.listen(engine, "connect", _in_utc)
        try:
            with engine.connect() as connection:
                for name, path in self._files.items():
                    if path.endswith(".parquet"):
                        _view(connection, name, path, source=self.name)
                connection.commit()
        except SQLAlchemyError as error:
            engine.dispose()
            raise SourceDownError(f"{self.name}: {plain(error)}") from error
        return engine


def _in_utc(raw: Any, _record: Any) -> None:
    """Every connection, and not the first alone: a text without a zone is read in the connection's."""
    raw.execute("SET TimeZone = 'UTC'")


def named(table: str) -> sa.TableClause:
    """Name a table, `schema.table` included; SQLAlchemy quotes it."""
    schema, _, name = table.rpartition(".")
    return sa.table(sa.quoted_name(name, quote=True), schema=sa.quoted_name(schema, quote=True) if schema else None)


def plain(error: Exception) -> str:
    """Say what the driver said, in one short line: without the statement, and without an address."""
    said = str(getattr(error, "orig", None) or error)
    lines = [line for line in said.partition("\n\n")[0].splitlines() if line.strip() and not line.startswith("LINE ")]
    return " ".join(" ".join(lines).split())[:200]


def _view(connection: Connection, name: str, path: str, *, source: str) -> None:
    """Let statements read a file by a name."""
    if not path.endswith(FILES):
        raise BadInputError(f"{source}: {path}: expected files that end in {', '.join(FILES)}")
    exists = Path(path).is_file()
    if not exists and not glob.glob(path):  # noqa: PTH207 - the pattern is one string with its folder
        raise SourceDownError(f"{source}: {path}: there is no such file")
    pattern = glob.escape(path) if exists else path
    literal = "'" + pattern.replace("'", "''") + "'"
    reader = f"read_parquet({literal}, union_by_name = true)" if path.endswith(".parquet") else CSV.format(literal)
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    kind = "VIEW" if path.endswith(".parquet") else "TABLE"
    # a colon would be read as a parameter
    connection.execute(sa.text(f"CREATE OR REPLACE {kind} {quoted} AS SELECT * FROM {reader}".replace(":", r"\:")))  # noqa: S608


def _read_url(name: str, url: str | URL) -> URL:
    try:
        told = make_url(url if not isinstance(url, str) or url != "duckdb://" else "duckdb:///:memory:")
    except (ArgumentError, ValueError):
        raise BadInputError(f"{name}: the database's url cannot be read") from None
    driver = DRIVERS.get(told.drivername)
    return told.set(drivername=driver) if driver else told


def with_password(name: str, url: str, password: str | None) -> str | URL:
    """Put a password into an address, as an object that hides it."""
    return url if password is None else _read_url(name, url).set(password=password)


def _duckdb_type(told: str) -> Type:
    if told.startswith("TIMESTAMP WITH TIME ZONE"):
        return Type.MOMENT
    if told.startswith(("TIMESTAMP", "DATE")):
        return Type.LOCAL
    if told == "BOOLEAN":
        return Type.BOOLEAN
    if told.startswith(("VARCHAR", "ENUM", "UUID")):
        return Type.TEXT
    return Type.NUMBER if told.lstrip("UH").startswith(NUMBERS) or "INT" in told else Type.OTHER


def _type(told: Any) -> Type:
    if isinstance(told, sa.Boolean):
        return Type.BOOLEAN
    if isinstance(told, sa.Numeric | sa.Integer):
        return Type.NUMBER
    if isinstance(told, sa.DateTime):
        return Type.MOMENT if told.timezone else Type.LOCAL
    if isinstance(told, sa.Date):
        return Type.LOCAL
    if isinstance(told, sa.String | sa.Enum | sa.Uuid):
        return Type.TEXT
    return Type.NUMBER if type(told).__name__.upper().startswith(NUMBERS) else Type.OTHER

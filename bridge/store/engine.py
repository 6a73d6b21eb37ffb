"""Opening the database: drivers, SQLite's settings, and the database's errors in our own words.

SQLite has one writer. All of ours begin IMMEDIATE and one after another, so no unit can meet "database is
locked" by a comrade: units have one connection, what is done in one go another, and the store's lock stands
before both. Readers have connections of their own and, thanks to WAL, never wait for the writer. A second
process (the command line) is waited for by ``busy_timeout``.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from bridge.errors import BadInput, ConfigurationError, InternalError, LinkDown
from bridge.store import sqlite_driver
from bridge.store.sqlite_thread import BUSY_TIMEOUT_MS, SqliteThread

_TOGETHER = 20  # jobs in one transaction: who is the first of them waits for the last

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


@dataclass(frozen=True, slots=True)
class Engines:
    """``writer`` for units, ``reader`` for views. They are the same one unless SQLite is on a file."""

    writer: AsyncEngine
    reader: AsyncEngine
    one_writer: bool  # units must come one after another
    place: str  # for people; without the password
    # Of SQLite on a file: for what is done in one go, see Store.write and Store.read.
    writing: SqliteThread | None = None
    reading: SqliteThread | None = None
    # Of PostgreSQL: for what is only read in one go, without a ping before it and a transaction around it.
    # Each of the two costs more than the question itself.
    asking: AsyncEngine | None = None

    async def dispose(self) -> None:
        for thread in (self.writing, self.reading):
            if thread is not None:
                await thread.close()
        await self.reader.dispose()
        if self.writer is not self.reader:
            await self.writer.dispose()
        if self.asking is not None:
            await self.asking.dispose()


def read_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "store.url: this is not a database URL; use sqlite+aiosqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigurationError(
            f"store.url: no driver {parsed.drivername!r}; use sqlite+aiosqlite:///FILE or postgresql://USER@HOST/NAME"
        )
    return parsed.set(drivername=driver)


async def open_engines(url: str) -> Engines:
    parsed = read_url(url)
    place = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "postgresql":
        engine = create_async_engine(
            parsed, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args=_POSTGRESQL, **_JSON
        )
        asking = create_async_engine(
            parsed,
            pool_size=5,
            max_overflow=5,
            isolation_level="AUTOCOMMIT",
            connect_args=_POSTGRESQL_READING,
            **_JSON,
        )
        return Engines(engine, engine, one_writer=False, place=place, asking=asking)
    if parsed.database in (None, "", ":memory:"):
        engine = create_async_engine(parsed, poolclass=StaticPool, **_SQLITE, **_JSON)
        _prepare_sqlite(engine.sync_engine, "BEGIN IMMEDIATE", ())
        return Engines(engine, engine, one_writer=True, place=place)
    file = Path(str(parsed.database))
    await asyncio.to_thread(_make_file, file)
    await asyncio.to_thread(_use_wal, file)
    writer = create_async_engine(parsed, pool_size=1, max_overflow=0, **_SQLITE, **_JSON)
    reader = create_async_engine(parsed, pool_size=4, max_overflow=4, **_SQLITE, **_JSON)
    blocking = parsed.set(drivername="sqlite+pysqlite")
    # Whichever thread has the turn may use it.
    handed_on = {"connect_args": {"check_same_thread": False}}
    writing, reading = (create_engine(blocking, poolclass=StaticPool, **handed_on, **_JSON) for _ in range(2))
    for sync in (writer.sync_engine, writing):
        _prepare_sqlite(sync, "BEGIN IMMEDIATE", ("PRAGMA synchronous=NORMAL",))
    for sync in (reader.sync_engine, reading):
        _prepare_sqlite(sync, "BEGIN", ("PRAGMA query_only=ON",))
    return Engines(
        writer,
        reader,
        one_writer=True,
        place=place,
        writing=SqliteThread(writing, together=_TOGETHER),
        reading=SqliteThread(reading),
    )


async def open_engines_to_look(url: str) -> Engines | None:
    """Engines that change nothing, not even by opening. None when there is no database file yet."""
    parsed = read_url(url)
    place = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "postgresql":
        engine = create_async_engine(parsed, poolclass=NullPool, connect_args=_POSTGRESQL)
        return Engines(engine, engine, one_writer=False, place=place)
    if parsed.database in (None, "", ":memory:"):
        return None
    to_look = await asyncio.to_thread(_file_to_look, parsed)
    if to_look is None:
        return None
    engine = create_async_engine(to_look, poolclass=NullPool)
    # The file is read first by this pragma: one that is no database shows itself when it is opened.
    _prepare_sqlite(engine.sync_engine, "BEGIN", ("PRAGMA schema_version",))
    return Engines(engine, engine, one_writer=False, place=place)


@contextmanager
def database_errors(place: str) -> Iterator[None]:
    """The database's errors as ours: what it could not take, what it could not reach, what we did wrong."""
    try:
        yield
    except PoolTimeout as error:
        raise LinkDown(f"the database {place} does not answer: {error}") from error
    except DBAPIError as error:
        passing = _passing(error)
        if passing is not None:
            raise LinkDown(f"the database {place} {passing}: {error.orig}") from error
        if isinstance(error, IntegrityError | DataError):
            raise BadInput(f"the database refused this: {error.orig}") from error
        if isinstance(error, OperationalError | InterfaceError):
            raise LinkDown(f"the database {place} does not answer: {error.orig}") from error
        if error.connection_invalidated:
            raise LinkDown(f"the connection to the database {place} is lost: {error.orig}") from error
        raise InternalError(f"the database {place} refused a statement of ours: {error.orig}") from error


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """While a connection is made: whatever fails then (a wrong password), the way there is what is wrong."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise LinkDown(f"the database {place} cannot be reached: {error}") from error
    except DBAPIError as error:
        raise LinkDown(f"the database {place} cannot be opened: {error.orig}") from error


def _passing(error: DBAPIError) -> str | None:
    """What hinders the database for now, in words; None when trying again cannot help.

    By the server's SQLSTATE (PostgreSQL, appendix A): for most of these asyncpg has no class of the DB-API.
    """
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return _PASSING_STATES.get(state) or _PASSING_STATES.get(state[:2])
    code = getattr(error.orig, "sqlite_errorcode", None)
    return _PASSING_CODES.get(code & 0xFF) if isinstance(code, int) else None


def _file_to_look(url: URL) -> URL | None:
    """The file's URL for reading only; None when it is not there yet. Raises when it could not be made."""
    file = Path(str(url.database)).absolute()
    there = os.path.lexists(file)
    wanted = file if there else next(path for path in file.parents if os.path.lexists(path))
    if wanted.is_dir() == there or not os.access(wanted, os.R_OK | os.W_OK):
        raise ConfigurationError(
            f"store.url: the database file {file} cannot be opened; "
            "name a file in a directory where callbridge may write"
        )
    if not there:
        return None
    # Whoever reads a WAL database makes the files -wal and -shm beside it, and one that may only read leaves
    # them there. Without a -wal file nobody has the database open, and immutable=1 keeps SQLite from that.
    in_use = os.path.lexists(f"{file}-wal")
    mode = {"mode": "ro", "uri": "true"} if in_use else {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create(url.drivername, database=f"file:{quote(str(file))}", query=mode)


def _make_file(file: Path) -> None:
    """The file is made here, so that nobody but its owner can read people's numbers in it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigurationError(
            f"store.url: the database file {file} cannot be opened ({error.strerror}); "
            "name a file in a directory where callbridge may write"
        ) from error


def _use_wal(file: Path) -> None:
    """WAL is a property of the file, set once. SQLite's busy handler is not asked when the mode is switched
    (``sqlite3_busy_handler``: it may not be, where waiting could deadlock), so two that open a new file at
    once must wait for each other here.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.DatabaseError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_LOCKED,
            )
            if busy and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            if busy:
                raise LinkDown(f"the database file {file} is kept locked by another program") from error
            raise ConfigurationError(
                f"store.url: {file} cannot be used ({error}); name a callbridge database, or a new file"
            ) from error


def _prepare_sqlite(engine: Engine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin by itself, late and DEFERRED; BEGIN is ours, below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys=ON", *pragmas):
            cursor.execute(pragma)
        cursor.close()

    def do_begin(connection: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(begin)
        cursor.close()

    # No listener: one that fails leaves the connection in the middle of its beginning.
    engine.dialect.do_begin = do_begin  # type: ignore[method-assign, assignment]


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# Compiled plans cost 50 to 500 ms, which pays for questions of many seconds. We have none of these.
_POSTGRESQL: dict[str, Any] = {
    "timeout": 10,
    "server_settings": {"application_name": "callbridge", "statement_timeout": "30000", "jit": "off"},
}
_POSTGRESQL_READING: dict[str, Any] = {
    **_POSTGRESQL,
    "server_settings": {**_POSTGRESQL["server_settings"], "default_transaction_read_only": "on"},
}
_SQLITE: dict[str, Any] = {"connect_args": {"async_creator_fn": sqlite_driver.connect}}
# SQLSTATEs, and classes of them by their first two characters.
_PASSING_STATES = {
    "08": "has lost the connection",
    "25006": "is read-only at the moment",
    "40": "gave way to another transaction",
    "40P01": "broke a deadlock",
    "53": "is short of resources",
    "53100": "has no room on its disk",
    "53300": "has too many connections",
    "55P03": "keeps this locked for another",
    "57": "was interrupted by its operator",
    "57014": "stopped a statement that took too long",
    "57P01": "is shutting down",
    "57P02": "is restarting after a crash",
    "57P03": "is still starting",
}
_PASSING_CODES = {
    sqlite3.SQLITE_BUSY: "is kept locked by another program",
    sqlite3.SQLITE_LOCKED: "is kept locked by another program",
    sqlite3.SQLITE_FULL: "has no room on its disk",
    sqlite3.SQLITE_IOERR: "cannot be read from or written to its disk",
}
_JSON: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": msgspec.json.decode}

"""Opening the database: drivers, SQLite's settings, and the database's errors in our own words.

SQLite has one writer. All of ours go through one connection that begins IMMEDIATE, one after another, so no
unit can meet "database is locked" by a comrade; readers have connections of their own and, thanks to WAL,
never wait for the writer. A second process (the command line) is waited for by ``busy_timeout``.
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

import msgspec
from sqlalchemy import URL, event, make_url
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
from sqlalchemy.pool import StaticPool

from bridge.errors import BadInput, ConfigurationError, InternalError, LinkDown

BUSY_TIMEOUT_MS = 15_000

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

    async def dispose(self) -> None:
        await self.reader.dispose()
        if self.writer is not self.reader:
            await self.writer.dispose()


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
            parsed,
            pool_size=10,
            max_overflow=10,
            pool_pre_ping=True,
            connect_args={
                "timeout": 10,
                "server_settings": {"application_name": "callbridge", "statement_timeout": "30000"},
            },
            **_JSON,
        )
        return Engines(engine, engine, one_writer=False, place=place)
    if parsed.database in (None, "", ":memory:"):
        engine = create_async_engine(parsed, poolclass=StaticPool, **_JSON)
        _prepare_sqlite(engine, "BEGIN IMMEDIATE", ())
        return Engines(engine, engine, one_writer=True, place=place)
    file = Path(str(parsed.database))
    await asyncio.to_thread(_make_file, file)
    await asyncio.to_thread(_use_wal, file)
    writer = create_async_engine(parsed, pool_size=1, max_overflow=0, **_JSON)
    reader = create_async_engine(parsed, pool_size=4, max_overflow=4, **_JSON)
    _prepare_sqlite(writer, "BEGIN IMMEDIATE", ("PRAGMA synchronous=NORMAL",))
    _prepare_sqlite(reader, "BEGIN", ("PRAGMA query_only=ON",))
    return Engines(writer, reader, one_writer=True, place=place)


@contextmanager
def database_errors(place: str) -> Iterator[None]:
    """The database's errors as ours: what it could not take, what it could not reach, what we did wrong."""
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise BadInput(f"the database refused this: {error.orig}") from error
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise LinkDown(f"the database {place} does not answer: {_words(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LinkDown(f"the connection to the database {place} is lost: {error.orig}") from error
        raise InternalError(f"the database {place} refused a statement of ours: {error.orig}") from error


def _words(error: Exception) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


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


def _prepare_sqlite(engine: AsyncEngine, begin: str, pragmas: tuple[str, ...]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # The driver would begin by itself, late and DEFERRED; BEGIN is ours, in the listener below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA foreign_keys=ON", *pragmas):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


_JSON: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": msgspec.json.decode}

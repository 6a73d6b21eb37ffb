"""A large base to measure in: clients with their numbers and words, and calls that some of them made.

Rows go into the store's own tables past its units: a million clients through ``Clients.add_many`` would take
an hour. What the store derives (words, digits, forms of times) is derived by its own functions. The base is
the same each time, so that one on disk can be used again.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from sqlalchemy import Table, make_url
from sqlalchemy.dialects import sqlite

from bridge.store import Store
from bridge.store.calls import CallTable
from bridge.store.client_tables import ClientTable, NumberTable, WordTable
from bridge.store.client_values import words_of
from bridge.store.tables import Base
from tests.integration.store.conftest import running_postgres

AT_ONCE = 50_000  # rows in one go
SHARED = 1_000  # every so many-th client has the number of the one before him
TWO_NUMBERS = 3  # every so many-th has a second number
CALLERS = 5  # every so many-th has called, and an agent talked with him
AGENTS = 50
START = datetime(2024, 1, 1, tzinfo=UTC)
TIERS = ("", "", "", "silver", "gold")
FIRST = ("Anna", "Boris", "Clara", "Dmitri", "Elena", "Fyodor", "Galina", "Ivan", "Kirill", "Larisa", "Nina")
LAST = ("Orlov", "Sokolov", "Ivanov", "Smirnov", "Popov", "Volkov", "Lebedev", "Kozlov", "Novikov", "Belov")
COMPANIES = ("Rose", "Birch", "Vega", "Orion", "Baltic", "Ural", "Alpha", "Granite", "Harbour", "Falcon")

Row = tuple[Any, ...]


# ── who is in it ─────────────────────────────────────────────────────────────


def mobile(client: int) -> str:
    """Of the client of this id, from 1 up; neighbours in the list are none in the index."""
    if client % SHARED == 0:
        client -= 1
    return f"+79{client * 7_919_999 % 999_999_937:09d}"


def unknown(place: int) -> str:
    """Nobody's: no client has a number of this area."""
    return f"+7812{place % 10_000_000:07d}"


def numbers_of(client: int) -> list[str]:
    second = [f"+7495{client % 10_000_000:07d}"] if client % TWO_NUMBERS == 0 else []
    return [mobile(client), *second]


def name_of(client: int) -> str:
    return f"{FIRST[client % len(FIRST)]} {LAST[client % len(LAST)]}{client % 9973}"


def company_of(client: int) -> str:
    return f"{COMPANIES[client % len(COMPANIES)]} {client % 4999}" if client % 2 else ""


def at_of(client: int) -> datetime:
    return START + timedelta(seconds=client * 30)


def client_rows(count: int) -> Iterator[Row]:
    for id in range(1, count + 1):
        at = at_of(id)
        yield id, name_of(id), company_of(id), "ru", TIERS[id % len(TIERS)], "", at, at


def number_rows(count: int) -> Iterator[Row]:
    for client in range(1, count + 1):
        for e164 in numbers_of(client):
            dialled = f"8 {e164[2:5]} {e164[5:]}"
            yield client, e164, dialled, f"8{e164[2:]}", ""


def word_rows(count: int) -> Iterator[Row]:
    for client in range(1, count + 1):
        for word in words_of(f"{name_of(client)} {company_of(client)}"):
            yield word, client


def call_rows(count: int) -> Iterator[Row]:
    for client in range(CALLERS, count + 1, CALLERS):
        number, at = mobile(client), at_of(client)
        yield (
            *(
                f"1700000000.{client}",
                "in",
                number,
                number,
                "",
                False,
                "+74950000001",
                "lab",
                "known",
                client,
            ),
            *(False, "support", str(1001 + client % AGENTS), at, at, at + timedelta(seconds=9)),
            *(at + timedelta(seconds=200), "answered", at + timedelta(seconds=200), False),
        )


CLIENTS = ("id", "name", "company", "language", "tier", "notes", "created_at", "updated_at")
NUMBERS = ("client_id", "e164", "as_dialled", "digits", "label")
WORDS = ("word", "client_id")
CALLS = (
    *("id", "direction", "number", "e164", "name", "withheld", "dialled", "trunk", "verdict", "client_id"),
    *("client_chosen", "queue", "agent", "offered_at", "queued_at", "answered_at", "ended_at", "outcome"),
    *("as_of", "fallback"),
)


async def fill_clients(base: "Bulk", count: int) -> None:
    """``count`` clients with all that belongs to them, and the calls of every fifth."""
    await base.fill(ClientTable, CLIENTS, client_rows(count))
    await base.fill(NumberTable, NUMBERS, number_rows(count))
    await base.fill(WordTable, WORDS, word_rows(count))
    await base.fill(CallTable, CALLS, call_rows(count))


# ── how it gets in ───────────────────────────────────────────────────────────


class Into(Protocol):
    """One kind of database, at the store's schema."""

    async def put(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None: ...

    async def drop_indexes(self, table: str) -> list[str]:
        """Those of no constraint; the statements that make them again, for ``run``."""

    async def run(self, statement: str) -> None: ...

    async def done(self) -> None: ...


class Bulk:
    """Many rows in one go into one table, telling how far it is."""

    def __init__(self, into: Into) -> None:
        self._into = into

    @asynccontextmanager
    async def unindexed(self, table: str) -> AsyncIterator[None]:
        """An index that is made of all rows at once costs a fraction of one that each row goes into."""
        indexes = await self._into.drop_indexes(table)
        yield
        for index in indexes:
            await self._into.run(index)

    async def fill(self, of: type[Base], columns: Sequence[str], rows: Iterable[Row]) -> None:
        table = of.__table__
        assert isinstance(table, Table)
        began, count, waiting = time.monotonic(), 0, iter(rows)
        async with self.unindexed(table.name):
            while some := list(islice(waiting, AT_ONCE)):
                await self._into.put(table, columns, some)
                count += len(some)
                if count % (20 * AT_ONCE) == 0:
                    print(f"  {table.name}: {count:,} rows …", flush=True)
        print(f"  {table.name}: {count:,} rows in {time.monotonic() - began:.0f} s", flush=True)


class IntoSqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def put(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        processors = [table.c[name].type.dialect_impl(_SQLITE).bind_processor(_SQLITE) for name in columns]
        forms = [(place, form) for place, form in enumerate(processors) if form is not None]
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
        kept = [list(row) for row in rows]
        for row in kept:
            for place, form in forms:
                row[place] = form(row[place])
        with self._connection:
            self._connection.executemany(statement, kept)

    async def drop_indexes(self, table: str) -> list[str]:
        found = self._connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
            (table,),
        ).fetchall()
        for name, _ in found:
            self._connection.execute(f"DROP INDEX {name}")
        return [statement for _, statement in found]

    async def run(self, statement: str) -> None:
        self._connection.execute(statement)

    async def done(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class IntoPostgres:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def put(self, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
        await self._connection.copy_records_to_table(table.name, records=rows, columns=list(columns))

    async def drop_indexes(self, table: str) -> list[str]:
        found = await self._connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname NOT IN "
            "(SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass)",
            table,
        )
        for name, _ in found:
            await self._connection.execute(f'DROP INDEX "{name}"')
        return [statement for _, statement in found]

    async def run(self, statement: str) -> None:
        await self._connection.execute(statement)

    async def done(self) -> None:
        """Ids that were given leave the sequence behind; and autovacuum comes only after a minute."""
        last = "SELECT setval(pg_get_serial_sequence('clients', 'id'), (SELECT max(id) FROM clients))"
        await self._connection.execute(last)
        # Alone: what workers share has 64 MB in a container.
        await self._connection.execute("VACUUM (ANALYZE, PARALLEL 0)")


_SQLITE = sqlite.dialect()


@asynccontextmanager
async def bulk(url: str) -> AsyncIterator[Bulk]:
    """For a base that ``Store.open`` has made, while nobody else is at it."""
    where = make_url(url)
    into: Into
    if where.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(where.database))) as file:
            for pragma in ("synchronous=OFF", "cache_size=-400000", "foreign_keys=OFF"):
                file.execute(f"PRAGMA {pragma}")
            into = IntoSqlite(file)
            yield Bulk(into)
            await into.done()
        return
    server = await asyncpg.connect(url)
    try:
        into = IntoPostgres(server)
        yield Bulk(into)
        await into.done()
    finally:
        await server.close()


async def is_filled(url: str, count: int) -> bool:
    """Whether such a base is there from another time."""
    store = await Store.open(url)
    try:
        async with store.view() as unit:
            last = await unit.clients.get(count)
            return last is not None and await unit.clients.get(count + 1) is None
    finally:
        await store.close()


@contextmanager
def base_at(database: str, file: Path, *, lasting: bool = False) -> Iterator[str]:
    """The URL of a base of this kind, which may be there from another time.

    SQLite's is ``file``; PostgreSQL's lasts in a volume of Docker's that has the file's name, or not at all.
    """
    if database == "sqlite":
        yield f"sqlite:///{file}"
        return
    name = f"bench_{file.stem}"

    async def make(server: str) -> None:
        connection = await asyncpg.connect(f"{server}/postgres")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    with running_postgres(f"callbridge_{name}" if lasting else None) as server:
        asyncio.run(make(server))
        yield f"{server}/{name}"

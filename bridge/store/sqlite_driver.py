"""aiosqlite with one trip to its thread for a statement, where SQLAlchemy's use of it makes three or four.

A trip wakes two threads, one after the other, and costs more than most statements of ours. Between getting a
cursor, executing, fetching all rows and closing there is nothing that we could decide: so all of it is one.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Self

import aiosqlite

_Parameters = Sequence[Any]


def connect(*arguments: Any, **options: Any) -> "OneTripConnection":
    """For SQLAlchemy's ``async_creator_fn``: takes what the dialect made of the URL."""
    ready = aiosqlite.connect(*arguments, **options)
    connection = OneTripConnection(ready._connector, ready._iter_chunk_size)
    # As SQLAlchemy does with a connection that it makes itself: a process must be able to end.
    connection._thread.daemon = True
    return connection


class OneTripCursor:
    """As much of a cursor as SQLAlchemy's adapter uses. It holds rows, and nothing that is to be closed."""

    def __init__(self, connection: "OneTripConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: _Parameters = ()) -> Self:
        await self._connection.in_thread(self._run, "execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[_Parameters]) -> Self:
        await self._connection.in_thread(self._run, "executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []

    def _run(self, connection: sqlite3.Connection, how: str, sql: str, parameters: Any) -> None:
        cursor = connection.cursor()
        try:
            getattr(cursor, how)(sql, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description is not None else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class OneTripConnection(aiosqlite.Connection):
    def cursor(self) -> Any:
        return OneTripCursor(self)

    async def in_thread(self, function: Any, *arguments: Any) -> Any:
        return await self._execute(function, self._conn, *arguments)  # type: ignore[no-untyped-call]

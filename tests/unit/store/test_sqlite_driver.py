"""SQLAlchemy over our driver: one trip to the thread for a statement, and all that a cursor tells."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from bridge.store.engine import open_engines
from bridge.store.sqlite_driver import OneTripConnection

ADD = text("INSERT INTO things (name) VALUES (:name)")


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    engines = await open_engines(f"sqlite:///{tmp_path / 'x.db'}")
    async with engines.writer.connect() as opened:
        await opened.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        await opened.commit()
        yield opened
    await engines.dispose()


async def test_a_statement_is_one_trip(connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[Any] = []
    execute = OneTripConnection._execute

    async def counted(self: OneTripConnection, *arguments: Any) -> Any:
        trips.append(arguments)
        return await execute(self, *arguments)

    await connection.execute(text("SELECT 1"))  # and BEGIN before it
    monkeypatch.setattr(OneTripConnection, "_execute", counted)
    assert (await connection.execute(text("SELECT 1 UNION SELECT 2"))).all() == [(1,), (2,)]
    await connection.execute(ADD, {"name": "one"})
    await connection.execute(ADD, [{"name": "two"}, {"name": "three"}])
    assert len(trips) == 3
    await connection.commit()
    assert len(trips) == 4


async def test_what_a_cursor_tells(connection: AsyncConnection) -> None:
    added = await connection.execute(ADD, {"name": "one"})
    assert (added.rowcount, added.lastrowid, added.returns_rows) == (1, 1, False)
    await connection.execute(ADD, [{"name": name} for name in ("two", "three")])
    changed = await connection.execute(text("UPDATE things SET name = name || '!' WHERE id > 1"))
    assert changed.rowcount == 2
    returned = await connection.execute(text("DELETE FROM things WHERE id = 3 RETURNING id, name"))
    assert returned.mappings().all() == [{"id": 3, "name": "three!"}]
    assert (await connection.execute(text("SELECT * FROM things WHERE id = 9"))).all() == []
    assert (await connection.execute(text("SELECT name FROM things ORDER BY id"))).fetchmany(1) == [("one",)]


async def test_an_error_leaves_the_connection_usable(connection: AsyncConnection) -> None:
    await connection.execute(ADD, {"name": "one"})
    with pytest.raises(IntegrityError, match="UNIQUE"):
        await connection.execute(ADD, [{"name": "two"}, {"name": "one"}])
    with pytest.raises(OperationalError, match="syntax"):
        await connection.execute(text("SELEKT"))
    await connection.rollback()
    assert (await connection.execute(text("SELECT count(*) FROM things"))).scalar_one() == 0

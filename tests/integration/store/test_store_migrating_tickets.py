"""Tickets of the schema before they were threads, brought to this one on both databases, and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import alembic_config, migrate
from bridge.store.migrations import progress
from bridge.store.ticket_query import FieldTest, TicketQuery
from bridge.store.ticket_rows import Conflict

BEFORE = "0010"
AT, LATER = "2025-03-01 09:00:00+00:00", "2025-03-02 10:00:00+00:00"
STATUSES = {1: "open", 2: "in_progress", 3: "done"}


def old(connection: Connection) -> list[dict[str, Any]]:
    migrate(connection, BEFORE)
    connection.execute(
        text(
            "INSERT INTO calls (id, direction, number, e164, name, withheld, dialled, trunk, client_chosen, "
            f"offered_at, as_of) VALUES ('c1', 'in', '8916', '+79161234567', 'Анна', false, '+7495', 'lab', "
            f"false, '{AT}', '{AT}')"
        )
    )
    for id, status in STATUSES.items():
        connection.execute(
            text(
                "INSERT INTO tickets (id, call_id, client_edited, subject, subject_edited, status, priority, "
                "department, department_edited, assignee_edited, solution, created_at, updated_at, "
                "disposition) "
                f"VALUES ({id}, {'NULL' if id > 1 else chr(39) + 'c1' + chr(39)}, false, 'Ёлка {id}', false, "
                f"'{status}', 'urgent', 'Support', false, false, '', '{AT}', '{LATER}', 'sold')"
            )
        )
    connection.execute(
        text(
            "INSERT INTO recordings (id, call_id, ticket_id, state, file, bytes, duration_ms, sample_rate, "
            "channels, sha256, fault, created_at) "
            f"VALUES ('r1', 'c1', 1, 'attached', '', 1, 1, 1, 1, '', '', '{AT}')"
        )
    )
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval('tickets_id_seq', 7)"))
    else:
        connection.execute(text("UPDATE sqlite_sequence SET seq = 7 WHERE name = 'tickets'"))
    return contents(connection)


def contents(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(text("SELECT * FROM tickets ORDER BY id")).mappings()
    return [dict(row) for row in rows]


@pytest.fixture
async def migrated(url: str) -> tuple[str, list[dict[str, Any]]]:
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        before = await connection.run_sync(old)
    await engines.dispose()
    await (await Store.open(url)).close()
    return url, before


async def test_tickets_become_threads_and_lose_nothing(migrated: tuple[str, list[dict[str, Any]]]) -> None:
    url, before = migrated
    store = await Store.open(url)
    async with store.unit() as unit:
        after = await unit.tickets._session.run_sync(lambda sync: contents(sync.connection()))
        for was, now in zip(before, after, strict=True):
            assert {name: now[name] for name in was} == was
        rows = [await unit.tickets.get(id) for id in STATUSES]
        assert all(row is not None for row in rows)
        opened, working, done = (row for row in rows if row is not None)
        assert (opened.closed_at, opened.reacted_at, opened.waiting_since) == (None, None, opened.created_at)
        assert (working.closed_at, working.reacted_at) == (None, working.updated_at)
        assert (done.closed_at, done.waiting_since) == (done.updated_at, None)
        assert [(row.version, row.line, row.fields, row.source) for row in (opened, done)] == [
            (1, 1, {}, "call")
        ] * 2
        assert await unit.tickets.by_call("c1") == opened
        assert await unit.ticket_search.left(10) == 3
        assert await unit.ticket_search.catch_up() == 3
        new = await unit.tickets.create(
            source="web", fields={"subject": "x"}, by="anna", at=opened.updated_at
        )
        assert new.id == 8, "an id is never given twice"
        own = await unit.tickets.change(
            new.id, if_version=1, fields={"status": "at the supplier"}, by="anna", at=new.created_at
        )
        assert own is not None
        assert not isinstance(own, Conflict)
        assert own.status == "at the supplier"
    for broken in (
        "UPDATE tickets SET priority = 'high' WHERE id = 1",
        "UPDATE tickets SET client_id = 99 WHERE id = 1",
        "UPDATE tickets SET merged_into = 99 WHERE id = 1",
        "DELETE FROM tickets WHERE id = 1",  # its recording refers to it
    ):
        with pytest.raises(BadInput):
            async with store.unit() as unit:
                await unit.tickets._session.execute(text(broken))
    await store.close()


async def test_how_long_it_takes_is_said_before_and_how_far_it_is_meanwhile(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_AT_ONCE", 2)
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(old)
    await engines.dispose()
    pending = await Store.steps(url)
    assert [step.revision for step in pending][:2] == ["0011", "0012"]
    threads, sources = pending[:2]
    assert (threads.table, threads.rows, sources.rows) == ("tickets", 3, 0)
    assert "3 rows of tickets: about 1 s, in which nobody else can write" in str(threads)
    assert "about 4 min" in str(replace(threads, seconds=250))
    told: list[str] = []
    await (await Store.open(url, told.append)).close()
    assert told[: len(pending)] == [str(step) for step in pending]
    assert told[len(pending) :][:3] == [
        "tickets: 66 % done",
        "tickets: 100 % done",
        "tickets: their calls are written down",
    ]
    assert await Store.steps(url) == []
    told.clear()
    await (await Store.open(url, told.append)).close()
    assert told == []


async def test_the_step_back_from_threads(migrated: tuple[str, list[dict[str, Any]]]) -> None:
    url, before = migrated
    store = await Store.open(url)
    async with store.unit() as unit:
        at = (await unit.calls.page(None, 1)).items[0].offered_at
        await unit.tickets.change(2, if_version=None, fields={"status": "waiting"}, by="anna", at=at)
        await unit.tickets.merge(1, 3, by="anna", at=at)
    await store.close()

    def step_back(connection: Connection) -> tuple[list[dict[str, Any]], list[str]]:
        command.downgrade(alembic_config(connection), BEFORE)
        return contents(connection), inspect(connection).get_table_names()

    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        after, tables = await connection.run_sync(step_back)
        with pytest.raises(Exception, match=r"ck_tickets_status|CHECK"):
            async with connection.begin_nested():
                await connection.execute(text("UPDATE tickets SET status = 'waiting'"))
    await engines.dispose()
    assert [row["status"] for row in after] == ["open", "in_progress", "done"]
    assert [row.keys() for row in after] == [row.keys() for row in before]
    assert not [table for table in tables if table.startswith("ticket_")]


async def test_what_an_older_version_writes_meanwhile_is_no_stranger(url: str) -> None:
    store = await Store.open(url)
    async with store.unit() as unit:
        session = unit.tickets._session
        await session.execute(
            text(
                "INSERT INTO calls (id, direction, name, withheld, dialled, trunk, client_chosen, "
                "offered_at, as_of) "
                f"VALUES ('c1', 'in', '', false, '', '', false, '{AT}', '{AT}')"
            )
        )
        await session.execute(
            text(
                "INSERT INTO tickets (call_id, client_edited, subject, subject_edited, status, priority, "
                "department, department_edited, solution, created_at, updated_at) VALUES ('c1', false, "
                f"'Принтер', false, 'open', 'normal', '', false, '', '{AT}', '{AT}')"
            )
        )
        ticket = await unit.tickets.by_call("c1")
        assert ticket is not None
        assert (ticket.subject, ticket.version, ticket.closed_at) == ("Принтер", 1, None)
        assert await unit.ticket_search.catch_up() == 1
    await store.close()


async def test_what_own_fields_held_before_they_had_an_index_is_found(url: str) -> None:
    engines = await open_engines(url)
    held = {
        1: {"floor": "2", "parts": "a\nb", "quoted": 'say "\\n"\tto them', "empty": ""},
        2: {"long": "x" * 501 + "\nshort", "many": "\n".join(str(line) for line in range(150))},
        3: {},
    }

    def older(connection: Connection) -> None:
        old(connection)
        migrate(connection, "0019")
        for id, fields in held.items():
            connection.execute(
                text("UPDATE tickets SET fields = :fields WHERE id = :id"),
                {"id": id, "fields": json.dumps(fields)},
            )

    async with engines.writer.begin() as connection:
        await connection.run_sync(older)
    await engines.dispose()
    store = await Store.open(url)

    async def found(key: str, value: str) -> list[int]:
        query = TicketQuery(fields=(FieldTest(key, value),))
        async with store.view() as unit:
            return [row.id for row in (await unit.ticket_lists.page(query, None, 10)).items]

    for key, value, ids in (
        ("floor", "2", [1]),
        ("parts", "a", [1]),
        ("parts", "a\nb", []),
        ("quoted", 'say "\\n"\tto them', [1]),
        ("empty", "", []),
        ("long", "x" * 501, []),
        ("long", "short", [2]),
        ("many", "99", [2]),
        ("many", "100", []),
    ):
        assert await found(key, value) == ids, (key, value)
    async with store.unit() as unit:
        for id, fields in ((1, {"floor": "3"}), (3, {"floor": "2"})):
            at = datetime.now(UTC)
            await unit.tickets.change(id, if_version=None, fields={"fields": fields}, by="anna", at=at)
    assert [await found("floor", "2"), await found("floor", "3"), await found("parts", "a")] == [[3], [1], []]
    await store.close()


async def test_values_and_tags_know_whether_their_ticket_is_open(url: str) -> None:
    engines = await open_engines(url)

    def older(connection: Connection) -> None:
        old(connection)
        migrate(connection, "0019")
        connection.execute(text('UPDATE tickets SET fields = \'{"floor": "2"}\''))
        connection.execute(
            text("INSERT INTO ticket_tags (ticket_id, tag) VALUES (1, 'fire'), (2, 'fire'), (3, 'fire')")
        )

    async with engines.writer.begin() as connection:
        await connection.run_sync(older)
    await engines.dispose()
    store, at = await Store.open(url), datetime.now(UTC)

    async def found(closed: bool) -> list[list[int]]:
        queries = (
            TicketQuery(fields=(FieldTest("floor", "2"),), closed=closed),
            TicketQuery(tags=frozenset({"fire"}), closed=closed),
        )
        async with store.view() as unit:
            pages = [await unit.ticket_lists.page(query, None, 10) for query in queries]
        return [[row.id for row in page.items] for page in pages]

    assert [await found(closed=False), await found(closed=True)] == [[[2, 1], [2, 1]], [[3], [3]]]
    async with store.unit() as unit:
        await unit.tickets.change(1, if_version=None, fields={"closed_at": at}, by="anna", at=at)
        await unit.tickets.change(
            3,
            if_version=None,
            fields={"closed_at": None, "fields": {"floor": "2", "room": "7"}},
            by="a",
            at=at,
        )
    assert [await found(closed=False), await found(closed=True)] == [[[3, 2], [3, 2]], [[1], [1]]]
    async with store.unit() as unit:
        await unit.ticket_marks.set_tags(1, [], by="anna", at=at)
        await unit.ticket_marks.set_tags(2, ["water"], by="anna", at=at)
        await unit.tickets.merge(3, 2, by="anna", at=at)
    assert await found(closed=False) == [[2], [2]], "the tag has moved, and to an open one"
    await store.close()

"""Lists of tickets on both databases: each query, page by page, against the same question asked in Python."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from bridge.errors import BadInput
from bridge.store import Store, Unit, ticket_lists
from bridge.store.rows import TicketRow
from bridge.store.ticket_query import FieldTest, TicketOrder, TicketQuery
from tests.integration.store.conftest import START

TICKETS = 60
DEPARTMENTS = ("sales", "support", "billing")
STATUSES = ("open", "in_progress", "at the supplier", "done")
AGENTS = (None, "1001", "1002")
PRIORITIES = ("normal", "medium", "urgent", "critical")
CLASSES = ("", "hardware", "hardware/printer", "hardwarestore", "software/mail")


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


async def fill(unit: Unit) -> dict[int, tuple[TicketRow, tuple[str, ...]]]:
    """Tickets of all kinds, with their tags, by id."""
    chance = Random(11)
    clients = [(await unit.clients.add(name)).id for name in ("Anna", "Boris")]
    ids = []
    for number in range(TICKETS):
        status = chance.choice(STATUSES)
        fields: dict[str, Any] = {
            "subject": f"Ticket {number}",
            "client": chance.choice([None, *clients]),
            "department": chance.choice(DEPARTMENTS),
            "status": status,
            "assignee": chance.choice(AGENTS),
            "priority": chance.choice(PRIORITIES),
            "classification": chance.choice(CLASSES),
            "line": chance.randint(1, 3),
            "fields": {"floor": str(chance.randint(1, 3)), "parts": "\n".join(chance.sample("abc", 2))},
            "closed_at": hour(chance.randrange(40)) if status == "done" else None,
            "reacted_at": chance.choice([None, hour(chance.randrange(40))]),
            "reaction_due_at": chance.choice([None, hour(chance.randrange(40))]),
            "resolution_due_at": chance.choice([None, hour(chance.randrange(40))]),
            "clock_stopped_at": chance.choice([None, None, START]),
            "alarm_at": chance.choice([None, hour(chance.randrange(40))]),
            "closes_at": chance.choice([None, hour(chance.randrange(40))]),
        }
        row = await unit.tickets.create(
            source="web",
            fields=fields,  # type: ignore[arg-type]
            by="anna",
            at=hour(number // 3),
        )
        await unit.ticket_marks.set_tags(
            row.id,
            chance.sample(["a", "b", "c"], chance.randint(0, 2)),
            by="anna",
            at=hour(chance.randrange(40)),
        )
        ids.append(row.id)
    for source, target in ((3, 4), (8, 9)):
        await unit.tickets.merge(ids[source], ids[target], by="anna", at=hour(50))
    tags = await unit.ticket_marks.tags(ids)
    rows = [await unit.tickets.get(id) for id in ids]
    return {row.id: (row, tags.get(row.id, ())) for row in rows if row is not None}


def holds(query: TicketQuery, row: TicketRow, tags: tuple[str, ...]) -> bool:
    def among(given: frozenset[Any] | None, value: Any) -> bool:
        return given is None or value in given

    def within(value: datetime | None, first: datetime | None, before: datetime | None) -> bool:
        return (first is None or (value is not None and value >= first)) and (
            before is None or (value is not None and value < before)
        )

    assigned = among(query.assignees, row.assignee)
    if query.unassigned:
        assigned = row.assignee is None or row.assignee in (query.assignees or ())
    return (
        assigned
        and query.id in {None, row.id}
        and among(query.departments, row.department)
        and among(query.lines, row.line)
        and among(query.statuses, row.status)
        and among(query.priorities, row.priority)
        and (query.closed is None or query.closed == (row.closed_at is not None))
        and (query.client is None or row.client == query.client)
        and query.tags <= set(tags)
        and (
            query.classes is None
            or any(
                row.classification == one or row.classification.startswith(f"{one}/") for one in query.classes
            )
        )
        and within(row.due_at, None, query.due_before)
        and within(row.waiting_since, None, query.waits_since_before)
        and within(row.created_at, query.created_from, query.created_before)
        and within(row.updated_at, query.updated_from, query.updated_before)
        and all(test.value in row.fields.get(test.key, "").split("\n") for test in query.fields)
        and (query.merged or row.merged_into is None)
    )


FAR = START + timedelta(days=999)
ORDERS: dict[TicketOrder, Callable[[TicketRow], Any]] = {
    TicketOrder.NEWEST: lambda row: -row.id,
    TicketOrder.OLDEST: lambda row: row.id,
    TicketOrder.UPDATED: lambda row: (-row.updated_at.timestamp(), -row.id),
    TicketOrder.PRIORITY: lambda row: (-PRIORITIES.index(row.priority), row.id),
    TicketOrder.DUE: lambda row: (row.due_at or FAR, row.id),
    TicketOrder.WAITING: lambda row: (row.waiting_since or FAR, row.id),
}


def some_query(chance: Random) -> TicketQuery:
    def some(values: tuple[Any, ...]) -> frozenset[Any]:
        return frozenset(chance.sample(values, chance.randint(1, 2)))

    choices: dict[str, Callable[[], Any]] = {
        "departments": lambda: some(DEPARTMENTS),
        "lines": lambda: some((1, 2, 3)),
        "statuses": lambda: some(STATUSES),
        "closed": lambda: chance.random() < 0.3,
        "assignees": lambda: some(("1001", "1002", "nobody")),
        "unassigned": lambda: True,
        "tags": lambda: some(("a", "b", "x")),
        "classes": lambda: some(("hardware", "software", "hardware/printer")),
        "priorities": lambda: some(PRIORITIES),
        "client": lambda: chance.choice([1, 2, 3]),
        "due_before": lambda: hour(chance.randrange(40)),
        "waits_since_before": lambda: hour(chance.randrange(20)),
        "created_from": lambda: hour(chance.randrange(20)),
        "created_before": lambda: hour(chance.randrange(20)),
        "updated_from": lambda: hour(chance.randrange(20)),
        "updated_before": lambda: hour(chance.randrange(40)),
        "fields": lambda: (FieldTest("floor", "2"), FieldTest("parts", "b"))[: chance.randint(1, 2)],
        "merged": lambda: True,
    }
    names = chance.sample(sorted(choices), chance.randint(0, 3))
    return TicketQuery(**{name: choices[name]() for name in names}, order=chance.choice(list(TicketOrder)))


async def walk(unit: Unit, query: TicketQuery, limit: int) -> list[TicketRow]:
    found: list[TicketRow] = []
    cursor = None
    for _ in range(2 * TICKETS):
        page = await unit.ticket_lists.page(query, cursor, limit)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
        assert page.items
    raise AssertionError(f"{query} has no end")


async def test_every_query_finds_what_it_asks_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store.unit() as unit:
        there = await fill(unit)
    chance, found = Random(1), 0
    async with store.view() as unit:
        for number in range(240):
            # Half of them in the order of the list, half taken and sorted.
            monkeypatch.setattr(ticket_lists, "FEW", 3_000 * (number % 2))
            query = some_query(chance)
            if number % 12 == 0:
                query = replace(query, id=chance.choice(list(there)))
            expected = sorted(
                (row for row, tags in there.values() if holds(query, row, tags)), key=ORDERS[query.order]
            )
            assert [row.id for row in await walk(unit, query, chance.choice([1, 4, 500]))] == [
                row.id for row in expected
            ], query
            count = await unit.ticket_lists.count(query, 5)
            assert (count.count, count.more) == (min(len(expected), 5), len(expected) > 5), query
            found += len(expected)
    assert found > 500, "the queries are about something"


async def test_new_tickets_shift_no_page(store: Store) -> None:
    async with store.unit() as unit:
        await fill(unit)
        for order in TicketOrder:
            query = TicketQuery(departments=frozenset({"sales", "support"}), order=order)
            whole = await walk(unit, query, 500)
            first = await unit.ticket_lists.page(query, None, 7)
            await unit.tickets.create(
                source="web",
                fields={"subject": "New", "department": "sales", "priority": "critical"},
                by="anna",
                at=hour(99),
            )
            second = await unit.ticket_lists.page(query, first.cursor, 7)
            assert [row.id for row in (*first.items, *second.items)] == [row.id for row in whole[:14]], order


async def test_what_is_empty_and_what_is_wrong(store: Store) -> None:
    async with store.unit() as unit:
        await fill(unit)
        lists = unit.ticket_lists
        for empty in (
            TicketQuery(departments=frozenset()),
            TicketQuery(assignees=frozenset()),
            TicketQuery(client=2**80),
            TicketQuery(fields=(FieldTest('a"b', "x"),)),
            TicketQuery(fields=(FieldTest("", ""),)),
            TicketQuery(fields=(FieldTest("a$.b\\", "x"),)),
        ):
            assert await lists.page(empty, None, 10) == ticket_lists.Page(())
            assert str(await lists.count(empty)) == "0"
        page = await lists.page(TicketQuery(), None, 10)
        for query, cursor in (
            (TicketQuery(order=TicketOrder.OLDEST), page.cursor),
            (TicketQuery(), "nonsense"),
            (TicketQuery(), "W10"),
        ):
            with pytest.raises(BadInput, match="cursor"):
                await lists.page(query, cursor, 10)
        with pytest.raises(BadInput, match="limit"):
            await lists.page(TicketQuery(), None, 0)
        with pytest.raises(BadInput, match="filter"):
            await lists.page(TicketQuery(assignees=frozenset(map(str, range(600)))), None, 10)
        hostile = "'; DROP TABLE tickets; --\0\ud800"
        odd = TicketQuery(
            departments=frozenset({hostile}), tags=frozenset({hostile}), fields=(FieldTest(hostile, hostile),)
        )
        assert (await lists.page(replace(odd, classes=frozenset({hostile})), None, 10)).items == ()
        assert str(await lists.count(TicketQuery(merged=True), 50)) == "50+"


async def test_what_is_due_and_what_closes_by_itself(store: Store) -> None:
    async with store.unit() as unit:
        rows = [row for row, _ in (await fill(unit)).values()]
        lists = unit.ticket_lists
        for name, ask in (("alarm_at", lists.due), ("closes_at", lists.to_close)):
            times = [(getattr(row, name), row.id) for row in rows if getattr(row, name) is not None]
            due = [id for at, id in sorted(times) if at <= hour(20)]
            assert [row.id for row in await ask(hour(20), 500)] == due
            assert [row.id for row in await ask(hour(20), 2)] == due[:2]
        first = min(at for row in rows for at in (row.alarm_at, row.closes_at) if at is not None)
        assert await lists.next_alarm() == first

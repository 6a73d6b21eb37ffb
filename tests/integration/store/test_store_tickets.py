"""Tickets on both databases: one per call, and people's edits are safe from later news."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId
from bridge.errors import BadInput
from bridge.store import Store, Unit
from bridge.store.rows import TicketRow


async def follow(unit: Unit, call: str, *news: str, provisional: str = "") -> TicketRow | None:
    """The ticket after the news, whether they changed it or not."""
    changed = await unit.tickets.follow_call(call, *news, provisional=provisional)
    now = await unit.tickets.by_call(call)
    assert changed in (None, now)
    return now


async def test_ten_at_once_open_one_ticket(store: Store, make_record) -> None:
    async def open_it() -> int:
        async with store.unit() as unit:
            ticket = await unit.tickets.open_for_call(make_record(), "subject", "support")
        return ticket.id

    assert len(set(await asyncio.gather(*(open_it() for _ in range(10))))) == 1
    async with store.view() as unit:
        assert len((await unit.tickets.page(None, 50)).items) == 1
        assert await unit.calls.get("1700000000.1") is not None


async def test_ten_calls_at_once_open_ten(store: Store, make_record) -> None:
    async def open_it(call: str) -> None:
        async with store.unit() as unit:
            await unit.tickets.open_for_call(make_record(call), "subject", "support")

    await asyncio.gather(*(open_it(f"c{number}") for number in range(10) for _ in range(3)))
    async with store.view() as unit:
        tickets = (await unit.tickets.page(None, 50)).items
    assert {ticket.call for ticket in tickets} == {f"c{number}" for number in range(10)}
    assert len(tickets) == 10


async def test_news_fill_what_is_empty(store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        opened = await unit.tickets.open_for_call(make_record(), "first", "")
        assert (opened.client, opened.status, opened.priority) == (None, "open", "normal")
        same = await follow(unit, opened.call or "", "first", "")
        assert same == opened
        await unit.calls.save(make_record(verdict=Verdict.KNOWN, client=ClientId(anna.id)))
        filled = await follow(unit, opened.call or "", "second", "support")
    assert filled is not None
    assert (filled.client, filled.subject, filled.department) == (anna.id, "second", "support")
    assert filled.updated_at >= opened.updated_at


async def test_news_overwrite_nothing_that_people_edited(store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        boris = await unit.clients.add("Boris")
        ticket = await unit.tickets.open_for_call(make_record(), "first", "")
        await unit.tickets.update(ticket.id, subject="By hand", department="sales", client=boris.id)
        await unit.calls.save(make_record(verdict=Verdict.KNOWN, client=ClientId(anna.id)))
        kept = await follow(unit, ticket.call or "", "second", "support")
        assert kept is not None
        assert (kept.client, kept.subject, kept.department) == (boris.id, "By hand", "sales")
        await unit.tickets.update(ticket.id, client=None)
        kept = await follow(unit, ticket.call or "", "second", "support")
        assert kept is not None
        assert kept.client is None


async def test_the_assignee_is_who_answered(store: Store, make_record) -> None:
    connecting = make_record(agent=AgentId("1001"))
    async with store.unit() as unit:
        opened = await unit.tickets.open_for_call(connecting, "s", "")
        call = opened.call or ""
        assert opened.assignee is None
        followed = await follow(unit, call, "s", "")
        assert followed == opened, "nobody has answered yet"
        await unit.calls.save(replace(connecting, answered_at=connecting.offered_at + timedelta(seconds=9)))
        followed = await follow(unit, call, "s", "")
        assert followed is not None
        assert followed.assignee == "1001"
        other = make_record("c2", agent=AgentId("1002"), answered_at=connecting.offered_at)
        assert (await unit.tickets.open_for_call(other, "s", "")).assignee == "1002"


async def test_an_assignee_set_by_hand_stays(store: Store, make_record) -> None:
    answered = make_record(agent=AgentId("1001"), answered_at=make_record().offered_at)
    async with store.unit() as unit:
        tickets = [await unit.tickets.open_for_call(make_record(f"c{n}"), "s", "") for n in range(3)]
        await unit.tickets.update(tickets[0].id, assignee="1002")
        await unit.tickets.update(tickets[1].id, assignee="1002")
        await unit.tickets.update(tickets[1].id, assignee=None)
        # As a form sends it that was opened for something else.
        await unit.tickets.update(tickets[2].id, assignee=None, solution="Restarted it")
        found = []
        for ticket in tickets:
            await unit.calls.save(replace(answered, id=CallId(ticket.call or "")))
            followed = await follow(unit, ticket.call or "", "s", "")
            assert followed is not None
            found.append(followed.assignee)
    assert found == ["1002", None, "1001"]


async def test_a_provisional_department_gives_way_once(store: Store, make_record) -> None:
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(make_record(), "s", "front desk")
        call = ticket.call or ""
        moved = await follow(unit, call, "s", "support", provisional="front desk")
        assert moved is not None
        assert moved.department == "support"
        kept = await follow(unit, call, "s", "sales", provisional="front desk")
        assert kept is not None
        assert kept.department == "support"


async def test_the_ticket_follows_an_agents_choice(store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        boris = await unit.clients.add("Boris")
        ticket = await unit.tickets.open_for_call(make_record(), "s", "")
        await unit.calls.choose_client(ticket.call or "", anna.id)
        assert [one.id for one in await unit.tickets.open_of_client(anna.id)] == [ticket.id]
        await unit.tickets.update(ticket.id, client=boris.id)
        await unit.calls.choose_client(ticket.call or "", anna.id)
        assert [one.id for one in await unit.tickets.open_of_client(boris.id)] == [ticket.id]


async def test_edits_lists_and_pages(store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
        ids = []
        for number in range(5):
            ticket = await unit.tickets.open_for_call(make_record(f"c{number}"), "s", "")
            await unit.tickets.update(ticket.id, client=anna.id, assignee="1001" if number % 2 else None)
            ids.append(ticket.id)
        done = await unit.tickets.update(ids[0], status="done", priority="urgent", solution="Restarted it")
        assert done is not None
        assert (done.status, done.priority, done.solution) == ("done", "urgent", "Restarted it")
        assert [one.id for one in await unit.tickets.open_of_client(anna.id)] == ids[:0:-1]
        assert {one.id for one in (await unit.tickets.page(None, 9, assignee="1001")).items} == {
            ids[1],
            ids[3],
        }
        assert [one.id for one in (await unit.tickets.page(None, 9, status="done")).items] == [ids[0]]
        first = await unit.tickets.page(None, 3, client=anna.id)
        second = await unit.tickets.page(first.cursor, 3, client=anna.id)
        assert [one.id for one in (*first.items, *second.items)] == ids[::-1]
        assert second.cursor is None


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "closed"},
        {"priority": 3},
        {"subject": " "},
        {"subject": "x" * 501},
        {"client": 4711},
        {"client": 2**90},
        {"solution": None},
        {"id": 5},
    ],
)
async def test_a_bad_edit_is_refused(store: Store, make_record, fields: dict) -> None:  # type: ignore[type-arg]
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(make_record(), "s", "d")
        with pytest.raises(BadInput, match="ticket"):
            await unit.tickets.update(ticket.id, **fields)
        assert await unit.tickets.get(ticket.id) == ticket
        assert await unit.tickets.update(ticket.id + 1, subject="x") is None
        assert await unit.tickets.get(2**64) is None

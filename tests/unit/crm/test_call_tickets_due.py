"""Due times of calls' tickets, those that are opened by hand, and calls on which nobody decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.centre.facts import TicketOpened
from bridge.centre.ids import AgentId
from bridge.config.tickets import Policy
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.rights import Who
from bridge.crm.ticketing.upkeep import TicketUpkeep
from bridge.crm.tickets import call_tickets, tickets_by
from bridge.errors import BadInput, NotAllowed
from bridge.store import Store
from tests.unit.crm.test_call_tickets import ANNA, CALL, START, News, file, house
from tests.unit.crm.test_call_tickets import books as books

# ── the file, due times, by hand, and time ───────────────────────────────────


def test_what_the_file_says() -> None:
    tickets = call_tickets(file(sales=Policy.EVERY_CALL, help=Policy.UNRESOLVED))
    assert (tickets.policy_of("help"), tickets.policy_of("gone")) == (Policy.UNRESOLVED, Policy.EVERY_CALL)
    assert not tickets.at_once
    assert (tickets.watched, tickets.department_of("sales")) == ({"support"}, "support")
    assert "resolved" in tickets.resolved
    assert tickets.given_up_after > tickets.wrap_ups["help"]
    assert call_tickets(file(sales=Policy.EVERY_CALL)).at_once
    current = [file(sales=Policy.EVERY_CALL)]
    now = tickets_by(lambda: current[0])
    assert now() is now()
    current[0] = file(sales=Policy.ON_REQUEST)
    assert not now().at_once


class Clock:
    now = datetime.now(UTC)


@pytest.fixture
def told() -> list[TicketOpened]:
    return []


def desk_of(store: Store, policy: Policy, told: list[TicketOpened]) -> TicketDesk:
    known = file(support=policy)
    return TicketDesk(store, lambda: known, lambda: Clock.now, told.append)


@pytest.mark.parametrize("policy", [Policy.EVERY_CALL, Policy.UNRESOLVED])
async def test_due_times_begin_with_the_call(books: Any, store: Store, policy: Policy) -> None:
    known = file(support=policy)
    home, news = books(call_tickets(known)), News(answered=False)
    await home.take(news.open(), news.save(1), news.save(3))
    desk = TicketDesk(store, lambda: known, lambda: datetime.now(UTC))
    assert await TicketUpkeep(store, desk).run_once() == 1
    ticket = await home.ticket()
    assert ticket.reaction_due_at == ticket.created_at + timedelta(hours=1)
    assert ticket.resolution_due_at == ticket.created_at + timedelta(hours=8)
    assert ticket.due_at == ticket.reaction_due_at
    assert await TicketUpkeep(store, desk).run_once() == 0


async def test_the_answer_is_the_first_reaction(books: Any, store: Store) -> None:
    known = file(support=Policy.EVERY_CALL)
    home, news = books(call_tickets(known)), News()
    await home.take(news.open(), news.save(1))
    desk = TicketDesk(store, lambda: known, lambda: datetime.now(UTC))
    await TicketUpkeep(store, desk).run_once()
    waits = await home.ticket()
    assert (waits.due_at, waits.waiting_since) == (waits.reaction_due_at, waits.created_at)
    await home.take(news.save(2))
    ticket = await home.ticket()
    assert ticket.reacted_at == news.record(2).answered_at
    assert (ticket.due_at, ticket.waiting_since) == (ticket.resolution_due_at, None)
    version = ticket.version
    await home.take(news.save(2), news.save(3))
    assert (await home.ticket()).version == version


async def test_no_clock_is_looked_at_where_there_is_no_rule(books: Any) -> None:
    home, news = books(house(Policy.EVERY_CALL)), News()
    await home.take(news.open(), news.save(1), news.save(3))
    assert (await home.ticket()).alarm_at is None


async def test_opened_by_hand_it_is_all_that_the_call_was(
    books: Any, store: Store, told: list[TicketOpened]
) -> None:
    desk = desk_of(store, Policy.ON_REQUEST, told)
    home, news = books(desk.of_calls()), News()
    await home.take(news.open(), news.save(2), news.word("complaint"), news.save(3))
    line, talked = Actor(Who("1001"), "anna"), Actor(Who("1003"), "vera")
    with pytest.raises(NotAllowed):
        await desk.open_for_call(talked, CALL)
    ticket = await desk.open_for_call(line, CALL)
    assert (ticket.disposition, ticket.department, ticket.assignee) == ("complaint", "support", ANNA)
    assert (await desk.open_for_call(line, CALL)).id == ticket.id
    assert (await desk.open_for_call(talked, CALL)).id == ticket.id, "others may read"
    assert told == [TicketOpened(CALL, ticket.id)]
    with pytest.raises(BadInput, match="no such call"):
        await desk.open_for_call(line, "1.1")
    async with store.view() as unit:
        page = await unit.ticket_changes.page(ticket.id, None, 10)
    assert [(one.by, one.action) for one in page.items] == [("anna", "create")]


async def test_who_talked_may_open_it_in_a_department_that_is_not_his(
    books: Any, store: Store, told: list[TicketOpened]
) -> None:
    desk = desk_of(store, Policy.ON_REQUEST, told)
    home, news = books(desk.of_calls()), News()
    leg = replace(news.record(2).legs[0], agent=AgentId("1003"))
    await home.take(news.open(), news.save(2, agent=AgentId("1003"), legs=(leg,)))
    assert (await desk.open_for_call(Actor(Who("1003"), "vera"), CALL)).assignee == "1003"


async def test_a_wrap_up_that_never_comes_loses_no_request(
    books: Any, store: Store, told: list[TicketOpened]
) -> None:
    """Who asked for a pause while he talked has none."""
    desk = desk_of(store, Policy.UNRESOLVED, told)
    home, news = books(desk.of_calls()), News()
    assert await home.take(news.open(), news.save(2), news.save(3)) == []
    ended = news.record(3).ended_at
    assert ended is not None
    upkeep = TicketUpkeep(store, desk, clock=lambda: Clock.now)
    Clock.now = ended + timedelta(seconds=30)
    assert await upkeep.run_once() == 0
    Clock.now = ended + desk.of_calls().given_up_after
    assert await upkeep.run_once() == 1
    ticket = await home.ticket()
    assert told == [TicketOpened(CALL, ticket.id)]


async def test_nothing_stays_undecided(books: Any, store: Store, told: list[TicketOpened]) -> None:
    desk = desk_of(store, Policy.UNRESOLVED, told)
    home, news = books(desk.of_calls()), News()
    await home.take(news.open(), news.save(2), news.word("resolved"), news.save(3))
    by_hand = News("1700000000.2")
    await home.take(by_hand.open(), by_hand.save(2), by_hand.save(3))
    await desk.open_for_call(Actor(Who("1001"), "anna"), by_hand.id)
    upkeep = TicketUpkeep(store, desk, clock=lambda: START + timedelta(days=1))
    await upkeep.run_once()
    left = await store.read(lambda unit: unit.cases.overdue(START + timedelta(days=1), 10))
    assert left == []
    assert await home.ticket() is None

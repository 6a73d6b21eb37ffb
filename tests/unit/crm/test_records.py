"""Calls saved and tickets opened through the port: subjects, departments, news that come late."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.centre.decision import Decision, Hindrance, OfferEnd, Standing
from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, LegId, QueueName
from bridge.centre.orders import (
    EndOffer,
    LegKind,
    LegRecord,
    OpenTicket,
    SaveCall,
    SaveOffer,
    SaveWrapUp,
    SetDisposition,
)
from bridge.centre.plan import Strategy
from bridge.centre.record import WrapUp
from bridge.crm.records import CallRecords
from bridge.crm.tickets import record_of, subject_of
from bridge.crm.vault import Vault
from bridge.store import Store
from bridge.store.rows import NumberRow, TicketRow

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def records(store: Store, spool, tmp_path: Path, departments) -> CallRecords:
    return CallRecords(store, spool, Vault(tmp_path / "recordings"), departments)


async def ticket_of(store: Store, call: str) -> TicketRow:
    async with store.view() as unit:
        ticket = await unit.tickets.by_call(call)
    assert ticket is not None
    return ticket


@pytest.mark.parametrize(
    ("fields", "client", "subject"),
    [
        ({}, "", "+7 916 123-45-67 → +74950000001"),
        ({"name": "Anna  Smith"}, "", "Anna Smith · +7 916 123-45-67 → +74950000001"),
        (
            {"name": "89161234567", "number": "89161234567"},
            "",
            "89161234567 · +7 916 123-45-67 → +74950000001",
        ),
        ({"name": "ANNA"}, "Анна Смирнова", "Анна Смирнова · +7 916 123-45-67 → +74950000001"),
        ({"queue": QueueName("support")}, "", "+7 916 123-45-67 → support"),
        ({"e164": None, "number": "1001"}, "", "1001 → +74950000001"),
        ({"e164": None, "number": "1001", "name": "1001"}, "", "1001 → +74950000001"),
        ({"e164": None, "number": None, "withheld": True}, "", "☎ ••• → +74950000001"),
        ({"e164": None, "number": None, "withheld": True, "name": "Anonymous"}, "", "☎ ••• → +74950000001"),
        ({"e164": None, "number": None, "dialled": ""}, "", "☎ •••"),
    ],
)
def test_subjects_need_no_language(make_record, fields: dict, client: str, subject: str) -> None:  # type: ignore[type-arg]
    assert subject_of(make_record(**fields), client) == subject


async def test_one_ticket_however_often(records: CallRecords, store: Store, make_record) -> None:
    order = OpenTicket(make_record().id, make_record())
    opened = await asyncio.gather(*(records.keep([order]) for _ in range(10)))
    assert len({ticket for (ticket,) in opened}) == 1
    assert opened[0][0].call == order.call
    async with store.view() as unit:
        assert len((await unit.tickets.page(None, 10)).items) == 1


async def test_late_news_reach_the_ticket(records: CallRecords, store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Анна", numbers=[NumberRow("+79161234567", "8916")])
    first = make_record(e164=None)
    await records.keep([OpenTicket(first.id, first)])
    ticket = await ticket_of(store, first.id)
    assert (ticket.client, ticket.department) == (None, "front desk")
    known = make_record(verdict=Verdict.KNOWN, client=ClientId(anna.id))
    await records.keep([SaveCall(first.id, known)])
    ticket = await ticket_of(store, first.id)
    assert (ticket.client, ticket.department) == (anna.id, "front desk")
    assert ticket.subject == "Анна · +7 916 123-45-67 → +74950000001"
    queued = make_record(
        verdict=Verdict.KNOWN,
        client=ClientId(anna.id),
        queue=QueueName("support"),
        queued_at=first.offered_at,
    )
    await records.keep([SaveCall(first.id, queued)])
    ticket = await ticket_of(store, first.id)
    assert (ticket.department, ticket.subject) == ("Support", "Анна · +7 916 123-45-67 → support")
    await records.keep([SaveCall(first.id, first)])
    await records.keep([OpenTicket(first.id, first)])
    assert await ticket_of(store, first.id) == ticket


async def test_who_answered_is_news_by_himself(records: CallRecords, store: Store, make_record) -> None:
    rung = make_record(queue=QueueName("support"), agent=AgentId("1001"))
    await records.keep([OpenTicket(rung.id, rung)])
    before = await ticket_of(store, rung.id)
    await records.keep([SaveCall(rung.id, rung)])
    assert await ticket_of(store, rung.id) == before, "nothing was new"
    answered = replace(rung, answered_at=START + timedelta(seconds=9))
    await records.keep([SaveCall(rung.id, answered)])
    after = await ticket_of(store, rung.id)
    assert (before.assignee, after.assignee) == (None, "1001")
    assert (after.subject, after.department) == (before.subject, before.department)


async def test_people_have_the_last_word(records: CallRecords, store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Анна")
    (opened,) = await records.keep([OpenTicket(make_record().id, make_record())])
    async with store.unit() as unit:
        await unit.tickets.update(opened.ticket, subject="Printer", department="Sales", client=None)
    known = make_record(verdict=Verdict.KNOWN, client=ClientId(anna.id), queue=QueueName("support"))
    await records.keep([SaveCall(known.id, known)])
    ticket = await ticket_of(store, known.id)
    assert (ticket.subject, ticket.department, ticket.client) == ("Printer", "Sales", None)


async def test_a_call_without_a_ticket_gets_none_by_being_saved(
    records: CallRecords, store: Store, make_ended
) -> None:
    await records.keep([SaveCall(make_ended().id, make_ended())])
    async with store.view() as unit:
        assert await unit.tickets.by_call(make_ended().id) is None
        call = await unit.calls.get(make_ended().id)
    assert call is not None
    assert record_of(call) == make_ended()


async def test_an_outside_leg_is_kept_with_its_call(records: CallRecords, store: Store, make_ended) -> None:
    forwarded = make_ended(legs=(LegRecord(LegId("1700000000.1-out-1"), LegKind.OUTSIDE, None, START),))
    await records.keep([SaveCall(forwarded.id, forwarded)])
    async with store.view() as unit:
        call = await unit.calls.get(forwarded.id)
    assert call is not None
    assert record_of(call) == forwarded


async def test_an_offer_is_judged_when_it_is_saved(records: CallRecords, store: Store) -> None:
    call, leg, support = CallId("1700000000.1"), LegId("1700000000.1-agent-1"), QueueName("support")
    anna, boris = AgentId("1001"), AgentId("1002")
    decision = Decision(
        call,
        support,
        Strategy.LINEAR,
        needs=(),
        highest_penalty=None,
        preferred=None,
        turn=0,
        draw=0,
        chosen=(boris,),
        standings=(
            Standing(anna, 0, 0, {}, hindrance=Hindrance.TALKING),
            Standing(boris, 1, 0, {}, hindrance=None),
        ),
    )
    offer = SaveOffer(call, leg, boris, support, START, decision)
    end = EndOffer(call, leg, START + timedelta(seconds=7), OfferEnd.ANSWERED)
    for _ in range(2):
        await records.keep([offer])
        await records.keep([end])
    async with store.view() as unit:
        (kept,) = await unit.offers.of_call(call)
    assert (kept.agent, kept.strategy, kept.end, kept.ended_at) == (boris, "linear", "answered", end.at)
    assert [(one.agent, one.verdict, one.detail) for one in kept.candidates] == [
        (boris, "chosen", ""),
        (anna, "hindered", "talking"),
    ]


async def test_a_wrap_up_is_kept_with_its_call(records: CallRecords, store: Store, make_ended) -> None:
    ended = make_ended()
    wrap_up = WrapUp(AgentId("1001"), ended.ended_at, ended.ended_at + timedelta(seconds=9))
    await records.keep([SaveCall(ended.id, ended)])
    for _ in range(2):
        await records.keep([SaveWrapUp(ended.id, wrap_up)])
    async with store.view() as unit:
        row = await unit.calls.get(ended.id)
    assert row is not None
    assert row.wrap_ups == (wrap_up,)


async def test_a_disposition_comes_on_the_calls_ticket(
    records: CallRecords, store: Store, make_record
) -> None:
    record = make_record()
    await records.keep([SetDisposition(record.id, AgentId("1001"), "sold")])
    await records.keep([OpenTicket(record.id, record)])
    assert (await ticket_of(store, record.id)).disposition == ""
    await records.keep([SetDisposition(record.id, AgentId("1001"), "sold")])
    await records.keep([SetDisposition(record.id, AgentId("1002"), "refused")])
    await records.keep([SaveCall(record.id, record)])
    ticket = await ticket_of(store, record.id)
    assert ticket.disposition == "refused"
    async with store.unit() as unit:
        await unit.tickets.update(ticket.id, disposition="sold")
        call = await unit.calls.get(record.id)
    assert call is not None
    assert call.disposition == "refused", "people may say otherwise on the ticket only"

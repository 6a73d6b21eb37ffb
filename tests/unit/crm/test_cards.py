"""Cards: several are a choice, one is chosen only when it is the only one, and an agent's choice counts."""

from datetime import timedelta

import pytest

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId
from bridge.centre.orders import OpenCard
from bridge.crm.cards import Contact, card_of
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.rows import NumberRow
from bridge.store.ticket_rows import LetterRow, NewEntry

AGENT = AgentId("1001")


async def add(store: Store, name: str, e164: str = "+79161234567") -> ClientId:
    async with store.unit() as unit:
        client = await unit.clients.add(name, tier="gold", notes="note", numbers=[NumberRow(e164, e164)])
    return ClientId(client.id)


async def test_a_known_caller(store: Store, make_record, make_ended) -> None:
    anna = await add(store, "Anna")
    other = await add(store, "Other", "+79160000000")
    known = {"verdict": Verdict.KNOWN, "client": anna}
    async with store.unit() as unit:
        for number in range(7):
            at = make_record().offered_at - timedelta(days=number + 1)
            await unit.tickets.open_for_call(make_ended(f"old.{number}", offered_at=at, **known), "s", "d")
        await unit.recordings.note("old.0-rec-1", "old.0", at)
        first = await unit.tickets.by_call("old.6")
        assert first is not None
        for days in (3.5, 20):
            at = make_record().offered_at - timedelta(days=days)
            await unit.entries.append(first.id, NewEntry("mail_in", "client", at, "Where is it?", "I wait"))
        done = await unit.tickets.by_call("old.6")
        assert done is not None
        await unit.tickets.update(done.id, status="done")
        await unit.tickets.open_for_call(
            make_ended("theirs.1", verdict=Verdict.KNOWN, client=other), "s", "d"
        )
        await unit.tickets.open_for_call(make_record(**known), "this", "d")
    record = make_record(**known)
    for order in (OpenCard(record.id, AGENT, record, (anna,)), record.id):
        card = await card_of(store, order, AGENT)
        assert (card.verdict, card.agent, card.call.id) == (Verdict.KNOWN, AGENT, record.id)
        assert card.client is not None
        assert (card.client.name, card.client.tier, card.client.notes) == ("Anna", "gold", "note")
        assert card.clients == (card.client,)
        assert card.ticket is not None
        assert card.ticket.subject == "this"
        assert {ticket.call for ticket in card.open_tickets} == {f"old.{number}" for number in range(6)}
        latest, second, _, letter, last = card.contacts
        assert isinstance(letter, LetterRow)
        assert (letter.subject, letter.ticket.id) == ("Where is it?", first.id)
        calls = [one for one in (latest, second, card.contacts[2], last) if isinstance(one, Contact)]
        assert [contact.call.id for contact in calls] == [f"old.{number}" for number in range(4)]
        assert [[row.id for row in one.recordings] for one in calls] == [["old.0-rec-1"], [], [], []]


async def test_several_are_a_choice_until_an_agent_chooses(store: Store, make_record) -> None:
    anna, boris = await add(store, "Anna"), await add(store, "Boris")
    record = make_record(verdict=Verdict.SEVERAL)
    order = OpenCard(record.id, AGENT, record, (anna, boris))
    card = await card_of(store, order)
    assert [client.name for client in card.clients] == ["Anna", "Boris"]
    assert (card.client, card.ticket, card.contacts, card.agent) == (None, None, (), AGENT)
    async with store.unit() as unit:
        await unit.calls.save(record)
        await unit.calls.choose_client(record.id, boris)
    for again in (order, record.id):
        card = await card_of(store, again)
        assert card.client is not None
        assert card.client.name == "Boris"
        assert {client.name for client in card.clients} == {"Anna", "Boris"}


async def test_several_of_whom_one_is_gone_is_still_a_choice(store: Store, make_record) -> None:
    anna = await add(store, "Anna")
    record = make_record(verdict=Verdict.SEVERAL)
    card = await card_of(store, OpenCard(record.id, AGENT, record, (anna, ClientId(4711))))
    assert card.client is None
    assert [client.name for client in card.clients] == ["Anna"]


async def test_nobody_known(store: Store, make_record) -> None:
    withheld = make_record(verdict=Verdict.WITHHELD, number=None, e164=None, withheld=True)
    unknown = make_record(verdict=Verdict.UNKNOWN)
    for record in (withheld, unknown, make_record()):
        card = await card_of(store, OpenCard(record.id, AGENT, record))
        assert (card.verdict, card.clients, card.client) == (record.verdict, (), None)
    with pytest.raises(BadInput, match="no such call"):
        await card_of(store, CallId("x" * 500))

"""The client's card for an agent's screen: who may be calling, what is open, what was before. Only reads."""

from dataclasses import dataclass
from datetime import datetime

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId
from bridge.centre.orders import CallRecord, OpenCard
from bridge.crm.tickets import record_of
from bridge.errors import BadInput
from bridge.store import Store, Unit
from bridge.store.rows import CallRow, ClientRow, ClientSourceRow, RecordingRow, TicketRow
from bridge.store.ticket_rows import LetterRow

CONTACTS = 5


@dataclass(frozen=True, slots=True)
class Contact:
    """An earlier call of the client, with its legs, for whose ears it is, and what was recorded of it."""

    call: CallRow
    recordings: tuple[RecordingRow, ...]

    @property
    def at(self) -> datetime:
        return self.call.offered_at


@dataclass(frozen=True, slots=True)
class Card:
    """``client`` is set only when exactly one is known, or an agent chose; several are a choice."""

    call: CallRecord
    agent: AgentId | None
    verdict: Verdict | None  # None while nobody looked the number up yet
    clients: tuple[ClientRow, ...]
    client: ClientRow | None
    open_tickets: tuple[TicketRow, ...]
    contacts: tuple[Contact | LetterRow, ...]  # the latest first
    ticket: TicketRow | None
    sources: tuple[ClientSourceRow, ...] = ()  # external directories that know the client
    talked_in: frozenset[int] = frozenset()  # those tickets here in one of whose calls the agent talked

    def has_part_in(self, ticket: TicketRow) -> bool:
        """Whether the agent whose card it is has this ticket, or talked about it."""
        return self.agent is not None and (ticket.assignee == self.agent or ticket.id in self.talked_in)


async def card_of(store: Store, order: OpenCard | CallId, agent: AgentId | None = None) -> Card:
    """The card of a call: as the centre orders it, or by its id from what is kept (BadInput if unknown)."""
    async with store.view() as unit:
        if isinstance(order, OpenCard):
            return await _card(unit, order.record, list(order.candidates), agent or order.agent)
        call = await unit.calls.plain(order)
        if call is None:
            raise BadInput(f"call {order[:80]!r}: there is no such call")
        return await _card(unit, record_of(call), None, agent, kept=call)


async def _card(
    unit: Unit,
    record: CallRecord,
    candidates: list[int] | None,
    agent: AgentId | None,
    kept: CallRow | None = None,
) -> Card:
    if kept is None:
        kept = await unit.calls.plain(record.id)
    # What is kept knows of an agent's choice, the order of a look-up that may be newer than what is kept.
    chosen = kept.client if kept is not None and kept.client is not None else record.client
    if candidates is not None:
        clients = await unit.clients.of_ids({*candidates, *([chosen] if chosen is not None else [])})
    else:
        clients = await unit.clients.by_e164(record.e164) if record.e164 else []
        if chosen is not None and all(client.id != chosen for client in clients):
            clients = [*await unit.clients.of_ids([chosen]), *clients]
    if chosen is None and len(clients) == 1 and record.verdict is Verdict.KNOWN:
        chosen = clients[0].id
    client = next((one for one in clients if one.id == chosen), None)
    ticket = await unit.tickets.by_call(record.id)
    if client is None:
        return Card(record, agent, record.verdict, tuple(clients), None, (), (), ticket)
    tickets = await unit.tickets.open_of_client(client.id)
    letters = await unit.entries.last_of_client(client.id, CONTACTS)
    shown = {one.id for one in tickets} | {letter.ticket.id for letter in letters}
    talked_in = await unit.tickets.talked_in(shown if agent else (), agent or "")
    last = await unit.calls.last_of_client(client.id, CONTACTS + 1, whole=False)
    earlier = [call for call in last if call.id != record.id][:CONTACTS]
    recordings = await unit.recordings.of_calls([call.id for call in earlier])
    contacts: list[Contact | LetterRow] = [
        *letters,
        *(Contact(call, tuple(one for one in recordings if one.call == call.id)) for call in earlier),
    ]
    contacts.sort(key=lambda one: one.at, reverse=True)
    return Card(
        call=record,
        agent=agent,
        verdict=record.verdict,
        clients=tuple(clients),
        client=client,
        open_tickets=tuple(one for one in tickets if one.call != record.id),
        contacts=tuple(contacts[:CONTACTS]),
        ticket=ticket,
        sources=tuple(await unit.sources.of_clients([client.id])),
        talked_in=talked_in,
    )

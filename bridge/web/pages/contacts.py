"""Owns calls as people look back on them: each with its client, ticket and recordings."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.store import Unit
from bridge.store.rows import CallRow, ClientRow, RecordingRow, TicketRow
from bridge.web.sight import Sight


@dataclass(frozen=True, slots=True)
class Contact:
    """That there was a call belongs to the client's history. ``seen`` opens it, ``heard`` its recordings."""

    call: CallRow
    client: ClientRow | None
    ticket: TicketRow | None
    recordings: tuple[RecordingRow, ...]
    seen: bool
    heard: bool

    @property
    def talk_ms(self) -> int | None:
        if self.call.answered_at is None or self.call.ended_at is None:
            return None
        return round((self.call.ended_at - self.call.answered_at).total_seconds() * 1000)


async def contacts_of(unit: Unit, calls: Sequence[CallRow], sight: Sight) -> tuple[Contact, ...]:
    clients = {
        row.id: row for row in await unit.clients.of_ids({call.client for call in calls if call.client})
    }
    recordings: dict[str, list[RecordingRow]] = {}
    for recording in await unit.recordings.of_calls([call.id for call in calls]):
        recordings.setdefault(recording.call, []).append(recording)
    contacts = []
    for call in calls:
        client = clients.get(call.client) if call.client else None
        ticket = await unit.tickets.by_call(call.id)
        heard = sight.hears(call, ticket)
        recorded = tuple(recordings.get(call.id, ())) if heard else ()
        contacts.append(Contact(call, client, ticket, recorded, sight.sees(call, ticket), heard))
    return tuple(contacts)


async def contact_of(unit: Unit, call: CallRow, sight: Sight) -> Contact:
    (contact,) = await contacts_of(unit, [call], sight)
    return contact

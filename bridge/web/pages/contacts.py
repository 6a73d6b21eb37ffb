"""Owns calls and letters as people look back on them: each with its client, ticket and recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.centre.spent import Spent, on_hold, spent, talked
from bridge.store import Unit
from bridge.store.rows import CallRow, ClientRow, RecordingRow, TicketRow
from bridge.store.ticket_rows import LetterRow
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
    def at(self) -> datetime:
        return self.call.offered_at

    @property
    def talk(self) -> timedelta | None:
        """Without hold and consultations. None for a call that was not answered, or goes on."""
        call = self.call
        if call.answered_at is None or call.ended_at is None:
            return None
        if not call.segments:  # Asterisk's own queue tells of no holds
            return call.ended_at - call.answered_at
        return talked(call.segments, call.ended_at)

    @property
    def hold(self) -> timedelta:
        return on_hold(self.call.segments, self.call.ended_at) if self.call.ended_at else timedelta(0)

    @property
    def spent(self) -> tuple[Spent, ...]:
        """How long each did what; in a call that lives, until now."""
        return spent(self.call.segments, self.call.wrap_ups, self.call.ended_at or datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Written:
    """That there was a letter belongs to the client's history too. ``seen`` says of what, and opens it."""

    letter: LetterRow
    seen: bool

    @property
    def at(self) -> datetime:
        return self.letter.at


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

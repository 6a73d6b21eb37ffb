"""The ticket store as mail knows it, in memory; each step is whole, as a transaction is."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.crm.letter_headers import Party
from bridge.crm.threads import Known, KnownTicket, Way
from bridge.crm.ticket_mail import Cursor, Delivery, Incoming, Outgoing, Place


@dataclass
class Entry:
    ticket: int
    at: datetime
    message_id: str
    sender: str
    incoming: Incoming | None = None
    outgoing: Outgoing | None = None
    delivery: Delivery | None = None
    fault: str = ""
    due: datetime | None = None


@dataclass
class MemoryTickets:
    """TicketMail and MailOut. ``broken`` is raised instead of the next steps, ``losses`` times."""

    entries: list[Entry] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    left: list[tuple[Place, str]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    opened: list[tuple[int, str, datetime]] = field(default_factory=list)
    broken: Exception | None = None
    losses: int = 0

    # ── in ───────────────────────────────────────────────────────────────────

    async def cursor(self, mailbox: str) -> Cursor | None:
        return self.cursors.get(mailbox)

    async def begin(self, mailbox: str, cursor: Cursor) -> None:
        self.cursors[mailbox] = cursor

    async def known(self, ids: Sequence[str], token: str | None, sender: str, since: datetime) -> Known:
        by_message = {
            entry.message_id: self._ticket(entry.ticket) for entry in self.entries if entry.message_id in ids
        }
        recent = [id for id, who, at in self.opened if who == sender and at > since]
        return Known(
            by_message,
            self._ticket(self.tokens[token]) if token in self.tokens else None,
            len(recent),
            self._ticket(recent[-1]) if recent else None,
        )

    async def take(self, incoming: Incoming, at: datetime) -> bool:
        self._fail()
        mail, thread = incoming.mail, incoming.thread
        self._settle(incoming.place)
        if mail.key in self.keys:
            return False
        self.keys.add(mail.key)
        if thread.way is Way.IGNORED:
            return True
        if thread.way is Way.REPORT:
            assert mail.undelivered is not None
            for entry in self.entries:
                if entry.message_id == mail.undelivered.message_id:
                    entry.delivery, entry.fault = Delivery.FAILED, mail.undelivered.reason
            return True
        ticket = thread.ticket
        if ticket is None:
            ticket = len(self.opened) + 1
            self.opened.append((ticket, mail.sender.address.casefold(), at))
        self.entries.append(Entry(ticket, at, mail.message_id, mail.sender.address, incoming))
        return True

    async def named(self, file: str) -> bool:
        return any(
            file == kept.file for entry in self.entries if entry.incoming for kept in entry.incoming.files
        )

    async def unreadable(self, place: Place, reason: str, at: datetime) -> None:
        self._fail()
        self._settle(place)
        self.left.append((place, reason))

    def subjects(self) -> list[str]:
        return [entry.incoming.mail.subject for entry in self.entries if entry.incoming is not None]

    def _settle(self, place: Place) -> None:
        self.cursors[place.mailbox] = replace(self.cursors[place.mailbox], uid=place.uid)

    def _ticket(self, id: int) -> KnownTicket:
        addresses: set[str] = set()
        for entry in self.entries:
            if entry.ticket == id:
                parties: tuple[Party, ...] = ()
                if entry.outgoing is not None:
                    parties = (*entry.outgoing.to, *entry.outgoing.cc)
                elif entry.incoming is not None:
                    parties = (entry.incoming.mail.sender, *entry.incoming.mail.to, *entry.incoming.mail.cc)
                addresses |= {party.address for party in parties if party.address}
        return KnownTicket(id, frozenset(addresses))

    def _fail(self) -> None:
        if self.broken is not None and self.losses > 0:
            self.losses -= 1
            raise self.broken

    # ── out ──────────────────────────────────────────────────────────────────

    def write(self, ticket: int, outgoing: Outgoing, at: datetime) -> None:
        self.entries.append(
            Entry(ticket, at, outgoing.message_id, "", outgoing=outgoing, delivery=Delivery.WAITING, due=at)
        )

    def delivery(self, entry: int) -> tuple[Delivery | None, str]:
        found = self._entry(entry)
        return found.delivery, found.fault

    async def due(self, now: datetime, most: int) -> Sequence[Outgoing]:
        found = [
            entry.outgoing
            for entry in self.entries
            if entry.outgoing is not None
            and entry.delivery is Delivery.WAITING
            and entry.due is not None
            and entry.due <= now
        ]
        return found[:most]

    async def sending(self, entry: int) -> bool:
        self._fail()
        found = self._entry(entry)
        if found.delivery is not Delivery.WAITING:
            return False
        found.delivery = Delivery.SENDING
        return True

    async def settled(self, entry: int, delivery: Delivery, fault: str, at: datetime) -> None:
        found = self._entry(entry)
        found.delivery, found.fault = delivery, fault

    async def again(self, entry: int, fault: str, due: datetime) -> None:
        found = self._entry(entry)
        assert found.outgoing is not None
        found.outgoing = replace(found.outgoing, attempts=found.outgoing.attempts + 1)
        found.delivery, found.fault, found.due = Delivery.WAITING, fault, due

    async def interrupted(self, at: datetime) -> int:
        found = [entry for entry in self.entries if entry.delivery is Delivery.SENDING]
        for entry in found:
            entry.delivery = Delivery.UNCERTAIN
        return len(found)

    def _entry(self, id: int) -> Entry:
        return next(one for one in self.entries if one.outgoing is not None and one.outgoing.entry == id)

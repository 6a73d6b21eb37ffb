"""Mail that came, on the ticket store: the port TicketMail. One transaction a mail: entry, files, key, place.

The files' bytes lie on disk before, by their contents; what a crash leaves there belongs to nobody and harms
nobody. Which ticket a mail belongs to is said by threads.py; what it does to it by the desk.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from bridge.config.settings import Settings
from bridge.crm.entry_marks import marks_of
from bridge.crm.parties import kept, listed
from bridge.crm.threads import Known, KnownTicket, Way, asked_for
from bridge.crm.ticket_mail import Cursor, Incoming, Place
from bridge.crm.ticketing import attaching
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.letters_out import within
from bridge.crm.ticketing.rights import Who
from bridge.errors import ConfigurationError
from bridge.store import Store, Unit
from bridge.store.mailboxes import MailboxRow, UnreadableRow, Written
from bridge.store.ticket_rows import EntryRow, NewEntry

log = structlog.get_logger(__name__)

NOBODY = "✉ •••"  # a mail without subject and sender, in any language


class MailTickets:
    """Implements TicketMail. ``settings`` as they are by now: they can be loaded anew."""

    def __init__(self, store: Store, desk: TicketDesk, settings: Callable[[], Settings]) -> None:
        self._store = store
        self._desk = desk
        self._settings = settings

    async def cursor(self, mailbox: str) -> Cursor | None:
        async with self._store.view() as unit:
            row = await unit.mailboxes.get(mailbox)
        return Cursor(row.validity, row.horizon, row.uid) if row is not None else None

    async def begin(self, mailbox: str, cursor: Cursor) -> None:
        async with self._store.unit() as unit:
            await unit.mailboxes.begin(MailboxRow(mailbox, cursor.validity, cursor.horizon, cursor.uid))

    async def known(self, ids: Sequence[str], token: str | None, sender: str, since: datetime) -> Known:
        async with self._store.view() as unit:
            mails = await unit.mailboxes.mails(ids)
            by_token = await unit.tickets.by_token(token) if token is not None else None
            opened = await unit.mailboxes.opened(sender, since)
            named = by_token.merged_into or by_token.id if by_token is not None else None
            wanted = {mail.ticket for mail in mails.values()} | {named, *opened[-1:]}
            tickets = {id: await _ticket(unit, id) for id in wanted if id is not None}
        return Known(
            {id: tickets[mail.ticket] for id, mail in mails.items()},
            tickets[named] if named is not None else None,
            len(opened),
            tickets[opened[-1]] if opened else None,
        )

    async def take(self, incoming: Incoming, at: datetime) -> bool:
        mail, way, place = incoming.mail, incoming.thread.way, incoming.place
        async with self._store.unit() as unit:
            await unit.mailboxes.settle(place.mailbox, place.validity, place.uid)
            if not await unit.mailboxes.remember(mail.key, at, way.value, mail.sender.address):
                return False
            if way is Way.REPORT and mail.undelivered is not None:
                told = mail.undelivered
                await unit.deliveries.undelivered(told.message_id or "", told.reason or "not delivered", at)
            elif way is not Way.IGNORED:
                entry = await self._entered(unit, incoming, at)
                for file in incoming.files:
                    await attaching.add(
                        unit, entry.ticket, file, entry=entry.id, by=entry.author, at=entry.at
                    )
                await unit.mailboxes.belongs(mail.key, entry.ticket)
        return True

    async def named(self, file: str) -> bool:
        async with self._store.view() as unit:
            return await unit.attachments.named(file)

    async def unreadable(self, place: Place, reason: str, at: datetime) -> None:
        async with self._store.unit() as unit:
            await unit.mailboxes.settle(place.mailbox, place.validity, place.uid)
            await unit.mailboxes.unreadable(
                UnreadableRow(place.mailbox, place.validity, place.uid, at, reason)
            )

    async def _entered(self, unit: Unit, incoming: Incoming, at: datetime) -> EntryRow:
        mail, ticket = incoming.mail, incoming.thread.ticket
        actor = Actor(Who(program=True), f"mail {mail.sender.address}".strip())
        entry = NewEntry(
            kind=await _kind(unit, incoming),
            author=mail.sender.address,
            at=at,
            subject=mail.subject,
            body=mail.text,
            message_id=mail.message_id,
            in_reply_to=" ".join(mail.in_reply_to[:1]),
            to=listed(mail.to),
            cc=listed(mail.cc),
            automatic=incoming.thread.quiet,
            references=" ".join(within(mail.references)),
            marks=marks_of(incoming),
        )
        if ticket is None:
            row = await self._desk.open_for_mail(unit, actor, await self._wish(unit, incoming))
            return await unit.entries.append(row.id, entry)
        if entry.kind == "partner":
            return await unit.entries.append(ticket, entry)
        added, _ = await self._desk.client_wrote_within(unit, actor, ticket, entry)
        return added

    async def _wish(self, unit: Unit, incoming: Incoming) -> Wish:
        settings, mail = self._settings(), incoming.mail
        inbox = settings.mail.inbox if settings.mail is not None else None
        if inbox is None:
            raise ConfigurationError("mail.inbox: is not in the configuration any more; restart callbridge")
        wish: Wish = {
            "subject": mail.subject.strip() or mail.sender.address or NOBODY,
            "department": inbox.department,
        }
        owners = await unit.emails.owners(mail.sender.address) if mail.sender.address else []
        if len(owners) == 1:
            wish["client"] = owners[0]
        return wish


async def _ticket(unit: Unit, id: int) -> KnownTicket:
    addresses: set[str] = set()
    for one in await unit.mailboxes.written(id):
        addresses |= _addresses(one)
    row = await unit.tickets.get(id)
    if row is not None and row.client is not None:
        addresses |= set(await unit.emails.of(row.client))
    return KnownTicket(id, frozenset(addresses), await unit.mailboxes.files_bytes(id))


async def _kind(unit: Unit, incoming: Incoming) -> str:
    """An answer to a word with a supplier is one: it is no client's, and never goes to him."""
    mail, thread = incoming.mail, incoming.thread
    if thread.ticket is None:
        return "mail_in"
    if thread.way is Way.REFERENCE:
        known = await unit.mailboxes.mails(asked_for(mail))
        nearest = next((known[id] for id in asked_for(mail) if id in known), None)
        return "partner" if nearest is not None and nearest.kind == "partner" else "mail_in"
    address = mail.sender.address.casefold()
    kinds = {
        one.kind
        for one in await unit.mailboxes.written(thread.ticket)
        if address in {each.casefold() for each in _addresses(one)}
    }
    return "partner" if kinds == {"partner"} else "mail_in"


def _addresses(one: Written) -> set[str]:
    """A stranger stays one, however often he writes, until somebody writes to him."""
    if one.marks.get("stranger"):
        return set()
    found = {party.address for words in (one.to, one.cc) for party in kept(words)}
    if one.kind in {"mail_in", "partner"} and "@" in one.author:
        found.add(one.author)
    return found

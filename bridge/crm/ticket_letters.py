"""Letters of tickets on their way out, on the ticket store: the port MailOut."""

from collections.abc import Sequence
from datetime import datetime

from bridge.crm.attachments import Kept
from bridge.crm.parties import kept
from bridge.crm.ticket_mail import Delivery, Outgoing
from bridge.crm.ticketing.desk import TicketDesk
from bridge.store import Store
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import AttachmentRow, EntryRow

INTERRUPTED = "callbridge was ended while this was sent: it may have arrived"


class TicketLetters:
    """Implements MailOut."""

    def __init__(self, store: Store, desk: TicketDesk) -> None:
        self._store = store
        self._desk = desk

    async def due(self, now: datetime, most: int) -> Sequence[Outgoing]:
        async with self._store.view() as unit:
            entries = await unit.deliveries.due(now, most)
            files = await unit.attachments.of_entries([one.id for one in entries])
            tickets = {id: await unit.tickets.get(id) for id in {one.ticket for one in entries}}
        tokens = {id: await self._token(id, row) for id, row in tickets.items()}
        return [self._outgoing(one, tickets[one.ticket], tokens[one.ticket], files) for one in entries]

    async def sending(self, entry: int) -> bool:
        async with self._store.unit() as unit:
            return await unit.deliveries.sending(entry)

    async def settled(self, entry: int, delivery: Delivery, fault: str, at: datetime) -> None:
        async with self._store.unit() as unit:
            await unit.deliveries.settled(entry, delivery.value, fault, at)

    async def again(self, entry: int, fault: str, due: datetime) -> None:
        async with self._store.unit() as unit:
            await unit.deliveries.again(entry, fault, due)

    async def interrupted(self, at: datetime) -> int:
        async with self._store.unit() as unit:
            return await unit.deliveries.interrupted(INTERRUPTED, at)

    async def _token(self, ticket: int, row: TicketRow | None) -> str:
        """There since the letter was written, unless its ticket was merged into another one since."""
        if row is not None and row.token is not None:
            return row.token
        async with self._store.unit() as unit:
            return await unit.tickets.token_of(ticket) or ""

    def _outgoing(
        self, entry: EntryRow, row: TicketRow | None, token: str, files: Sequence[AttachmentRow]
    ) -> Outgoing:
        department = self._desk.rules.department_or_none(row.department) if row is not None else None
        return Outgoing(
            entry=entry.id,
            message_id=entry.message_id or "",
            subject=entry.subject,
            token=token,
            text=entry.body,
            to=kept(entry.to),
            cc=kept(entry.cc),
            from_name=department.title if department is not None else "",
            answers=entry.in_reply_to or None,
            references=tuple(entry.references.split()),
            files=tuple(
                Kept(one.name, one.media_type, one.bytes, one.sha256, one.file)
                for one in files
                if one.entry == entry.id
            ),
            automatic=entry.automatic,
            attempts=entry.attempts,
        )

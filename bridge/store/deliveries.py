"""What becomes of letters on their way out: each step of one is one statement, so that two never take it.

What failed, and of which nobody knows, is news of the ticket: it stands in its log.
"""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Connection, Table, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.entries import ENTRY
from bridge.store.keys import is_id
from bridge.store.tables import clean, in_one_go
from bridge.store.ticket_changes import log
from bridge.store.ticket_rows import EntryRow
from bridge.store.ticket_tables import TICKETS, EntryTable, TicketTable

LETTERS = ("mail_out", "partner")
DELIVERY = "delivery"  # the log's action and field
_TABLE = cast("Table", EntryTable.__table__)
_FIELDS = _TABLE.c
_MOST_FAULT = 2_000
# In the words of their indexes, which SQLite would not use for anything else.
_WAITING, _SENDING = text("delivery = 'waiting'"), text("delivery = 'sending'")
_ON_THE_WAY = ("waiting", "sending")
_TOLD = frozenset({"failed", "uncertain"})
AGAIN = ("failed", "uncertain")  # may be sent once more, on somebody's word


class Deliveries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def due(self, now: datetime, most: int) -> list[EntryRow]:
        """Letters that wait and whose time has come, the oldest first."""
        found = await self._session.execute(
            select(*ENTRY)
            .where(_WAITING, _FIELDS.kind.in_(LETTERS), or_(_FIELDS.due_at.is_(None), _FIELDS.due_at <= now))
            .order_by(_FIELDS.id)
            .limit(most)
        )
        return [EntryRow(*row) for row in found]

    async def sending(self, entry: int) -> bool:
        """False when it does not wait any more."""
        found = await self._session.scalar(
            update(_TABLE)
            .where(_FIELDS.id == entry, _FIELDS.delivery == "waiting")
            .values(delivery="sending")
            .returning(_FIELDS.id)
        )
        return found is not None

    async def settled(self, entry: int, delivery: str, fault: str, at: datetime) -> None:
        """Of one that is on its way; what was told of it meanwhile stays."""
        where = (_FIELDS.id == entry, _FIELDS.delivery.in_(_ON_THE_WAY))
        await in_one_go(self._session, lambda sync: _set(sync, where, "sending", delivery, fault, at))

    async def again(self, entry: int, fault: str, due: datetime) -> None:
        """It waits until then, after one more attempt that failed."""
        await self._session.execute(
            update(_TABLE)
            .where(_FIELDS.id == entry, _FIELDS.delivery.in_(_ON_THE_WAY))
            .values(
                delivery="waiting",
                attempts=_FIELDS.attempts + 1,
                fault=clean(fault)[:_MOST_FAULT],
                due_at=due,
            )
        )

    async def interrupted(self, fault: str, at: datetime) -> int:
        """Those that were being sent when the last run ended: nobody knows of them."""
        return await in_one_go(
            self._session,
            lambda sync: _set(
                sync, (cast("ColumnElement[bool]", _SENDING),), "sending", "uncertain", fault, at
            ),
        )

    async def undelivered(self, message_id: str, fault: str, at: datetime) -> int:
        """A mail server reports so of a letter of ours; how many there are of that id."""
        where = (_FIELDS.message_id == clean(message_id), _FIELDS.kind.in_(LETTERS), _FIELDS.delivery != "")
        return await in_one_go(self._session, lambda sync: _set(sync, where, "sent", "failed", fault, at))

    async def once_more(self, entry: int, *, by: str, at: datetime) -> EntryRow | None:
        """On somebody's word: as if it had never been tried. None: it neither failed nor is uncertain."""
        if not is_id(entry):
            return None

        def again(sync: Connection) -> EntryRow | None:
            before = sync.execute(
                select(_FIELDS.delivery).where(_FIELDS.id == entry).with_for_update()
            ).scalar_one_or_none()
            found = sync.execute(
                update(_TABLE)
                .where(_FIELDS.id == entry, _FIELDS.kind.in_(LETTERS), _FIELDS.delivery.in_(AGAIN))
                .values(delivery="waiting", attempts=0, due_at=None, fault="")
                .returning(*ENTRY)
            ).one_or_none()
            if found is None:
                return None
            row = EntryRow(*found)
            _tell(sync, row.ticket, at, by, str(before), "waiting")
            return row

        return await in_one_go(self._session, again)


def _set(
    connection: Connection,
    where: Collection[ColumnElement[bool]],
    before: str,
    delivery: str,
    fault: str,
    at: datetime,
) -> int:
    found = connection.execute(
        update(_TABLE)
        .where(*where)
        .values(delivery=delivery, fault=clean(fault)[:_MOST_FAULT])
        .returning(_FIELDS.ticket_id)
    ).all()
    if delivery in _TOLD:
        for (ticket,) in found:
            _tell(connection, ticket, at, "", before, delivery)
    return len(found)


def _tell(connection: Connection, ticket: int, at: datetime, by: str, before: str, after: str) -> None:
    connection.execute(
        update(cast("Table", TicketTable.__table__))
        .where(TICKETS.id == ticket)
        .values(version=TICKETS.version + 1, updated_at=at)
    )
    log(connection, ticket, at, by, DELIVERY, [(DELIVERY, before, after)])

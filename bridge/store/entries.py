"""A ticket's thread: notes, letters, messages, calls, in the order in which they came. Only ever added to.

What the client may see is decided in one place, here: ``VISIBLE_TO_CLIENT``.
"""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Connection, Table, bindparam, case, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import N_, BadInput
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import Page, TicketRow
from bridge.store.tables import UtcDateTime, clean, in_one_go
from bridge.store.ticket_changes import log
from bridge.store.ticket_rows import EntryRow, LetterRow, NewEntry
from bridge.store.ticket_search import SyncTicketSearch
from bridge.store.ticket_tables import TICKET, TICKETS, EntryTable, TicketTable

KINDS = ("note", "partner", "mail_in", "mail_out", "message_in", "message_out", "call")
# Notes are internal, and what is said with a supplier is no client's: neither ever leaves to him.
VISIBLE_TO_CLIENT = frozenset({"mail_in", "mail_out", "message_in", "message_out", "call"})
FROM_CLIENT = frozenset({"mail_in", "message_in"})
TO_CLIENT = VISIBLE_TO_CLIENT - FROM_CLIENT
_WRITTEN = VISIBLE_TO_CLIENT - {"call"}
_LATEST_TICKETS = 50  # of a client are looked through for what was written last
MAX_BODY = 1_000_000  # characters
MAX_SUBJECT = 1_000
MAX_ADDRESSES = 20_000
MAX_REFERENCES = 50_000
_DELIVERIES = ("", "waiting", "sending", "sent", "failed", "uncertain")
_ENTRIES = EntryTable.__table__.c
ENTRY = (
    _ENTRIES.id,
    _ENTRIES.ticket_id,
    _ENTRIES.kind,
    _ENTRIES.at,
    _ENTRIES.author,
    _ENTRIES.subject,
    _ENTRIES.body,
    _ENTRIES.call_id,
    _ENTRIES.message_id,
    _ENTRIES.in_reply_to,
    _ENTRIES.to,
    _ENTRIES.cc,
    _ENTRIES.delivery,
    _ENTRIES.fault,
    _ENTRIES.attempts,
    _ENTRIES.due_at,
    _ENTRIES.automatic,
    _ENTRIES.references,
    _ENTRIES.marks,
)


class Entries:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, ticket: int, entry: NewEntry) -> EntryRow:
        """Adds it, and moves the ticket's times on. A merged ticket's entry goes to where that lives on.

        An entry of the client starts his waiting for us, what goes to him ends it.
        """
        values = _checked(entry)
        if not is_id(ticket):
            raise BadInput(f"ticket {ticket}: there is no such ticket")
        return await in_one_go(self._session, lambda sync: _append(sync, ticket, values))

    async def get(self, id: int, *, hold: bool = False) -> EntryRow | None:
        """``hold``: nothing becomes of it before this transaction has ended."""
        if not is_id(id):
            return None
        statement = select(*ENTRY).where(_ENTRIES.id == id)
        found = await self._all(statement.with_for_update() if hold else statement)
        return found[0] if found else None

    async def page(
        self,
        ticket: int,
        cursor: str | None,
        limit: int,
        *,
        newest_first: bool = False,
        kinds: Collection[str] | None = None,
    ) -> Page[EntryRow]:
        """All of the thread, internal or not: for who works on it."""
        return await self._page(ticket, cursor, limit, newest_first=newest_first, kinds=kinds)

    async def page_for_client(
        self, ticket: int, cursor: str | None, limit: int, *, newest_first: bool = False
    ) -> Page[EntryRow]:
        """Only what its client may see."""
        return await self._page(ticket, cursor, limit, newest_first=newest_first, kinds=VISIBLE_TO_CLIENT)

    async def counts(self, ticket: int) -> dict[str, int]:
        """How many there are of each kind; those of which there is none are not in it."""
        if not is_id(ticket):
            return {}
        found = await self._session.execute(
            select(_ENTRIES.kind, func.count()).where(_ENTRIES.ticket_id == ticket).group_by(_ENTRIES.kind)
        )
        return {row[0]: row[1] for row in found}

    async def last_of_client(self, client: int, limit: int) -> list[LetterRow]:
        """What he and people here wrote to each other in his latest tickets, the latest first."""
        if not is_id(client):
            return []
        latest = (
            select(TICKETS.id)
            .where(TICKETS.client_id == client)
            .order_by(TICKETS.id.desc())
            .limit(_LATEST_TICKETS)
            .subquery()
        )
        found = await self._session.execute(
            select(_ENTRIES.id, _ENTRIES.kind, _ENTRIES.at, _ENTRIES.author, _ENTRIES.subject, *TICKET)
            .join(TicketTable, TICKETS.id == _ENTRIES.ticket_id)
            .where(
                _ENTRIES.ticket_id.in_(select(latest.c.id)),
                _ENTRIES.kind.in_(sorted(_WRITTEN)),
                ~_ENTRIES.automatic,
            )
            .order_by(_ENTRIES.at.desc(), _ENTRIES.id.desc())
            .limit(limit_of(limit))
        )
        return [
            LetterRow(id, kind, at, author, subject, TicketRow(*ticket))
            for id, kind, at, author, subject, *ticket in found
        ]

    async def by_message_ids(self, message_ids: Collection[str]) -> list[EntryRow]:
        """For threading letters: those that have one of these Message-IDs, the latest first."""
        wanted = sorted({clean(one) for one in message_ids})[:100]
        if not wanted:
            return []
        return await self._all(
            select(*ENTRY).where(_ENTRIES.message_id.in_(wanted)).order_by(_ENTRIES.id.desc()).limit(100)
        )

    async def _page(
        self,
        ticket: int,
        cursor: str | None,
        limit: int,
        *,
        newest_first: bool,
        kinds: Collection[str] | None,
    ) -> Page[EntryRow]:
        kind = "entries-" if newest_first else "entries"
        passed = read_id_cursor(kind, cursor)
        if not is_id(ticket):
            return Page(())
        order = _ENTRIES.id.desc() if newest_first else _ENTRIES.id
        statement = (
            select(*ENTRY).where(_ENTRIES.ticket_id == ticket).order_by(order).limit(limit_of(limit) + 1)
        )
        if passed is not None:
            statement = statement.where(_ENTRIES.id < passed if newest_first else _ENTRIES.id > passed)
        if kinds is not None:
            statement = statement.where(_ENTRIES.kind.in_(sorted(kinds)))
        found = await self._all(statement)
        return page_of(found, limit, lambda row: row, lambda row: id_cursor(kind, row.id))

    async def _all(self, statement: Any) -> list[EntryRow]:
        return [EntryRow(*row) for row in await self._session.execute(statement)]


def _append(connection: Connection, ticket: int, values: dict[str, Any]) -> EntryRow:
    found = connection.execute(
        select(func.coalesce(TICKETS.merged_into, TICKETS.id)).where(TICKETS.id == ticket)
    ).scalar_one_or_none()
    if found is None:
        raise BadInput(f"ticket {ticket}: there is no such ticket")
    row = EntryRow(*connection.execute(_INSERT, {**values, "ticket_id": found}).one())
    how = "in" if row.kind in FROM_CLIENT else "out" if row.kind in TO_CLIENT else "inside"
    if row.automatic:
        how = "inside"  # nobody waits for an answer to it, nor has had one by it
    connection.execute(_TOLD[how], {"of_ticket": found, "at": row.at})
    log(connection, found, row.at, row.author, "entry", [(row.kind, "", str(row.id))])
    SyncTicketSearch(connection).index([found])
    return row


def _checked(entry: NewEntry) -> dict[str, Any]:
    if entry.kind not in KINDS:
        raise BadInput(f"entry kind {entry.kind[:40]!r}: it must be one of {', '.join(KINDS)}")
    if entry.delivery not in _DELIVERIES:
        raise BadInput(f"entry delivery {entry.delivery[:40]!r}: there is no such state")
    for name, words, most in (
        ("subject", entry.subject, MAX_SUBJECT),
        ("body", entry.body, MAX_BODY),
        ("to", entry.to, MAX_ADDRESSES),
        ("cc", entry.cc, MAX_ADDRESSES),
        ("author", entry.author, MAX_SUBJECT),
        ("in_reply_to", entry.in_reply_to, MAX_SUBJECT),
        ("references", entry.references, MAX_REFERENCES),
        ("message_id", entry.message_id or "", MAX_SUBJECT),
    ):
        if len(words) > most:
            raise BadInput(
                N_("entry %(field)s: %(length)s characters; at most %(most)s are kept"),
                field=name,
                length=len(words),
                most=most,
            )
    return {
        "kind": entry.kind,
        "at": entry.at,
        "author": entry.author,
        "subject": entry.subject,
        "body": entry.body,
        "call_id": entry.call,
        "message_id": entry.message_id,
        "in_reply_to": entry.in_reply_to,
        "to": entry.to,
        "cc": entry.cc,
        "delivery": entry.delivery,
        "fault": "",
        "automatic": entry.automatic,
        "references": entry.references,
        "marks": dict(entry.marks),
    }


def _told(how: str) -> Any:
    at: Any = bindparam("at", type_=UtcDateTime())
    # Entries may come late, as letters do: times only move on.
    values: dict[str, Any] = {
        "last_entry_at": _later(TICKETS.last_entry_at, at),
        "updated_at": _later(TICKETS.updated_at, at),
        "version": TICKETS.version + 1,
    }
    if how == "in":
        values["last_from_client_at"] = _later(TICKETS.last_from_client_at, at)
        values["waiting_since"] = case(
            (TICKETS.closed_at.is_(None), func.coalesce(TICKETS.waiting_since, at))
        )
    elif how == "out":
        # Before the first reaction he waits for that, which is said apart: by ``reacted_at``.
        values["waiting_since"] = case(
            (TICKETS.closed_at.is_(None) & TICKETS.reacted_at.is_(None), TICKETS.waiting_since)
        )
    return (
        update(cast("Table", TicketTable.__table__))
        .where(TICKETS.id == bindparam("of_ticket"))
        .values(values)
    )


def _later(kept: Any, at: Any) -> Any:
    return case((or_(kept.is_(None), kept < at), at), else_=kept)


_TOLD = {how: _told(how) for how in ("in", "out", "inside")}
_INSERT: Any = insert(cast("Table", EntryTable.__table__)).returning(*ENTRY)

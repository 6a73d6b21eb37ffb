"""How far mailboxes were read, which mails were taken from them, and what tickets mails belong to.

Which mail is taken, and where to, is decided outside: see bridge/crm/mail_tickets.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.entries import TO_CLIENT
from bridge.store.mail_tables import MailboxTable, TakenTable, UnreadableTable
from bridge.store.tables import clean, upsert
from bridge.store.ticket_tables import TICKETS, AttachmentTable, EntryTable, TicketTable

_UNSYNCED = {"synchronize_session": False}
_MOST_IDS = 100
_MOST_ENTRIES = 1_000
_OURS = ("partner", *sorted(TO_CLIENT))


@dataclass(frozen=True, slots=True)
class MailboxRow:
    mailbox: str
    validity: int
    horizon: int
    uid: int


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    mailbox: str
    validity: int
    uid: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class KnownMail:
    """A mail that we sent or received. ``ticket`` is where its thread lives on."""

    message_id: str
    ticket: int
    kind: str  # of its entry


@dataclass(frozen=True, slots=True)
class Written:
    """Between whom an entry went; lists of addresses as they are kept, ", " between them."""

    kind: str
    author: str
    to: str
    cc: str
    marks: Mapping[str, Any]


class Mailboxes:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, mailbox: str) -> MailboxRow | None:
        found = await self._session.execute(
            select(MailboxTable.mailbox, MailboxTable.validity, MailboxTable.horizon, MailboxTable.uid).where(
                MailboxTable.mailbox == mailbox
            )
        )
        row = found.one_or_none()
        return MailboxRow(*row) if row is not None else None

    async def begin(self, row: MailboxRow) -> None:
        """In place of what was remembered of it."""
        values = {"validity": row.validity, "horizon": row.horizon, "uid": row.uid}
        statement = upsert(self._session, MailboxTable).values(mailbox=row.mailbox, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["mailbox"], set_=values))

    async def settle(self, mailbox: str, validity: int, uid: int) -> None:
        """All up to this UID is dealt with. It never goes back."""
        await self._session.execute(
            update(MailboxTable)
            .where(MailboxTable.mailbox == mailbox, MailboxTable.validity == validity, MailboxTable.uid < uid)
            .values(uid=uid),
            execution_options=_UNSYNCED,
        )

    async def remember(self, key: str, at: datetime, way: str, sender: str) -> bool:
        """False when this very mail was taken before."""
        found = await self._session.scalar(
            upsert(self._session, TakenTable)
            .values(mail_key=key, at=at, way=way, sender=clean(sender).casefold())
            .on_conflict_do_nothing()
            .returning(TakenTable.mail_key)
        )
        return found is not None

    async def belongs(self, key: str, ticket: int) -> None:
        await self._session.execute(
            update(TakenTable).where(TakenTable.mail_key == key).values(ticket_id=ticket),
            execution_options=_UNSYNCED,
        )

    async def unreadable(self, row: UnreadableRow) -> None:
        await self._session.execute(
            upsert(self._session, UnreadableTable)
            .values(
                mailbox=row.mailbox,
                validity=row.validity,
                uid=row.uid,
                at=row.at,
                reason=row.reason[:2_000],
            )
            .on_conflict_do_nothing()
        )

    async def all_unreadable(self, most: int = 100) -> list[UnreadableRow]:
        """The latest first."""
        found = await self._session.execute(
            select(
                UnreadableTable.mailbox,
                UnreadableTable.validity,
                UnreadableTable.uid,
                UnreadableTable.at,
                UnreadableTable.reason,
            )
            .order_by(UnreadableTable.at.desc())
            .limit(most)
        )
        return [UnreadableRow(*row) for row in found]

    # ── whose thread ─────────────────────────────────────────────────────────

    async def mails(self, message_ids: Collection[str]) -> dict[str, KnownMail]:
        """Of several entries with one id ours counts before a received one, then the latest."""
        wanted = sorted({clean(one) for one in message_ids})[:_MOST_IDS]
        if not wanted:
            return {}
        found = await self._session.execute(
            select(EntryTable.message_id, func.coalesce(TICKETS.merged_into, TICKETS.id), EntryTable.kind)
            .join(TicketTable, TICKETS.id == EntryTable.ticket_id)
            .where(EntryTable.message_id.in_(wanted))
            .order_by(EntryTable.kind.in_(_OURS), EntryTable.id)
        )
        return {row[0]: KnownMail(*row) for row in found}

    async def opened(self, sender: str, since: datetime) -> list[int]:
        """The tickets that this sender's mails opened after that, the newest last."""
        found = await self._session.scalars(
            select(func.coalesce(TICKETS.merged_into, TICKETS.id))
            .select_from(TakenTable)
            .join(TicketTable, TICKETS.id == TakenTable.ticket_id)
            .where(TakenTable.way == "new", TakenTable.sender == sender.casefold(), TakenTable.at > since)
            .order_by(TakenTable.at, TicketTable.id)
        )
        return list(found)

    async def written(self, ticket: int) -> list[Written]:
        """Between whom the ticket's mails went, the latest first."""
        found = await self._session.execute(
            select(EntryTable.kind, EntryTable.author, EntryTable.to, EntryTable.cc, EntryTable.marks)
            .where(
                EntryTable.ticket_id == ticket,
                or_(EntryTable.kind.in_(("mail_in", "mail_out")), EntryTable.message_id.is_not(None)),
            )
            .order_by(EntryTable.id.desc())
            .limit(_MOST_ENTRIES)
        )
        return [Written(*row) for row in found]

    async def files_bytes(self, ticket: int) -> int:
        found = await self._session.scalar(
            select(func.coalesce(func.sum(AttachmentTable.bytes), 0)).where(
                AttachmentTable.ticket_id == ticket
            )
        )
        return int(found or 0)

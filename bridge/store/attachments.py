"""Files of tickets and templates: which there are, and where they lie. What is in them is not the store's.

They lie by their contents, so that several rows may share one file: it goes when no row names it any more.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.tables import clean, in_one_go
from bridge.store.ticket_changes import log
from bridge.store.ticket_rows import AttachmentRow
from bridge.store.ticket_tables import AttachmentTable

MAX_NAME = 255
_TABLE = cast("Table", AttachmentTable.__table__)
_FIELDS = _TABLE.c
ATTACHMENT = (
    _FIELDS.id,
    _FIELDS.ticket_id,
    _FIELDS.entry_id,
    _FIELDS.template_id,
    _FIELDS.name,
    _FIELDS.media_type,
    _FIELDS.bytes,
    _FIELDS.sha256,
    _FIELDS.file,
    _FIELDS.created_at,
    _FIELDS.by,
)


class Attachments:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        *,
        name: str,
        media_type: str,
        bytes: int,
        sha256: str,
        file: str,
        by: str,
        at: datetime,
        ticket: int | None = None,
        entry: int | None = None,
        template: int | None = None,
    ) -> AttachmentRow:
        """Of a ticket (and perhaps of one entry of it) or of a template. Who may, is not asked here."""
        if not name or len(name) > MAX_NAME:
            raise BadInput(f"attachment name {name[:40]!r}: it must have from 1 to {MAX_NAME} characters")
        if (ticket is None) == (template is None):
            raise BadInput("attachment: it belongs to a ticket or to a template, to one of them")
        values = {
            "ticket_id": ticket,
            "entry_id": entry,
            "template_id": template,
            "name": clean(name),
            "media_type": media_type[:200],
            "bytes": bytes,
            "sha256": sha256,
            "file": file,
            "created_at": at,
            "by": by,
        }
        statement = insert(_TABLE).values(**values).returning(*ATTACHMENT)
        row = AttachmentRow(*(await self._session.execute(statement)).one())
        if ticket is not None:
            await self._log(ticket, at, by, "attach", "", row.name)
        return row

    async def give(self, id: int, entry: int) -> None:
        """A ticket's file to one of its entries, which has none yet."""
        await self._session.execute(
            update(_TABLE).where(_FIELDS.id == id, _FIELDS.entry_id.is_(None)).values(entry_id=entry)
        )

    async def get(self, id: int, *, hold: bool = False) -> AttachmentRow | None:
        """``hold``: nobody else removes it before this transaction has ended."""
        found = await self._all(_FIELDS.id == id, hold=hold) if is_id(id) else []
        return found[0] if found else None

    async def of_ticket(self, ticket: int) -> list[AttachmentRow]:
        """Those of its entries among them, the oldest first."""
        return await self._all(_FIELDS.ticket_id == ticket) if is_id(ticket) else []

    async def of_entries(self, entries: Collection[int]) -> list[AttachmentRow]:
        ids = sorted(id for id in entries if is_id(id))
        return await self._all(_FIELDS.entry_id.in_(ids)) if ids else []

    async def remove(self, id: int, *, by: str, at: datetime) -> AttachmentRow | None:
        """What it was; whether its file may go as well says ``named``."""
        row = await self.get(id)
        if row is None:
            return None
        await self._session.execute(delete(_TABLE).where(_FIELDS.id == id))
        if row.ticket is not None:
            await self._log(row.ticket, at, by, "delete_attachment", row.name, "")
        return row

    async def named(self, file: str) -> bool:
        """Does any row name this file?"""
        return await self._session.scalar(select(_FIELDS.id).where(_FIELDS.file == file).limit(1)) is not None

    async def _log(self, ticket: int, at: datetime, by: str, action: str, before: str, after: str) -> None:
        await in_one_go(
            self._session, lambda sync: log(sync, ticket, at, by, action, [("attachment", before, after)])
        )

    async def _all(self, condition: ColumnElement[bool], *, hold: bool = False) -> list[AttachmentRow]:
        statement = select(*ATTACHMENT).where(condition).order_by(_FIELDS.id).limit(1_000)
        found: Any = await self._session.execute(statement.with_for_update() if hold else statement)
        return [AttachmentRow(*row) for row in found]

"""The audit log: who listened to whom, changed what is recorded, and the like. Written, read, never changed.

The database itself refuses to change or delete an entry (triggers, see migration 0006): not even a fault of
ours can. An entry that is told twice is kept once.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Index, UniqueConstraint, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.calls import CallTable
from bridge.store.keys import id_cursor, limit_of, page_of, read_id_cursor
from bridge.store.reach import Reach
from bridge.store.rows import AuditRow, Page
from bridge.store.tables import Base, in_one_go, now, upsert_of


class AuditTable(Base):
    __tablename__ = "audit"
    __table_args__ = (
        UniqueConstraint("at", "by", "action", "about", "call"),
        Index(None, "call", "id"),
        Index(None, "about", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    action: Mapped[str]
    about: Mapped[str]  # an agent's id, a recording's
    call: Mapped[str]  # "" for none; no foreign key: the entry outlives it
    detail: Mapped[str]


_ENTRY = (
    AuditTable.id,
    AuditTable.at,
    AuditTable.by,
    AuditTable.action,
    AuditTable.about,
    AuditTable.call,
    AuditTable.detail,
)


class SyncAudit:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(
        self,
        *,
        by: str,
        action: str,
        about: str,
        call: str = "",
        detail: str = "",
        at: datetime | None = None,
    ) -> None:
        """``by``: a login, "agent ID" for a phone, "token NAME", "link" or "retention"."""
        values = {
            "at": at or now(),
            "by": by,
            "action": action,
            "about": about,
            "call": call,
            "detail": detail,
        }
        self._connection.execute(_note(self._connection.dialect.name), values)


class Audit:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, **entry: Any) -> None:
        """As ``SyncAudit.note``."""
        await in_one_go(self._session, lambda sync: SyncAudit(sync).note(**entry))

    async def page(
        self,
        cursor: str | None = None,
        limit: int = 50,
        *,
        call: str | None = None,
        about: Sequence[str] | None = None,
        within: Reach | None = None,
        or_by: str | None = None,
    ) -> Page[AuditRow]:
        """The latest first; of one call only, or about some agents or recordings only.

        ``within``: about calls or agents that it takes in, or done by ``or_by``.
        """
        before = read_id_cursor("audit", cursor)
        statement = select(*_ENTRY).order_by(AuditTable.id.desc()).limit(limit_of(limit) + 1)
        if before is not None:
            statement = statement.where(AuditTable.id < before)
        if call is not None:
            statement = statement.where(AuditTable.call == call)
        if about is not None:
            statement = statement.where(AuditTable.about.in_(about))
        if within is not None:
            statement = statement.outerjoin(CallTable, CallTable.id == AuditTable.call).where(
                or_(within.takes_in(), AuditTable.about.in_(within.agents), AuditTable.by == or_by)
            )
        found = [AuditRow(*row) for row in await self._session.execute(statement)]
        return page_of(found, limit, lambda row: row, lambda row: id_cursor("audit", row.id))


@cache
def _note(dialect: str) -> Any:
    return upsert_of(dialect, AuditTable).on_conflict_do_nothing(
        index_elements=["at", "by", "action", "about", "call"]
    )

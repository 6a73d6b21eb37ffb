"""Links by which somebody without a log-in hears one recording, for a while. Only their hashes are kept.

What is expired or revoked stays as a row: the call's page shows to whom it was sent, and how often opened.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.keys import is_id
from bridge.store.rows import LinkRow
from bridge.store.tables import Base, now


class LinkTable(Base):
    __tablename__ = "recording_links"
    __table_args__ = (Index(None, "recording_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id", ondelete="CASCADE"))
    created_by: Mapped[str]
    recipient: Mapped[str]  # "" for a link that somebody passes on by hand
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    opened: Mapped[int] = mapped_column(server_default="0")
    last_opened_at: Mapped[datetime | None]


_LINK = (
    LinkTable.id,
    LinkTable.recording_id,
    LinkTable.created_by,
    LinkTable.recipient,
    LinkTable.created_at,
    LinkTable.expires_at,
    LinkTable.revoked_at,
    LinkTable.opened,
    LinkTable.last_opened_at,
)
_UNSYNCED = {"synchronize_session": False}


class Links:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, recording: str, token_hash: str, *, by: str, recipient: str, expires_at: datetime
    ) -> LinkRow:
        link = LinkTable(
            token_hash=token_hash,
            recording_id=recording,
            created_by=by,
            recipient=recipient,
            created_at=now(),
            expires_at=expires_at,
            opened=0,
        )
        self._session.add(link)
        await self._session.flush()
        return LinkRow(link.id, recording, by, recipient, link.created_at, expires_at, None, 0, None)

    async def get(self, id: int) -> LinkRow | None:
        return await self._one(LinkTable.id == id) if is_id(id) else None

    async def by_hash(self, token_hash: str) -> LinkRow | None:
        """Whether it is still good is for who asks: see ``LinkRow.is_good``."""
        return await self._one(LinkTable.token_hash == token_hash)

    async def of_recordings(self, recordings: Sequence[str]) -> list[LinkRow]:
        """The latest first."""
        if not recordings:
            return []
        found = await self._session.execute(
            select(*_LINK).where(LinkTable.recording_id.in_(recordings)).order_by(LinkTable.id.desc())
        )
        return [LinkRow(*row) for row in found]

    async def good(self, recording: str, at: datetime) -> int:
        """How many links to it are good."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(LinkTable)
            .where(
                LinkTable.recording_id == recording,
                LinkTable.revoked_at.is_(None),
                LinkTable.expires_at > at,
            )
        )
        return int(found or 0)

    async def open(self, id: int, at: datetime) -> None:
        """Counts that somebody opened it."""
        await self._session.execute(
            update(LinkTable)
            .where(LinkTable.id == id)
            .values(opened=LinkTable.opened + 1, last_opened_at=at),
            execution_options=_UNSYNCED,
        )

    async def revoke(self, id: int) -> bool:
        """Was it good until now? A moment that is written once stays."""
        revoked = await self._session.scalar(
            update(LinkTable)
            .where(LinkTable.id == id, LinkTable.revoked_at.is_(None))
            .values(revoked_at=now())
            .returning(LinkTable.id),
            execution_options=_UNSYNCED,
        )
        return revoked is not None

    async def _one(self, condition: ColumnElement[bool]) -> LinkRow | None:
        row = (await self._session.execute(select(*_LINK).where(condition))).one_or_none()
        return None if row is None else LinkRow(*row)

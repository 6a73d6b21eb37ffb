"""Idempotency keys: what a token asked for under a key, and what it was answered. Kept for a while.

That something is asked is written before it is done; its answer after. A key without an answer is one whose
request runs, or ran when the process ended.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.api_rows import KeyRow
from bridge.store.tables import Base, now, upsert

MOST = 100_000  # keys at once: the oldest are forgotten first


class KeyTable(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str]  # SHA-256 of method, address and body
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)


class Keys:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(self, token: int, key: str, asked: str) -> KeyRow | None:
        """None: it is the first with this key, and is written down now. Else what is known of the first."""
        added = await self._session.scalar(
            upsert(self._session, KeyTable)
            .values(token_id=token, key=key, asked=asked, created_at=now())
            .on_conflict_do_nothing(index_elements=[KeyTable.token_id, KeyTable.key])
            .returning(KeyTable.key)
        )
        return None if added is not None else await self.get(token, key)

    async def get(self, token: int, key: str) -> KeyRow | None:
        found = await self._session.execute(
            select(KeyTable.asked, KeyTable.status, KeyTable.headers, KeyTable.body).where(
                KeyTable.token_id == token, KeyTable.key == key
            )
        )
        row = found.one_or_none()
        return None if row is None else KeyRow(row.asked, row.status, row.headers or {}, row.body)

    async def end(
        self, token: int, key: str, status: int, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        await self._session.execute(
            update(KeyTable)
            .where(KeyTable.token_id == token, KeyTable.key == key)
            .values(status=status, headers=dict(headers), body=body),
            execution_options={"synchronize_session": False},
        )

    async def forget(self, token: int, key: str) -> None:
        await self._session.execute(
            delete(KeyTable).where(KeyTable.token_id == token, KeyTable.key == key),
            execution_options={"synchronize_session": False},
        )

    async def sweep(self, before: datetime, most: int = MOST) -> None:
        """Those of then, and the oldest of too many."""
        newest_too_many = (
            select(KeyTable.created_at).order_by(KeyTable.created_at.desc()).offset(most).limit(1)
        ).scalar_subquery()
        await self._session.execute(
            delete(KeyTable).where((KeyTable.created_at < before) | (KeyTable.created_at <= newest_too_many)),
            execution_options={"synchronize_session": False},
        )

    async def count(self) -> int:
        return int(await self._session.scalar(select(func.count()).select_from(KeyTable)) or 0)

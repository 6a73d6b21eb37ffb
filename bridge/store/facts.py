"""The append-only log of facts. Triggers in the database forbid to change or delete one, whoever tries.

What of a fact is kept is decided where the fact is noted, see ``engine.logged``.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, BigInteger, Connection, Insert, Integer, UniqueConstraint, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.engine.ports import LoggedFact
from bridge.store.keys import limit_of
from bridge.store.rows import FactRow
from bridge.store.tables import Base, in_one_go, upsert_of

# SQLite counts by itself only in a column that is INTEGER to the letter.
BigId = BigInteger().with_variant(Integer, "sqlite")


class FactTable(Base):
    __tablename__ = "facts"
    __table_args__ = (
        # What makes a repeated append harmless: a run's stamp is given out once.
        UniqueConstraint("run", "seq", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    call: Mapped[str | None] = mapped_column(index=True)
    type: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


_FACT = (FactTable.id, FactTable.at, FactTable.call, FactTable.type, FactTable.body)


class SyncFacts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, facts: Sequence[LoggedFact]) -> None:
        """In their order."""
        self._connection.execute(
            _append(self._connection.dialect.name),
            [
                {
                    "run": fact.run,
                    "seq": fact.seq,
                    "at": fact.at,
                    "call": fact.call,
                    "type": fact.type,
                    "body": fact.body,
                }
                for fact in facts
            ],
        )

    def of_call(self, call: str, kinds: Collection[str]) -> list[FactRow]:
        """Those of these types, oldest first."""
        statement = select(*_FACT).where(FactTable.call == call, FactTable.type.in_(kinds))
        return [FactRow(*row) for row in self._connection.execute(statement.order_by(FactTable.id))]


class Facts:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        await in_one_go(self._session, lambda sync: SyncFacts(sync).append(facts))

    async def since(self, id: int, limit: int) -> list[FactRow]:
        """Those logged after ``id``, oldest first."""
        return await self._all(
            select(*_FACT).where(FactTable.id > min(max(0, id), 2**63 - 1)).limit(limit_of(limit))
        )

    async def first_id(self) -> int:
        """Of the oldest one that is kept; 0 when there is none."""
        return await self._session.scalar(select(func.min(FactTable.id))) or 0

    async def last_id(self) -> int:
        """Of the latest one; 0 when there is none."""
        return await self._session.scalar(select(func.max(FactTable.id))) or 0

    async def of_call(self, call: str) -> list[FactRow]:
        return await self._all(select(*_FACT).where(FactTable.call == call))

    async def _all(self, statement: Any) -> list[FactRow]:
        found = await self._session.execute(statement.order_by(FactTable.id))
        return [FactRow(*row) for row in found]


@cache
def _append(dialect: str) -> Insert:
    return upsert_of(dialect, FactTable).on_conflict_do_nothing()

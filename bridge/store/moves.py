"""Supervisors' live moves: who serves a queue otherwise than the plan says. Their effect is the centre's."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.rows import MoveRow
from bridge.store.tables import Base, now, upsert

MAX_PENALTY = 100  # as in the YAML file


class MoveTable(Base):
    __tablename__ = "moves"

    agent: Mapped[str] = mapped_column(primary_key=True)
    queue: Mapped[str] = mapped_column(primary_key=True)
    penalty: Mapped[int | None]  # None: taken out
    by: Mapped[str]
    at: Mapped[datetime]


_MOVE = (MoveTable.agent, MoveTable.queue, MoveTable.penalty, MoveTable.by, MoveTable.at)


class Moves:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self) -> list[MoveRow]:
        found = await self._session.execute(select(*_MOVE).order_by(MoveTable.agent, MoveTable.queue))
        return [MoveRow(*row) for row in found]

    async def set(self, agent: str, queue: str, penalty: int | None, by: str) -> None:
        """The latest move of an agent in a queue is the one that counts. None takes him out."""
        if penalty is not None and not 0 <= penalty <= MAX_PENALTY:
            raise BadInput(f"penalty {penalty}: it must be from 0 to {MAX_PENALTY}")
        statement = upsert(self._session, MoveTable).values(
            agent=agent, queue=queue, penalty=penalty, by=by, at=now()
        )
        new = statement.excluded
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[MoveTable.agent, MoveTable.queue],
                set_={"penalty": new.penalty, "by": new.by, "at": new.at},
            )
        )

    async def restore(self, agent: str, queue: str) -> None:
        """As the plan has it, again."""
        await self._session.execute(
            delete(MoveTable).where(MoveTable.agent == agent, MoveTable.queue == queue),
            execution_options={"synchronize_session": False},
        )

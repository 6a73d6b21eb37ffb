"""Agents as the plan names them, for screens and the API. Their live state is the centre's."""

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.plan import Agent
from bridge.store.rows import AgentRow
from bridge.store.tables import Base, upsert


class AgentTable(Base):
    __tablename__ = "agents"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    endpoint: Mapped[str]
    language: Mapped[str]


class Agents:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def sync(self, agents: Collection[Agent]) -> None:
        """Exactly the plan's agents. Calls and tickets keep the ids of those who left."""
        wanted = [
            {"id": agent.id, "name": agent.name, "endpoint": agent.endpoint, "language": agent.language}
            for agent in sorted(agents, key=lambda agent: agent.id)
        ]
        await self._session.execute(
            delete(AgentTable).where(AgentTable.id.not_in([agent.id for agent in agents])),
            execution_options={"synchronize_session": False},
        )
        if wanted:
            statement = upsert(self._session, AgentTable)
            new = statement.excluded
            await self._session.execute(
                statement.on_conflict_do_update(
                    index_elements=[AgentTable.id],
                    set_={"name": new.name, "endpoint": new.endpoint, "language": new.language},
                ),
                wanted,
            )

    async def all(self) -> list[AgentRow]:
        found = await self._session.execute(
            select(AgentTable.id, AgentTable.name, AgentTable.endpoint, AgentTable.language).order_by(
                AgentTable.id
            )
        )
        return [AgentRow(*row) for row in found]

"""Which calls somebody's eyes and ears reach, as a condition in SQL. Who reaches how far is not its own."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select

from bridge.store.calls import CallTable
from bridge.store.legs import LegTable
from bridge.store.ticket_tables import TicketCallTable, TicketTable


@dataclass(frozen=True, slots=True)
class Reach:
    """Calls of these queues, calls with one of these agents on a leg, calls whose ticket is this agent's."""

    queues: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    assignee: str | None = None

    def takes_in(self) -> ColumnElement[bool]:
        """Of a statement that has the calls in it."""
        leg = exists(
            select(LegTable.id).where(LegTable.call_id == CallTable.id, LegTable.agent.in_(self.agents))
        )
        conditions = [CallTable.queue.in_(self.queues), CallTable.agent.in_(self.agents), leg]
        if self.assignee is not None:
            conditions.append(
                exists(
                    select(TicketTable.id)
                    .join(TicketCallTable, TicketCallTable.ticket_id == TicketTable.id)
                    .where(TicketCallTable.call_id == CallTable.id, TicketTable.assignee == self.assignee)
                )
            )
        return or_(*conditions)

"""What people were told of tickets that are soon due or overdue, until they put it away. Who is told is not
decided here, nor who may read the ticket.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, and_, case, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.keys import is_id
from bridge.store.rows import TicketRow
from bridge.store.tables import upsert
from bridge.store.ticket_rows import NoticeRow
from bridge.store.ticket_tables import TICKET, TICKETS, NoticeTable

_TABLE = cast("Table", NoticeTable.__table__)
_FIELDS = _TABLE.c
_OF_REACTION = _FIELDS.clock == "reaction"
# Of a clock that has stopped since, or whose time was put off, there is nothing to be told any more.
_STILL_TRUE = and_(
    TICKETS.closed_at.is_(None),
    TICKETS.merged_into.is_(None),
    case(
        (
            _OF_REACTION,
            and_(TICKETS.reacted_at.is_(None), TICKETS.reaction_due_at == _FIELDS.due_at),
        ),
        else_=TICKETS.resolution_due_at == _FIELDS.due_at,
    ),
)


class Notices:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def tell(
        self,
        users: Collection[int],
        ticket: int,
        told: Iterable[tuple[str, str, datetime]],
        at: datetime,
    ) -> None:
        """``told``: clock, step, when it is due. What was told of the same clock before is replaced."""
        rows = [
            {"user_id": user, "ticket_id": ticket, "clock": clock, "step": step, "due_at": due, "at": at}
            for clock, step, due in told
            for user in users
        ]
        if not rows:
            return
        statement = upsert(self._session, NoticeTable).values(rows)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[_FIELDS.user_id, _FIELDS.ticket_id, _FIELDS.clock],
                set_={name: statement.excluded[name] for name in ("step", "due_at", "at")},
            )
        )

    async def of(self, user: int, most: int) -> list[NoticeRow]:
        """What is still true of it, the latest first."""
        found: Any = await self._session.execute(
            select(_FIELDS.clock, _FIELDS.step, _FIELDS.due_at, _FIELDS.at, *TICKET)
            .join(_TABLE, TICKETS.id == _FIELDS.ticket_id)
            .where(_FIELDS.user_id == user, _STILL_TRUE)
            .order_by(_FIELDS.at.desc(), TICKETS.id.desc(), _FIELDS.clock)
            .limit(most)
        )
        return [
            NoticeRow(TicketRow(*ticket), clock, step, due_at, at)
            for clock, step, due_at, at, *ticket in found
        ]

    async def put_away(self, user: int, ticket: int, clock: str) -> None:
        """That it is not there is no error."""
        if is_id(ticket):
            await self._session.execute(
                delete(_TABLE).where(
                    _FIELDS.user_id == user, _FIELDS.ticket_id == ticket, _FIELDS.clock == clock
                )
            )

    async def put_all_away(self, user: int) -> None:
        await self._session.execute(delete(_TABLE).where(_FIELDS.user_id == user))

    async def sweep(self, before: datetime) -> None:
        """Forget what was told before."""
        await self._session.execute(delete(_TABLE).where(_FIELDS.at < before))

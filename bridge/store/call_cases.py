"""Calls that have no ticket: whether they still get one, and what was said of them meanwhile."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Integer, Table, and_, bindparam, exists, func, select, update

from bridge.store.call_table import UNDECIDED, CallTable
from bridge.store.client_tables import ClientTable
from bridge.store.legs import LegTable
from bridge.store.rows import CallCase
from bridge.store.tables import CleanText, UtcDateTime
from bridge.store.talks import WrapUpTable
from bridge.store.ticket_tables import TicketCallTable
from bridge.store.ticket_values import text_of

WAITING, DECIDED = "undecided", "decided"


class SyncCallCases:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, call: str) -> CallCase | None:
        """None when no such call is kept, or it has a ticket."""
        row: Any = self._connection.execute(_CASE, {"of_call": call}).one_or_none()
        return None if row is None else CallCase(*row)

    def ask(self, call: str) -> None:
        """It is to be decided whether this call gets a ticket."""
        self._connection.execute(_ASK, {"of_call": call})

    def decide(self, call: str) -> None:
        """It has a ticket, or needs none as far as is known. Until the end of the transaction it is ours."""
        self._connection.execute(_DECIDE, {"of_call": call})

    def dispose(self, call: str, agent: str, disposition: str) -> bool:
        """How it ended, in the word of who talked; the latest counts. False when no such call is kept."""
        word = text_of("disposition", disposition)
        done = self._connection.execute(_DISPOSE, {"of_call": call, "word": word, "by_agent": agent})
        return done.rowcount > 0

    def talked(self, call: str, agent: str) -> bool:
        """Did this agent talk in it?"""
        return self._connection.scalar(_TALKED, {"of_call": call, "by_agent": agent}) is not None

    def overdue(self, ended_before: datetime, limit: int) -> list[str]:
        """Calls that ended so long ago, and it is still not decided; the oldest first."""
        return list(self._connection.scalars(_OVERDUE, {"before": ended_before, "limit": limit}))


_TABLE = cast("Table", CallTable.__table__)
_CALLS = CallTable.__table__.c
_OF_CALL = bindparam("of_call", type_=CleanText())
# An agent may talk twice in a call: what counts is the wrap-up behind the last time.
_LAST_ANSWER = (
    select(func.max(LegTable.answered_at))
    .where(LegTable.call_id == _CALLS.id, LegTable.agent == _CALLS.agent)
    .scalar_subquery()
)
_WRAPPED_UP = exists().where(
    WrapUpTable.call_id == _CALLS.id,
    WrapUpTable.agent == _CALLS.agent,
    WrapUpTable.until >= func.coalesce(_LAST_ANSWER, _CALLS.answered_at),
)
_CASE = (
    select(
        _CALLS.id,
        _CALLS.number,
        _CALLS.e164,
        _CALLS.name,
        _CALLS.withheld,
        _CALLS.dialled,
        _CALLS.direction,
        _CALLS.queue,
        ClientTable.__table__.c.name,
        _CALLS.agent,
        _CALLS.answered_at,
        _CALLS.ended_at,
        _CALLS.outcome,
        _CALLS.fallback,
        _CALLS.disposition,
        _CALLS.ticket_wish,
        _WRAPPED_UP,
    )
    .select_from(_TABLE.outerjoin(ClientTable.__table__, ClientTable.__table__.c.id == _CALLS.client_id))
    .where(_CALLS.id == _OF_CALL, ~exists().where(TicketCallTable.call_id == _CALLS.id))
)
_ASK = update(_TABLE).where(_CALLS.id == _OF_CALL, _CALLS.ticket_wish == "").values(ticket_wish=WAITING)
_DECIDE = update(_TABLE).where(_CALLS.id == _OF_CALL).values(ticket_wish=DECIDED)
_DISPOSE = (
    update(_TABLE)
    .where(_CALLS.id == _OF_CALL)
    .values(
        disposition=bindparam("word", type_=CleanText()), disposed_by=bindparam("by_agent", type_=CleanText())
    )
)
_TALKED = (
    select(LegTable.id)
    .where(
        LegTable.call_id == _OF_CALL,
        LegTable.agent == bindparam("by_agent", type_=CleanText()),
        LegTable.answered_at.is_not(None),
    )
    .limit(1)
)
_OVERDUE = (
    select(_CALLS.id)
    .where(and_(UNDECIDED, _CALLS.ended_at <= bindparam("before", type_=UtcDateTime())))
    .order_by(_CALLS.ended_at, _CALLS.id)
    .limit(bindparam("limit", type_=Integer()))
)

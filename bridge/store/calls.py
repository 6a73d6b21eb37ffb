"""Calls and their legs, as history keeps them. The live call is the centre's; this is its latest snapshot."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    Text,
    bindparam,
    case,
    column,
    false,
    func,
    literal_column,
    select,
    table,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bridge.centre.orders import CallRecord, LegRecord, Outcome
from bridge.errors import BadInput
from bridge.store.call_table import TALKED
from bridge.store.call_table import CallTable as CallTable
from bridge.store.client_tables import ClientTable
from bridge.store.keys import is_id, limit_of, page_of, read_time_cursor, time_cursor
from bridge.store.legs import leg_row, save_legs
from bridge.store.pauses import pauses_of
from bridge.store.rows import CallRow, CallTimes, Page
from bridge.store.tables import UtcDateTime, in_one_go, now, upsert_of
from bridge.store.talks import (
    save_talk,
    segments_of,
    transfers_of,
    wrap_ups_of,
)

_FRESH = {"populate_existing": True}
_UNSYNCED = {"synchronize_session": False}


# Tickets know calls, so calls cannot import their tables; these are the columns that follow a call's client.
_TICKETS = table(
    "tickets",
    column("id", Integer),
    column("call_id", Text),
    column("client_id", Integer),
    column("client_edited", Boolean),
    column("updated_at", UtcDateTime),
    column("version", Integer),
)
_TICKET_CALLS = table("ticket_calls", column("call_id", Text), column("ticket_id", Integer))
_CHANGES = table(
    "ticket_changes",
    column("ticket_id", Integer),
    column("by", Text),
    column("action", Text),
    column("field", Text),
    column("at", UtcDateTime),
    column("before", Text),
    column("after", Text),
)


class SyncCalls:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, record: CallRecord) -> None:
        """Keep a snapshot. It may come twice or late: an older one only adds what was not known."""
        self._connection.execute(_save(self._connection.dialect.name), _values(record))
        save_legs(self._connection, record)
        save_talk(self._connection, record)

    def get(self, call: str) -> CallRow | None:
        """Without its legs, and what else is of parts."""
        row = self._connection.execute(_PLAIN, {"of_call": call}).one_or_none()
        if row is None:
            return None
        known = {**row._mapping, "client": row.client_id}
        del known["client_id"]
        outcome = Outcome(row.outcome) if row.outcome is not None else None
        return CallRow(**{**known, "outcome": outcome})

    def times(self, call: str) -> CallTimes | None:
        row = self._connection.execute(_TIMES, {"of_call": call}).one_or_none()
        return None if row is None else CallTimes(*row)

    def over(self, calls: Sequence[str]) -> set[str]:
        """Which of them have ended; without those that Asterisk's own queue got: they go on in there."""
        over: set[str] = set()
        for first in range(0, len(calls), _AT_ONCE):
            over.update(self._connection.scalars(_OVER, {"calls": calls[first : first + _AT_ONCE]}))
        return over

    def last_agent(self, e164: str) -> tuple[str, datetime] | None:
        """Who talked with this number in its latest answered call, and when that ended (or was answered)."""
        row = self._connection.execute(_LAST_AGENT, {"e164": e164}).one_or_none()
        return None if row is None else (row.agent, row.ended_at or row.answered_at)


class Calls:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, record: CallRecord) -> None:
        await in_one_go(self._session, lambda sync: SyncCalls(sync).save(record))

    async def plain(self, id: str) -> CallRow | None:
        """Without its legs, and what else is of parts: each of these is a question more."""
        return await in_one_go(self._session, lambda sync: SyncCalls(sync).get(id))

    async def get(self, id: str) -> CallRow | None:
        found = await self._rows(select(CallTable).where(CallTable.id == id))
        return found[0] if found else None

    async def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        client: int | None = None,
        agent: str | None = None,
        queue: str | None = None,
        since: datetime | None = None,
    ) -> Page[CallRow]:
        """The latest first."""
        before = read_time_cursor("calls", cursor)
        statement = _latest_first().limit(limit_of(limit) + 1)
        if before is not None:
            statement = statement.where(tuple_(CallTable.offered_at, CallTable.id) < before)
        if client is not None:
            if not is_id(client):
                return Page(())
            statement = statement.where(CallTable.client_id == client)
        if agent is not None:
            statement = statement.where(CallTable.agent == agent)
        if queue is not None:
            statement = statement.where(CallTable.queue == queue)
        if since is not None:
            statement = statement.where(CallTable.offered_at >= since)
        found = await self._rows(statement)
        return page_of(
            found, limit, lambda row: row, lambda row: time_cursor("calls", row.offered_at, row.id)
        )

    async def last_of_client(self, client: int, limit: int, *, whole: bool = True) -> list[CallRow]:
        """Not ``whole``: with their legs, and nothing else that is of parts."""
        if not is_id(client):
            return []
        statement = _latest_first().where(CallTable.client_id == client).limit(limit_of(limit))
        return await self._rows(statement, whole=whole)

    async def last_agent(self, e164: str) -> tuple[str, datetime] | None:
        return await in_one_go(self._session, lambda sync: SyncCalls(sync).last_agent(e164))

    async def choose_client(self, call: str, client: int) -> CallRow | None:
        """An agent says who it was. It stays so, and the call's ticket follows unless it was edited apart."""
        if (
            not is_id(client)
            or await self._session.scalar(select(ClientTable.id).where(ClientTable.id == client)) is None
        ):
            raise BadInput(f"client {client}: there is no such client")
        await self._session.execute(
            update(CallTable).where(CallTable.id == call).values(client_id=client, client_chosen=True),
            execution_options=_UNSYNCED,
        )
        await self._tell_ticket(call, client)
        return await self.get(call)

    async def _tell_ticket(self, call: str, client: int) -> None:
        """The ticket that the call opened and still belongs to."""
        belongs = select(_TICKET_CALLS.c.ticket_id).where(_TICKET_CALLS.c.call_id == call).scalar_subquery()
        found = await self._session.execute(
            select(_TICKETS.c.id, _TICKETS.c.client_id).where(
                _TICKETS.c.call_id == call, _TICKETS.c.id == belongs, ~_TICKETS.c.client_edited
            )
        )
        ticket = found.one_or_none()
        if ticket is None or ticket.client_id == client:
            return
        at = now()
        await self._session.execute(
            update(_TICKETS)
            .where(_TICKETS.c.id == ticket.id)
            .values(client_id=client, updated_at=at, version=_TICKETS.c.version + 1)
        )
        before = "" if ticket.client_id is None else str(ticket.client_id)
        await self._session.execute(
            _CHANGES.insert().values(
                ticket_id=ticket.id,
                at=at,
                by="",
                action="call",
                field="client",
                before=before,
                after=str(client),
            )
        )

    async def _rows(self, statement: Any, *, whole: bool = True) -> list[CallRow]:
        parts = _WHOLE if whole else _WITH_LEGS
        found = await self._session.scalars(statement.options(*parts), execution_options=_FRESH)
        return [call_row(call, whole=whole) for call in found]


_PARTS = (CallTable.legs, CallTable.segments, CallTable.wrap_ups, CallTable.transfers, CallTable.pauses)
_WHOLE = tuple(selectinload(part) for part in _PARTS)
_WITH_LEGS = (selectinload(CallTable.legs),)
_COLUMNS = CallTable.__table__.c
_TIMES = select(_COLUMNS.offered_at, _COLUMNS.answered_at, _COLUMNS.ended_at).where(
    _COLUMNS.id == bindparam("of_call")
)
_PLAIN = select(
    _COLUMNS.id,
    _COLUMNS.direction,
    _COLUMNS.number,
    _COLUMNS.e164,
    _COLUMNS.name,
    _COLUMNS.withheld,
    _COLUMNS.dialled,
    _COLUMNS.trunk,
    _COLUMNS.verdict,
    _COLUMNS.client_id,
    _COLUMNS.queue,
    _COLUMNS.agent,
    _COLUMNS.offered_at,
    _COLUMNS.queued_at,
    _COLUMNS.answered_at,
    _COLUMNS.ended_at,
    _COLUMNS.outcome,
    _COLUMNS.fallback,
    _COLUMNS.disposition,
).where(_COLUMNS.id == bindparam("of_call"))
_AT_ONCE = 1_000  # in one statement
_OVER = select(_COLUMNS.id).where(
    _COLUMNS.id.in_(bindparam("calls", expanding=True)),
    _COLUMNS.ended_at.is_not(None),
    _COLUMNS.outcome != Outcome.FALLBACK.value,
)
_LAST_AGENT = (
    select(_COLUMNS.agent, _COLUMNS.answered_at, _COLUMNS.ended_at)
    # By the words of its index, which SQLite would not use for anything else.
    .where(_COLUMNS.e164 == bindparam("e164"), TALKED)
    .order_by(_COLUMNS.answered_at.desc())
    .limit(1)
)


def _latest_first() -> Any:
    return select(CallTable).order_by(CallTable.offered_at.desc(), CallTable.id.desc())


# ── saving: statements are built once, and take their values as parameters ───


# No parameter: each of those costs something in every execution.
_EMPTY: ColumnElement[str] = literal_column("''", Text)


@cache
def _save(dialect: str) -> Insert:
    # A client deleted since the look-up must not cost us the call.
    client = select(ClientTable.id).where(ClientTable.id == bindparam("client")).scalar_subquery()
    statement = upsert_of(dialect, CallTable).values(client_id=client)
    ours, new = CallTable.__table__.c, statement.excluded
    newer = new.as_of >= ours.as_of
    # AMI alone does not see what a trunk's call was offered as: who knows the trunk knows better,
    # whichever of the two is the later.
    knows_better = case(
        ((ours.trunk != _EMPTY) & (new.trunk == _EMPTY), false()),
        ((ours.trunk == _EMPTY) & (new.trunk != _EMPTY), true()),
        else_=newer,
    )

    def latest(field: str) -> ColumnElement[Any]:
        mine: ColumnElement[Any] = ours[field]
        theirs: ColumnElement[Any] = new[field]
        wins = knows_better if field in ("direction", "dialled") else newer
        if field in ("name", "dialled", "trunk"):
            mine, theirs = func.nullif(mine, _EMPTY), func.nullif(theirs, _EMPTY)
            return func.coalesce(case((wins, theirs), else_=mine), theirs, mine, _EMPTY)
        return func.coalesce(case((wins, theirs), else_=mine), theirs, mine)

    fields = (
        "direction number e164 name withheld dialled trunk verdict queue agent "
        "queued_at answered_at ended_at outcome"
    )
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={
            **{field: latest(field) for field in fields.split()},
            "client_id": case(
                (ours.client_chosen, ours.client_id),
                (newer & new.verdict.is_not(None), new.client_id),
                else_=func.coalesce(ours.client_id, new.client_id),
            ),
            "offered_at": case((new.offered_at < ours.offered_at, new.offered_at), else_=ours.offered_at),
            "as_of": case((newer, new.as_of), else_=ours.as_of),
            "fallback": ours.fallback | new.fallback,
        },
    )


def _values(record: CallRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "direction": record.direction,
        "number": record.number,
        "e164": record.e164,
        "name": record.name,
        "withheld": record.withheld,
        "dialled": record.dialled,
        "trunk": record.trunk,
        "verdict": record.verdict.value if record.verdict else None,
        "client": record.client if record.client is not None and is_id(record.client) else None,
        "client_chosen": False,
        "queue": record.queue,
        "agent": record.agent,
        "offered_at": record.offered_at,
        "queued_at": record.queued_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "outcome": record.outcome.value if record.outcome else None,
        "as_of": _as_of(record),
        "fallback": record.fallback,
    }


def _as_of(record: CallRecord) -> datetime:
    if record.afterwards:
        return record.offered_at  # older than all that a process wrote which heard it
    moments = [record.offered_at, record.queued_at, record.answered_at, record.ended_at]
    for leg in record.legs:
        moments += _moments(leg)
    return max(moment for moment in moments if moment is not None)


def _moments(leg: LegRecord) -> list[datetime | None]:
    return [leg.created_at, leg.ringing_at, leg.answered_at, leg.ended_at]


def call_row(call: CallTable, *, whole: bool = True) -> CallRow:
    return CallRow(
        id=call.id,
        direction=call.direction,
        number=call.number,
        e164=call.e164,
        name=call.name,
        withheld=call.withheld,
        dialled=call.dialled,
        trunk=call.trunk,
        verdict=call.verdict,
        client=call.client_id,
        queue=call.queue,
        agent=call.agent,
        offered_at=call.offered_at,
        queued_at=call.queued_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=Outcome(call.outcome) if call.outcome is not None else None,
        legs=tuple(leg_row(leg) for leg in call.legs),
        fallback=call.fallback,
        segments=segments_of(call.segments) if whole else (),
        wrap_ups=wrap_ups_of(call.wrap_ups) if whole else (),
        transfers=transfers_of(call.transfers) if whole else (),
        pauses=pauses_of(call.pauses) if whole else (),
        disposition=call.disposition,
    )

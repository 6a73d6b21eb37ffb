"""Who did what in a call since when, and after it; from whom to whom its client was passed on: in history."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, Insert, Text, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.ids import AgentId, LegId
from bridge.centre.record import (
    CallRecord,
    Doing,
    Segment,
    TransferEnd,
    TransferKind,
    TransferRecord,
    WrapUp,
)
from bridge.store.pauses import save_pauses
from bridge.store.tables import Base, upsert_of


class SegmentTable(Base):
    __tablename__ = "segments"
    __table_args__ = (Index(None, "agent", "since"),)

    call_id: Mapped[str] = mapped_column(Text, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    leg: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    agent: Mapped[str | None]
    doing: Mapped[str]
    until: Mapped[datetime | None]


class WrapUpTable(Base):
    __tablename__ = "wrap_ups"
    __table_args__ = (Index(None, "agent", "since"),)

    call_id: Mapped[str] = mapped_column(Text, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    agent: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class TransferTable(Base):
    __tablename__ = "transfers"

    call_id: Mapped[str] = mapped_column(Text, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str]
    kind: Mapped[str]
    target: Mapped[str]
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end: Mapped[str | None]
    to: Mapped[str | None]


def save_talk(connection: Connection, record: CallRecord) -> None:
    """Of a snapshot, which may come twice or late: what has ended stays so."""
    dialect = connection.dialect.name
    if record.segments:
        segments = [_segment_values(record.id, one) for one in record.segments]
        connection.execute(_save_segments(dialect), segments)
    if record.transfers:
        transfers = [_transfer_values(record.id, one) for one in record.transfers]
        connection.execute(_save_transfers(dialect), transfers)
    save_pauses(connection, record)


class SyncTalks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save_wrap_up(self, call: str, one: WrapUp) -> None:
        """The same one twice is kept once."""
        values = {"call_id": call, "agent": one.agent, "since": one.since, "until": one.until}
        self._connection.execute(_save_wrap_up(self._connection.dialect.name), values)


class Talks:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def segments_of_calls(self, calls: Collection[str]) -> dict[str, tuple[Segment, ...]]:
        """By call, each in the order in which they began; without calls that have none."""
        if not calls:
            return {}
        rows: dict[str, list[SegmentTable]] = defaultdict(list)
        for row in await self._session.scalars(select(SegmentTable).where(SegmentTable.call_id.in_(calls))):
            rows[row.call_id].append(row)
        return {call: segments_of(found) for call, found in rows.items()}


def segments_of(rows: Sequence[SegmentTable]) -> tuple[Segment, ...]:
    return tuple(
        Segment(LegId(row.leg), _agent(row.agent), Doing(row.doing), row.since, row.until)
        for row in sorted(rows, key=lambda row: (row.since, row.leg))
    )


def wrap_ups_of(rows: Sequence[WrapUpTable]) -> tuple[WrapUp, ...]:
    return tuple(
        WrapUp(AgentId(row.agent), row.since, row.until) for row in sorted(rows, key=lambda row: row.since)
    )


def transfers_of(rows: Sequence[TransferTable]) -> tuple[TransferRecord, ...]:
    return tuple(
        TransferRecord(
            row.number,
            AgentId(row.by),
            TransferKind(row.kind),
            row.target,
            row.begun_at,
            row.ended_at,
            TransferEnd(row.end) if row.end is not None else None,
            _agent(row.to),
        )
        for row in sorted(rows, key=lambda row: row.number)
    )


def _agent(agent: str | None) -> AgentId | None:
    return AgentId(agent) if agent is not None else None


@cache
def _save_segments(dialect: str) -> Insert:
    statement = upsert_of(dialect, SegmentTable)
    ours, new = SegmentTable.__table__.c, statement.excluded
    # One that was told as ended may go on, if he did nothing else meanwhile; never backwards.
    later = case((new.until.is_(None), ours.until), (ours.until > new.until, ours.until), else_=new.until)
    return statement.on_conflict_do_update(index_elements=["call_id", "leg", "since"], set_={"until": later})


@cache
def _save_wrap_up(dialect: str) -> Insert:
    return upsert_of(dialect, WrapUpTable).on_conflict_do_nothing()


@cache
def _save_transfers(dialect: str) -> Insert:
    statement = upsert_of(dialect, TransferTable)
    ours, new = TransferTable.__table__.c, statement.excluded
    known = {field: func.coalesce(ours[field], new[field]) for field in ("ended_at", "end", "to")}
    # A blonde one was begun as attended.
    return statement.on_conflict_do_update(
        index_elements=["call_id", "number"], set_={**known, "kind": new.kind}
    )


def _segment_values(call: str, one: Segment) -> dict[str, Any]:
    return {
        "call_id": call,
        "leg": one.leg,
        "since": one.since,
        "agent": one.agent,
        "doing": one.doing.value,
        "until": one.until,
    }


def _transfer_values(call: str, one: TransferRecord) -> dict[str, Any]:
    return {
        "call_id": call,
        "number": one.number,
        "by": one.by,
        "kind": one.kind.value,
        "target": one.target,
        "begun_at": one.begun_at,
        "ended_at": one.ended_at,
        "end": one.end.value if one.end is not None else None,
        "to": one.to,
    }

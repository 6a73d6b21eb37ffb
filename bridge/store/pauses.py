"""Pauses of recordings: the columns of the centre, and those of who made them silent in the files."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    Insert,
    Table,
    Text,
    case,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.ids import RecordingId
from bridge.centre.record import CallRecord, PauseRecord
from bridge.errors import InternalError
from bridge.store.rows import Found, PauseCheck, PauseRow
from bridge.store.tables import Base, in_one_go, now, upsert_of


class PauseTable(Base):
    __tablename__ = "recording_pauses"
    __table_args__ = (
        CheckConstraint("found IN ('silent', 'cut')", name="found"),
        Index(None, "recording_id"),
    )

    call_id: Mapped[str] = mapped_column(Text, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[str]  # known before the recording itself is
    by: Mapped[str]
    begun_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str]
    checked_at: Mapped[datetime | None]  # this one and those below are who attaches the recording's
    found: Mapped[str | None]
    from_ms: Mapped[int | None] = mapped_column(BigInteger)
    until_ms: Mapped[int | None] = mapped_column(BigInteger)


_FIELDS = cast("Table", PauseTable.__table__).c


def save_pauses(connection: Connection, record: CallRecord) -> None:
    """Of a snapshot, which may come twice or late: what is ended stays so."""
    if record.pauses:
        values = [_values(record.id, one) for one in record.pauses]
        connection.execute(_save(connection.dialect.name), values)


def pauses_of(rows: Sequence[PauseTable]) -> tuple[PauseRecord, ...]:
    return tuple(_record(row) for row in sorted(rows, key=lambda row: row.number))


class SyncPauses:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_recordings(self, recordings: Sequence[str]) -> list[PauseRow]:
        """In the order of their numbers."""
        if not recordings:
            return []
        statement = (
            select(*_FIELDS)
            .where(_FIELDS.recording_id.in_(recordings))
            .order_by(_FIELDS.call_id, _FIELDS.number)
        )
        return [
            PauseRow(row.call_id, _record(row), _check(row)) for row in self._connection.execute(statement)
        ]

    def check(self, call: str, number: int, found: Found, from_ms: int, until_ms: int) -> None:
        """What of the recording's file is silent for this pause, in milliseconds from its beginning."""
        changed = self._connection.execute(
            update(cast("Table", PauseTable.__table__))
            .where(_FIELDS.call_id == call, _FIELDS.number == number)
            .values(checked_at=now(), found=found.value, from_ms=from_ms, until_ms=until_ms)
        ).rowcount
        if changed != 1:
            raise InternalError(f"pause {number} of call {call} was checked and is not kept")


class Pauses:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_recordings(self, recordings: Sequence[str]) -> list[PauseRow]:
        return await in_one_go(self._session, lambda sync: SyncPauses(sync).of_recordings(recordings))


def _record(row: Any) -> PauseRecord:
    return PauseRecord(
        row.number,
        RecordingId(row.recording_id),
        row.by,
        row.begun_at,
        row.confirmed_at,
        row.ended_at,
        row.ended_by,
    )


def _check(row: Any) -> PauseCheck | None:
    if row.found is None:
        return None
    return PauseCheck(row.checked_at, Found(row.found), row.from_ms, row.until_ms)


@cache
def _save(dialect: str) -> Insert:
    statement = upsert_of(dialect, PauseTable)
    ours, new = _FIELDS, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["call_id", "number"],
        set_={
            # A recorder that was stopped after all is not confirmed any more; and in doubt it is none.
            "confirmed_at": case(
                (ours.ended_at.is_not(None) & new.ended_at.is_(None), ours.confirmed_at),
                else_=new.confirmed_at,
            ),
            "ended_at": func.coalesce(ours.ended_at, new.ended_at),
            "ended_by": case((ours.ended_at.is_(None), new.ended_by), else_=ours.ended_by),
        },
    )


def _values(call: str, one: PauseRecord) -> dict[str, Any]:
    return {
        "call_id": call,
        "number": one.number,
        "recording_id": one.recording,
        "by": one.by,
        "begun_at": one.begun_at,
        "confirmed_at": one.confirmed_at,
        "ended_at": one.ended_at,
        "ended_by": one.ended_by,
    }

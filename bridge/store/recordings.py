"""Recordings: which there are, where each file is, and why one is not there. The files are crm's."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput, InternalError
from bridge.store.calls import CallTable
from bridge.store.keys import is_id, limit_of, page_of, read_time_cursor, time_cursor
from bridge.store.rows import Page, RecordingRow
from bridge.store.tables import Base, now, upsert

_UNSYNCED = {"synchronize_session": False}


class RecordingTable(Base):
    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'attached', 'faulty')", name="state"),
        Index(None, "created_at", "id"),
        Index(None, "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), index=True)
    state: Mapped[str]
    file: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int] = mapped_column(BigInteger)
    sample_rate: Mapped[int]
    channels: Mapped[int]
    sha256: Mapped[str]
    fault: Mapped[str]
    created_at: Mapped[datetime]
    attached_at: Mapped[datetime | None]


_RECORDING = (
    RecordingTable.id,
    RecordingTable.call_id,
    RecordingTable.ticket_id,
    RecordingTable.state,
    RecordingTable.file,
    RecordingTable.bytes,
    RecordingTable.duration_ms,
    RecordingTable.sample_rate,
    RecordingTable.channels,
    RecordingTable.sha256,
    RecordingTable.fault,
    RecordingTable.created_at,
    RecordingTable.attached_at,
)


class Recordings:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, id: str, call: str, created_at: datetime) -> RecordingRow:
        """There is such a recording: pending, unless it is known already. Its call must be known."""
        if await self._session.scalar(select(CallTable.id).where(CallTable.id == call)) is None:
            raise BadInput(f"recording {id}: there is no call {call}")
        await self._session.execute(
            upsert(self._session, RecordingTable)
            .values(
                id=id,
                call_id=call,
                ticket_id=None,
                state="pending",
                file="",
                bytes=0,
                duration_ms=0,
                sample_rate=0,
                channels=0,
                sha256="",
                fault="",
                created_at=created_at,
                attached_at=None,
            )
            .on_conflict_do_nothing(index_elements=[RecordingTable.id])
        )
        row = await self.get(id)
        if row is None:
            raise InternalError(f"recording {id} was neither noted nor there")
        return row

    async def attach(
        self,
        id: str,
        *,
        ticket: int,
        file: str,
        bytes: int,
        duration_ms: int,
        sample_rate: int,
        channels: int,
        sha256: str,
    ) -> RecordingRow:
        """It is complete and checked, and hangs on its ticket."""
        return await self._set(
            id,
            state="attached",
            ticket_id=ticket,
            file=file,
            bytes=bytes,
            duration_ms=duration_ms,
            sample_rate=sample_rate,
            channels=channels,
            sha256=sha256,
            fault="",
            attached_at=now(),
        )

    async def fault(self, id: str, reason: str) -> RecordingRow:
        """It cannot be attached; ``reason`` says why, in words. One that is attached stays so."""
        row = await self.get(id)
        if row is not None and row.state == "attached":
            return row
        return await self._set(id, state="faulty", fault=reason[:2000])

    async def get(self, id: str) -> RecordingRow | None:
        found = await self._all(select(*_RECORDING).where(RecordingTable.id == id))
        return found[0] if found else None

    async def of_call(self, call: str) -> list[RecordingRow]:
        return await self._all(_oldest_first().where(RecordingTable.call_id == call))

    async def of_calls(self, calls: list[str]) -> list[RecordingRow]:
        if not calls:
            return []
        return await self._all(_oldest_first().where(RecordingTable.call_id.in_(calls)))

    async def of_ticket(self, ticket: int) -> list[RecordingRow]:
        if not is_id(ticket):
            return []
        return await self._all(_oldest_first().where(RecordingTable.ticket_id == ticket))

    async def pending(self) -> list[RecordingRow]:
        return await self._all(_oldest_first().where(RecordingTable.state == "pending"))

    async def page(self, cursor: str | None, limit: int) -> Page[RecordingRow]:
        """The latest first."""
        before = read_time_cursor("recordings", cursor)
        statement = (
            select(*_RECORDING)
            .order_by(RecordingTable.created_at.desc(), RecordingTable.id.desc())
            .limit(limit_of(limit) + 1)
        )
        if before is not None:
            statement = statement.where(tuple_(RecordingTable.created_at, RecordingTable.id) < before)
        found = await self._all(statement)
        return page_of(
            found, limit, lambda row: row, lambda row: time_cursor("recordings", row.created_at, row.id)
        )

    async def _set(self, id: str, **values: Any) -> RecordingRow:
        await self._session.execute(
            update(RecordingTable).where(RecordingTable.id == id).values(**values),
            execution_options=_UNSYNCED,
        )
        row = await self.get(id)
        if row is None:
            raise BadInput(f"recording {id}: it was never noted")
        return row

    async def _all(self, statement: Any) -> list[RecordingRow]:
        return [RecordingRow(*row) for row in await self._session.execute(statement)]


def _oldest_first() -> Any:
    return select(*_RECORDING).order_by(RecordingTable.created_at, RecordingTable.id)

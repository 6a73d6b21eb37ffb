"""Recordings: which there are, where each file is, and why one is not there. The files are crm's.

How the files lie on disk, and how long, is asked in stored.py.
"""

from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Table,
    bindparam,
    delete,
    false,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput, InternalError
from bridge.store.calls import CallTable, SyncCalls
from bridge.store.keys import is_id, limit_of, page_of, read_time_cursor, time_cursor
from bridge.store.reach import Reach
from bridge.store.rows import Page, RecordingRow
from bridge.store.tables import Base, in_one_go, now, upsert_of

# Its file is there. Not by state: SQLite would take the index of that one, which leaves out nothing.
KEPT = "attached_at IS NOT NULL AND removed_at IS NULL"


def _index(name: str, by: str, where: str) -> Index:
    return Index(name, by, "id", postgresql_where=text(where), sqlite_where=text(where))


class RecordingTable(Base):
    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'attached', 'faulty')", name="state"),
        Index(None, "created_at", "id"),
        Index(None, "state", "created_at"),
        _index("ix_recordings_kept", "created_at", KEPT),
        _index("ix_recordings_plain", "attached_at", f"{KEPT} AND encrypted = false"),
        _index("ix_recordings_long", "attached_at", f"{KEPT} AND compressed_at IS NULL"),
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
    stored_bytes: Mapped[int | None] = mapped_column(BigInteger)
    stored_sha256: Mapped[str | None]
    encrypted: Mapped[bool] = mapped_column(server_default=false())
    compressed_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    stored_fault: Mapped[str | None]
    begun_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


_FIELDS = RecordingTable.__table__.c
RECORDING = (
    _FIELDS.id,
    _FIELDS.call_id,
    _FIELDS.ticket_id,
    _FIELDS.state,
    _FIELDS.file,
    _FIELDS.bytes,
    _FIELDS.duration_ms,
    _FIELDS.sample_rate,
    _FIELDS.channels,
    _FIELDS.sha256,
    _FIELDS.fault,
    _FIELDS.created_at,
    _FIELDS.attached_at,
    _FIELDS.stored_bytes,
    _FIELDS.stored_sha256,
    _FIELDS.encrypted,
    _FIELDS.compressed_at,
    _FIELDS.removed_at,
    _FIELDS.stored_fault,
    _FIELDS.begun_at,
    _FIELDS.ended_at,
)


class SyncRecordings:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, id: str, call: str, created_at: datetime) -> RecordingRow:
        """There is such a recording: pending, unless it is known already. Its call must be known."""
        new: Any = self._connection.execute(
            _note(self._connection.dialect.name),
            {
                "id": id,
                "call_id": call,
                "state": "pending",
                "file": "",
                "bytes": 0,
                "duration_ms": 0,
                "sample_rate": 0,
                "channels": 0,
                "sha256": "",
                "fault": "",
                "created_at": created_at,
            },
        ).one_or_none()
        row = self.get(id) if new is None else RecordingRow(*new)
        if row is None:
            raise InternalError(f"recording {id} was neither noted nor there")
        return row

    def attach(
        self,
        id: str,
        *,
        ticket: int | None,
        file: str,
        bytes: int,
        duration_ms: int,
        sample_rate: int,
        channels: int,
        sha256: str,
        stored_bytes: int | None = None,
        stored_sha256: str | None = None,
        encrypted: bool = False,
        begun_at: datetime | None = None,
        ended_at: datetime | None = None,
    ) -> RecordingRow:
        """It is complete and checked, and hangs on its call's ticket if there is one.

        ``sha256`` is the WAV's, encrypted or not.
        """
        return self._changed(
            id,
            _ATTACH,
            {
                "of": id,
                "state": "attached",
                "ticket_id": ticket,
                "file": file,
                "bytes": bytes,
                "duration_ms": duration_ms,
                "sample_rate": sample_rate,
                "channels": channels,
                "sha256": sha256,
                "stored_bytes": stored_bytes,
                "stored_sha256": stored_sha256,
                "encrypted": encrypted,
                "begun_at": begun_at,
                "ended_at": ended_at,
                "fault": "",
                "attached_at": now(),
            },
        )

    def hang(self, call: str, ticket: int) -> None:
        """The call's recordings on the ticket that it has now."""
        self._connection.execute(_HANG, {"of": call, "ticket": ticket})

    def fault(self, id: str, reason: str) -> RecordingRow:
        """It cannot be attached; ``reason`` says why, in words. One that is attached stays so."""
        row = self.get(id)
        if row is not None and row.state == "attached":
            return row
        return self._changed(id, _FAULT, {"of": id, "state": "faulty", "fault": reason[:2000]})

    def forget(self, id: str) -> None:
        """There was nothing to record. One that is attached stays."""
        self._connection.execute(_FORGET, {"of": id})

    def get(self, id: str) -> RecordingRow | None:
        row: Any = self._connection.execute(_GET, {"of": id}).one_or_none()
        return None if row is None else RecordingRow(*row)

    def _changed(self, id: str, statement: Any, values: dict[str, Any]) -> RecordingRow:
        row = self._connection.execute(statement, values).one_or_none()
        if row is None:
            raise BadInput(f"recording {id}: it was never noted")
        return RecordingRow(*row)


class Recordings:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, id: str, call: str, created_at: datetime) -> RecordingRow:
        def noted(sync: Connection) -> RecordingRow:
            if SyncCalls(sync).times(call) is None:
                raise BadInput(f"recording {id}: there is no call {call}")
            return SyncRecordings(sync).note(id, call, created_at)

        return await in_one_go(self._session, noted)

    async def attach(self, id: str, **file: Any) -> RecordingRow:
        """As ``SyncRecordings.attach``."""
        return await in_one_go(self._session, lambda sync: SyncRecordings(sync).attach(id, **file))

    async def fault(self, id: str, reason: str) -> RecordingRow:
        return await in_one_go(self._session, lambda sync: SyncRecordings(sync).fault(id, reason))

    async def get(self, id: str) -> RecordingRow | None:
        return await in_one_go(self._session, lambda sync: SyncRecordings(sync).get(id))

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

    async def attached_before(self, at: datetime, limit: int) -> list[RecordingRow]:
        """Those whose file is there as it was made, the latest to be attached first."""
        late = (RecordingTable.attached_at.desc(), RecordingTable.id.desc())
        made = (text(KEPT), RecordingTable.compressed_at.is_(None), RecordingTable.attached_at < at)
        return await self._all(select(*RECORDING).where(*made).order_by(*late).limit(limit_of(limit)))

    async def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        within: Reach | None = None,
        call: str | None = None,
        ticket: int | None = None,
        state: str | None = None,
        since: datetime | None = None,
    ) -> Page[RecordingRow]:
        """The latest first."""
        before = read_time_cursor("recordings", cursor)
        statement = (
            select(*RECORDING)
            .order_by(RecordingTable.created_at.desc(), RecordingTable.id.desc())
            .limit(limit_of(limit) + 1)
        )
        if before is not None:
            statement = statement.where(tuple_(RecordingTable.created_at, RecordingTable.id) < before)
        if call is not None:
            statement = statement.where(RecordingTable.call_id == call)
        if ticket is not None:
            if not is_id(ticket):
                return Page(())
            statement = statement.where(RecordingTable.ticket_id == ticket)
        if state is not None:
            statement = statement.where(RecordingTable.state == state)
        if since is not None:
            statement = statement.where(RecordingTable.created_at >= since)
        if within is not None:
            statement = statement.join(CallTable, CallTable.id == RecordingTable.call_id).where(
                within.takes_in()
            )
        found = await self._all(statement)
        return page_of(
            found, limit, lambda row: row, lambda row: time_cursor("recordings", row.created_at, row.id)
        )

    async def _all(self, statement: Any) -> list[RecordingRow]:
        return [RecordingRow(*row) for row in await self._session.execute(statement)]


def _oldest_first() -> Any:
    return select(*RECORDING).order_by(RecordingTable.created_at, RecordingTable.id)


@cache
def _note(dialect: str) -> Any:
    return (
        upsert_of(dialect, RecordingTable).on_conflict_do_nothing(index_elements=["id"]).returning(*RECORDING)
    )


def _change(*fields: str) -> Any:
    values: dict[str, Any] = {field: bindparam(field, type_=_FIELDS[field].type) for field in fields}
    if "ticket_id" in values:
        # The ticket may be opened at the same moment.
        values["ticket_id"] = func.coalesce(values["ticket_id"], _FIELDS.ticket_id)
    return (
        update(cast("Table", RecordingTable.__table__))
        .where(_FIELDS.id == bindparam("of"))
        .values(values)
        .returning(*RECORDING)
    )


_ATTACH = _change(
    *("state", "ticket_id", "file", "bytes", "duration_ms", "sample_rate", "channels", "sha256"),
    *("stored_bytes", "stored_sha256", "encrypted", "fault", "attached_at", "begun_at", "ended_at"),
)
_HANG = (
    update(cast("Table", RecordingTable.__table__))
    .where(_FIELDS.call_id == bindparam("of"), _FIELDS.ticket_id.is_(None))
    .values(ticket_id=bindparam("ticket", type_=Integer()))
)
_FAULT = _change("state", "fault")
_FORGET: Any = delete(cast("Table", RecordingTable.__table__)).where(
    _FIELDS.id == bindparam("of"), _FIELDS.state != "attached"
)
_GET: Any = select(*RECORDING).where(_FIELDS.id == bindparam("of"))

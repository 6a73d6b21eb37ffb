"""Recordings as they lie on disk: which are to be encrypted, compressed or removed, and what became of them.

What changes a row names the file that it was decided for, and changes nothing if that is another one by now.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, and_, func, or_, select, text, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.calls import CallTable
from bridge.store.recordings import KEPT, RECORDING, RecordingTable
from bridge.store.rows import DueRow, RecordingRow
from bridge.store.tables import in_one_go, now

Place = tuple[datetime, str]  # where a list goes on: behind this time and id
_FIELDS = cast("Table", RecordingTable.__table__).c
_KEPT = text(KEPT)  # as the indexes have it, or SQLite would not use them


class SyncStored:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replaced(
        self,
        id: str,
        was: str,
        *,
        file: str,
        bytes: int,
        sha256: str,
        encrypted: bool,
        compressed: bool = False,
    ) -> bool:
        """Its file is another one now. False: it is not that file's any more."""
        values: dict[str, Any] = {
            "file": file,
            "stored_bytes": bytes,
            "stored_sha256": sha256,
            "encrypted": encrypted,
            "stored_fault": None,
        }
        if compressed:
            values["compressed_at"] = now()
        return self._change(id, was, values)

    def removed(self, id: str, was: str) -> bool:
        """Its file is gone, on purpose."""
        return self._change(id, was, {"removed_at": now()})

    def fault(self, id: str, was: str, reason: str) -> bool:
        """Its file cannot be made what it should be; ``reason`` says why, in words."""
        return self._change(id, was, {"stored_fault": reason[:2000]})

    def _change(self, id: str, was: str, values: dict[str, Any]) -> bool:
        statement = (
            update(cast("Table", RecordingTable.__table__))
            .where(_FIELDS.id == id, _FIELDS.file == was, _KEPT)
            .values(values)
        )
        return self._connection.execute(statement).rowcount == 1


class Stored:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replaced(self, id: str, was: str, **file: Any) -> bool:
        """As ``SyncStored.replaced``."""
        return await in_one_go(self._session, lambda sync: SyncStored(sync).replaced(id, was, **file))

    async def removed(self, id: str, was: str) -> bool:
        return await in_one_go(self._session, lambda sync: SyncStored(sync).removed(id, was))

    async def fault(self, id: str, was: str, reason: str) -> bool:
        return await in_one_go(self._session, lambda sync: SyncStored(sync).fault(id, was, reason))

    # ── to be encrypted, to be compressed ────────────────────────────────────

    async def plain(self, after: Place | None, limit: int, *, again: bool = False) -> list[RecordingRow]:
        """Not encrypted, the oldest first; ``again``: those with a fault as well."""
        return await self._listed(_plain(again=again), RecordingTable.attached_at, after, limit)

    async def uncompressed(
        self, before: datetime, after: Place | None, limit: int, *, again: bool = False
    ) -> list[RecordingRow]:
        """Attached before then and not compressed, the oldest first."""
        return await self._listed(_long(before, again=again), RecordingTable.attached_at, after, limit)

    async def count_plain(self, *, again: bool = False) -> int:
        return await self._count(_plain(again=again))

    async def count_uncompressed(self, before: datetime, *, again: bool = False) -> int:
        return await self._count(_long(before, again=again))

    async def any_encrypted(self) -> RecordingRow | None:
        """The latest of them."""
        statement = (
            select(*RECORDING)
            .where(_KEPT, _FIELDS.encrypted)
            .order_by(_FIELDS.created_at.desc(), _FIELDS.id.desc())
            .limit(1)
        )
        row: Any = (await self._session.execute(statement)).one_or_none()
        return None if row is None else RecordingRow(*row)

    # ── all that are there ───────────────────────────────────────────────────

    async def kept(self, after: Place | None, limit: int) -> list[RecordingRow]:
        return await self._listed(None, RecordingTable.created_at, after, limit)

    async def count_kept(self) -> int:
        return await self._count(None)

    # ── whose time is over ───────────────────────────────────────────────────

    async def due(
        self,
        before: datetime,
        *,
        queue: str | None = None,
        not_of: Collection[str] = (),
        after: Place | None = None,
        limit: int,
    ) -> list[tuple[RecordingRow, str | None]]:
        """Of calls before then, with their queues: of one queue, or of all and none but these."""
        statement = (
            select(*RECORDING, CallTable.queue)
            .join(CallTable, CallTable.id == _FIELDS.call_id)
            .where(_due(before, queue, not_of))
            .order_by(_FIELDS.created_at, _FIELDS.id)
            .limit(limit)
        )
        if after is not None:
            statement = statement.where(tuple_(_FIELDS.created_at, _FIELDS.id) > after)
        rows: Any = await self._session.execute(statement)
        return [(RecordingRow(*row[:-1]), row[-1]) for row in rows]

    async def due_by_queue(
        self, before: datetime, *, queue: str | None = None, not_of: Collection[str] = ()
    ) -> list[DueRow]:
        statement = (
            select(
                CallTable.queue,
                func.count(),
                func.sum(func.coalesce(_FIELDS.stored_bytes, _FIELDS.bytes)),
                func.min(_FIELDS.created_at),
            )
            .select_from(RecordingTable)
            .join(CallTable, CallTable.id == _FIELDS.call_id)
            .where(_due(before, queue, not_of))
            .group_by(CallTable.queue)
            .order_by(CallTable.queue)
        )
        return [
            DueRow(queue, count, int(total), oldest)
            for queue, count, total, oldest in await self._session.execute(statement)
        ]

    async def _listed(self, which: Any, by: Any, after: Place | None, limit: int) -> list[RecordingRow]:
        statement: Any = select(*RECORDING).where(_KEPT).order_by(by, _FIELDS.id).limit(limit)
        if which is not None:
            statement = statement.where(which)
        if after is not None:
            statement = statement.where(tuple_(by, _FIELDS.id) > after)
        return [RecordingRow(*row) for row in await self._session.execute(statement)]

    async def _count(self, which: Any) -> int:
        statement = select(func.count()).select_from(RecordingTable).where(_KEPT)
        if which is not None:
            statement = statement.where(which)
        return int((await self._session.execute(statement)).scalar_one())


def _plain(*, again: bool) -> Any:
    return and_(text("encrypted = false"), _without_fault(again))


def _long(before: datetime, *, again: bool) -> Any:
    return and_(_FIELDS.compressed_at.is_(None), _FIELDS.attached_at < before, _without_fault(again))


def _without_fault(again: bool) -> Any:
    return true() if again else _FIELDS.stored_fault.is_(None)


def _due(before: datetime, queue: str | None, not_of: Collection[str]) -> Any:
    known = CallTable.queue
    which = known == queue if queue is not None else or_(known.is_(None), known.not_in(list(not_of)))
    return and_(_KEPT, _FIELDS.created_at < before, which)

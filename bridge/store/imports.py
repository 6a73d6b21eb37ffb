"""Imports of clients: how far each is, and what came of it. The lines that were refused are in a file."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.api_rows import ImportCounts, ImportRow
from bridge.store.keys import is_id
from bridge.store.tables import Base, now

STATES = ("running", "done", "failed", "interrupted")


class ImportTable(Base):
    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'done', 'failed', 'interrupted')", name="state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str]
    state: Mapped[str]
    dry_run: Mapped[bool]
    bytes: Mapped[int] = mapped_column(BigInteger)
    read_bytes: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int]
    added: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    refused: Mapped[int]
    fault: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


_IMPORT = tuple(ImportTable.__table__.c)
_UNSYNCED = {"synchronize_session": False}


class Imports:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, by: str, size: int, *, dry_run: bool) -> ImportRow:
        row = ImportTable(
            by=by,
            state="running",
            dry_run=dry_run,
            bytes=size,
            read_bytes=0,
            lines=0,
            added=0,
            updated=0,
            unchanged=0,
            refused=0,
            fault="",
            created_at=now(),
        )
        self._session.add(row)
        await self._session.flush()
        found = await self.get(row.id)
        assert found is not None  # noqa: S101  # inserted by the line above, in the same transaction
        return found

    async def get(self, id: int) -> ImportRow | None:
        if not is_id(id):
            return None
        found = (await self._session.execute(select(*_IMPORT).where(ImportTable.id == id))).one_or_none()
        return None if found is None else ImportRow(*found)

    async def last(self, limit: int) -> list[ImportRow]:
        """The latest first."""
        found = await self._session.execute(select(*_IMPORT).order_by(ImportTable.id.desc()).limit(limit))
        return [ImportRow(*row) for row in found]

    async def note(self, id: int, counts: ImportCounts) -> None:
        await self._set(id, **_values(counts))

    async def end(self, id: int, state: str, counts: ImportCounts, fault: str = "") -> None:
        await self._set(id, **_values(counts), state=state, fault=fault[:1000], ended_at=now())

    async def interrupt(self) -> None:
        """Whatever ran when the process ended runs no more."""
        await self._session.execute(
            update(ImportTable)
            .where(ImportTable.state == "running")
            .values(state="interrupted", ended_at=now()),
            execution_options=_UNSYNCED,
        )

    async def sweep(self, before: datetime) -> None:
        await self._session.execute(
            delete(ImportTable).where(ImportTable.ended_at < before), execution_options=_UNSYNCED
        )

    async def _set(self, id: int, **values: object) -> None:
        await self._session.execute(
            update(ImportTable).where(ImportTable.id == id).values(**values), execution_options=_UNSYNCED
        )


def _values(counts: ImportCounts) -> dict[str, int]:
    return {
        "read_bytes": counts.read_bytes,
        "lines": counts.lines,
        "added": counts.added,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "refused": counts.refused,
    }

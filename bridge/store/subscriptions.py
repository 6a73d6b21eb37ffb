"""Who is told of calls: a receiver's name, format and address, what it wants, and whether it is told now.

What could be misused (the address, which often holds a token, the secret, the options) is kept sealed, as one
text; who opens it is crm/. ``shown`` is as much of the address as anybody may see.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, Connection, Table, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.outbox_rows import SubscriptionRow
from bridge.store.tables import Base, now


class SubscriptionTable(Base):
    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    format: Mapped[str]
    shown: Mapped[str]
    sealed: Mapped[str]
    events: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool]
    disabled_reason: Mapped[str]  # "" while it is active
    slow_until: Mapped[datetime | None]  # the receiver has asked for a pause
    created_by: Mapped[str]
    created_at: Mapped[datetime]


_TABLE = cast("Table", SubscriptionTable.__table__)
_C = _TABLE.c
_ROW = (
    _C.id,
    _C.name,
    _C.format,
    _C.shown,
    _C.sealed,
    _C.events,
    _C.active,
    _C.disabled_reason,
    _C.slow_until,
    _C.created_by,
    _C.created_at,
)


class SyncSubscriptions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, name: str, format: str, shown: str, sealed: str, events: Collection[str], by: str
    ) -> SubscriptionRow:
        """Raises BadInput for a name that is taken."""
        if self.by_name(name) is not None:
            raise BadInput(f"subscription {name!r}: there is one of this name already; choose another one")
        values = {
            "name": name,
            "format": format,
            "shown": shown,
            "sealed": sealed,
            "events": sorted(events),
            "active": True,
            "disabled_reason": "",
            "slow_until": None,
            "created_by": by,
            "created_at": now(),
        }
        found = self._connection.execute(insert(_TABLE).values(values).returning(*_ROW))
        return _row(found.one())

    def all(self) -> list[SubscriptionRow]:
        return [_row(row) for row in self._connection.execute(select(*_ROW).order_by(_C.id))]

    def get(self, id: int) -> SubscriptionRow | None:
        return self._one(_C.id == id) if is_id(id) else None

    def by_name(self, name: str) -> SubscriptionRow | None:
        return self._one(_C.name == name)

    def change(self, id: int, **values: Any) -> SubscriptionRow | None:
        """Columns by their names. None when there is no such one."""
        if not is_id(id):
            return None
        changed = self._connection.execute(
            update(_TABLE).where(_C.id == id).values(**values).returning(*_ROW)
        ).one_or_none()
        return None if changed is None else _row(changed)

    def disable(self, id: int, reason: str) -> None:
        """It is told nothing any more; what waits for it stays."""
        self.change(id, active=False, disabled_reason=reason)

    def delete(self, id: int) -> bool:
        """With all that was to be told to it. Was there one?"""
        if not is_id(id):
            return False
        deleted = self._connection.execute(delete(_TABLE).where(_C.id == id).returning(_C.id))
        return deleted.one_or_none() is not None

    def _one(self, condition: Any) -> SubscriptionRow | None:
        row = self._connection.execute(select(*_ROW).where(condition)).one_or_none()
        return None if row is None else _row(row)


def _row(row: Any) -> SubscriptionRow:
    return SubscriptionRow(
        id=row.id,
        name=row.name,
        format=row.format,
        shown=row.shown,
        sealed=row.sealed,
        events=frozenset(row.events),
        active=row.active,
        disabled_reason=row.disabled_reason,
        slow_until=row.slow_until,
        created_by=row.created_by,
        created_at=row.created_at,
    )

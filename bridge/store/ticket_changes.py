"""The log of every change of a ticket: what, when, by whom, from what to what. It is only ever added to."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import Page, TicketRow
from bridge.store.ticket_rows import ChangeRow
from bridge.store.ticket_tables import ChangeTable

Difference = tuple[str, str, str]  # field, before, after
_CHANGES = ChangeTable.__table__.c
_INSERT = insert(cast("Table", ChangeTable.__table__))
_CHANGE = (
    _CHANGES.id,
    _CHANGES.ticket_id,
    _CHANGES.at,
    _CHANGES.by,
    _CHANGES.action,
    _CHANGES.field,
    _CHANGES.before,
    _CHANGES.after,
)


def log(
    connection: Connection, ticket: int, at: datetime, by: str, action: str, differences: Sequence[Difference]
) -> None:
    """``by`` is a login, or "" for the call's own news."""
    if not differences:
        return
    connection.execute(
        _INSERT,
        [
            {
                "ticket_id": ticket,
                "at": at,
                "by": by,
                "action": action,
                "field": field,
                "before": before,
                "after": after,
            }
            for field, before, after in differences
        ],
    )


def differences(before: TicketRow, after: TicketRow, fields: Iterable[str]) -> list[Difference]:
    found: list[Difference] = []
    for field in fields:
        was, is_ = getattr(before, field), getattr(after, field)
        if was == is_:
            continue
        if field == "fields":
            keys = sorted(was.keys() | is_.keys())
            found += [
                (f"fields.{key}", as_text(was.get(key)), as_text(is_.get(key)))
                for key in keys
                if was.get(key) != is_.get(key)
            ]
        else:
            found.append((field, as_text(was), as_text(is_)))
    return found


def as_text(value: Any) -> str:
    """As it is kept in the log: "" for nothing, times in ISO 8601."""
    match value:
        case None:
            return ""
        case str():
            return value
        case datetime():
            return value.isoformat()
        case _:
            return msgspec.json.encode(value).decode()


class TicketChanges:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, ticket: int, cursor: str | None, limit: int) -> Page[ChangeRow]:
        """The latest first."""
        before = read_id_cursor("changes", cursor)
        if not is_id(ticket):
            return Page(())
        statement = (
            select(*_CHANGE)
            .where(_CHANGES.ticket_id == ticket)
            .order_by(_CHANGES.id.desc())
            .limit(limit_of(limit) + 1)
        )
        if before is not None:
            statement = statement.where(_CHANGES.id < before)
        found = [ChangeRow(*row) for row in await self._session.execute(statement)]
        return page_of(found, limit, lambda row: row, lambda row: id_cursor("changes", row.id))

    async def history(self, ticket: TicketRow, field: str) -> list[tuple[datetime, str]]:
        """Since when this field had which value, the first one first."""
        changes = await self._session.execute(
            select(_CHANGES.at, _CHANGES.before, _CHANGES.after)
            .where(_CHANGES.ticket_id == ticket.id, _CHANGES.field == field)
            .order_by(_CHANGES.id)
        )
        rows = [(at, before, after) for at, before, after in changes]
        first = rows[0][1] if rows else as_text(getattr(ticket, field))
        return [(ticket.created_at, first), *((at, after) for at, _, after in rows)]

"""Saved filters of people and of roles, in the order in which they are shown. What they mean is not ours."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import N_, BadInput
from bridge.store.keys import is_id
from bridge.store.tables import clean
from bridge.store.ticket_rows import FilterRow
from bridge.store.ticket_tables import FilterTable

MAX_FILTERS = 100  # of one owner
MAX_NAME = 100
MAX_QUERY = 10_000
_UNSYNCED = {"synchronize_session": False}
_FIELDS = FilterTable.__table__.c
_FILTER = (
    _FIELDS.id,
    _FIELDS.owner_login,
    _FIELDS.role,
    _FIELDS.name,
    _FIELDS.query,
    _FIELDS.position,
)


class Filters:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def seen_by(self, login: str, roles: Collection[str]) -> list[FilterRow]:
        """The roles' first, then his own; each in its order."""
        of_roles = and_(_FIELDS.owner_login == "", _FIELDS.role.in_(sorted(roles)))
        found = await self._session.execute(
            select(*_FILTER)
            .where(or_(of_roles, and_(_FIELDS.owner_login == login, _FIELDS.role == "")))
            .order_by(_FIELDS.owner_login != "", _FIELDS.role, _FIELDS.position, _FIELDS.id)
        )
        return [FilterRow(*row) for row in found]

    async def get(self, id: int) -> FilterRow | None:
        if not is_id(id):
            return None
        row: Any = (await self._session.execute(select(*_FILTER).where(_FIELDS.id == id))).one_or_none()
        return None if row is None else FilterRow(*row)

    async def save(self, name: str, query: str, *, owner: str = "", role: str = "") -> FilterRow:
        """A new one at the end, or another query for the one that has this name."""
        name = _name(name)
        _demand_short(name, query)
        if bool(owner) == bool(role):
            raise BadInput(f"filter {name!r}: it belongs to a person or to a role, to one of them")
        owned = and_(_FIELDS.owner_login == owner, _FIELDS.role == role)
        changed = await self._session.scalar(
            update(FilterTable)
            .where(owned, _FIELDS.name == name)
            .values(query=query)
            .returning(FilterTable.id),
            execution_options=_UNSYNCED,
        )
        if changed is None:
            count, last = (
                await self._session.execute(select(func.count(), func.max(_FIELDS.position)).where(owned))
            ).one()
            if count >= MAX_FILTERS:
                words = N_("filters: there are %(count)s; at most %(most)s are kept")
                raise BadInput(words, count=count, most=MAX_FILTERS)
            row = FilterTable(owner_login=owner, role=role, name=name, query=query, position=(last or 0) + 1)
            self._session.add(row)
            await self._session.flush()
            changed = row.id
        saved = await self.get(changed)
        assert saved is not None  # noqa: S101  # saved above, in the same transaction
        return saved

    async def change(self, row: FilterRow, *, name: str | None = None, query: str | None = None) -> FilterRow:
        """Another name, or another query, for one that is there. BadInput where the name is taken."""
        name = row.name if name is None else _name(name)
        query = row.query if query is None else query
        _demand_short(name, query)
        taken = await self._session.scalar(
            select(_FIELDS.id).where(
                _FIELDS.owner_login == row.owner, _FIELDS.role == row.role, _FIELDS.name == name
            )
        )
        if taken not in (None, row.id):
            raise BadInput(
                N_("filter name %(name)s: there is one of this name already"), name=repr(name[:40])
            )
        await self._session.execute(
            update(FilterTable).where(_FIELDS.id == row.id).values(name=name, query=query),
            execution_options=_UNSYNCED,
        )
        changed = await self.get(row.id)
        if changed is None:
            raise BadInput(N_("filter %(filter)s: somebody has removed it"), filter=row.id)
        return changed

    async def order(self, ids: Sequence[int], *, owner: str = "", role: str = "") -> None:
        """The owner's filters are shown in this order; those that are not named keep their places."""
        for position, id in enumerate(ids[:MAX_FILTERS], 1):
            if is_id(id):
                await self._session.execute(
                    update(FilterTable)
                    .where(_FIELDS.id == id, _FIELDS.owner_login == owner, _FIELDS.role == role)
                    .values(position=position),
                    execution_options=_UNSYNCED,
                )

    async def remove(self, id: int, *, owner: str = "", role: str = "") -> bool:
        """Only the owner's: was it there?"""
        if not is_id(id):
            return False
        gone = await self._session.scalar(
            delete(FilterTable)
            .where(_FIELDS.id == id, _FIELDS.owner_login == owner, _FIELDS.role == role)
            .returning(FilterTable.id),
            execution_options=_UNSYNCED,
        )
        return gone is not None


def _name(given: str) -> str:
    name = clean(" ".join(given.split()))
    if not name or len(name) > MAX_NAME:
        raise BadInput(
            N_("filter name %(name)s: it must have from 1 to %(most)s characters"),
            name=repr(name[:40]),
            most=MAX_NAME,
        )
    return name


def _demand_short(name: str, query: str) -> None:
    if len(query) > MAX_QUERY:
        raise BadInput(f"filter {name!r}: {len(query)} characters; at most {MAX_QUERY} are kept")

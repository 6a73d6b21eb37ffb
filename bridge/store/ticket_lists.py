"""Lists of tickets: a ``TicketQuery`` as SQL, page by page, and found by indexes alone.

A list is one or several parts, one after the other, each in the order of an index: so a page costs what it
shows and not what there is. What is not closed is little beside all that ever was, and has indexes of its own
that hold what lists filter by. Where a filter leaves few tickets, these are taken and sorted instead. No
count goes further than it is asked to, and no page is skipped over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import BadInput
from bridge.store.keys import limit_of, page_of, place_cursor, read_place_cursor
from bridge.store.rows import Page, TicketRow
from bridge.store.tables import UtcDateTime, dialect_of
from bridge.store.ticket_filters import Conditions, given, is_empty
from bridge.store.ticket_query import TicketOrder, TicketQuery
from bridge.store.ticket_rows import Counted
from bridge.store.ticket_search import WITHIN
from bridge.store.ticket_tables import TICKET, TICKETS, FieldValueTable, TicketTable
from bridge.store.ticket_values import PRIORITIES

FEW = 3_000  # so many tickets are taken and sorted rather than looked for in the order of the list
COUNTED = 1_000
_MOST_STREAMS = 60  # in one statement
_PLAN_EACH = text("SET LOCAL plan_cache_mode = force_custom_plan")
# Filters that have an index, in the order in which they are tried.
_INDEXED = ("status", "assignee", "tags", "classification", "created", "department")
_RANKED = 10 * FEW  # tickets of a value of an own field are counted so far, to know the rarest


@dataclass(frozen=True, slots=True)
class _Part:
    """Tickets of a list that come together: by the id, or by a time and then the id."""

    condition: ColumnElement[bool] | None = None
    by: Any = None
    falling: bool = False
    leads: ColumnElement[bool] | None = None  # there is an index of what is closed and open, and this is its
    without: str = ""  # it has nothing where this filter asks for something
    open_index: str = ""  # what SQLite is to be told, for its index of what is open

    @property
    def is_whole(self) -> bool:
        """All of the list, by the id."""
        return self.by is None and self.condition is None


def _priority(word: str) -> ColumnElement[str]:
    """Of the statement and no parameter: an index that is of some only is found by its words."""
    return literal_column(f"'{word}'", Text)


_PARTS: dict[TicketOrder, tuple[_Part, ...]] = {
    TicketOrder.NEWEST: (_Part(falling=True),),
    TicketOrder.OLDEST: (_Part(),),
    TicketOrder.UPDATED: (_Part(by=TICKETS.updated_at, falling=True, open_index="tickets.updated_at > ''"),),
    TicketOrder.PRIORITY: tuple(
        _Part(
            TICKETS.priority == _priority(priority),
            leads=None if priority == "normal" else TICKETS.priority != _priority("normal"),
            open_index="tickets.priority > ''",
        )
        for priority in reversed(PRIORITIES)
    ),
    TicketOrder.DUE: (
        _Part(TICKETS.due_at.is_not(None), TICKETS.due_at),
        _Part(TICKETS.due_at.is_(None), without="due"),
    ),
    TicketOrder.WAITING: (
        _Part(TICKETS.waiting_since.is_not(None), TICKETS.waiting_since),
        _Part(TICKETS.waiting_since.is_(None), without="waits"),
    ),
}


class TicketLists:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._dialect = dialect_of(session)
        self._conditions = Conditions(self._dialect)

    async def page(self, query: TicketQuery, cursor: str | None, limit: int) -> Page[TicketRow]:
        """In the query's order. New tickets shift nothing: a cursor is a place, not a count.

        A search for text looks through the latest matches a bounded number at a time. So its page may have
        less than ``limit`` items, or none, and still a cursor to go on with.
        """
        kind = f"tickets-{query.order.value}"
        place = read_place_cursor(kind, cursor)
        parts = _PARTS[query.order]
        limit_of(limit)
        if place is not None and not 0 <= place[0] < len(parts):
            raise BadInput("cursor: it is not one that this list gave out")
        if is_empty(query):
            return Page(())
        await self._plan_each()
        if query.text and query.order is TicketOrder.NEWEST:
            return await self._found(query, None if place is None else place[2], limit)
        found: list[tuple[int, TicketRow]] = []
        asks, halves = given(query), await self._halves(query)
        if not halves:
            return Page(())
        for number in range(place[0] if place else 0, len(parts)):
            if parts[number].without in asks:
                continue
            after = place[1:] if place is not None and place[0] == number else None
            most = limit + 1 - len(found)
            ids = _together(
                [one for each in halves for one in self._ids(*each, parts[number], after, most)],
                parts[number],
                most,
            )
            rows = await self._rows(ids, parts[number])
            found += [(number, row) for row in rows]
            if len(found) > limit:
                break
        return page_of(
            found,
            limit,
            lambda one: one[1],
            lambda one: place_cursor(kind, one[0], _moment(parts[one[0]], one[1]), one[1].id),
        )

    async def count(self, query: TicketQuery, most: int = COUNTED) -> Counted:
        """How many there are, counted up to ``most``; with text, among the latest matches."""
        if is_empty(query):
            return Counted(0)
        await self._plan_each()
        halves = await self._halves(query)
        if not halves:
            return Counted(0)
        ids = _together(
            [one for each in halves for one in self._ids(*each, _Part(), None, most + 1)], _Part(), most + 1
        )
        count = int(await self._session.scalar(select(func.count()).select_from(ids)) or 0)
        return Counted(min(count, most), more=count > most)

    async def due(self, now: datetime, limit: int) -> list[TicketRow]:
        """Of which a warning or an escalation is to be told by now, the longest due first."""
        return await self._timed(TICKETS.alarm_at, now, limit)

    async def to_close(self, now: datetime, limit: int) -> list[TicketRow]:
        """Whose temporary status closes by itself by now, the longest due first."""
        return await self._timed(TICKETS.closes_at, now, limit)

    async def next_alarm(self) -> datetime | None:
        """When ``due`` or ``to_close`` will find something next; None: never, as it is."""
        first = [
            await self._session.scalar(select(column).where(column.is_not(None)).order_by(column).limit(1))
            for column in (TICKETS.alarm_at, TICKETS.closes_at)
        ]
        return min((one for one in first if one is not None), default=None)

    async def _timed(self, column: Any, now: datetime, limit: int) -> list[TicketRow]:
        found = await self._session.execute(
            select(*TICKET)
            .where(column.is_not(None), column <= now)
            .order_by(column, TICKETS.id)
            .limit(limit_of(limit))
        )
        return [TicketRow(*row) for row in found]

    # ── which way it is found ────────────────────────────────────────────────

    async def _plan_each(self) -> None:
        """PostgreSQL must not find a rare word or department by the plan that was good for frequent ones."""
        if self._dialect == "postgresql":
            await self._session.execute(_PLAN_EACH)

    async def _halves(self, query: TicketQuery) -> list[tuple[TicketQuery, str]]:
        """Each with the filter that leads to it.

        A status alone does not say whether its tickets are closed. Those of one that closes are not among
        what is open, and the other way round, which the indexes of both tell at once.
        """
        both = query.closed is None and query.statuses is not None and not query.text
        halves = [replace(query, closed=closed) for closed in (False, True)] if both else [query]
        ranked = [await self._rarest_first(half) for half in halves]
        found = [(half, await self._driver(half, count)) for half, count in ranked]
        return [(half, driver) for half, driver in found if driver is not None]

    async def _rarest_first(self, query: TicketQuery) -> tuple[TicketQuery, int]:
        """Of the own fields that are asked for, and how many tickets have that value."""
        if not query.fields or query.text:
            return query, _RANKED
        counts = {}
        for test in query.fields[:50]:
            some = self._conditions.having(test, query.closed).limit(_RANKED).subquery()
            counts[test] = int(await self._session.scalar(select(func.count()).select_from(some)) or 0)
        tests = sorted(counts, key=lambda test: counts[test])
        return replace(query, fields=tuple(tests)), counts[tests[0]]

    async def _driver(self, query: TicketQuery, of_value: int) -> str | None:
        """The filter whose index finds few tickets; None where it finds none, and so the list has none.

        "" when there is no such filter, and the list's order leads.
        """
        if query.text:
            return "text"
        asks = given(query)
        for name in ("id", "client"):
            if name in asks:
                return name
        if of_value <= FEW:
            return "fields" if of_value else None
        # The order's own index of what is open holds all that most lists filter by.
        for name in ("tags",) if query.closed is False else _INDEXED:
            if name not in asks or (name == "status" and not query.closed):
                continue
            some = select(TICKETS.id).where(*self._conditions.of_filter(query, name, indexed=True))
            if name == "status":
                some = some.where(TICKETS.closed_at.is_not(None))  # as its indexes have it
            if name in ("assignee", "status") and "department" in asks:
                some = some.where(*self._conditions.of_filter(query, "department", indexed=True))
            few = some.limit(FEW + 1).subquery()
            count = int(await self._session.scalar(select(func.count()).select_from(few)) or 0)
            if count <= FEW:
                return name if count else None
        return ""

    def _ids(
        self, query: TicketQuery, driver: str, part: _Part, after: Sequence[Any] | None, most: int
    ) -> list[Select[Any]]:
        """The ids of the part's next tickets, and its time if ordered by one; so many of each stream."""
        if query.fields and not driver and part.is_whole and query.closed is not False:
            return [self._by_value(query, part, after, most)]
        by_id = part.by is None
        columns = [TICKETS.id] if by_id else [TICKETS.id, part.by]
        streams: list[list[ColumnElement[bool]]] = [[]]
        left_out: set[str] = set()
        if not driver and part.leads is None and query.closed is not False:
            streams, left_out = self._streams(query, part)
        # Where few are taken and sorted, the order's own index is not to be tempted by.
        order = self._order(part, plain=bool(driver))
        conditions: list[Any] = [*self._conditions.of(query, driver, left_out)]
        if part.condition is not None:
            conditions.append(part.condition)
        if query.closed is not False and not driver and part.leads is not None:
            conditions.append(part.leads)
        if query.closed is False and not driver:
            conditions += self._conditions.said(part.open_index)
        if after is not None:
            conditions.append(_after(part, after))
        return [select(*columns).where(*conditions, *one).order_by(*order).limit(most) for one in streams]

    def _by_value(
        self, query: TicketQuery, part: _Part, after: Sequence[Any] | None, most: int
    ) -> Select[Any]:
        """In the order of the id, as the index of values has them too: of the rarest value's alone."""
        first, *others = query.fields
        id = FieldValueTable.ticket_id
        conditions = self._conditions.of(replace(query, fields=tuple(others)), "")
        if after is not None:
            conditions.append(id < after[1] if part.falling else id > after[1])
        return (
            self._conditions.having(first)
            .with_only_columns(id.label("id"))
            .join(TicketTable, TICKETS.id == id)
            .where(*conditions)
            .order_by(id.desc() if part.falling else id)
            .limit(most)
        )

    def _streams(self, query: TicketQuery, part: _Part) -> tuple[list[list[ColumnElement[bool]]], set[str]]:
        """One for each of what is asked for, in the order of their index; and the filters that this does."""
        if part.by is not None:
            agents = () if query.unassigned else sorted(query.assignees or ())
            if part.by is TICKETS.updated_at and 0 < len(agents) <= _MOST_STREAMS:
                return [[TICKETS.assignee == one] for one in agents], {"assignee"}
            return [[]], set()
        departments, statuses = sorted(query.departments or ()), sorted(query.statuses or ())
        if departments and len(departments) * max(1, len(statuses)) <= _MOST_STREAMS:
            if not statuses:
                return [[TICKETS.department == one] for one in departments], {"department"}
            return [
                [TICKETS.department == one, TICKETS.status == status]
                for one in departments
                for status in statuses
            ], {"department", "status"}
        if statuses and not departments and len(statuses) <= _MOST_STREAMS:
            return [[TICKETS.status == status] for status in statuses], {"status"}
        return [[]], set()

    async def _rows(self, ids: Any, part: _Part) -> list[TicketRow]:
        order = self._order(part, plain=False)
        found = await self._session.execute(
            select(*TICKET).where(TICKETS.id.in_(select(ids.c.id))).order_by(*order)
        )
        return [TicketRow(*row) for row in found]

    async def _found(self, query: TicketQuery, before: int | None, limit: int) -> Page[TicketRow]:
        """By text, the newest first."""
        some = self._conditions.matching(query, before)
        if some is None:
            return Page(())
        within = some.subquery("within")
        found = await self._session.execute(
            select(*TICKET)
            .where(TICKETS.id.in_(select(within.c.ticket_id)), *self._conditions.of(query, "none"))
            .order_by(TICKETS.id.desc())
            .limit(limit + 1)
        )
        kind = f"tickets-{query.order.value}"
        rows = [TicketRow(*row) for row in found]
        page = page_of(rows, limit, lambda row: row, lambda row: place_cursor(kind, 0, None, row.id))
        if page.cursor is not None:
            return page
        seen, last = (await self._session.execute(select(func.count(), func.min(within.c.ticket_id)))).one()
        return Page(page.items, place_cursor(kind, 0, None, last) if seen == WITHIN else None)

    def _order(self, part: _Part, *, plain: bool) -> list[Any]:
        columns = [TICKETS.id] if part.by is None else [part.by, TICKETS.id]
        if plain:
            columns = [self._conditions.plain(one) for one in columns]
        return [one.desc() if part.falling else one for one in columns]


def _together(selects: Sequence[Select[Any]], part: _Part, most: int) -> Any:
    """The first of all of them, in the part's order. There is one at least."""
    if len(selects) == 1:
        return selects[0].subquery("found")
    every = union_all(*(select(one.subquery()) for one in selects)).subquery()
    order = [every.c.id] if part.by is None else [every.c[part.by.name], every.c.id]
    sorted_ = [one.desc() if part.falling else one for one in order]
    return select(every.c.id).order_by(*sorted_).limit(most).subquery("found")


def _after(part: _Part, place: Sequence[Any]) -> ColumnElement[bool]:
    at, id = place
    passed: ColumnElement[bool]
    if part.by is None:
        passed = TICKETS.id < id if part.falling else TICKETS.id > id
        return passed
    if at is None:
        raise BadInput("cursor: it is not one that this list gave out")
    here = tuple_(literal(at, UtcDateTime()), literal(id, Integer()))
    there = tuple_(part.by, TICKETS.id)
    passed = there < here if part.falling else there > here
    return passed


def _moment(part: _Part, row: TicketRow) -> datetime | None:
    moment: datetime | None = None if part.by is None else getattr(row, part.by.name)
    return moment

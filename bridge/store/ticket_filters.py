"""What a ``TicketQuery`` asks for, as conditions in SQL. Which of them leads to tickets is not its own."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    exists,
    false,
    literal,
    literal_column,
    or_,
    select,
    text,
)

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.tables import UtcDateTime, clean
from bridge.store.ticket_query import FieldTest, TicketQuery
from bridge.store.ticket_search import WITHIN, asked, id_of, matches
from bridge.store.ticket_tables import TICKETS, FieldValueTable, TagTable

_MOST_VALUES = 500  # of one filter
_VALUES = FieldValueTable.__table__.c
_EACH_VALUE = FieldValueTable.__table__.alias("each_value").c
_LAST = "\U0010ffff"  # sorts after everything that can follow a prefix


class Conditions:
    """Of one database's kind."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    def of(
        self, query: TicketQuery, driver: str, left_out: set[str] | frozenset[str] = frozenset()
    ) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        for name in given(query):
            if name not in left_out:
                # An agent's tickets of a department have an index of their own, and those of a status.
                leads = name == driver or (driver in ("assignee", "status") and name == "department")
                conditions += self.of_filter(query, name, indexed=leads)
        if driver == "text":
            some = self.matching(query)
            conditions.append(
                false() if some is None else TICKETS.id.in_(select(some.subquery("within").c.ticket_id))
            )
        if query.closed is not None:
            closed = TICKETS.closed_at
            conditions.append(closed.is_not(None) if query.closed else closed.is_(None))
        # What was merged is closed, and neither due nor waiting: where these are asked for it is not there.
        if not query.merged and query.closed is not False and not set(given(query)) & {"due", "waits"}:
            conditions.append(self.plain(TICKETS.merged_into).is_(None))
        return conditions

    def of_filter(self, query: TicketQuery, name: str, *, indexed: bool) -> list[ColumnElement[bool]]:
        """``indexed``: by its index. Otherwise SQLite is kept from it, to which any index looks better."""

        def column(one: Any) -> Any:
            return one if indexed else self.plain(one)

        match name:
            case "id":
                return [TICKETS.id == query.id]
            case "client":
                return [column(TICKETS.client_id) == query.client]
            case "assignee":
                return [column(TICKETS.assignee).in_(_values(query.assignees))]
            case "assignee_or_none":
                assignee = column(TICKETS.assignee)
                return [or_(assignee.is_(None), assignee.in_(_values(query.assignees)))]
            case "department":
                return [column(TICKETS.department).in_(_values(query.departments))]
            case "status":
                return [column(TICKETS.status).in_(_values(query.statuses))]
            case "priority":
                return [column(TICKETS.priority).in_(_values(query.priorities))]
            case "line":
                return [column(TICKETS.line).in_(sorted(query.lines or ())[:_MOST_VALUES])]
            case "classification":
                path = column(TICKETS.classification)
                # Said for the index, which leaves out those without a class.
                some = [TICKETS.classification != literal_column("''", Text)] if indexed else []
                return [
                    *some,
                    or_(*(_below(path, one) for one in sorted(query.classes or ())[:_MOST_VALUES])),
                ]
            case "tags":
                tags = [clean(tag.casefold()) for tag in sorted(query.tags)[:50]]
                return [self._has_tag(tag, query.closed, indexed=indexed) for tag in tags]
            case "created":
                return _between(column(TICKETS.created_at), query.created_from, query.created_before)
            case "updated":
                return _between(TICKETS.updated_at, query.updated_from, query.updated_before)
            case "due":
                return [TICKETS.due_at.is_not(None), TICKETS.due_at < query.due_before]
            case "waits":
                return [TICKETS.waiting_since.is_not(None), TICKETS.waiting_since < query.waits_since_before]
            case _:
                first, *others = query.fields[:50]
                found = (
                    TICKETS.id.in_(self.having(first, query.closed)) if indexed else self._has_value(first)
                )
                return [found, *(self._has_value(one) for one in others)]

    def _has_tag(self, tag: str, closed: bool | None, *, indexed: bool) -> ColumnElement[bool]:
        if indexed:
            found = select(TagTable.ticket_id).where(TagTable.tag == tag)
            return TICKETS.id.in_(found.where(text("ticket_tags.open")) if closed is False else found)
        return exists().where(TagTable.ticket_id == TICKETS.id, TagTable.tag == tag)

    def having(self, test: FieldTest, closed: bool | None = None) -> Select[Any]:
        """The ids of tickets with this value, by an index in which they are in order; or of what is open."""
        found = select(_VALUES.ticket_id).where(
            _VALUES.key == clean(test.key), _VALUES.value == clean(test.value)
        )
        return found.where(text("ticket_field_values.open")) if closed is False else found

    def _has_value(self, test: FieldTest) -> ColumnElement[bool]:
        one = _EACH_VALUE
        found = select(one.ticket_id).where(
            one.ticket_id == TICKETS.id, one.key == clean(test.key), one.value == clean(test.value)
        )
        # Of an EXISTS PostgreSQL makes a join, and reads all that have the value.
        return found.limit(1).scalar_subquery().is_not(None)

    def matching(self, query: TicketQuery, before: int | None = None) -> Select[Any] | None:
        what = asked(query.text)
        if what is None:
            return None
        id = id_of(self._dialect)
        # PostgreSQL takes the index of words, or the latest tickets until it has enough: as rare as they are.
        statement = matches(self._dialect, what).order_by(id.desc()).limit(WITHIN)
        return statement if before is None else statement.where(id < before)

    def said(self, word: str) -> list[Any]:
        """For SQLite: what one of its indexes is for, see ticket_tables.py. It holds of every ticket."""
        return [text(word)] if word and self._dialect == "sqlite" else []

    def plain(self, one: Any) -> Any:
        """The column; for SQLite an expression, of which no index knows."""
        if self._dialect != "sqlite":
            return one
        return literal_column(f"+tickets.{one.name}", one.type)


def given(query: TicketQuery) -> list[str]:
    """The filters that ask something."""
    some_time = {
        "created": (query.created_from, query.created_before),
        "updated": (query.updated_from, query.updated_before),
        "due": (query.due_before,),
        "waits": (query.waits_since_before,),
    }
    asks = {
        "id": query.id is not None,
        "client": query.client is not None,
        "assignee": query.assignees is not None and not query.unassigned,
        "assignee_or_none": query.unassigned,
        "department": query.departments is not None,
        "status": query.statuses is not None,
        "priority": query.priorities is not None,
        "line": query.lines is not None,
        "classification": query.classes is not None,
        "tags": bool(query.tags),
        "fields": bool(query.fields),
        **{name: any(one is not None for one in times) for name, times in some_time.items()},
    }
    return [name for name, does in asks.items() if does]


def is_empty(query: TicketQuery) -> bool:
    """Nothing can be found, whatever there is."""
    sets = (query.departments, query.statuses, query.priorities, query.lines, query.classes)
    return (
        any(one is not None and not one for one in sets)
        or (query.assignees is not None and not query.assignees and not query.unassigned)
        or any(one is not None and not is_id(one) for one in (query.id, query.client))
    )


def _values(given: frozenset[str] | None) -> list[str]:
    if given is not None and len(given) > _MOST_VALUES:
        raise BadInput(f"filter: {len(given)} values; at most {_MOST_VALUES} can be asked for at once")
    return sorted(given or ())


def _below(path: Any, one: str) -> ColumnElement[bool]:
    return or_(path == one, and_(path >= f"{one}/", path < f"{one}/{_LAST}"))


def _between(column: Any, first: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    bounds = [] if first is None else [column >= literal(first, UtcDateTime())]
    return bounds if before is None else [*bounds, column < literal(before, UtcDateTime())]

"""Owns what a list of tickets can be asked by: query parameters, and the store's question that they make."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from bridge.crm.ticketing.filters import NOBODY
from bridge.store import Unit
from bridge.store.ticket_query import FieldTest, TicketOrder, TicketQuery
from bridge.web.api.operations import SEVERAL, Moment, Paged, Query, Words, several
from bridge.web.context import parts_of
from bridge.web.problems import Fault, Problem

_PRIORITY = "(normal|medium|urgent|critical)"


class TicketFilter(Query):
    """All that is given must hold."""

    department: Words | None = Field(None, description=f"{SEVERAL}.")
    line: str | None = Field(None, pattern="^[123](,[123]){0,2}$", description=f"{SEVERAL}: 1, 2, 3.")
    status: Words | None = Field(None, description=f"{SEVERAL}; see GET /statuses.")
    closed: bool | None = Field(None, description="Whatever has become of its status since.")
    assignee: Words | None = Field(None, description=f"{SEVERAL}: agents' ids, and `none` for nobody.")
    tag: Words | None = Field(None, description=f"{SEVERAL}: it has each of them.")
    classification: Words | None = Field(None, description=f"{SEVERAL}: those below them as well.")
    priority: str | None = Field(
        None, pattern=f"^{_PRIORITY}(,{_PRIORITY}){{0,3}}$", description=f"{SEVERAL}."
    )
    field: Words | None = Field(
        None,
        description="`KEY:VALUE` of an own field, as it is stored; several with commas between them. Of a "
        "field with several values it is one of them.",
    )
    client: int | None = Field(None, ge=1, description="Only this client's.")
    call_id: str | None = Field(None, max_length=200, description="Only the ticket of this call.")
    q: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Words in any of its texts: subject, solution, client, thread. By the latest matches; a "
        "page may have fewer than `limit`, or none, and still a `next`.",
    )
    overdue: bool = Field(False, description="Its reaction or resolution is due.")
    no_reaction_hours: float | None = Field(
        None,
        ge=0,
        le=87_600,
        allow_inf_nan=False,
        description="Its client waits for us for longer, by the clock.",
    )
    created_from: Moment | None = None
    created_before: Moment | None = None
    updated_from: Moment | None = None
    updated_before: Moment | None = None


class TicketsQuery(TicketFilter, Paged):
    order: Literal["newest", "oldest", "updated", "priority", "due", "waiting"] = Field(
        "newest",
        description="`priority`: critical first, then the oldest; `due`: what is due first; `waiting`: who "
        "waits longest.",
    )


async def asked(
    unit: Unit, request: web.Request, given: TicketFilter, order: TicketOrder = TicketOrder.NEWEST
) -> TicketQuery:
    """Problem (400) for a status that there is not: a misspelt filter must not find nothing."""
    statuses = several(given.status)
    known = {status.name for status in parts_of(request).tickets.rules.statuses.all}
    if statuses is not None and not statuses <= known:
        detail = f"give one of: {', '.join(sorted(known))}."
        raise Problem(HTTPStatus.BAD_REQUEST, f"status: {detail}", faults=(Fault("status", detail),))
    fields = _field_tests(request, given.field)
    id = None
    if given.call_id is not None:
        row = await unit.tickets.by_call(given.call_id)
        id = 0 if row is None else row.id
    now = datetime.now(UTC)
    assignees = several(given.assignee)
    hours = given.no_reaction_hours
    return TicketQuery(
        id=id,
        departments=several(given.department),
        lines=None if given.line is None else frozenset(int(one) for one in given.line.split(",")),
        statuses=statuses,
        closed=given.closed,
        assignees=None if assignees is None else assignees - {NOBODY},
        unassigned=assignees is not None and NOBODY in assignees,
        tags=several(given.tag) or frozenset(),
        classes=several(given.classification),
        priorities=several(given.priority),
        client=given.client,
        text=given.q or "",
        due_before=now if given.overdue else None,
        waits_since_before=None if hours is None else now - timedelta(hours=hours),
        created_from=given.created_from,
        created_before=given.created_before,
        updated_from=given.updated_from,
        updated_before=given.updated_before,
        fields=fields,
        order=order,
    )


def _field_tests(request: web.Request, given: str | None) -> tuple[FieldTest, ...]:
    known = parts_of(request).tickets.rules.fields_of_all()
    tests = []
    for one in sorted(several(given) or ()):
        key, between, value = one.partition(":")
        if not between or not value or key not in known:
            detail = f"give KEY:VALUE, of these keys: {', '.join(sorted(known)) or 'there are none'}."
            raise Problem(HTTPStatus.BAD_REQUEST, f"field: {detail}", faults=(Fault("field", detail),))
        tests.append(FieldTest(key, value))
    return tuple(tests)

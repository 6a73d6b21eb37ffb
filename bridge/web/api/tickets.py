"""Owns the API's tickets: lists, one of them, created and changed. Every change goes through the desk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.desk import Anewed
from bridge.errors import BadInput
from bridge.store.ticket_query import TicketOrder
from bridge.store.ticket_rows import Conflict
from bridge.web.actors import actor_of
from bridge.web.api import ticket_models as models
from bridge.web.api.etags import demand_match, stale, tag_of
from bridge.web.api.models import Listed
from bridge.web.api.operations import PREFIX, NoQuery, answer, body, query
from bridge.web.api.ticket_queries import TicketsQuery, asked
from bridge.web.api.ticket_showing import listed, refusals, ticket_number, whole
from bridge.web.api.unfit import unfit
from bridge.web.choices import dispositions, values
from bridge.web.context import parts_of


@dataclass(frozen=True, slots=True)
class Kept:
    """What a ticket has by now, good or not."""

    department: str = ""
    classification: str = ""
    status: str = ""
    assignee: str | None = None
    disposition: str = ""


async def list_tickets(request: web.Request) -> web.StreamResponse:
    given = query(request, TicketsQuery)
    parts = parts_of(request)
    async with parts.store.view() as unit:
        wanted = parts.tickets.narrowed(
            actor_of(request), await asked(unit, request, given, TicketOrder(given.order))
        )
        page = await unit.ticket_lists.page(wanted, given.cursor, given.limit)
        items = await listed(unit, request, page.items)
    return answer(Listed[models.Ticket](items=items, next=page.cursor))


async def get_ticket(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return await show(request, ticket_number(request), tagged=True)


async def show(
    request: web.Request, id: int, *, tagged: bool = False, status: int = 200
) -> web.StreamResponse:
    """As it is now. ``tagged``: by the ETag that a change may be bound to."""
    parts = parts_of(request)
    async with parts.store.view() as unit:
        with refusals():
            seen = await parts.tickets.see(unit, actor_of(request), id)
        shown = await whole(unit, request, seen)
    headers = {"Location": f"{PREFIX}/tickets/{id}"} if status == 201 else None
    return answer(shown, status=status, headers=headers, row=seen.ticket if tagged else None)


async def create_ticket(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wish = _wish(await body(request, models.NewTicket))
    await _demand_known(request, wish, Kept())
    with refusals():
        row = await parts_of(request).tickets.create(actor_of(request), wish, "api")
    return await show(request, row.id, status=201)


async def change_ticket(request: web.Request) -> web.StreamResponse:
    """201 where it was closed too long ago to be opened again: a new one is linked to it."""
    query(request, NoQuery)
    wish = _wish(await body(request, models.TicketChange))
    parts, actor, id = parts_of(request), actor_of(request), ticket_number(request)
    async with parts.store.view() as unit:
        with refusals():
            seen = await parts.tickets.see(unit, actor, id)
        current = tag_of((await whole(unit, request, seen)).model_dump_json(), seen.ticket)
    bound = demand_match(request, seen.ticket, seen.ticket.updated_at, current)
    row = seen.ticket
    await _demand_known(
        request, wish, Kept(row.department, row.classification, row.status, row.assignee, row.disposition)
    )
    with refusals():
        found = await parts.tickets.change(actor, id, wish, seen.ticket.version if bound else None)
    match found:
        case Conflict(now):
            async with parts.store.view() as unit:
                shown = await whole(unit, request, await parts.tickets.see(unit, actor, id))
            raise stale(now.updated_at, tag_of(shown.model_dump_json(), now))
        case Anewed(made):
            return await show(request, made.id, status=201)
    return await show(request, id, tagged=True)


def _wish(read: Any) -> Wish:
    """What was sent, and nothing else: what is left out takes no right."""
    sent = read.value.model_dump(include=read.value.model_fields_set)
    return cast("Wish", sent)


async def _demand_known(request: web.Request, wish: Wish, kept: Kept) -> None:
    """Problem (422) that points at the first value that refers to nothing. What is kept already is good."""
    parts = parts_of(request)
    rules = parts.tickets.rules
    department = wish.get("department", kept.department)
    checks: dict[str, Callable[[Any], object]] = {
        "department": lambda name: name == kept.department or rules.known_department(name),
        "assignee": lambda id: id in {None, kept.assignee} or rules.known_agent(id),
        "classification": lambda path: rules.classes(department).checked(path, kept.classification),
    }
    for name, check in checks.items():
        if name in wish:
            try:
                check(wish[name])  # type: ignore[literal-required]
            except BadInput as error:
                raise unfit(f"#/{name}", str(error)) from None
    status = wish.get("status")
    if status is not None and rules.statuses.get(status) is None and status != kept.status:
        known = ", ".join(one.name for one in rules.statuses.all)
        raise unfit("#/status", f"give one of: {known}.")
    said = values(dispositions(parts.plan()))
    if wish.get("disposition", "") not in {"", kept.disposition, *said}:
        raise unfit("#/disposition", f"give one of: {', '.join(said)}; or empty for none.")
    client = wish.get("client")
    if client is not None:
        async with parts.store.view() as unit:
            if await unit.clients.get(client) is None:
                raise unfit("#/client", "there is no such client.")

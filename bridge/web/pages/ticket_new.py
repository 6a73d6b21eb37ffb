"""Owns the page on which a ticket is opened by hand, of a client or of a call; its department asks more."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.statuses import FIRST
from bridge.crm.tickets import record_of, subject_of
from bridge.errors import NotAllowed, WrongFields
from bridge.store import Unit
from bridge.store.rows import CallRow, TicketRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import Fields, form_of, query_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names, names_of
from bridge.web.pages.ticket import Refused
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.principal import person_of
from bridge.web.problems import Problem, bad_field
from bridge.web.sight import sight_of
from bridge.web.ticket_form import OWN, Form, faults_of, form_of_ticket, given_of

_ASKED = ("subject", "client", "priority", "assignee", "department", "classification")


def declare(routes: Routes) -> None:
    routes.get("/tickets/new", show, SignedIn())
    routes.post("/tickets/new", create, SignedIn())
    routes.post("/tickets/new/fields", show_fields, SignedIn())


async def show(request: web.Request) -> web.StreamResponse:
    query = query_of(request)
    async with parts_of(request).store.view() as unit:
        call = await _call(request, unit, query.text("call", longest=200))
        client = query.optional_number("client")
        row = await _client(unit, client if client is not None else call.client if call else None)
        subject = subject_of(record_of(call), row.name if row else "") if call else ""
    fresh = blank(request, call)
    fresh = replace(fresh, client=row.id if row else None, subject=subject)
    return await _page(request, form_for(request, fresh, call), call=call.id if call else "")


async def create(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    call = form.text("call", longest=200)
    made = await created(request, form, call)
    if isinstance(made, Refused):
        async with parts_of(request).store.view() as unit:
            of = await _call(request, unit, call)
        drawn = form_for(request, blank(request, of), of, typed=form.values, faults=made.faults)
        note = form.text("note", longest=100_000, multiline=True)
        return await _page(request, drawn, status=HTTPStatus.BAD_REQUEST, call=call, note=note)
    return see_other(f"/tickets/{made.id}?created=1")


async def show_fields(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    async with parts_of(request).store.view() as unit:
        call = await _call(request, unit, form.text("call", longest=200))
    drawn = form_for(request, blank(request, call), call, typed=form.values)
    return fragment(request, "_ticket_fields.html", form=drawn, at="/tickets/new/fields")


def departments(request: web.Request, call: CallRow | None) -> list[str]:
    """Where he may open one."""
    return sorted(parts_of(request).tickets.opens_in(actor_of(request), call))


def blank(request: web.Request, call: CallRow | None) -> TicketRow:
    """A ticket that is not there yet, of the call's department or of one of his own. Raises NotAllowed."""
    plan, now = parts_of(request).plan(), datetime.now(UTC)
    agent = person_of(request).agent
    possible = departments(request, call)
    if not possible:
        raise NotAllowed(N_("tickets: you may open none in any department; ask a supervisor"))
    wanted = [one.department for one in plan.queues.values() if call and one.name == call.queue]
    wanted += [
        one.department for one in plan.queues.values() if agent in {member.agent for member in one.members}
    ]
    return TicketRow(
        id=0,
        call=None,
        client=None,
        subject="",
        status=FIRST,
        priority="normal",
        department=next((one for one in wanted if one in possible), possible[0]),
        assignee=agent,
        solution="",
        created_at=now,
        updated_at=now,
    )


def form_for(
    request: web.Request,
    row: TicketRow,
    call: CallRow | None,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
) -> Form:
    rules = parts_of(request).tickets.rules
    form = form_of_ticket(rules, row, tuple(Action), language_of(request), typed=typed, faults=faults)
    return replace(form, departments=tuple(departments(request, call)))


async def created(request: web.Request, form: Fields, call: str) -> TicketRow | Refused:
    """Of this call, if it is named, with a note if there is one. Raises NotAllowed, BadInput."""
    parts, actor = parts_of(request), actor_of(request)
    rules = parts.tickets.rules
    async with parts.store.view() as unit:
        of = await _call(request, unit, call)
        try:
            given = given_of(rules, form, blank(request, of), agent_names(request), ())
            if given["client"] is not None and await _client(unit, cast("int", given["client"])) is None:
                raise bad_field("client", N_("there is no such client; give the number from his page."))
            note = form.text("note", longest=100_000, multiline=True)
        except Problem as problem:
            if not problem.field:
                raise
            words = problem.detail_in(renderer_of(request).languages[language_of(request)])
            return Refused({problem.field: words})
    department = str(given["department"])
    own = {field.key: given[OWN + field.key] for field in rules.fields(department)}
    wish = cast("Wish", {name: given[name] for name in _ASKED} | {"fields": own})
    try:
        return await parts.tickets.create(actor, wish, "web", call=call, note=note)
    except WrongFields as error:
        return Refused(faults_of(rules, department, error.faults))


async def _page(
    request: web.Request, form: Form, *, status: int = 200, call: str = "", note: str = ""
) -> web.Response:
    number = form.values["client"]
    async with parts_of(request).store.view() as unit:
        client = await _client(unit, int(number) if number.isascii() and number.isdigit() else None)
    return page(
        request,
        "ticket_new.html",
        status=status,
        form=form,
        client=client,
        call=call,
        note=note,
        **names_of(request),
    )


async def _client(unit: Unit, id: int | None) -> Any:
    return await unit.clients.get(id) if id is not None else None


async def _call(request: web.Request, unit: Unit, id: str) -> CallRow | None:
    """If he may see it: else as if it were not there."""
    call = await unit.calls.get(id) if id else None
    if call is not None:
        await sight_of(request).demand_call(unit, call)
    return call

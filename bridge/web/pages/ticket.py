"""Owns the page of one ticket and its form: seen, changed, asked again where something is missing or met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.crm.ticketing.desk import Anewed
from bridge.errors import NoSuchTicket, WrongFields
from bridge.store import Unit
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import Conflict
from bridge.web import labels
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.edits import Edit, edits
from bridge.web.forms import Fields, form_of, path_number, query_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.pages.conflicts import Met
from bridge.web.pages.conflicts import conflict as conflict_page
from bridge.web.pages.ticket_history import history_of
from bridge.web.pages.ticket_view import offered_dispositions, ticket_context
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.problems import Problem, bad_field
from bridge.web.ticket_form import (
    asks_fields,
    faults_of,
    form_of_ticket,
    given_of,
    kept_of,
    wish_of,
)

_ATTEMPTS = 3
_SAID = ("saved", "merged", "anew", "created", "again")


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is saved. ``faults``: name of a field → words of the catalogue."""

    faults: Mapping[str, str]


Outcome = TicketRow | Anewed | Refused | Met


def declare(routes: Routes) -> None:
    routes.get("/tickets/{id}", show, SignedIn())
    routes.post("/tickets/{id}", change, SignedIn())
    routes.post("/tickets/{id}/fields", show_fields, SignedIn())
    routes.get("/tickets/{id}/history", show_history, SignedIn())


def ticket_number(request: web.Request, name: str = "id") -> int:
    number = path_number(request, name)
    if number is None:
        raise NoSuchTicket("there is no such ticket")
    return number


async def show(request: web.Request) -> web.StreamResponse:
    return await ticket_page(request)


async def ticket_page(
    request: web.Request, *, status: int = HTTPStatus.OK, said: str = "", **shown: Any
) -> web.Response:
    """``shown``: as ``ticket_context`` takes it, what somebody typed among it."""
    parts = parts_of(request)
    async with parts.store.view() as unit:
        seen = await parts.tickets.see(unit, actor_of(request), ticket_number(request))
        context = await ticket_context(request, unit, seen, **shown)
    said = said or next((one for one in _SAID if one in request.query), "")
    return page(request, "ticket.html", status=status, said=said, **context)


async def change(request: web.Request) -> web.StreamResponse:
    form, id = await form_of(request), ticket_number(request)
    outcome = await changed(request, form, id)
    match outcome:
        case Refused(faults):
            return await ticket_page(request, status=400, typed=form.values, faults=faults)
        case Met():
            return conflict_page(request, outcome)
        case Anewed(row):
            return see_other(f"/tickets/{row.id}?anew={id}")
    return see_other(f"/tickets/{id}?saved=1")


async def changed(request: web.Request, form: Fields, id: int) -> Outcome:
    """What a form that came does to the ticket. Raises NotAllowed, NoSuchTicket, BadInput."""
    parts, actor = parts_of(request), actor_of(request)
    for _ in range(_ATTEMPTS):
        async with parts.store.view() as unit:
            row = (await parts.tickets.see(unit, actor, id)).ticket
            try:
                given = await _given(request, unit, form, row)
            except Problem as problem:
                if not problem.field:
                    raise
                return Refused({problem.field: problem.detail_in(_language(request))})
            kept = kept_of(parts.tickets.rules, row, str(given["department"]))
            found = edits(form, given, kept)
            if any(edit.met for edit in found):
                return await _met(request, unit, row, given, kept, found)
        if not found:
            return row
        wish = wish_of(parts.tickets.rules, found, given, asks_fields=asks_fields(form))
        try:
            outcome = await parts.tickets.change(actor, id, wish, row.version)
        except WrongFields as error:
            return Refused(faults_of(parts.tickets.rules, str(given["department"]), error.faults))
        if not isinstance(outcome, Conflict):
            return outcome
    raise Problem(HTTPStatus.CONFLICT, N_("The ticket changes all the time. Try again."))


async def show_fields(request: web.Request) -> web.StreamResponse:
    """The department's own fields, drawn anew while somebody fills in the form."""
    parts, form = parts_of(request), await form_of(request)
    async with parts.store.view() as unit:
        seen = await parts.tickets.see(unit, actor_of(request), ticket_number(request))
    drawn = form_of_ticket(
        parts.tickets.rules, seen.ticket, seen.may, language_of(request), typed=form.values
    )
    return fragment(request, "_ticket_fields.html", form=drawn, at=f"/tickets/{seen.ticket.id}/fields")


async def show_history(request: web.Request) -> web.StreamResponse:
    parts, cursor = parts_of(request), query_of(request).text("cursor", longest=400) or None
    async with parts.store.view() as unit:
        row = (await parts.tickets.see(unit, actor_of(request), ticket_number(request))).ticket
        found = await unit.ticket_changes.page(row.id, cursor, 50)
    changes = history_of(parts, row, found.items, _language(request))
    return fragment(request, "_ticket_history.html", changes=changes, ticket=row, cursor=found.cursor)


async def _given(request: web.Request, unit: Unit, form: Fields, row: TicketRow) -> dict[str, object]:
    rules = parts_of(request).tickets.rules
    given = given_of(rules, form, row, agent_names(request), offered_dispositions(request, row))
    client = given["client"]
    if isinstance(client, int) and client != row.client and await unit.clients.get(client) is None:
        raise bad_field("client", N_("there is no such client; give the number from his page."))
    return given


async def _met(
    request: web.Request,
    unit: Unit,
    row: TicketRow,
    given: Mapping[str, object],
    kept: Mapping[str, object],
    found: Sequence[Edit],
) -> Met:
    """Somebody else changed the same: what both wrote, in words."""
    language, parts = language_of(request), parts_of(request)
    clients = {int(text) for one in found if one.name == "client" for text in (one.given, one.kept) if text}
    rows = await unit.clients.of_ids(clients)
    words = {
        "status": {one.name: one.title.text(language) for one in parts.tickets.rules.statuses.all},
        **{
            name: {value: _language(request).gettext(word) for value, word in labels.ALL[name].items()}
            for name in ("priority", "disposition")
        },
        "assignee": agent_names(request),
        "client": {str(one.id): " · ".join(filter(None, (one.name, one.company))) for one in rows},
    }
    form = form_of_ticket(parts.tickets.rules, row, (), language)
    for field in form.fields:
        words[field.name] = {option.value: option.title for option in field.options}
    titles = {field.name: field.title for field in form.fields}
    name = f"{row.id} · {row.subject}"
    return Met(f"/tickets/{row.id}", name, given, kept, found, words, titles)


def _language(request: web.Request) -> Any:
    return renderer_of(request).languages[language_of(request)]

"""Owns the list of tickets: saved filters with their counts beside it, a form for any other question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from bridge.config.rights import Action
from bridge.crm.ticketing import filters
from bridge.crm.ticketing.filters import Filter
from bridge.crm.ticketing.sets import TicketSets
from bridge.errors import BadInput
from bridge.store import Unit
from bridge.store.ticket_query import TicketOrder, TicketQuery
from bridge.store.ticket_rows import Counted, FilterRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.api.exports import CsvQuery, send_tickets
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import form_of as posted
from bridge.web.forms import query_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.pages.ticket import ticket_number
from bridge.web.pages.ticket_filter import (
    OPEN,
    filter_of,
    form_of,
    is_asked,
    own_fields,
    said_again,
    typed_fields,
)
from bridge.web.pages.ticket_view import due_state
from bridge.web.pages.views import fragment, page, see_other
from bridge.web.principal import person_of
from bridge.web.problems import Problem, not_found

_PAGE = 30
_MOST_COUNTED = 20  # filters: each count costs the store a question
_PRESETS: tuple[tuple[str, str, Filter], ...] = (
    ("mine", N_("Mine"), Filter(kinds=OPEN, assignees=(filters.ME,), order=TicketOrder.DUE)),
    ("free", N_("Nobody's"), Filter(kinds=OPEN, assignees=(filters.NOBODY,), order=TicketOrder.DUE)),
    ("open", N_("All open"), Filter(kinds=OPEN)),
    ("all", N_("All"), Filter()),
)


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    title: str
    filter: Filter | None  # None: what is kept means nothing any more
    row: FilterRow | None = None


def declare(routes: Routes) -> None:
    routes.get("/tickets", show, SignedIn())
    routes.get("/tickets.csv", save_csv, SignedIn())
    routes.get("/tickets/own-fields", show_own_fields, SignedIn())
    routes.post("/tickets/filters", save_filter, SignedIn())
    routes.post("/tickets/filters/{id}", change_filter, SignedIn())


async def show(request: web.Request) -> web.StreamResponse:
    parts, query, now = parts_of(request), query_of(request), datetime.now(UTC)
    tabs = await _tabs(request)
    key = query.text("filter", longest=40)
    current = next((tab for tab in tabs if tab.key == key), None)
    asked = not key and is_asked(request)
    if key and current is None:
        raise not_found(N_("There is no such filter any more."))
    client = query.optional_number("client")
    if current is None and not asked and client is None:
        current = next(tab for tab in tabs if tab.key == "open")
    chosen = current.filter if current else filter_of(request) if asked else Filter()
    if chosen is None:
        raise Problem(HTTPStatus.CONFLICT, N_("This filter asks for what there is no more. Save it anew."))
    async with parts.store.view() as unit:
        found = await unit.ticket_lists.page(
            _narrowed(request, chosen, now, client), query.text("cursor", longest=400) or None, _PAGE
        )
        clients = await unit.clients.of_ids({row.client for row in found.items if row.client})
        tags = await unit.ticket_marks.tags([row.id for row in found.items])
        counts = await _counts(request, unit, tabs, now)
        whose = await unit.clients.get(client) if client is not None else None
    return page(
        request,
        "tickets.html",
        tickets=found,
        clients={row.id: row for row in clients},
        tags=tags,
        due={row.id: due_state(row, now) for row in found.items},
        tabs=tabs,
        counts=counts,
        current=current,
        whose=whose,
        again=_again(request, current, client),
        form=form_of(request, chosen),
        as_json=chosen.as_json(),
        origin=_origin(tabs, current, query.text("of", longest=40)),
        agents=agent_names(request),
        exports=_may_export(request),
        opens_tickets=bool(parts.tickets.opens_in(actor_of(request))),
        said=next((name for name in ("kept", "gone") if name in request.query), ""),
    )


async def show_own_fields(request: web.Request) -> web.StreamResponse:
    """The form's own fields, with the one that was just chosen."""
    new = query_of(request).text("own", longest=200)
    return fragment(request, "_own_filters.html", own=own_fields(request, typed_fields(request), new))


async def save_csv(request: web.Request) -> web.StreamResponse:
    """The list as a file, as far as its tickets may be exported."""
    query, now = query_of(request), datetime.now(UTC)
    key = query.text("filter", longest=40)
    if key:
        tab = next((tab for tab in await _tabs(request) if tab.key == key), None)
        if tab is None or tab.filter is None:
            raise not_found(N_("There is no such filter any more."))
        chosen = tab.filter
    else:
        chosen = filter_of(request)
    wanted = _narrowed(request, chosen, now, query.optional_number("client"), Action.EXPORT)
    return await send_tickets(request, wanted, CsvQuery(delimiter="semicolon", bom=True))


async def save_filter(request: web.Request) -> web.StreamResponse:
    form = await posted(request)
    filter = filters.read(form.values.get("query", ""))
    role = form.choice("role", ("agent", "supervisor"), optional=True)
    name = form.text("name", longest=100, required=True)
    owner = "" if role else person_of(request).user.login
    row = await _sets(request).save_filter(actor_of(request), name, filter, owner=owner, role=role)
    return see_other(f"/tickets?filter={row.id}&kept=1")


async def change_filter(request: web.Request) -> web.StreamResponse:
    form, sets, id = await posted(request), _sets(request), ticket_number(request)
    action = form.choice("action", ("rename", "remove", "change"))
    if action == "remove":
        if await sets.remove_filter(actor_of(request), id) is None:
            raise not_found(N_("There is no such filter any more."))
        return see_other("/tickets?gone=1")
    changed = (
        await sets.change_filter(actor_of(request), id, filter=filters.read(form.values.get("query", "")))
        if action == "change"
        else await sets.change_filter(
            actor_of(request), id, name=form.text("name", longest=100, required=True)
        )
    )
    if changed is None:
        raise not_found(N_("There is no such filter any more."))
    return see_other(f"/tickets?filter={id}&kept=1")


def _sets(request: web.Request) -> TicketSets:
    return TicketSets(parts_of(request).store, parts_of(request).tickets)


async def _tabs(request: web.Request) -> list[Tab]:
    """The compulsory ones first, then what everybody has, the role's, his own."""
    language = language_of(request)
    translated = renderer_of(request).languages[language].gettext
    tabs = [
        Tab(one.name, one.title.text(language), one.filter)
        for one in filters.built_in(parts_of(request).tickets.settings)
    ]
    agent = person_of(request).agent
    tabs += [Tab(key, translated(title), it) for key, title, it in _PRESETS if agent or key != "mine"]
    for row in await _sets(request).filters(actor_of(request)):
        try:
            kept = filters.read(row.query)
        except BadInput:
            kept = None
        tabs.append(Tab(str(row.id), row.name, kept, row))
    return tabs


async def _counts(request: web.Request, unit: Unit, tabs: Sequence[Tab], now: datetime) -> dict[str, Counted]:
    return {
        tab.key: await unit.ticket_lists.count(_narrowed(request, tab.filter, now))
        for tab in tabs[:_MOST_COUNTED]
        if tab.filter is not None and tab.key != "all"
    }


def _narrowed(
    request: web.Request,
    filter: Filter,
    now: datetime,
    client: int | None = None,
    action: Action = Action.READ,
) -> TicketQuery:
    parts = parts_of(request)
    query = filters.query(
        filter, parts.tickets.settings, now, me=person_of(request).agent, readable=None, client=client
    )
    return parts.tickets.narrowed(actor_of(request), query, action)


def _origin(tabs: Sequence[Tab], current: Tab | None, of: str) -> FilterRow | None:
    """The saved filter that the form was filled in from."""
    if current is not None:
        return current.row
    return next((tab.row for tab in tabs if tab.key == of), None)


def _may_export(request: web.Request) -> bool:
    rights = parts_of(request).tickets.rules.rights
    departments = rights.where(actor_of(request).who, Action.EXPORT, involved=False)
    return departments is None or bool(departments)


def _again(request: web.Request, current: Tab | None, client: int | None) -> str:
    """The same list, for its next page or as a file."""
    kept = said_again(request) if current is None else [("filter", current.key)]
    return urlencode([*kept, *([("client", str(client))] if client is not None else [])])

"""Owns the list of tickets: saved filters with their counts beside it, a form for any other question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bridge.config.tickets import PRIORITIES, StatusKind
from bridge.crm.ticketing import filters
from bridge.crm.ticketing.filters import Filter
from bridge.crm.ticketing.sets import TicketSets
from bridge.errors import BadInput
from bridge.store import Unit
from bridge.store.ticket_query import TicketOrder, TicketQuery
from bridge.store.ticket_rows import Counted, FilterRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import Fields, form_of, query_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.pages.ticket import ticket_number
from bridge.web.pages.ticket_view import due_state
from bridge.web.pages.views import page, see_other
from bridge.web.principal import person_of
from bridge.web.problems import Problem, not_found

_PAGE = 30
_MOST_COUNTED = 20  # filters: each count costs the store a question
_OPEN = tuple(kind for kind in StatusKind if kind is not StatusKind.CLOSED)
_PRESETS: tuple[tuple[str, str, Filter], ...] = (
    ("mine", N_("Mine"), Filter(kinds=_OPEN, assignees=(filters.ME,), order=TicketOrder.DUE)),
    ("free", N_("Nobody's"), Filter(kinds=_OPEN, assignees=(filters.NOBODY,), order=TicketOrder.DUE)),
    ("open", N_("All open"), Filter(kinds=_OPEN)),
    ("all", N_("All"), Filter()),
)
_ORDERS = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "updated": N_("Last changed first"),
    "priority": N_("By priority"),
    "due": N_("Due first"),
    "waiting": N_("Longest without an answer first"),
}
_DUE = {"0": N_("Overdue"), "1": N_("Within an hour"), "8": N_("Within 8 hours"), "24": N_("Within a day")}
_CREATED = {"1": N_("Last 24 hours"), "7": N_("Last 7 days"), "30": N_("Last 30 days")}
_NAMES = frozenset(
    ("q", "status", "department", "line", "assignee", "priority", "tag", "class", "due", "created", "order")
)


@dataclass(frozen=True, slots=True)
class Tab:
    key: str
    title: str
    filter: Filter | None  # None: what is kept means nothing any more
    row: FilterRow | None = None


def declare(routes: Routes) -> None:
    routes.get("/tickets", show, SignedIn())
    routes.post("/tickets/filters", save_filter, SignedIn())
    routes.post("/tickets/filters/{id}", change_filter, SignedIn())


async def show(request: web.Request) -> web.StreamResponse:
    parts, query, now = parts_of(request), query_of(request), datetime.now(UTC)
    tabs = await _tabs(request)
    key = query.text("filter", longest=40)
    current = next((tab for tab in tabs if tab.key == key), None)
    asked = not key and bool(_NAMES & query.values.keys())
    if key and current is None:
        raise not_found(N_("There is no such filter any more."))
    client = query.optional_number("client")
    if current is None and not asked and client is None:
        current = next(tab for tab in tabs if tab.key == "open")
    chosen = current.filter if current else _filter(query) if asked else Filter()
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
        again=_again(query, current, client),
        chosen=chosen,
        as_json=chosen.as_json(),
        agents=agent_names(request),
        choices=_choices(request),
        opens_tickets=bool(parts.tickets.opens_in(actor_of(request))),
        said=next((name for name in ("kept", "gone") if name in request.query), ""),
    )


async def save_filter(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    filter = filters.read(form.values.get("query", ""))
    role = form.choice("role", ("agent", "supervisor"), optional=True)
    name = form.text("name", longest=100, required=True)
    owner = "" if role else person_of(request).user.login
    row = await _sets(request).save_filter(actor_of(request), name, filter, owner=owner, role=role)
    return see_other(f"/tickets?filter={row.id}&kept=1")


async def change_filter(request: web.Request) -> web.StreamResponse:
    form, sets, id = await form_of(request), _sets(request), ticket_number(request)
    if form.choice("action", ("rename", "remove")) == "remove":
        if await sets.remove_filter(actor_of(request), id) is None:
            raise not_found(N_("There is no such filter any more."))
        return see_other("/tickets?gone=1")
    name = form.text("name", longest=100, required=True)
    if await sets.change_filter(actor_of(request), id, name=name) is None:
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


def _narrowed(request: web.Request, filter: Filter, now: datetime, client: int | None = None) -> TicketQuery:
    parts = parts_of(request)
    query = filters.query(
        filter, parts.tickets.settings, now, me=person_of(request).agent, readable=None, client=client
    )
    return parts.tickets.narrowed(actor_of(request), query)


def _filter(query: Fields) -> Filter:
    """From the form. Raises BadInput, Problem."""
    status = query.text("status", longest=200)
    given: dict[str, Any] = {
        "text": query.text("q"),
        "departments": _some(query.text("department")),
        "assignees": _some(query.text("assignee")),
        "priorities": _some(query.choice("priority", PRIORITIES, optional=True)),
        "tags": _some(query.text("tag").casefold()),
        "classes": _some(query.text("class")),
        "order": query.choice("order", tuple(_ORDERS), optional=True) or "newest",
    }
    if line := query.choice("line", ("1", "2", "3"), optional=True):
        given["lines"] = (int(line),)
    if status == "any-open":
        given["kinds"] = tuple(kind.value for kind in _OPEN)
    elif status:
        given["statuses"] = (status,)
    if due := query.choice("due", tuple(_DUE), optional=True):
        given["due_within_hours"] = int(due)
    if created := query.choice("created", tuple(_CREATED), optional=True):
        given["created_days"] = int(created)
    return filters.read(given)


def _some(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _again(query: Fields, current: Tab | None, client: int | None) -> str:
    """The same list, for its next page."""
    kept = {name: value for name, value in query.values.items() if name in _NAMES and value}
    if current is not None:
        kept = {"filter": current.key}
    if client is not None:
        kept["client"] = str(client)
    return urlencode(kept)


def _choices(request: web.Request) -> dict[str, Any]:
    parts, language = parts_of(request), language_of(request)
    rules = parts.tickets.rules
    return {
        "statuses": [(one.name, one.title.text(language)) for one in rules.statuses.all],
        "departments": sorted(rules.names),
        "priorities": PRIORITIES,
        "orders": _ORDERS,
        "due": _DUE,
        "created": _CREATED,
    }

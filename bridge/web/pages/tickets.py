"""Owns the pages of tickets and of calls: lists with filters, one ticket, one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from aiohttp import web

from bridge.store import Unit
from bridge.store.rows import LinkRow, TicketRow
from bridge.store.tickets import TicketFields
from bridge.web import labels
from bridge.web.access import Routes, SignedIn
from bridge.web.beside import beside
from bridge.web.choices import dispositions, values
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.dialling import number_again
from bridge.web.edits import Edit, edits, marks
from bridge.web.forms import form_of, path_number, query_of
from bridge.web.labels import N_
from bridge.web.links import HOURS, MOST_HOURS, Made, may_revoke
from bridge.web.pages.conflicts import conflict
from bridge.web.pages.contacts import contact_of, contacts_of
from bridge.web.pages.offers import asked
from bridge.web.pages.views import page, see_other
from bridge.web.principal import Role, person_of
from bridge.web.problems import bad_field, not_found
from bridge.web.sight import sight_of

_PAGE = 30
_CHOICES = 20  # of the router, on a call's page; each may have hundreds of candidates


@dataclass(frozen=True, slots=True)
class Shared:
    link: LinkRow
    revocable: bool
    good: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What stood in a form that was refused: it is asked again."""

    recording: str
    recipient: str
    hours: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """The links to a call's recordings, and the form for another one."""

    links: tuple[Shared, ...]
    mails: bool
    made: Made | None
    fault: str
    typed: Typed | None
    said: str
    hours: int = HOURS
    most_hours: int = MOST_HOURS


def declare(routes: Routes) -> None:
    routes.get("/tickets", show_tickets, SignedIn())
    routes.get("/tickets/{id}", show_ticket, SignedIn())
    routes.post("/tickets/{id}", change_ticket, SignedIn())
    routes.get("/calls", show_calls, SignedIn())
    routes.get("/calls/{id}", show_call, SignedIn())


async def show_tickets(request: web.Request) -> web.StreamResponse:
    query = query_of(request)
    person = person_of(request)
    status = query.choice("status", tuple(labels.STATUSES), optional=True)
    mine = query.choice("mine", ("1",), optional=True) == "1" and person.agent is not None
    client = query.optional_number("client")
    async with parts_of(request).store.view() as unit:
        found = await unit.tickets.page(
            query.text("cursor", longest=400) or None,
            _PAGE,
            client=client,
            status=status or None,
            assignee=person.agent if mine else None,
        )
        rows = await unit.clients.of_ids({row.client for row in found.items if row.client})
    return page(
        request,
        "tickets.html",
        tickets=found,
        clients={row.id: row for row in rows},
        agents=_agent_names(request),
        filters={"status": status, "mine": "1" if mine else "", "client": str(client) if client else ""},
    )


async def show_ticket(request: web.Request) -> web.StreamResponse:
    async with parts_of(request).store.view() as unit:
        ticket = await _ticket(request, unit)
        context = await _ticket_context(request, unit, ticket)
    return page(request, "ticket.html", **context)


async def change_ticket(request: web.Request) -> web.StreamResponse:
    form = await form_of(request)
    agents = _agent_names(request)
    async with parts_of(request).store.unit() as unit:
        ticket = await _ticket(request, unit, lock=True)
        # Whoever has it stays a valid choice, also when he left the plan meanwhile.
        choices = {*agents, *([ticket.assignee] if ticket.assignee else [])}
        client = form.optional_number("client")
        if client is not None and await unit.clients.get(client) is None:
            raise bad_field("client", N_("there is no such client; give the number from his page."))
        given: TicketFields = {
            "subject": form.text("subject", longest=500, required=True),
            "status": form.choice("status", tuple(labels.STATUSES)),
            "priority": form.choice("priority", tuple(labels.PRIORITIES)),
            "assignee": form.choice("assignee", choices, optional=True) or None,
            "solution": form.text("solution", longest=20_000, multiline=True),
            "client": client,
            "disposition": form.choice("disposition", _dispositions(request, ticket), optional=True),
        }
        if "disposition" not in form.values:
            given["disposition"] = ticket.disposition  # the plan has none: the page did not ask
        # Only what he changed: news of the call fill the others in while the page is open, and the store
        # keeps what people set from later news.
        found = edits(form, given, _kept(ticket))
        met = [edit for edit in found if edit.met]
        if met:
            words = await _words(request, unit, met)
        elif found:
            changed = {edit.name for edit in found}
            fields = {name: value for name, value in given.items() if name in changed}
            await unit.tickets.update(ticket.id, **cast("TicketFields", fields))
    if met:
        title = f"{ticket.id} · {ticket.subject}"
        return conflict(request, f"/tickets/{ticket.id}", title, given, _kept(ticket), found, words)
    return see_other(f"/tickets/{ticket.id}?saved=1")


def _kept(ticket: TicketRow) -> dict[str, object]:
    """The fields of the ticket's form."""
    return {
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "assignee": ticket.assignee,
        "solution": ticket.solution,
        "client": ticket.client,
        "disposition": ticket.disposition,
    }


async def _words(request: web.Request, unit: Unit, met: Sequence[Edit]) -> dict[str, dict[str, str]]:
    """What people see for the values that met, by field and value."""
    language = renderer_of(request).languages[language_of(request)]
    clients = {int(text) for one in met if one.name == "client" for text in (one.given, one.kept) if text}
    said = {
        name: {value: language.gettext(word) for value, word in labels.ALL[name].items()}
        for name in ("status", "priority", "disposition")
    }
    rows = await unit.clients.of_ids(clients)
    return {
        **said,
        "assignee": _agent_names(request),
        "client": {str(row.id): " · ".join(filter(None, (row.name, row.company))) for row in rows},
    }


async def show_calls(request: web.Request) -> web.StreamResponse:
    query = query_of(request)
    person = person_of(request)
    plan = parts_of(request).plan()
    queues = {name: queue.title for name, queue in plan.queues.items()}
    queue = query.choice("queue", tuple(queues), optional=True)
    agent = query.choice("agent", tuple(plan.agents), optional=True)
    if person.role is not Role.SUPERVISOR:
        agent = person.agent or "-"  # an agent looks back on his own calls
    async with parts_of(request).store.view() as unit:
        found = await unit.calls.page(
            query.text("cursor", longest=400) or None, _PAGE, agent=agent or None, queue=queue or None
        )
        contacts = await contacts_of(unit, found.items, sight_of(request))
    return page(
        request,
        "calls.html",
        contacts=contacts,
        cursor=found.cursor,
        queues=queues,
        agents=_agent_names(request),
        filters={"queue": queue, "agent": agent},
    )


async def show_call(request: web.Request) -> web.StreamResponse:
    return await call_page(request, request.match_info["id"])


async def call_page(
    request: web.Request,
    id: str,
    *,
    status: int = 200,
    made: Made | None = None,
    fault: str = "",
    typed: Typed | None = None,
) -> web.Response:
    """``made`` is a link that was just made; or ``fault`` says why it was not, with what was ``typed``."""
    async with parts_of(request).store.view() as unit:
        call = await unit.calls.get(id)
        if call is None:
            raise not_found(N_("There is no such call."))
        sight = sight_of(request)
        await sight.demand_call(unit, call)
        contact = await contact_of(unit, call, sight)
        choices = asked(await unit.offers.of_call(call.id))
        links = await unit.links.of_recordings([recording.id for recording in contact.recordings])
        around = await beside(unit, contact.recordings)
    whole = "all" in request.query
    return page(
        request,
        "call.html",
        status=status,
        contact=contact,
        around=around,
        sharing=Sharing(
            tuple(Shared(link, may_revoke(request, link), link.is_good(datetime.now(UTC))) for link in links),
            mails=parts_of(request).mailer is not None,
            made=made,
            fault=fault,
            typed=typed,
            said=next((name for name in ("sent", "revoked") if name in request.query), ""),
        ),
        unheard="" if contact.heard else sight.refusal,
        again=number_again(parts_of(request).plan(), call) if person_of(request).agent else None,
        choices=choices if whole else choices[-_CHOICES:],
        earlier=0 if whole else max(0, len(choices) - _CHOICES),
        **_names(request),
    )


async def _ticket(request: web.Request, unit: Unit, *, lock: bool = False) -> TicketRow:
    number = path_number(request)
    find = unit.tickets.lock if lock else unit.tickets.get
    ticket = await find(number) if number is not None else None
    if ticket is None:
        raise not_found(N_("There is no such ticket."))
    return ticket


async def _ticket_context(request: web.Request, unit: Unit, ticket: TicketRow) -> dict[str, Any]:
    call = await unit.calls.get(ticket.call) if ticket.call else None
    sight = sight_of(request)
    heard = sight.hears(call, ticket)
    contact = await contact_of(unit, call, sight) if call and sight.sees(call, ticket) else None
    found = contact.recordings if contact else await unit.recordings.of_ticket(ticket.id) if heard else ()
    return {
        "ticket": ticket,
        "shown": marks(_kept(ticket)),
        "contact": contact,
        "client": await unit.clients.get(ticket.client) if ticket.client else None,
        "recordings": found,
        "around": await beside(unit, found),
        "hidden": sight.refusal if call and not heard else "",
        "saved": "saved" in request.query,
        "dispositions": _dispositions(request, ticket),
        **_names(request),
    }


def _dispositions(request: web.Request, ticket: TicketRow) -> tuple[str, ...]:
    """The plan's. What the ticket has stays a valid choice, also when the plan has it no longer."""
    known = values(dispositions(parts_of(request).plan()))
    return known if ticket.disposition in (*known, "") else (*known, ticket.disposition)


def _names(request: web.Request) -> dict[str, Any]:
    plan = parts_of(request).plan()
    return {
        "agents": _agent_names(request),
        "queues": {name: queue.title for name, queue in plan.queues.items()},
    }


def _agent_names(request: web.Request) -> dict[str, str]:
    return {agent.id: agent.name for agent in parts_of(request).plan().agents.values()}

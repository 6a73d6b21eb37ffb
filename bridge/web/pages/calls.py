"""Owns the pages of calls: the list with its filters, one call with its recordings and links."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bridge.store.rows import LinkRow
from bridge.web.access import Routes, SignedIn
from bridge.web.beside import beside
from bridge.web.context import parts_of
from bridge.web.dialling import number_again
from bridge.web.forms import query_of
from bridge.web.labels import N_
from bridge.web.links import HOURS, MOST_HOURS, Made, may_revoke
from bridge.web.pages.contacts import contact_of, contacts_of
from bridge.web.pages.offers import asked
from bridge.web.pages.views import page
from bridge.web.principal import Role, person_of
from bridge.web.problems import not_found
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
    routes.get("/calls", show_calls, SignedIn())
    routes.get("/calls/{id}", show_call, SignedIn())


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
        agents=agent_names(request),
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
        **names_of(request),
    )


def names_of(request: web.Request) -> dict[str, Any]:
    """Of agents and queues, by their ids."""
    plan = parts_of(request).plan()
    return {
        "agents": agent_names(request),
        "queues": {name: queue.title for name, queue in plan.queues.items()},
    }


def agent_names(request: web.Request) -> dict[str, str]:
    return {agent.id: agent.name for agent in parts_of(request).plan().agents.values()}

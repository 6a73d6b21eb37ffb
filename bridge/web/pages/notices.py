"""Owns the notices of tickets at the foot of every page: drawn anew when there are others, put away."""

from aiohttp import web

from bridge.crm.ticketing.notices import TicketNotices
from bridge.crm.ticketing.sla import Clock
from bridge.web.access import Routes, SignedIn
from bridge.web.context import language_of, parts_of
from bridge.web.forms import path_number
from bridge.web.labels import N_
from bridge.web.live import HUB
from bridge.web.pages.views import see_other, views_of
from bridge.web.principal import person_of
from bridge.web.problems import not_found
from bridge.web.streams import Topic


def declare(routes: Routes) -> None:
    routes.post("/notices/put-away", put_all_away, SignedIn())
    routes.post("/notices/{ticket}/{clock}/put-away", put_away, SignedIn())


async def put_away(request: web.Request) -> web.StreamResponse:
    ticket, clock = path_number(request, "ticket"), request.match_info["clock"]
    if ticket is None or clock not in {one.value for one in Clock}:
        raise not_found(N_("There is no such notice."))
    await _notices(request).put_away(person_of(request).user.id, ticket, clock)
    return await _drawn(request)


async def put_all_away(request: web.Request) -> web.StreamResponse:
    await _notices(request).put_all_away(person_of(request).user.id)
    return await _drawn(request)


def _notices(request: web.Request) -> TicketNotices:
    return TicketNotices(parts_of(request).store, parts_of(request).tickets)


async def _drawn(request: web.Request) -> web.Response:
    """And on his other screens."""
    person = person_of(request)
    request.app[HUB].mark_where(lambda other: other.user.id == person.user.id, Topic.NOTICES)
    if request.headers.get("HX-Request") != "true":
        return see_other("/")
    html = await views_of(request).fragment(Topic.NOTICES, language_of(request), person)
    return web.Response(text=html, content_type="text/html", charset="utf-8")

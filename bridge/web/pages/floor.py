"""Owns the supervisor's page of what happens now. The live part is drawn by views.py."""

from aiohttp import web

from bridge.web.access import SUPERVISORS, Routes, SignedIn
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.pages.views import SCREENS, Views, page
from bridge.web.principal import person_of
from bridge.web.streams import Topic


def declare(routes: Routes) -> None:
    routes.get("/floor", show, SignedIn(SUPERVISORS))


async def show(request: web.Request) -> web.StreamResponse:
    views = Views(parts_of(request), request.app[SCREENS], renderer_of(request))
    floor = await views.fragment(Topic.FLOOR, language_of(request), person_of(request))
    return page(request, "floor.html", live="floor", fragments={"floor": floor})

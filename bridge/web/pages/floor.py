"""Owns the supervisor's page of what happens now, and his live moves. The live part is drawn by views.py."""

from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.centre.facts import Supervise
from bridge.centre.ids import AgentId, QueueName
from bridge.engine.ports import LiveAgent
from bridge.store.moves import MAX_PENALTY
from bridge.web.access import SUPERVISORS, Routes, SignedIn
from bridge.web.context import csrf_of, language_of, parts_of
from bridge.web.forms import form_of
from bridge.web.labels import N_
from bridge.web.moves import MOVES, Placements, by_whom, live_agent, queue_named
from bridge.web.pages.views import fragment, page, see_other, views_of
from bridge.web.pauses import live_call, may_pause, pause
from bridge.web.principal import person_of
from bridge.web.problems import Problem, bad_field, not_found
from bridge.web.streams import Topic
from bridge.web.supervision import supervise


def declare(routes: Routes) -> None:
    routes.get("/floor", show, SignedIn(SUPERVISORS))
    routes.get("/floor/agents/{id}", show_agent, SignedIn(SUPERVISORS))
    routes.post("/floor/agents/{id}/queues/{queue}", move_agent, SignedIn(SUPERVISORS))
    routes.post("/floor/agents/{id}/supervision", change_supervision, SignedIn(SUPERVISORS))
    routes.post("/floor/calls/{id}/recording", change_recording, SignedIn(SUPERVISORS))


async def show(request: web.Request) -> web.StreamResponse:
    return await _page(request, None)


async def show_agent(request: web.Request) -> web.StreamResponse:
    """His queues: a dialog over the floor, or without scripts the floor with that dialog open."""
    live = _live(request)
    return _moves(request, live) if _is_fragment(request) else await _page(request, live)


async def move_agent(request: web.Request) -> web.StreamResponse:
    live, queue = _live(request), queue_named(request)
    if queue is None:
        raise not_found(N_("There is no such queue."))
    form = await form_of(request)
    moves = request.app[MOVES]
    match form.choice("action", ("move", "take_out", "restore")):
        case "move":
            penalty = form.number("penalty")
            if penalty > MAX_PENALTY:
                raise bad_field(
                    "penalty", N_("give a number from 0 to %(highest)s."), highest=str(MAX_PENALTY)
                )
            await moves.set(live.agent, queue, penalty, by_whom(request))
        case "take_out":
            await moves.set(live.agent, queue, None, by_whom(request))
        case _:
            await moves.restore(live.agent, queue)
    if not _is_fragment(request):
        return see_other(f"/floor/agents/{live.agent}")
    return _moves(request, _live(request), queue)


async def change_supervision(request: web.Request) -> web.StreamResponse:
    person, live = person_of(request), _live(request)
    if person.agent is None:
        raise not_found(N_("Your account has no phone. The engineer gives it one in the configuration."))
    form = await form_of(request)
    do = Supervise(form.choice("do", tuple(one.value for one in Supervise)))
    trainee = AgentId(form.text("trainee", longest=40)) or None
    await supervise(request, person.agent, live.agent, do, trainee)
    return await _drawn(request)


async def change_recording(request: web.Request) -> web.StreamResponse:
    person, call = person_of(request), live_call(request)
    if call is None:
        raise not_found(N_("There is no such call now."))
    parts = parts_of(request)
    if call.recorded and call.call not in may_pause(person, parts, parts.desk.floor()):
        raise Problem(HTTPStatus.FORBIDDEN, N_("This call is of no department that you supervise."))
    form = await form_of(request)
    await pause(request, call, paused=form.choice("do", ("pause", "resume")) == "pause")
    return await _drawn(request)


async def _drawn(request: web.Request) -> web.StreamResponse:
    if not _is_fragment(request):
        return see_other("/floor")
    html = await views_of(request).fragment(Topic.FLOOR, language_of(request), person_of(request))
    return web.Response(text=html, content_type="text/html", charset="utf-8")


async def _page(request: web.Request, live: LiveAgent | None) -> web.StreamResponse:
    floor = await views_of(request).fragment(Topic.FLOOR, language_of(request), person_of(request))
    context = _context(request, live) if live else {"agent": None}
    return page(request, "floor.html", live="floor", fragments={"floor": floor}, **context)


def _moves(request: web.Request, live: LiveAgent, moved: QueueName | None = None) -> web.Response:
    return fragment(request, "_moves.html", csrf=csrf_of(request), **_context(request, live, moved))


def _context(request: web.Request, live: LiveAgent, moved: QueueName | None = None) -> dict[str, Any]:
    rows = Placements(parts_of(request).plan()).all(live)
    return {
        "agent": live,
        "placements": rows,
        "moved": next((row for row in rows if row.queue == moved), None),
        "highest": MAX_PENALTY,
    }


def _is_fragment(request: web.Request) -> bool:
    return request.headers.get("HX-Request") == "true"


def _live(request: web.Request) -> LiveAgent:
    live = live_agent(request)
    if live is None:
        raise not_found(N_("There is no such agent."))
    return live

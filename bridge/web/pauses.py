"""Owns who may pause the recording of a call that goes on, and the refusals, for pages and the API.

Whoever is in the call, and a supervisor of it. The floor decides; what came of it is in the call a moment
later.
"""

from collections.abc import Set
from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import RecordingPauseWished
from bridge.engine.ports import FloorView, LiveCall
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.moves import by_whom
from bridge.web.parts import WebParts
from bridge.web.principal import Person
from bridge.web.problems import Problem
from bridge.web.sight import supervised_by


def live_call(request: web.Request) -> LiveCall | None:
    """The one whose id is in the path."""
    wanted = request.match_info["id"]
    return next((call for call in parts_of(request).desk.floor().calls if call.call == wanted), None)


def paused_calls(floor: FloorView) -> Set[str]:
    """Those of which the recording is paused now."""
    return {call.call for call in floor.calls if call.paused is not None}


async def pause(request: web.Request, call: LiveCall, *, paused: bool) -> None:
    """Raises Problem (409) where nothing is recorded, or nothing is paused. A second pause is none."""
    if not call.recorded:
        raise Problem(HTTPStatus.CONFLICT, N_("Nothing of this call is recorded now."))
    if not paused and call.paused is None:
        raise Problem(HTTPStatus.CONFLICT, N_("The recording of this call is not paused."))
    await parts_of(request).desk.submit(RecordingPauseWished(call.call, paused, by_whom(request)))


def may_pause(person: Person, parts: WebParts, floor: FloorView) -> Set[str]:
    """The recorded calls of the queues and agents that a supervisor answers for."""
    reach = supervised_by(person, parts)
    return {
        call.call
        for call in floor.calls
        if call.recorded
        and (
            reach is None
            or call.queue in reach.queues
            or any(party.agent in reach.agents for party in call.parties)
        )
    }

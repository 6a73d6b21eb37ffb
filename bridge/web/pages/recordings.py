"""Owns who is handed a recorded file, and under which address. How it is handed out is handing.py's."""

from http import HTTPStatus

from aiohttp import web

from bridge.store.rows import RecordingRow
from bridge.web.access import Routes, SignedIn
from bridge.web.context import parts_of
from bridge.web.handing import hand_out
from bridge.web.labels import N_
from bridge.web.listening import note_listening
from bridge.web.problems import Problem, not_found
from bridge.web.sight import sight_of

AUDIBLE = N_(
    "That this recording was paused is known only since it was kept: what was said then may be in it. "
    "Tell the engineer."
)


def declare(routes: Routes) -> None:
    routes.get("/recordings/{id}.wav", listen, SignedIn())


async def listen(request: web.Request) -> web.StreamResponse:
    return await send_recording(request, request.match_info["id"], download="download" in request.query)


async def send_recording(request: web.Request, id: str, *, download: bool) -> web.StreamResponse:
    parts = parts_of(request)
    async with parts.store.view() as unit:
        recording = await unit.recordings.get(id)
        if recording is None:
            raise not_found(N_("There is no such recording."))
        await sight_of(request).demand(unit, await unit.calls.get(recording.call))
    await note_listening(request, recording, download=download)
    return await send_file(request, recording, download=download)


async def send_file(request: web.Request, recording: RecordingRow, *, download: bool) -> web.StreamResponse:
    """Asks nobody and notes nothing, that is for who calls it. Problem (409): a pause may be heard."""
    parts = parts_of(request)
    async with parts.store.view() as unit:
        unheard = [one for one in await unit.pauses.of_recordings([recording.id]) if one.check is None]
    if unheard and recording.state == "attached":
        raise Problem(HTTPStatus.CONFLICT, AUDIBLE)
    return await hand_out(request, parts.store, parts.recordings, recording, download=download)

"""Owns handing out recorded files, whole or in ranges so that a player can seek (RFC 9110 14)."""

from pathlib import Path

from aiohttp import web

from bridge.store.rows import RecordingRow
from bridge.web.access import Routes, SignedIn
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.problems import not_found
from bridge.web.rendering import slug
from bridge.web.sight import sight_of


def declare(routes: Routes) -> None:
    routes.get("/recordings/{id}.wav", listen, SignedIn())


async def listen(request: web.Request) -> web.StreamResponse:
    return await send_recording(request, request.match_info["id"], download="download" in request.query)


async def send_recording(request: web.Request, id: str, *, download: bool) -> web.StreamResponse:
    async with parts_of(request).store.view() as unit:
        recording = await unit.recordings.get(id)
        if recording is None:
            raise not_found(N_("There is no such recording."))
        await sight_of(request).demand(unit, await unit.calls.get(recording.call))
    path = _path(parts_of(request).recordings, recording)
    name = f"{slug(recording.id)}.wav"
    kind = "attachment" if download else "inline"
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "audio/wav",
            "Content-Disposition": f'{kind}; filename="{name}"',
            "Cache-Control": "private, no-cache",
        },
    )


def _path(directory: Path, recording: RecordingRow) -> Path:
    """Where it is, provided that it is below the directory: the name came through a database."""
    root = directory.resolve()
    path = (root / recording.file).resolve()
    if recording.state != "attached" or not recording.file:
        raise not_found(N_("The recording is not there yet; it is fetched soon after the call."))
    if not path.is_relative_to(root) or not path.is_file():
        raise not_found(N_("The recording's file is missing from the recordings directory."))
    return path

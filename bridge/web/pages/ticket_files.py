"""Owns the files of a ticket on its page: sent in, given out, removed."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from aiohttp import BodyPartReader, web

from bridge.crm.ticketing.files import TicketFiles
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.attached import give_out
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.pages.ticket import ticket_number
from bridge.web.pages.views import see_other
from bridge.web.problems import Problem, not_found

_LARGEST = 20 * 1001 * 2**20  # the engineer's own limit, which may change while we run, is below it
_PIECE = 1 << 16
_PIECE_SECONDS = 30.0
_MOST = 20  # files in one request


def declare(routes: Routes) -> None:
    routes.post("/tickets/{id}/files", send, SignedIn())
    routes.allow_large(send, _LARGEST)
    routes.get("/tickets/{id}/files/{file}", fetch, SignedIn())
    routes.post("/tickets/{id}/files/{file}/remove", remove, SignedIn())


async def send(request: web.Request) -> web.StreamResponse:
    """A form of files (multipart), read piece by piece. Its secret comes in a header: see the guard."""
    files, id = _files(request), ticket_number(request)
    if request.content_type != "multipart/form-data":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, N_("Send the file by the form of the page."))
    kept: list[AttachmentRow] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name != "file" or not part.filename:
                continue
            if len(kept) >= _MOST:
                raise Problem(HTTPStatus.BAD_REQUEST, N_("Too many files at once."))
            kept.append(await files.receive(actor_of(request), id, part.filename, _pieces(part)))
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, N_("The form cannot be read. Reload the page.")) from error
    if not kept:
        raise Problem(HTTPStatus.BAD_REQUEST, N_("Choose a file first."))
    place = f"/tickets/{id}?attached={kept[-1].id}#files"
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=204, headers={"HX-Redirect": place})
    return see_other(place)


async def fetch(request: web.Request) -> web.StreamResponse:
    return await give_out(request, _files(request), await _attachment(request))


async def remove(request: web.Request) -> web.StreamResponse:
    files, row = _files(request), await _attachment(request)
    await files.remove(actor_of(request), ticket_number(request), row.id)
    return see_other(f"/tickets/{ticket_number(request)}?removed={row.id}#files")


def _files(request: web.Request) -> TicketFiles:
    files = parts_of(request).files
    if files is None:
        raise not_found(N_("Files are not kept here."))
    return files


async def _attachment(request: web.Request) -> AttachmentRow:
    return await parts_of(request).tickets.attachment(
        actor_of(request), ticket_number(request), ticket_number(request, "file")
    )


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(_PIECE_SECONDS):
                piece = await part.read_chunk(_PIECE)
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, N_("The request came too slowly. Try again.")
            ) from error
        if not piece:
            return
        yield piece

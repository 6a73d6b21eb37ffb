"""Owns the files of a ticket on its page: sent in, given out, removed."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus

from aiohttp import web

from bridge.crm.ticketing.files import TicketFiles
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.attached import give_out
from bridge.web.bodies import form_with_files, has_files
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.pages.ticket import ticket_number
from bridge.web.pages.views import see_other
from bridge.web.problems import Problem, not_found

LARGEST = 20 * 1001 * 2**20  # of a form; the engineer's own limit, which may change, is below it
MOST = 20  # files in one request


def declare(routes: Routes) -> None:
    routes.post("/tickets/{id}/files", send, SignedIn())
    routes.allow_files(send, LARGEST)
    routes.get("/tickets/{id}/files/{file}", fetch, SignedIn())
    routes.post("/tickets/{id}/files/{file}/remove", remove, SignedIn())


async def send(request: web.Request) -> web.StreamResponse:
    files, id = files_of(request), ticket_number(request)
    kept = await received(request, partial(files.receive, actor_of(request), id))
    return attached_at(request, f"/tickets/{id}?attached={kept[-1].id}#files")


async def received(
    request: web.Request, receive: Callable[[str, AsyncIterator[bytes]], Awaitable[AttachmentRow]]
) -> list[AttachmentRow]:
    """One at least, of a form of files that is read piece by piece."""
    if not has_files(request):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, N_("Send the file by the form of the page."))
    kept: list[AttachmentRow] = []
    async for file in form_with_files(request).files():
        if file.field != "file" or not file.name:
            continue
        if len(kept) >= MOST:
            raise Problem(HTTPStatus.BAD_REQUEST, N_("Too many files at once."))
        kept.append(await receive(file.name, file.pieces()))
    if not kept:
        raise Problem(HTTPStatus.BAD_REQUEST, N_("Choose a file first."))
    return kept


def attached_at(request: web.Request, place: str) -> web.StreamResponse:
    """Back to the page, with scripts and without."""
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=204, headers={"HX-Redirect": place})
    return see_other(place)


async def fetch(request: web.Request) -> web.StreamResponse:
    return await give_out(request, files_of(request), await _attachment(request))


async def remove(request: web.Request) -> web.StreamResponse:
    files, row = files_of(request), await _attachment(request)
    await files.remove(actor_of(request), ticket_number(request), row.id)
    return see_other(f"/tickets/{ticket_number(request)}?removed={row.id}#files")


def files_of(request: web.Request) -> TicketFiles:
    files = parts_of(request).files
    if files is None:
        raise not_found(N_("Files are not kept here."))
    return files


async def _attachment(request: web.Request) -> AttachmentRow:
    return await parts_of(request).tickets.attachment(
        actor_of(request), ticket_number(request), ticket_number(request, "file")
    )

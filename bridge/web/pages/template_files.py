"""Owns the files of a template on its page: sent in, given out, removed."""

from http import HTTPStatus

from aiohttp import web

from bridge.crm.ticketing.files import TicketFiles
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.attached import give_out
from bridge.web.bodies import form_with_files, has_files
from bridge.web.forms import path_number
from bridge.web.labels import N_
from bridge.web.pages.templates import template_number
from bridge.web.pages.ticket_files import LARGEST, MOST, files_of
from bridge.web.pages.views import see_other
from bridge.web.problems import Problem


def declare(routes: Routes) -> None:
    routes.post("/templates/{id}/files", send, SignedIn())
    routes.allow_files(send, LARGEST)
    routes.get("/templates/{id}/files/{file}", fetch, SignedIn())
    routes.post("/templates/{id}/files/{file}/remove", remove, SignedIn())


async def send(request: web.Request) -> web.StreamResponse:
    """As a ticket's: a form of files, read piece by piece."""
    files, id = files_of(request), template_number(request)
    if not has_files(request):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, N_("Send the file by the form of the page."))
    kept = 0
    async for file in form_with_files(request).files():
        if file.field != "file" or not file.name:
            continue
        if kept >= MOST:
            raise Problem(HTTPStatus.BAD_REQUEST, N_("Too many files at once."))
        await files.receive_for_template(actor_of(request), id, file.name, file.pieces())
        kept += 1
    if not kept:
        raise Problem(HTTPStatus.BAD_REQUEST, N_("Choose a file first."))
    place = f"/templates/{id}?attached=1#files"
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=204, headers={"HX-Redirect": place})
    return see_other(place)


async def fetch(request: web.Request) -> web.StreamResponse:
    return await give_out(request, files_of(request), await _file(request))


async def remove(request: web.Request) -> web.StreamResponse:
    id, number = template_number(request), path_number(request, "file") or 0
    await files_of(request).remove_of_template(actor_of(request), id, number)
    return see_other(f"/templates/{id}?removed=1#files")


async def _file(request: web.Request) -> AttachmentRow:
    files: TicketFiles = files_of(request)
    return await files.sets.file(
        actor_of(request), template_number(request), path_number(request, "file") or 0
    )

"""Owns the files of a template on its page: sent in, given out, removed."""

from functools import partial

from aiohttp import web

from bridge.crm.ticketing.files import TicketFiles
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.access import Routes, SignedIn
from bridge.web.actors import actor_of
from bridge.web.attached import give_out
from bridge.web.forms import path_number
from bridge.web.pages.templates import template_number
from bridge.web.pages.ticket_files import LARGEST, attached_at, files_of, received
from bridge.web.pages.views import see_other


def declare(routes: Routes) -> None:
    routes.post("/templates/{id}/files", send, SignedIn())
    routes.allow_files(send, LARGEST)
    routes.get("/templates/{id}/files/{file}", fetch, SignedIn())
    routes.post("/templates/{id}/files/{file}/remove", remove, SignedIn())


async def send(request: web.Request) -> web.StreamResponse:
    files, id = files_of(request), template_number(request)
    await received(request, partial(files.receive_for_template, actor_of(request), id))
    return attached_at(request, f"/templates/{id}?attached=1#files")


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

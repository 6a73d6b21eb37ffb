"""Owns files of tickets by the API: taken piece by piece, given out as something to save."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import structlog
from aiohttp import web
from pydantic import Field

from bridge.config.keyfile import KeyUnusable
from bridge.crm.ticketing.files import TicketFiles
from bridge.errors import InternalError
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.actors import actor_of
from bridge.web.api import ticket_models as models
from bridge.web.api.models import Listed
from bridge.web.api.operations import NoQuery, Query, answer, query
from bridge.web.api.ticket_showing import attachment, refusals, ticket_number
from bridge.web.attached import give_out
from bridge.web.bodies import BODY_SECONDS
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.problems import Problem, not_found

log = structlog.get_logger(__name__)
_BLOCK = 1 << 16
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class FileQuery(Query):
    name: str = Field(min_length=1, max_length=200, description="How it is called.")
    entry: int | None = Field(None, ge=1, description="The entry of the thread that it belongs to.")


def files_of(request: web.Request) -> TicketFiles:
    files = parts_of(request).files
    if files is None:
        raise InternalError("the web room was given no place for files of tickets")
    return files


async def list_attachments(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    id, parts = ticket_number(request), parts_of(request)
    async with parts.store.view() as unit:
        with refusals():
            await parts.tickets.see(unit, actor_of(request), id)
        rows = await unit.attachments.of_ticket(id)
    return answer(Listed[models.Attachment](items=[attachment(row) for row in rows], next=None))


async def add_attachment(request: web.Request) -> web.StreamResponse:
    given, id, files = query(request, FileQuery), ticket_number(request), files_of(request)
    pieces = body_pieces(request, files)
    with refusals(), unkept(id):
        row = await files.receive(actor_of(request), id, given.name, pieces, given.entry)
    told = attachment(row)
    return answer(told, status=HTTPStatus.CREATED, headers={"Location": told.url})


@contextmanager
def unkept(about: int) -> Iterator[None]:
    """What the engineer has to see to."""
    try:
        yield
    except (KeyUnusable, OSError) as error:
        log.error("file not kept", action="attachment", about=about, reason=str(error))
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The file cannot be kept now. The engineer finds the reason in the log.",
        ) from None


def body_pieces(request: web.Request, files: TicketFiles) -> AsyncIterator[bytes]:
    """The body is the file itself, whatever its Content-Type says: what it is is seen by its bytes."""
    if request.content_type in _FORMS:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the file itself as the body, not as a form.")
    if (request.content_length or 0) > files.largest:
        raise _too_large(files)
    return _pieces(request, files)


async def _pieces(request: web.Request, files: TicketFiles) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                piece = await request.content.readany()
        except TimeoutError as error:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly. Try again.") from error
        if not piece:
            return
        size += len(piece)
        if size > files.largest:
            raise _too_large(files)
        yield piece


def _too_large(files: TicketFiles) -> Problem:
    most = files.largest // 2**20
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The file is larger than {most} MB; send a smaller one, or a link.",
    )


async def get_attachment(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(attachment(await _found(request)))


async def get_attachment_content(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return await give_out(request, files_of(request), await _found(request))


async def remove_attachment(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    id, number = ticket_number(request), file_number(request)
    with refusals():
        row = await files_of(request).remove(actor_of(request), id, number)
    return answer(attachment(row))


async def _found(request: web.Request) -> AttachmentRow:
    id, number = ticket_number(request), file_number(request)
    with refusals():
        return await parts_of(request).tickets.attachment(actor_of(request), id, number)


def file_number(request: web.Request) -> int:
    number = path_number(request, "attachment")
    if number is None:
        raise not_found("There is no such file.")
    return number

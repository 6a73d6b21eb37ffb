"""Owns the files of templates by the API; see ticket_files.py for how files come and go."""

from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from bridge.store.ticket_rows import AttachmentRow
from bridge.web.actors import actor_of
from bridge.web.api import ticket_set_models as models
from bridge.web.api.models import Listed
from bridge.web.api.operations import NoQuery, Query, answer, query
from bridge.web.api.ticket_files import body_pieces, file_number, files_of, unkept
from bridge.web.api.ticket_sets import found_template
from bridge.web.api.ticket_showing import refusals, template_file
from bridge.web.attached import give_out
from bridge.web.forms import path_number


class TemplateFileQuery(Query):
    name: str = Field(min_length=1, max_length=200, description="How it is called.")


async def list_template_attachments(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    row = await found_template(request)
    items = [template_file(one) for one in row.attachments]
    return answer(Listed[models.TemplateFile](items=items, next=None))


async def add_template_attachment(request: web.Request) -> web.StreamResponse:
    given, files = query(request, TemplateFileQuery), files_of(request)
    id, pieces = path_number(request) or 0, body_pieces(request, files)
    with refusals(), unkept(id):
        row = await files.receive_for_template(actor_of(request), id, given.name, pieces)
    told = template_file(row)
    return answer(told, status=HTTPStatus.CREATED, headers={"Location": told.url})


async def get_template_attachment(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(template_file(await _found(request)))


async def get_template_attachment_content(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return await give_out(request, files_of(request), await _found(request))


async def remove_template_attachment(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    with refusals():
        row = await files_of(request).remove_of_template(
            actor_of(request), path_number(request) or 0, file_number(request)
        )
    return answer(template_file(row))


async def _found(request: web.Request) -> AttachmentRow:
    with refusals():
        return await files_of(request).sets.file(
            actor_of(request), path_number(request) or 0, file_number(request)
        )

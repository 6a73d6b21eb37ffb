"""Owns the API's links to recordings: list, make and mail, revoke."""

from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from bridge.store.rows import LinkRow
from bridge.web.api import access_models, models
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import path_number
from bridge.web.links import checked_recipient, make_link, recording_to_share, revoke_link
from bridge.web.problems import Fault, Problem


async def list_links(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    async with parts_of(request).store.view() as unit:
        recording = await recording_to_share(request, unit)
        rows = await unit.links.of_recordings([recording.id])
    return answer(models.Listed[access_models.Link](items=[_link(row) for row in rows], next=None))


async def make_recording_link(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, access_models.NewLink)).value
    try:
        recipient = checked_recipient(wanted.recipient)
    except ValueError as error:
        fault = Fault("#/recipient", str(error))
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"#/recipient: {error}", faults=(fault,)) from error
    language = renderer_of(request).languages[wanted.language or language_of(request)]
    made = await make_link(request, recipient, wanted.hours, language)
    return answer(
        access_models.MadeLink(**_link(made.link).model_dump(), url=made.url), status=HTTPStatus.CREATED
    )


async def revoke_recording_link(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(_link(await revoke_link(request, path_number(request, "link"))))


def _link(row: LinkRow) -> access_models.Link:
    return access_models.Link.model_validate({**asdict(row), "good": row.is_good(datetime.now(UTC))})

"""Owns giving out a ticket's file, for pages and API: to save, and never a page. Not who may have it."""

import asyncio
from contextlib import ExitStack
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from bridge.config.keyfile import KeyUnusable
from bridge.crm.attachments import download_headers
from bridge.crm.ticketing.files import TicketFiles
from bridge.errors import BadInput
from bridge.store.ticket_rows import AttachmentRow
from bridge.web.labels import N_
from bridge.web.problems import Problem

log = structlog.get_logger(__name__)

_BLOCK = 1 << 16


async def give_out(request: web.Request, files: TicketFiles, row: AttachmentRow) -> web.StreamResponse:
    response = web.StreamResponse(headers=download_headers(row.name, row.media_type))
    response.content_length = row.bytes
    with ExitStack() as stack:
        try:
            # Opening decrypts and verifies the whole file.
            stream = await asyncio.to_thread(stack.enter_context, files.opened(row))
        except (BadInput, KeyUnusable, OSError) as error:
            # Where it lies is the engineer's business alone.
            log.error("file not handed out", action="attachment", attachment=row.id, reason=str(error))
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                N_("The file cannot be opened now. The engineer finds the reason in the log."),
            ) from None
        await response.prepare(request)
        while request.method != hdrs.METH_HEAD and (piece := await asyncio.to_thread(stream.read, _BLOCK)):
            await response.write(piece)
    await response.write_eof()
    return response

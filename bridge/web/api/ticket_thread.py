"""Owns what hangs on a ticket, by the API: its thread, its log, tags, links, merging, calls."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from bridge.crm.ticketing.attaching import may_go_along
from bridge.errors import NoSuchEntry
from bridge.store.ticket_rows import EntryRow, NewEntry
from bridge.web.actors import actor_of
from bridge.web.api import ticket_models as models
from bridge.web.api.models import Listed
from bridge.web.api.operations import PREFIX, NoQuery, Paged, Query, answer, body, query
from bridge.web.api.ticket_showing import entry, log_entry, refusals, ticket_number
from bridge.web.api.tickets import show
from bridge.web.api.unfit import unfit
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.problems import not_found

_KINDS = {"reply": "mail_out"}  # all others are called in the thread as they are here
_NOT_MAILED = {
    "note": "a note is sent to nobody; leave it out.",
    "message_in": "a message is not mailed; leave it out.",
    "message_out": "a message is not mailed; leave it out.",
}


class EntriesQuery(Paged):
    order: Literal["oldest", "newest"] = Field("oldest", description="Which comes first.")


class LinkQuery(Query):
    kind: models.LinkKind = Field("related", description="What this ticket is to the other one.")


# ── the thread ───────────────────────────────────────────────────────────────


async def list_entries(request: web.Request) -> web.StreamResponse:
    given, id = query(request, EntriesQuery), ticket_number(request)
    parts = parts_of(request)
    async with parts.store.view() as unit:
        with refusals():
            await parts.tickets.see(unit, actor_of(request), id)
        page = await unit.entries.page(id, given.cursor, given.limit, newest_first=given.order == "newest")
        files = await unit.attachments.of_entries([row.id for row in page.items])
    items = [entry(row, [one for one in files if one.entry == row.id]) for row in page.items]
    return answer(Listed[models.Entry](items=items, next=page.cursor))


async def add_entry(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewEntry)).value
    parts, actor, id = parts_of(request), actor_of(request), ticket_number(request)
    if not wanted.body.strip():
        raise unfit("#/body", "it must not be empty.")
    if wanted.kind in _NOT_MAILED and (wanted.to or wanted.cc):
        raise unfit("#/to" if wanted.to else "#/cc", _NOT_MAILED[wanted.kind])
    from_client = wanted.kind == "message_in"
    if from_client and wanted.attachments:
        raise unfit("#/attachments", "what the client sent is attached to the ticket; leave it out.")
    new = NewEntry(
        _KINDS.get(wanted.kind, wanted.kind),
        "client" if from_client else actor.by,
        datetime.now(UTC),
        wanted.subject,
        wanted.body,
        to=", ".join(wanted.to),
        cc=", ".join(wanted.cc),
    )
    await _demand_own(request, id, wanted.attachments)
    with refusals():
        if from_client:
            row, _ = await parts.tickets.client_wrote(actor, id, new)
        else:
            row = await parts.tickets.write(actor, id, new, wanted.attachments)
    headers = {"Location": f"{PREFIX}/tickets/{row.ticket}/entries"}
    return answer(await _whole(request, row), status=HTTPStatus.CREATED, headers=headers)


async def send_entry_again(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    number = path_number(request, "entry")
    with refusals():
        if number is None:
            raise NoSuchEntry("there is no such entry")
        row = await parts_of(request).tickets.send_again(actor_of(request), ticket_number(request), number)
    return answer(await _whole(request, row))


async def _demand_own(request: web.Request, id: int, files: list[int]) -> None:
    """Files of another ticket are pointed at, whoever asks: that there is one is not told."""
    if not files:
        return
    async with parts_of(request).store.view() as unit:
        with refusals():
            ticket = (await parts_of(request).tickets.see(unit, actor_of(request), id)).ticket
        for place, number in enumerate(files):
            row = await unit.attachments.get(number)
            if row is None or not await may_go_along(unit, row, ticket):
                raise unfit(f"#/attachments/{place}", "this ticket has no such file; attach it first.")


async def _whole(request: web.Request, row: EntryRow) -> models.Entry:
    async with parts_of(request).store.view() as unit:
        return entry(row, await unit.attachments.of_entries([row.id]))


async def list_ticket_changes(request: web.Request) -> web.StreamResponse:
    given, id = query(request, Paged), ticket_number(request)
    parts = parts_of(request)
    async with parts.store.view() as unit:
        with refusals():
            await parts.tickets.see(unit, actor_of(request), id)
        page = await unit.ticket_changes.page(id, given.cursor, given.limit)
    items = [log_entry(row) for row in page.items]
    return answer(Listed[models.TicketLogEntry](items=items, next=page.cursor))


# ── tags, links, merging, calls ──────────────────────────────────────────────


async def set_tags(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.Tags)).value
    id = ticket_number(request)
    for place, tag in enumerate(wanted.tags):
        if not tag.strip():
            raise unfit(f"#/tags/{place}", "it must not be empty.")
    with refusals():
        await parts_of(request).tickets.set_tags(actor_of(request), id, wanted.tags)
    return await show(request, id)


async def link_tickets(request: web.Request) -> web.StreamResponse:
    return await _link(request, on=True)


async def unlink_tickets(request: web.Request) -> web.StreamResponse:
    return await _link(request, on=False)


async def _link(request: web.Request, *, on: bool) -> web.StreamResponse:
    given = query(request, LinkQuery)
    id, other = ticket_number(request), ticket_number(request, "other")
    with refusals():
        await parts_of(request).tickets.link(actor_of(request), id, other, given.kind, on=on)
    return await show(request, id)


async def merge_tickets(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    into = (await body(request, models.Merge)).value.into
    parts, id = parts_of(request), ticket_number(request)
    async with parts.store.view() as unit:
        if await unit.tickets.get(into) is None:
            raise unfit("#/into", "there is no such ticket.")
    with refusals():
        row = await parts.tickets.merge(actor_of(request), id, into)
    return await show(request, row.id)


async def take_call(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    parts, id, call = parts_of(request), ticket_number(request), request.match_info["call"]
    async with parts.store.view() as unit:
        if await unit.calls.get(call) is None:
            raise not_found("There is no such call.")
    with refusals():
        row = await parts.tickets.take_call(actor_of(request), call, id)
    return await show(request, row.id)

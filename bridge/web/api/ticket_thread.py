"""Owns what hangs on a ticket, by the API: its thread, its log, tags, links, merging, calls."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from bridge.store.ticket_rows import NewEntry
from bridge.web.actors import actor_of
from bridge.web.api import ticket_models as models
from bridge.web.api.models import Listed
from bridge.web.api.operations import PREFIX, NoQuery, Paged, Query, answer, body, query
from bridge.web.api.ticket_showing import entry, log_entry, refusals, ticket_number
from bridge.web.api.tickets import show
from bridge.web.api.unfit import unfit
from bridge.web.context import parts_of
from bridge.web.problems import Problem, not_found

_KINDS = {"note": "note", "partner": "partner", "reply": "mail_out"}


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
    parts, actor = parts_of(request), actor_of(request)
    if not wanted.body.strip():
        raise unfit("#/body", "it must not be empty.")
    if wanted.kind == "note" and (wanted.to or wanted.cc):
        raise unfit("#/to" if wanted.to else "#/cc", "a note is sent to nobody; leave it out.")
    is_sent = wanted.kind == "reply" or bool(wanted.to)
    if is_sent and parts.mailer is None:
        raise Problem(
            HTTPStatus.CONFLICT, "There is no mail server in the file: without mail: nothing is sent."
        )
    new = NewEntry(
        _KINDS[wanted.kind],
        actor.by,
        datetime.now(UTC),
        wanted.subject,
        wanted.body,
        to=", ".join(wanted.to),
        cc=", ".join(wanted.cc),
        delivery="waiting" if is_sent else "",
    )
    with refusals():
        row = await parts.tickets.write(actor, ticket_number(request), new)
    headers = {"Location": f"{PREFIX}/tickets/{row.ticket}/entries"}
    return answer(entry(row), status=HTTPStatus.CREATED, headers=headers)


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

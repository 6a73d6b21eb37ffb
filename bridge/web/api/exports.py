"""Owns the API's CSV: clients, tickets and calls as files, streamed page by page in constant memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from bridge.config.custom_fields import FieldSettings
from bridge.config.rights import Action
from bridge.crm.cells import BOM, Delimiter, rows_as_bytes
from bridge.crm.client_cells import COLUMN, field_cell, tags_cell
from bridge.crm.ticketing.rules import Rules
from bridge.store import Unit
from bridge.store.rows import CallRow, ClientRow, ClientSourceRow, Page, TicketRow
from bridge.store.ticket_query import TicketQuery
from bridge.web.actors import actor_of
from bridge.web.api.clients import TaggedQuery
from bridge.web.api.operations import Moment, Query, query
from bridge.web.api.ticket_queries import TicketFilter, asked
from bridge.web.api.ticket_showing import refusals
from bridge.web.context import parts_of

_PAGE = 500

Rows = Sequence[Sequence[Any]]


class CsvQuery(Query):
    delimiter: Literal["comma", "semicolon", "tab"] = Field(
        "comma", description="A spreadsheet may expect `semicolon`."
    )
    bom: bool = Field(False, description="Begin with a byte order mark, as some spreadsheets want UTF-8.")


class ClientsCsvQuery(TaggedQuery, CsvQuery):
    pass


class TicketsCsvQuery(TicketFilter, CsvQuery):
    pass


class CallsCsvQuery(CsvQuery):
    agent: str | None = Field(None, max_length=100, description="Only this agent's.")
    queue: str | None = Field(None, max_length=200, description="Only this queue's.")
    since: Moment | None = Field(None, description="Only those offered then or later.")


_CLIENTS = (
    "id",
    "name",
    "company",
    "numbers",
    "emails",
    "tags",
    "language",
    "tier",
    "notes",
    "sources",
    "created_at",
    "updated_at",
)
_TICKETS = (
    "id",
    "call_id",
    "client",
    "subject",
    "status",
    "priority",
    "department",
    "line",
    "assignee",
    "classification",
    "disposition",
    "solution",
    "tags",
    "created_at",
    "updated_at",
)
_CALLS = (
    "id",
    "direction",
    "number",
    "name",
    "dialled",
    "trunk",
    "client",
    "queue",
    "agent",
    "offered_at",
    "queued_at",
    "answered_at",
    "ended_at",
    "outcome",
    "disposition",
)


async def export_clients(request: web.Request) -> web.StreamResponse:
    asked = query(request, ClientsCsvQuery)

    fields = parts_of(request).client_fields()

    async def page(unit: Unit, cursor: str | None) -> Page[Sequence[Any]]:
        found = await unit.clients.page(cursor, _PAGE, asked.tags)
        sources = await unit.sources.of_clients([row.id for row in found.items])
        known = {row.id: [one for one in sources if one.client == row.id] for row in found.items}
        rows = [_client(row, known[row.id], fields) for row in found.items]
        return Page(tuple(rows), found.cursor)

    header = [*_CLIENTS, *(COLUMN + field.key for field in fields)]
    return await _send(request, asked, "clients", header, _pages(request, page, tuple))


async def export_tickets(request: web.Request) -> web.StreamResponse:
    given, parts = query(request, TicketsCsvQuery), parts_of(request)
    async with parts.store.view() as unit:
        wanted = await asked(unit, request, given)
    with refusals():
        wanted = parts.tickets.narrowed(actor_of(request), wanted, Action.EXPORT)
    return await send_tickets(request, wanted, given)


async def send_tickets(request: web.Request, wanted: TicketQuery, given: CsvQuery) -> web.StreamResponse:
    """``wanted``: of what he who asks may export."""
    rules = parts_of(request).tickets.rules
    own = tuple(rules.fields_of_all())

    async def page(unit: Unit, cursor: str | None) -> Page[Sequence[Any]]:
        found = await unit.ticket_lists.page(wanted, cursor, _PAGE)
        tags = await unit.ticket_marks.tags([row.id for row in found.items])
        rows = [_ticket(row, tags.get(row.id, ()), rules, own) for row in found.items]
        return Page(tuple(rows), found.cursor)

    header = [*_TICKETS, *(COLUMN + key for key in own)]
    return await _send(request, given, "tickets", header, _pages(request, page, tuple))


async def export_calls(request: web.Request) -> web.StreamResponse:
    asked = query(request, CallsCsvQuery)

    async def page(unit: Unit, cursor: str | None) -> Page[CallRow]:
        return await unit.calls.page(cursor, _PAGE, agent=asked.agent, queue=asked.queue, since=asked.since)

    return await _send(request, asked, "calls", _CALLS, _pages(request, page, _call))


async def _pages(request: web.Request, page: Any, cells: Any) -> AsyncIterator[Rows]:
    """Each in a view of its own: who reads slowly keeps no transaction open."""
    cursor: str | None = None
    while True:
        async with parts_of(request).store.view() as unit:
            found = await page(unit, cursor)
        yield [cells(row) for row in found.items]
        cursor = found.cursor
        if cursor is None:
            return


async def _send(
    request: web.Request, asked: CsvQuery, name: str, header: Sequence[str], pages: AsyncIterator[Rows]
) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.csv"',
        }
    )
    delimiter = Delimiter(asked.delimiter)
    await response.prepare(request)
    if request.method != "HEAD":
        await response.write((BOM if asked.bom else "").encode() + rows_as_bytes([header], delimiter))
        async for rows in pages:
            await response.write(rows_as_bytes(rows, delimiter))
    await response.write_eof()
    return response


def _client(
    row: ClientRow, sources: Sequence[ClientSourceRow], fields: Sequence[FieldSettings]
) -> Sequence[Any]:
    numbers = "|".join(number.e164 for number in row.numbers)
    return (
        row.id,
        row.name,
        row.company,
        numbers,
        "|".join(row.emails),
        tags_cell(row.tags),
        row.language,
        row.tier,
        row.notes,
        "|".join(f"{one.source}:{one.external_id}" for one in sources),
        row.created_at.isoformat(),
        row.updated_at.isoformat(),
        *(field_cell(field, row.fields.get(field.key, "")) for field in fields),
    )


def _ticket(row: TicketRow, tags: Sequence[str], rules: Rules, own: Sequence[str]) -> Sequence[Any]:
    fields = {field.key: field for field in rules.fields(row.department)}
    values = {key: str(value) for key, value in row.fields.items()}
    return (
        row.id,
        row.call,
        row.client,
        row.subject,
        row.status,
        row.priority,
        row.department,
        row.line,
        row.assignee,
        row.classification,
        row.disposition,
        row.solution,
        tags_cell(tags),
        row.created_at.isoformat(),
        row.updated_at.isoformat(),
        *(
            field_cell(fields[key], values.get(key, "")) if key in fields else values.get(key, "")
            for key in own
        ),
    )


def _call(row: CallRow) -> Sequence[Any]:
    times = (row.offered_at, row.queued_at, row.answered_at, row.ended_at)
    return (
        row.id,
        row.direction,
        row.e164 or row.number,
        row.name,
        row.dialled,
        row.trunk,
        row.client,
        row.queue,
        row.agent,
        *(at.isoformat() if at is not None else None for at in times),
        row.outcome.value if row.outcome else None,
        row.disposition,
    )

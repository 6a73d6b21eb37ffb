"""Owns the API's calls, tickets, clients and recordings: from rows to models and back."""

from collections.abc import Sequence, Set
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import Field

from bridge.centre.record import Doing
from bridge.centre.spent import Spent, spent
from bridge.crm.client_numbers import merged, row_of
from bridge.crm.vault import format_of
from bridge.errors import BadNumber
from bridge.store import Unit
from bridge.store.rows import CallRow, ClientRow, NumberRow, OfferRow, PauseRow, RecordingRow, TicketRow
from bridge.web.api import models
from bridge.web.api.etags import demand_match, tag_of
from bridge.web.api.operations import PREFIX, Moment, NoQuery, Paged, Query, answer, body, query
from bridge.web.api.recording_models import Recording
from bridge.web.beside import Beside, beside
from bridge.web.choices import dispositions, values
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.pages.recordings import send_recording
from bridge.web.pauses import paused_calls
from bridge.web.problems import Fault, Problem, not_found
from bridge.web.sight import Sight, sight_of


class CallsQuery(Paged):
    client: int | None = Field(None, ge=1, description="Only this client's.")
    agent: str | None = Field(None, max_length=100, description="Only this agent's.")
    queue: str | None = Field(None, max_length=200, description="Only this queue's.")
    since: Moment | None = Field(None, description="Only those offered then or later.")


class TicketsQuery(Paged):
    client: int | None = Field(None, ge=1, description="Only this client's.")
    status: models.Status | None = Field(None, description="Only those in this status.")
    assignee: str | None = Field(None, max_length=100, description="Only those of this agent.")
    call_id: str | None = Field(None, max_length=200, description="Only the ticket of this call.")


class ClientsQuery(Paged):
    q: str | None = Field(
        None, min_length=1, max_length=100, description="Words of the name, or a number's start."
    )


class FileQuery(Query):
    download: bool = Field(False, description="Have the browser save it instead of playing it.")


# ── calls ────────────────────────────────────────────────────────────────────


async def list_calls(request: web.Request) -> web.StreamResponse:
    asked = query(request, CallsQuery)
    async with parts_of(request).store.view() as unit:
        page = await unit.calls.page(
            asked.cursor,
            asked.limit,
            client=asked.client,
            agent=asked.agent,
            queue=asked.queue,
            since=asked.since,
        )
    paused = paused_calls(parts_of(request).desk.floor())
    items = [_call(row, paused) for row in page.items]
    return answer(models.Listed[models.Call](items=items, next=page.cursor))


async def get_call(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    async with parts_of(request).store.view() as unit:
        row = await unit.calls.get(request.match_info["id"])
    if row is None:
        raise not_found("There is no such call.")
    return answer(_call(row, paused_calls(parts_of(request).desk.floor())))


async def list_offers(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    async with parts_of(request).store.view() as unit:
        if await unit.calls.get(request.match_info["id"]) is None:
            raise not_found("There is no such call.")
        rows = await unit.offers.of_call(request.match_info["id"])
    return answer(models.Listed[models.Offer](items=[_offer(row) for row in rows], next=None))


# ── tickets ──────────────────────────────────────────────────────────────────


async def list_tickets(request: web.Request) -> web.StreamResponse:
    asked = query(request, TicketsQuery)
    async with parts_of(request).store.view() as unit:
        rows: Sequence[TicketRow]
        if asked.call_id is not None:
            row = await unit.tickets.by_call(asked.call_id)
            fits = row is not None and _fits(row, asked)
            rows, cursor = ([row] if row is not None and fits else []), None
        else:
            page = await unit.tickets.page(
                asked.cursor,
                asked.limit,
                client=asked.client,
                status=asked.status,
                assignee=asked.assignee,
            )
            rows, cursor = page.items, page.cursor
        sight = sight_of(request)
        items = [await _ticket(unit, row, sight) for row in rows]
    return answer(models.Listed[models.Ticket](items=items, next=cursor))


async def get_ticket(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    number = path_number(request)
    async with parts_of(request).store.view() as unit:
        row = await unit.tickets.get(number) if number is not None else None
        if row is None:
            raise not_found("There is no such ticket.")
        return answer(await _ticket(unit, row, sight_of(request)), row=row)


async def change_ticket(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    change = await body(request, models.TicketChange)
    number = path_number(request)
    wanted = change.value
    plan = parts_of(request).plan()
    if wanted.assignee is not None and wanted.assignee not in plan.agents:
        raise _unfit("#/assignee", "there is no such agent; GET /api/v1/agents lists them.")
    known = (*values(dispositions(plan)), "")
    if wanted.disposition is not None and wanted.disposition not in known:
        raise _unfit("#/disposition", f"give one of: {', '.join(known[:-1])}; or empty for none.")
    async with parts_of(request).store.unit() as unit:
        row = await unit.tickets.lock(number) if number is not None else None
        if row is None:
            raise not_found("There is no such ticket.")
        shown = (await _ticket(unit, row, sight_of(request))).model_dump_json()
        demand_match(request, row, row.updated_at, tag_of(shown, row))
        if wanted.client is not None and await unit.clients.get(wanted.client) is None:
            raise _unfit("#/client", "there is no such client.")
        changed = await unit.tickets.update(
            row.id,
            status=wanted.status or row.status,
            priority=wanted.priority or row.priority,
            assignee=wanted.assignee if change.sent("assignee") else row.assignee,
            solution=row.solution if wanted.solution is None else wanted.solution,
        )
        # Told apart: the store keeps what people set from later news of the call, so only what was sent.
        if wanted.subject is not None:
            changed = await unit.tickets.update(row.id, subject=wanted.subject)
        if change.sent("client"):
            changed = await unit.tickets.update(row.id, client=wanted.client)
        if wanted.disposition is not None:
            changed = await unit.tickets.update(row.id, disposition=wanted.disposition)
        changed = changed or row
        return answer(await _ticket(unit, changed, sight_of(request)), row=changed)


# ── clients ──────────────────────────────────────────────────────────────────


async def list_clients(request: web.Request) -> web.StreamResponse:
    asked = query(request, ClientsQuery)
    async with parts_of(request).store.view() as unit:
        if asked.q is not None:
            rows, cursor = tuple(await unit.clients.search(asked.q, asked.limit)), None
        else:
            page = await unit.clients.page(asked.cursor, asked.limit)
            rows, cursor = page.items, page.cursor
    return answer(models.Listed[models.Client](items=[_client(row) for row in rows], next=cursor))


async def get_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    number = path_number(request)
    async with parts_of(request).store.view() as unit:
        row = await unit.clients.get(number) if number is not None else None
    if row is None:
        raise not_found("There is no such client.")
    return answer(_client(row), row=row)


async def add_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    wanted = (await body(request, models.NewClient)).value
    numbers = _numbers(request, wanted.numbers)
    async with parts_of(request).store.unit() as unit:
        row = await unit.clients.add(
            wanted.name,
            company=wanted.company,
            language=wanted.language,
            tier=wanted.tier,
            notes=wanted.notes,
            numbers=numbers,
        )
    location = f"{PREFIX}/clients/{row.id}"
    return answer(_client(row), status=201, headers={"Location": location}, row=row)


async def change_client(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    change = await body(request, models.ClientChange)
    number = path_number(request)
    wanted = change.value
    async with parts_of(request).store.unit() as unit:
        row = await unit.clients.lock(number) if number is not None else None
        if row is None:
            raise not_found("There is no such client.")
        demand_match(request, row, row.updated_at, tag_of(_client(row).model_dump_json(), row))
        changed = await unit.clients.update(
            row.id,
            name=row.name if wanted.name is None else wanted.name,
            company=row.company if wanted.company is None else wanted.company,
            language=row.language if wanted.language is None else wanted.language,
            tier=row.tier if wanted.tier is None else wanted.tier,
            notes=row.notes if wanted.notes is None else wanted.notes,
            numbers=row.numbers if wanted.numbers is None else _numbers(request, wanted.numbers),
        )
    return answer(_client(changed or row), row=changed or row)


# ── recordings ───────────────────────────────────────────────────────────────


async def list_recordings(request: web.Request) -> web.StreamResponse:
    asked = query(request, Paged)
    async with parts_of(request).store.view() as unit:
        page = await unit.recordings.page(asked.cursor, asked.limit, within=sight_of(request).heard)
        around = await beside(unit, page.items)
    items = [_recording(row, around[row.id]) for row in page.items]
    return answer(models.Listed[Recording](items=items, next=page.cursor))


async def get_recording(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    async with parts_of(request).store.view() as unit:
        row = await unit.recordings.get(request.match_info["id"])
        if row is None:
            raise not_found("There is no such recording.")
        await sight_of(request).demand(unit, await unit.calls.get(row.call))
        around = await beside(unit, [row])
    return answer(_recording(row, around[row.id]))


async def get_recording_file(request: web.Request) -> web.StreamResponse:
    asked = query(request, FileQuery)
    return await send_recording(request, request.match_info["id"], download=asked.download)


# ── from rows to models ──────────────────────────────────────────────────────


def _call(row: CallRow, paused: Set[str]) -> models.Call:
    legs = [{name: value for name, value in asdict(leg).items() if name != "call"} for leg in row.legs]
    outcome = row.outcome.value if row.outcome else None
    own = {"outcome": outcome, "legs": legs, "recording_paused": row.id in paused}
    own["spent"] = [
        _spent(one) for one in spent(row.segments, row.wrap_ups, row.ended_at or datetime.now(UTC))
    ]
    fields = {name: value for name, value in asdict(row).items() if name != "wrap_ups"}
    return models.Call.model_validate({**fields, **own})


def _spent(one: Spent) -> dict[str, Any]:
    doing = {f"{doing.value}_ms": _ms(one.doing.get(doing, timedelta(0))) for doing in Doing}
    return {"agent": one.agent, **doing, "wrap_up_ms": _ms(one.wrap_up)}


def _ms(length: timedelta) -> int:
    return round(length / timedelta(milliseconds=1))


def _offer(row: OfferRow) -> models.Offer:
    fields = {name: value for name, value in asdict(row).items() if name != "call"}
    return models.Offer.model_validate({**fields, "call_id": row.call, "needs": dict(row.needs)})


async def _ticket(unit: Unit, row: TicketRow, sight: Sight) -> models.Ticket:
    found = await _recordings_of(unit, row) if await _hears(unit, row, sight) else []
    fields = asdict(row)
    return models.Ticket.model_validate(
        {
            **{name: value for name, value in fields.items() if name in models.Ticket.model_fields},
            "call_id": row.call,
            "recordings": [
                {
                    "id": one.id,
                    "state": _state(one),
                    "url": _url(one),
                    "duration_ms": one.duration_ms,
                    "channels": one.channels,
                    "sha256": one.sha256,
                    "removed_at": one.removed_at,
                }
                for one in found
            ],
        }
    )


async def _hears(unit: Unit, row: TicketRow, sight: Sight) -> bool:
    # A program's token sees everything: a list of its tickets needs no call of any.
    if sight.hears(None, row):
        return True
    return row.call is not None and sight.hears(await unit.calls.get(row.call), row)


async def _recordings_of(unit: Unit, row: TicketRow) -> list[RecordingRow]:
    return await unit.recordings.of_call(row.call) if row.call else await unit.recordings.of_ticket(row.id)


_OF_THE_DISK = frozenset(
    {"call", "file", "stored_bytes", "stored_sha256", "encrypted", "compressed_at", "stored_fault"}
)


def _recording(row: RecordingRow, around: Beside) -> Recording:
    fields = {name: value for name, value in asdict(row).items() if name not in _OF_THE_DISK}
    fields |= {"call_id": row.call, "state": _state(row), "url": _url(row)}
    fields["pauses"] = [_pause(one) for one in around.pauses]
    fields["timeline"] = [asdict(span) for span in around.timeline]
    return Recording.model_validate({**fields, "format": format_of(row.file).value})


def _pause(row: PauseRow) -> dict[str, Any]:
    check = row.check
    return {
        **asdict(row.pause),
        "checked_at": check.at if check else None,
        "found": check.found if check else None,
        "from_ms": check.from_ms if check else None,
        "until_ms": check.until_ms if check else None,
    }


def _client(row: ClientRow) -> models.Client:
    return models.Client.model_validate(asdict(row))


def _url(row: RecordingRow) -> str | None:
    return f"{PREFIX}/recordings/{row.id}/file" if _state(row) == "attached" else None


def _state(row: RecordingRow) -> str:
    return "removed" if row.removed_at is not None else row.state


def _fits(row: TicketRow, asked: TicketsQuery) -> bool:
    return (
        asked.client in {None, row.client}
        and asked.status in {None, row.status}
        and asked.assignee in {None, row.assignee}
    )


def _numbers(request: web.Request, wanted: Sequence[models.NewNumber]) -> list[NumberRow]:
    region = parts_of(request).region()
    rows = []
    for place, number in enumerate(wanted):
        try:
            rows.append(row_of(number.number, region, number.label))
        except BadNumber as error:
            raise _unfit(f"#/numbers/{place}/number", str(error)) from error
    return merged(rows, region)


def _unfit(pointer: str, detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{pointer}: {detail}", faults=(Fault(pointer, detail),))

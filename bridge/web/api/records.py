"""Owns the API's calls, tickets, clients and recordings: from rows to models and back."""

from collections.abc import Set
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from bridge.centre.record import Doing
from bridge.centre.spent import Spent, spent
from bridge.crm.vault import format_of
from bridge.store.rows import CallRow, OfferRow, PauseRow, RecordingRow
from bridge.web.api import models
from bridge.web.api.operations import PREFIX, Moment, NoQuery, Paged, Query, answer, query
from bridge.web.api.recording_models import Recording
from bridge.web.beside import Beside, beside
from bridge.web.context import parts_of
from bridge.web.pages.recordings import send_recording
from bridge.web.pauses import paused_calls
from bridge.web.problems import not_found
from bridge.web.sight import sight_of


class CallsQuery(Paged):
    client: int | None = Field(None, ge=1, description="Only this client's.")
    agent: str | None = Field(None, max_length=100, description="Only this agent's.")
    queue: str | None = Field(None, max_length=200, description="Only this queue's.")
    since: Moment | None = Field(None, description="Only those offered then or later.")


class RecordingsQuery(Paged):
    call_id: str | None = Field(None, max_length=200, description="Only this call's.")
    ticket: int | None = Field(None, ge=1, description="Only those of this ticket's calls.")
    state: Literal["pending", "attached", "faulty"] | None = None
    since: Moment | None = Field(None, description="Only those begun then or later.")


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


# ── recordings ───────────────────────────────────────────────────────────────


async def list_recordings(request: web.Request) -> web.StreamResponse:
    asked = query(request, RecordingsQuery)
    async with parts_of(request).store.view() as unit:
        page = await unit.recordings.page(
            asked.cursor,
            asked.limit,
            within=sight_of(request).heard,
            call=asked.call_id,
            ticket=asked.ticket,
            state=asked.state,
            since=asked.since,
        )
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


_OF_THE_DISK = frozenset(
    {"call", "file", "stored_bytes", "stored_sha256", "encrypted", "compressed_at", "stored_fault"}
)


def _recording(row: RecordingRow, around: Beside) -> Recording:
    fields = {name: value for name, value in asdict(row).items() if name not in _OF_THE_DISK}
    fields |= {"call_id": row.call, "state": state_of(row), "url": url_of(row)}
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


def url_of(row: RecordingRow) -> str | None:
    return f"{PREFIX}/recordings/{row.id}/file" if state_of(row) == "attached" else None


def state_of(row: RecordingRow) -> str:
    return "removed" if row.removed_at is not None else row.state

"""Owns the API's imports of clients: a file is taken, a job answers for it."""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from bridge.store.api_rows import ImportRow
from bridge.web.api import models
from bridge.web.api.operations import PREFIX, NoQuery, Query, answer, query
from bridge.web.uploads import find_import, send_report, take_file


class ImportQuery(Query):
    dry_run: bool = Field(False, description="Only say what would become of it.")


class Import(models.Said):
    """An import of clients, and how far it is. What is counted are lines of the file."""

    id: int
    by: str
    state: Literal["running", "done", "failed", "interrupted"] = Field(
        description="`failed`: `fault` says why; what was counted before is kept. `interrupted`: the service "
        "stopped in between; the same file again brings the rest."
    )
    dry_run: bool = Field(description="Nothing is kept; the counts are what they would be.")
    bytes: int = Field(description="Of the file.")
    read_bytes: int = Field(description="How much of it was read: for a progress bar.")
    lines: int
    added: int
    updated: int
    unchanged: int = Field(description="Said what was known already.")
    refused: int = Field(description="Their numbers and reasons are in the report.")
    fault: str
    created_at: datetime
    ended_at: datetime | None


async def import_clients(request: web.Request) -> web.StreamResponse:
    asked = query(request, ImportQuery)
    row = await take_file(request, dry_run=asked.dry_run)
    location = f"{PREFIX}/imports/{row.id}"
    return answer(_said(row), status=HTTPStatus.ACCEPTED, headers={"Location": location})


async def get_import(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return answer(_said(await find_import(request)))


async def get_import_report(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    return await send_report(request, await find_import(request))


def _said(row: ImportRow) -> Import:
    return Import.model_validate(asdict(row))

"""Owns taking a CSV file of clients from a request, piece by piece, and giving it to a job."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from bridge.crm.clients_csv import Words
from bridge.crm.imports import Full, ImportJobs
from bridge.store.api_rows import ImportRow
from bridge.web.context import parts_of
from bridge.web.forms import path_number
from bridge.web.labels import N_
from bridge.web.moves import by_whom
from bridge.web.problems import Problem, not_found

JOBS = web.AppKey("import_jobs", ImportJobs)
TYPES = ("text/csv", "text/plain", "application/octet-stream", "application/vnd.ms-excel")
LARGEST = 10_000 * 1024 * 1024  # the engineer's own limit is below it, and may change while we run
_PIECE_SECONDS = 30.0


async def run_jobs(app: web.Application) -> AsyncIterator[None]:
    await app[JOBS].start()
    yield
    await app[JOBS].stop()


async def take_file(request: web.Request, *, dry_run: bool, words: Words = str) -> ImportRow:
    """The request's body as a job that has begun, whose report is in these words.

    Problem 413, 415, 408, or 409 where others wait already.
    """
    if request.content_type not in TYPES:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, N_("Send the file itself, with Content-Type: text/csv.")
        )
    jobs = request.config_dict[JOBS]
    with _room():
        jobs.demand_room()
    file = await asyncio.to_thread(jobs.spool)
    try:
        await _receive(request, file)
        with _room():
            return await jobs.begin(file, by_whom(request), dry_run=dry_run, words=words)
    except BaseException:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        raise


async def repeat(request: web.Request, row: ImportRow, words: Words = str) -> ImportRow:
    """After a dry run, the same file in earnest."""
    with _room():
        return await request.config_dict[JOBS].in_earnest(row, by_whom(request), words)


async def find_import(request: web.Request) -> ImportRow:
    number = path_number(request)
    async with parts_of(request).store.view() as unit:
        row = await unit.imports.get(number) if number is not None else None
    if row is None:
        raise not_found(N_("There is no such import."))
    return request.config_dict[JOBS].current(row)


async def send_report(request: web.Request, row: ImportRow) -> web.StreamResponse:
    report = request.config_dict[JOBS].report(row)
    if report is None and row.state == "running":
        raise Problem(HTTPStatus.CONFLICT, N_("This import has not begun yet."), headers={"Retry-After": "5"})
    if report is None:
        raise Problem(HTTPStatus.GONE, N_("The list of refused lines is not kept any more."))
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="import-{row.id}-refused.csv"',
        }
    )
    with await asyncio.to_thread(report.open, "rb") as file:
        await response.prepare(request)
        while request.method != "HEAD" and (piece := await asyncio.to_thread(file.read, 1 << 16)):
            await response.write(piece)
    await response.write_eof()
    return response


async def _receive(request: web.Request, file: Path) -> None:
    largest = parts_of(request).rules().import_bytes
    size = 0
    with await asyncio.to_thread(file.open, "wb") as target:
        try:
            while True:
                async with asyncio.timeout(_PIECE_SECONDS):
                    piece = await request.content.readany()
                if not piece:
                    break
                size += len(piece)
                if size > largest:
                    raise Problem(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        N_("The file is larger than %(megabytes)s MB; split it."),
                        values={"megabytes": str(largest // 1024 // 1024)},
                    )
                await asyncio.to_thread(target.write, piece)
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, N_("The request came too slowly. Try again.")
            ) from error
    if not size:
        raise Problem(HTTPStatus.BAD_REQUEST, N_("The file is empty."))


@contextmanager
def _room() -> Iterator[None]:
    """Full is a conflict with the present state."""
    try:
        yield
    except Full as error:
        raise Problem(
            HTTPStatus.CONFLICT,
            N_("Other imports are not done yet. Wait for them."),
            headers={"Retry-After": "30"},
        ) from error

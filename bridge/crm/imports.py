"""Imports of clients as jobs of the service: begun by a file, one after another, watched and asked for later.

Their numbers are in the store. A file and the list of its refused lines lie in a directory of ours until the
service stops, for a day at most; a job that the end of the service cut short says so after the next start.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from bridge.config.custom_fields import FieldSettings
from bridge.crm.cells import rows_as_bytes
from bridge.crm.clients_csv import Refusal, Words, open_clients
from bridge.crm.importer import import_clients
from bridge.errors import N_, BadInput, CallbridgeError
from bridge.store import Store
from bridge.store.api_rows import ImportCounts, ImportRow

log = structlog.get_logger(__name__)

MOST_WAITING = 3  # that are not done yet, the running one among them
_FILES_KEPT = 10
KEPT = timedelta(hours=24)
_ROWS_KEPT = timedelta(days=90)
_NOTED_EVERY = 1.0  # seconds


class Full(CallbridgeError):
    """So many imports wait already; another one may come when one of them is done."""


class ImportJobs:
    def __init__(
        self,
        store: Store,
        region: Callable[[], str],
        fields: Callable[[], Sequence[FieldSettings]] = tuple,
    ) -> None:
        self._store = store
        self._region = region
        self._fields = fields
        self._directory: Path | None = None
        self._turn = asyncio.Lock()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._now: dict[int, ImportCounts] = {}

    async def start(self) -> None:
        async with self._store.unit() as unit:
            await unit.imports.interrupt()

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            await self.start()
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    def demand_room(self) -> None:
        if len(self._tasks) >= MOST_WAITING:
            raise Full(f"{MOST_WAITING} imports are not done yet; wait for one of them")

    def spool(self) -> Path:
        """Where a new file may be written, to be given to ``begin``."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="callbridge-imports-"))
        handle, name = tempfile.mkstemp(dir=self._directory, suffix=".part")
        os.close(handle)
        return Path(name)

    async def begin(self, file: Path, by: str, *, dry_run: bool, words: Words = str) -> ImportRow:
        """The file is this job's from now on; ``words`` are the language of its report. Raises Full."""
        self.demand_room()
        size = (await asyncio.to_thread(file.stat)).st_size
        async with self._store.unit() as unit:
            row = await unit.imports.add(by, size, dry_run=dry_run)
        await asyncio.to_thread(file.rename, self._file(row.id))
        task = asyncio.create_task(self._run(row, words))
        self._tasks[row.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(row.id, None))
        await self.sweep()
        return row

    async def in_earnest(self, row: ImportRow, by: str, words: Words = str) -> ImportRow:
        """The same file again, after a dry run. Raises BadInput when it is not kept any more, or Full."""
        file = self._file(row.id)
        if self._directory is None or not await asyncio.to_thread(file.exists):
            raise BadInput(N_("the file of import %(id)s is not kept any more; send it again"), id=row.id)
        self.demand_room()
        copy = self.spool()
        await asyncio.to_thread(shutil.copyfile, file, copy)
        return await self.begin(copy, by, dry_run=False, words=words)

    def current(self, row: ImportRow) -> ImportRow:
        """With how far it is at this moment."""
        now = self._now.get(row.id)
        if now is None or row.state != "running":
            return row
        return replace(
            row,
            read_bytes=now.read_bytes,
            lines=now.lines,
            added=now.added,
            updated=now.updated,
            unchanged=now.unchanged,
            refused=now.refused,
        )

    def report(self, row: ImportRow) -> Path | None:
        """The refused lines as CSV; None where the file is not kept any more."""
        report = self._report(row.id)
        return report if self._directory is not None and report.exists() else None

    def has_file(self, row: ImportRow) -> bool:
        return self._directory is not None and self._file(row.id).exists()

    async def sweep(self) -> None:
        """Files of a day ago or of too many jobs, and rows that nobody asks for any more."""
        async with self._store.unit() as unit:
            await unit.imports.sweep(datetime.now(UTC) - _ROWS_KEPT)
        if self._directory is not None:
            await asyncio.to_thread(_remove_old, self._directory, set(self._tasks))

    async def _run(self, row: ImportRow, words: Words) -> None:
        async with self._turn:
            state, fault = "failed", ""
            try:
                with await asyncio.to_thread(self._report(row.id).open, "wb") as report:
                    await self._import(row, report, words)
                state = "done"
            except BadInput as error:
                fault = words(error)
            except CallbridgeError as error:
                log.warning("import failed", action="import", id=row.id, error=str(error))
                fault = str(error)
            except Exception:
                log.exception("import failed", action="import", id=row.id)
                fault = words(BadInput(N_("something broke on our side; the log has more")))
            counts = self._now.pop(row.id, ImportCounts())
            try:
                async with self._store.unit() as unit:
                    await unit.imports.end(row.id, state, counts, fault)
            except CallbridgeError as error:
                log.error("the end of an import was not kept", action="import", id=row.id, error=str(error))
            log.info("import ended", action="import", id=row.id, state=state, lines=counts.lines)

    async def _import(self, row: ImportRow, report: BinaryIO, words: Words) -> None:
        report.write(rows_as_bytes([("line", "reason")]))

        def refuse(refusal: Refusal) -> None:
            report.write(rows_as_bytes([(refusal.line, refusal.reason)]))

        def progress(counts: ImportCounts) -> None:
            self._now[row.id] = counts

        noting = asyncio.create_task(self._note(row.id))
        try:
            with await asyncio.to_thread(open_clients, self._file(row.id)) as text:
                await import_clients(
                    self._store,
                    text,
                    self._region(),
                    progress,
                    fields=self._fields(),
                    refuse=refuse,
                    dry_run=row.dry_run,
                    words=words,
                )
        finally:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)

    async def _note(self, id: int) -> None:
        while True:
            await asyncio.sleep(_NOTED_EVERY)
            counts = self._now.get(id)
            if counts is not None:
                async with self._store.unit() as unit:
                    await unit.imports.note(id, counts)

    def _file(self, id: int) -> Path:
        return self._place() / f"{id}.csv"

    def _report(self, id: int) -> Path:
        return self._place() / f"{id}.report.csv"

    def _place(self) -> Path:
        return self._directory or Path("/nonexistent")


def _remove_old(directory: Path, working: set[int]) -> None:
    kept = sorted(directory.glob("*.csv"), key=lambda file: file.stat().st_mtime, reverse=True)
    oldest = (datetime.now(UTC) - KEPT).timestamp()
    for place, file in enumerate(kept):
        if int(file.name.partition(".")[0]) in working:
            continue
        if place >= 2 * _FILES_KEPT or file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)

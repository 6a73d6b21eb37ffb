"""Recordings made what they should be once they are attached: encrypted, then compressed. Beside the calls.

One file at a time, in a thread. The order of the steps is the keeper's: the new file is made and tried, takes
its name, the row is changed, and only then the old one goes. Cut off anywhere, the row names a file that can
be read; what is left over of the other form is found and removed by the next start.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from bridge.config.keyfile import KeyUnusable
from bridge.crm import opus, private
from bridge.crm.private import CalledOff, in_thread
from bridge.crm.sealing import Damaged
from bridge.crm.vault import Format, Measure, Missing, Stored, Vault, format_of, is_sealed, measured, stem_of
from bridge.errors import CallbridgeError
from bridge.store import Store
from bridge.store.rows import RecordingRow
from bridge.store.stored import Place

log = structlog.get_logger(__name__)

_BATCH = 200
_AGAIN_AFTER = timedelta(hours=1)  # what failed for a reason that may go by itself
_SAY_EVERY = timedelta(seconds=30)


@dataclass(slots=True)
class Progress:
    """One pass. A recording that is encrypted and compressed counts as two steps."""

    total: int
    done: int = 0
    failed: int = 0
    saved: int = 0  # bytes


Told = Callable[[Progress], None]


def _now() -> datetime:
    return datetime.now(UTC)


class Upkeep:
    """``run`` it as a task; a command beside the service calls ``run_once``."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        compress_after: Callable[[], timedelta | None],
        *,
        every: timedelta = timedelta(minutes=1),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.waiting = 0  # steps that are still to be done
        self.saved = 0  # bytes, since the start
        self._store = store
        self._vault = vault
        self._compress_after = compress_after
        self._every = every.total_seconds()
        self._clock = clock
        self._put_off: dict[str, datetime] = {}

    async def run(self) -> None:
        """Passes until cancelled. What is out of order is told, and tried again."""
        tidy = False
        while True:
            try:
                if not tidy:
                    await self.tidy()
                    tidy = True
                await self.run_once()
            except (CallbridgeError, OSError) as error:
                log.error("recordings wait as they are", action="upkeep", reason=str(error))
            except Exception:
                # A fault of ours with files must not end the calls.
                log.exception("recordings wait as they are", action="upkeep")
            await asyncio.sleep(self._every)

    async def tidy(self) -> None:
        """Remove what an interrupted run left: temporary files, other forms of what is there already."""
        async with self._vault.turn():
            swept = await asyncio.to_thread(self._vault.sweep)
        doubles = await in_thread(lambda called_off: list(self._vault.doubles(called_off)))
        for id, files in doubles:
            async with self._vault.turn():
                row = await self._get(id)
                # Of a pending one the keeper makes its file anew, and removes the others itself.
                if row is not None and row.state == "attached" and row.file in files:
                    await asyncio.to_thread(self._vault.keep_only, row.file)
        if swept or doubles:
            log.info(
                "files of an interrupted run removed", action="upkeep", files=swept, doubles=len(doubles)
            )

    async def run_once(self, told: Told = lambda _: None, *, again: bool = False) -> Progress:
        """All that is due. ``again``: what had a fault as well. Raises KeyUnusable, or as the store does."""
        await asyncio.to_thread(self._vault.keys)
        encrypt, after = self._vault.seals, self._compress_after()
        before = self._clock() - after if after is not None else None
        async with self._store.view() as unit:
            total = await unit.stored.count_plain(again=again) if encrypt else 0
            total += await unit.stored.count_uncompressed(before, again=again) if before is not None else 0
        progress = Progress(total)
        self.waiting = total
        with self._said(progress, told) as say:
            # Encryption first: to compress what has piled up may take days.
            if encrypt:
                await self._all(progress, say, None, again=again)
            if before is not None:
                await self._all(progress, say, before, again=again)
        return progress

    @contextmanager
    def _said(self, progress: Progress, told: Told) -> Iterator[Callable[[], None]]:
        begun = said = self._clock()

        def write(message: str) -> None:
            log.info(
                message,
                action="upkeep",
                done=progress.done,
                total=progress.total,
                failed=progress.failed,
                saved_bytes=progress.saved,
            )

        def say() -> None:
            nonlocal said
            told(progress)
            self.waiting = max(0, progress.total - progress.done)
            if self._clock() - said >= _SAY_EVERY:
                said = self._clock()
                write("recordings are worked on")

        told(progress)
        try:
            yield say
        finally:
            if progress.done or progress.failed or said > begun:
                write("recordings worked on")

    async def _all(
        self, progress: Progress, say: Callable[[], None], before: datetime | None, *, again: bool
    ) -> None:
        after: Place | None = None
        while True:
            async with self._store.view() as unit:
                rows = (
                    await unit.stored.plain(after, _BATCH, again=again)
                    if before is None
                    else await unit.stored.uncompressed(before, after, _BATCH, again=again)
                )
            for row in rows:
                if again or self._put_off.get(row.id, self._clock()) <= self._clock():
                    await self._one(row.id, progress, compress=before is not None)
                    say()
            if len(rows) < _BATCH:
                return
            after = (rows[-1].attached_at or rows[-1].created_at, rows[-1].id)

    async def _one(self, id: str, progress: Progress, *, compress: bool) -> None:
        async with self._vault.turn():
            row = await self._get(id)
            if row is None or row.state != "attached" or row.removed_at is not None:
                return
            if row.compressed_at is not None if compress else row.encrypted:
                return  # meanwhile, by a command beside the service
            try:
                stored = await self._replace(row, compress=compress)
            except (Missing, Damaged, opus.NoCopy) as error:
                reason = str(error)
                await self._store.write(lambda unit: unit.stored.fault(row.id, row.file, reason))
                self._failed(row, progress, reason)
            except (KeyUnusable, OSError) as error:
                self._put_off[id] = self._clock() + _AGAIN_AFTER
                self._failed(row, progress, str(error))
            else:
                self._put_off.pop(id, None)
                progress.done += 1
                if compress:
                    saved = (row.stored_bytes or row.bytes) - stored.bytes
                    progress.saved += saved
                    self.saved += saved

    def _failed(self, row: RecordingRow, progress: Progress, reason: str) -> None:
        progress.failed += 1
        log.warning(
            "recording stays as it is",
            action="upkeep",
            call_id=row.call,
            recording_id=row.id,
            reason=reason,
        )

    async def _replace(self, row: RecordingRow, *, compress: bool) -> Stored:
        stored = await in_thread(partial(self._made, row, compress=compress))
        changed = await self._store.write(
            lambda unit: unit.stored.replaced(
                row.id,
                row.file,
                file=stored.file,
                bytes=stored.bytes,
                sha256=stored.sha256,
                encrypted=stored.encrypted,
                compressed=compress,
            )
        )
        if changed:
            await asyncio.to_thread(self._vault.keep_only, stored.file)
        elif stored.file != row.file:
            await asyncio.to_thread(self._vault.discard, stored.file)
        return stored

    def _made(self, row: RecordingRow, called_off: CalledOff, *, compress: bool) -> Stored:
        private.make_directory(self._vault.incoming)
        whole, copy = (self._vault.incoming / f"{row.id}.{name}.work" for name in ("whole", "opus"))
        private.remove(whole, copy)  # of a run that was cut off
        try:
            form = format_of(row.file)
            with private.create(whole) as file:
                measure = self._vault.copy(row.file, file, called_off)
                file.flush()
                os.fsync(file.fileno())
            _check(row, form, measure, self._vault.directory)
            if not compress or form is Format.OPUS:
                return self._vault.put(whole, stem_of(row.file), form, measure, called_off)
            opus.encode(whole, copy, called_off)
            opus.compare(whole, copy, called_off)
            measure = measured(copy, called_off)
            return self._vault.put(copy, stem_of(row.file), Format.OPUS, measure, called_off)
        finally:
            private.remove(whole, copy)

    async def _get(self, id: str) -> RecordingRow | None:
        async with self._store.view() as unit:
            return await unit.recordings.get(id)


def _check(row: RecordingRow, form: Format, measure: Measure, directory: Path) -> None:
    """Damage must not be made permanent: what was encrypted was checked by age when it was opened."""
    expected = row.sha256 if form is Format.WAV else None if is_sealed(row.file) else row.stored_sha256
    if expected is not None and measure.sha256 != expected:
        raise Damaged(
            f"{directory / row.file}: damaged (its checksum is another one); restore it from a backup"
        )

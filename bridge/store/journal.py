"""Facts on the local disk, each before it has any effect. Owns what is kept, how much, and what to do when
nothing can be.

A fact is one write to the kernel, not synced: a process that is killed loses nothing, for the kernel has it.
A power cut may lose the last seconds; but it ends Asterisk's calls with them when Asterisk is on this host.
Checkpoints are synced. What they hold is opaque here: JSON, made and read by the engine.

While the disk cannot be written, calls go on without. It is said once, tried again each second, and
``broken`` until the next checkpoint: the engine should then write one.
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from bridge.engine.ports import JournalPlace, LinkState, LoggedFact
from bridge.errors import InternalError, JournalBusy, LinkDown
from bridge.store.journal_lock import DirectoryLock, unusable
from bridge.store.journal_segments import (
    UNREADABLE,
    Damages,
    Segment,
    begin_segment,
    find_segments,
    header_of,
    line_of,
    path_of,
    read_facts,
)

log = structlog.get_logger(__name__)

_MOST_BYTES = 1 << 30
_AGAIN_SECONDS = 1.0
_POLL_SECONDS = 0.05
_NO_CHECKPOINT = "there is no checkpoint of this process yet"
_FULL = "it is as large as it may become"


class FileJournal:
    """Implements the engine's ``Journal``. ``read`` may run in another thread beside all others."""

    def __init__(
        self,
        directory: Path,
        lock: DirectoryLock,
        sizes: dict[int, int],
        most_bytes: int,
        clock: Callable[[], float],
    ) -> None:
        self.lost_count = 0  # facts that could not be kept
        self.faults = 0  # times that it could not be written, each until it could be again
        self.broken = True  # nothing of this process is kept before its first checkpoint
        self.since_checkpoint = 0
        self._directory = directory
        self._lock = lock
        self.owner = lock.owner()
        self._most_bytes = most_bytes
        self._clock = clock
        self._damages = Damages()
        self._earlier = tuple(sizes)
        self._older = sizes  # segments that are not written to, oldest first: number → bytes
        self._older_bytes = sum(sizes.values())
        # One value, so that a reader in another thread sees both parts of the same moment.
        self._end = JournalPlace(*max(sizes.items(), default=(0, 0)))
        self._file = -1  # the current segment
        self._torn = False  # behind ``_end`` is part of a line that could not be cut off
        self._hindered = False  # the latest fact could not be kept
        self._hindered_lost = 0
        self._try_again_at = 0.0
        self._without_checkpoint = False  # the latest one could not be kept

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        most_bytes: int = _MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Raises JournalBusy while another process keeps it, ConfigurationError when it cannot be used."""
        directory = Path(directory)
        lock = DirectoryLock.take(directory)
        try:
            return cls(directory, lock, find_segments(directory), most_bytes, clock)
        except OSError as error:
            lock.release()
            raise unusable(directory, error) from error

    @classmethod
    async def open_when_free(
        cls, directory: Path | str, seconds: float, *, most_bytes: int = _MOST_BYTES
    ) -> Self:
        """As ``open``, but waits so long for another process to end. Raises JournalBusy after that."""
        until = time.monotonic() + seconds
        while True:
            try:
                return cls.open(directory, most_bytes=most_bytes)
            except JournalBusy:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """The next process may have it. Nothing is kept any more."""
        self._close_file()
        self._lock.release()

    # ── what there is ────────────────────────────────────────────────────────

    @property
    def end(self) -> JournalPlace:
        return self._end

    @property
    def start(self) -> JournalPlace:
        """The oldest place."""
        return JournalPlace(min(self._older), 0) if self._older else JournalPlace(self._end.segment, 0)

    @property
    def damaged(self) -> int:
        """Places that could not be read."""
        return self._damages.count

    @property
    def size(self) -> int:
        """In bytes, all segments together."""
        return self._older_bytes + (self._end.offset if self._file >= 0 else 0)

    def segments(self) -> list[Segment]:
        """What earlier processes left, oldest first."""
        return [
            Segment(self._directory, number, self._damages)
            for number in self._earlier
            if number in self._older
        ]

    def read(self, place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        """Raises LinkDown when a file cannot be read for now."""
        end = self._end
        found: list[LoggedFact] = []
        for number in sorted({*tuple(self._older), end.segment} - {0}):
            if number < place.segment:
                continue
            offset = place.offset if number == place.segment else 0
            limit = end.offset if number == end.segment else None
            try:
                for fact, behind in read_facts(
                    path_of(self._directory, number), offset, limit, self._damages
                ):
                    place = JournalPlace(number, behind)
                    if fact is not None:
                        found.append(fact)
                    if len(found) >= most:
                        return found, place
            except OSError as error:
                self._cannot_read(number, offset, error)
        return found, end

    # ── keeping ──────────────────────────────────────────────────────────────

    def append(self, fact: LoggedFact) -> JournalPlace | None:
        if self._hindered and not self._may_try_again():
            self._not_kept()
            return None
        try:
            line = line_of(fact)
        except Exception:  # our own fault in one fact must not end the calls
            log.exception("a fact cannot be written as text", action="journal.unwritable", fact=fact.type)
            self._not_kept()
            return None
        before = self._end
        hindrance = self._write(line)
        if hindrance is not None:
            self._hinder(hindrance)
            self._not_kept()
            return None
        self._end = JournalPlace(before.segment, before.offset + len(line))
        self.since_checkpoint += 1
        if self._hindered:
            self._goes_on()
        return before

    def checkpoint(self, memory: bytes) -> bool:
        """``memory`` is JSON. Waits for the disk."""
        if not self._lock.held:
            raise InternalError("the journal is closed: it may be another process's by now")
        header = header_of(memory)
        number = self._end.segment + 1
        try:
            if self.size + len(header) > self._most_bytes:
                raise OSError(errno.EDQUOT, _FULL)
            file = begin_segment(self._directory, number, header)
        except OSError as error:
            # The segment before may well go on: facts are far smaller.
            self._no_checkpoint(_reason(error))
            return False
        if self._file >= 0:
            self._older[self._end.segment] = self._end.offset
            self._older_bytes += self._end.offset
            self._close_file()
        self._file = file
        self._end = JournalPlace(number, len(header))
        self._torn = False
        self.since_checkpoint = 0
        self.broken = False
        self._without_checkpoint = False
        if self._hindered:
            self._goes_on()
        return True

    def release(self, needed: JournalPlace) -> None:
        # Without a checkpoint of this process, what earlier ones left is all that there is.
        if self._file < 0:
            return
        for number in [number for number in self._older if number < needed.segment]:
            try:
                path_of(self._directory, number).unlink(missing_ok=True)
            except OSError as error:
                log.warning(
                    "a file that nobody needs any more cannot be removed",
                    action="journal.release",
                    file=str(path_of(self._directory, number)),
                    reason=_reason(error),
                )
                continue
            self._older_bytes -= self._older.pop(number)

    # ── what can go wrong ────────────────────────────────────────────────────

    @property
    def state(self) -> LinkState:
        detail = f"{self._directory} cannot be written: what happens now would not outlive this process"
        return LinkState("journal", not self.broken, detail if self.broken else "")

    def _write(self, line: bytes) -> str | None:
        """None, or why not: then nothing of it is left."""
        if self._file < 0:
            return _NO_CHECKPOINT
        if self._older_bytes + self._end.offset + len(line) > self._most_bytes:
            return _FULL
        try:
            written = os.write(self._file, line)
            if written < len(line):
                # The disk was filled by the first part; what becomes of the rest says how.
                written += os.write(self._file, line[written:])
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._cut_back()
            return _reason(error)
        return None

    def _cut_back(self) -> None:
        """To the last whole line. Where even that fails, nothing may be written behind the torn one."""
        try:
            os.ftruncate(self._file, self._end.offset)
            self._torn = False
        except OSError:
            self._torn = True

    def _may_try_again(self) -> bool:
        now = self._clock()
        if now < self._try_again_at:
            return False
        self._try_again_at = now + _AGAIN_SECONDS
        if self._torn:
            self._cut_back()
        return not self._torn

    def _not_kept(self) -> None:
        self.broken = True
        self.lost_count += 1

    def _hinder(self, why: str) -> None:
        self._try_again_at = self._clock() + _AGAIN_SECONDS
        if self._hindered:
            return
        self._hindered = True
        self._hindered_lost = self.lost_count
        self._tell("journal cannot be written: what happens now would not outlive this process", why)

    def _no_checkpoint(self, why: str) -> None:
        if self._without_checkpoint:
            return
        self._without_checkpoint = True
        self._tell("journal cannot be written: it has no new checkpoint", why)

    def _tell(self, what: str, why: str) -> None:
        self.faults += 1
        remedy = "make room on its disk, or look why it cannot be written"
        if why == _FULL:
            remedy = "look why the database does not take the facts, or raise store.journal_limit_mib"
        directory = str(self._directory)
        log.error(what, action="journal.hindered", directory=directory, reason=why, remedy=remedy)

    def _goes_on(self) -> None:
        self._hindered = False
        log.warning(
            "journal is written again",
            action="journal.goes_on",
            directory=str(self._directory),
            lost=self.lost_count - self._hindered_lost,
        )

    def _cannot_read(self, number: int, offset: int, error: OSError) -> None:
        """What will be the same next time is passed over, as damage; for the rest, the reader comes again."""
        path = path_of(self._directory, number)
        if error.errno not in (errno.EIO, errno.ENOENT):
            raise LinkDown(f"the journal's {path} cannot be read: {_reason(error)}") from error
        self._damages.found(path, offset, UNREADABLE, _reason(error))

    def _close_file(self) -> None:
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1


def _reason(error: OSError) -> str:
    return error.strerror or str(error)

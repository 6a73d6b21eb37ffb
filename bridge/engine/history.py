"""Facts on their way to the append-only log: batched, in order, tried again until they are written.

Each is in the journal first. A transaction costs more than the facts in it; so the first fact waits a moment
for others. Not for a burst, and not when somebody waits until all is written.
"""

import asyncio
from collections.abc import Sequence

import structlog

from bridge.engine.backlog import Backlog, Batch
from bridge.engine.backoff import Backoff
from bridge.engine.logged import logged
from bridge.engine.ports import FactLog, Journal, JournalPlace, LoggedFact, StampedFact
from bridge.errors import RemoteError

log = structlog.get_logger(__name__)

_BATCH = 500
_GATHER_SECONDS = 0.1
_MOST_IN_MEMORY = 20_000
_FIRST_RETRY_SECONDS = 0.1
_LONGEST_RETRY_SECONDS = 5.0


class History:
    """``run`` names this run of the process in all that it keeps: a name that no other run has."""

    def __init__(
        self,
        facts: FactLog,
        journal: Journal,
        *,
        run: str,
        gather_seconds: float = _GATHER_SECONDS,
        most_in_memory: int = _MOST_IN_MEMORY,
    ) -> None:
        self.refused = 0
        self._facts = facts
        self._journal = journal
        self._run = run
        self._gather_seconds = gather_seconds
        self._backlog = Backlog(journal, run, most_in_memory)
        self._awaited = 0  # how many wait until all is written
        self._filled = asyncio.Event()
        self._gathered = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def __len__(self) -> int:
        """How many facts of this run are not in the database yet."""
        return len(self._backlog)

    @property
    def lost(self) -> int:
        return self._backlog.lost

    def begin(self, place: JournalPlace) -> None:
        """Before the first fact: what earlier runs left in the journal from ``place`` on is written first.

        What of it is in the database already changes nothing there.
        """
        self._backlog.begin(place)
        self._waits()

    def needed(self) -> JournalPlace:
        """The oldest place of the journal that the database still needs."""
        return self._backlog.needed()

    def note(self, stamped: StampedFact) -> None:
        """When this returns, the fact is in the journal, unless that is broken."""
        try:
            fact = logged(self._run, stamped)
        except Exception:  # our own fault in one fact must not end the calls
            self._refuse(type(stamped.fact).__name__, stamped.seq)
            return
        self._backlog.add(fact, self._journal.append(fact))
        self._waits()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            await self._gather()
            batch = await self._next()
            if batch.facts:
                await self._write(batch.facts)
            self._backlog.done(batch)
            if self._backlog.is_empty:
                self._filled.clear()
                self._written.set()

    async def flushed(self) -> None:
        """Returns when everything noted so far is written."""
        self._awaited += 1
        self._gathered.set()
        try:
            await self._written.wait()
        finally:
            self._awaited -= 1

    def _waits(self) -> None:
        if self._backlog.is_empty:
            return
        self._filled.set()
        self._written.clear()
        if len(self) >= _BATCH:
            self._gathered.set()

    async def _gather(self) -> None:
        if self._awaited or len(self) >= _BATCH or self._backlog.is_on_disk:
            return
        self._gathered.clear()
        moment = asyncio.get_running_loop().call_later(self._gather_seconds, self._gathered.set)
        try:
            await self._gathered.wait()
        finally:
            moment.cancel()

    async def _next(self) -> Batch:
        backoff = _backoff()
        while True:
            try:
                return await self._backlog.first(_BATCH)
            except Exception:
                log.exception("the journal cannot be read", action="history.read", pending=len(self))
                await asyncio.sleep(backoff.next_delay())

    async def _write(self, facts: Sequence[LoggedFact]) -> None:
        backoff = _backoff()
        while True:
            try:
                await self._facts.append(facts)
            except RemoteError as error:
                log.error(
                    "facts are not written yet", action="history.retry", pending=len(self), error=str(error)
                )
                await asyncio.sleep(backoff.next_delay())
                continue
            except Exception:  # our own fault in one fact must not end the log of all others
                log.exception("facts refused", action="history.refused", facts=len(facts))
                await self._one_by_one(facts)
            return

    async def _one_by_one(self, facts: Sequence[LoggedFact]) -> None:
        """Write what can be written; what the log refuses is counted, and told with its kind."""
        backoff = _backoff()
        for fact in facts:
            while True:
                try:
                    await self._facts.append([fact])
                except RemoteError:
                    await asyncio.sleep(backoff.next_delay())
                    continue
                except Exception:
                    self._refuse(fact.type, fact.seq)
                break

    def _refuse(self, kind: str, seq: int) -> None:
        self.refused += 1
        log.exception("fact lost", action="history.lost", fact=kind, seq=seq)


def _backoff() -> Backoff:
    return Backoff(first=_FIRST_RETRY_SECONDS, ceiling=_LONGEST_RETRY_SECONDS)

"""Facts on their way to the append-only log: batched, in order, tried again until they are written.

A transaction costs more than the facts in it. So the first fact waits a moment for others; not for a burst,
and not when somebody waits until all is written.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice

import structlog

from bridge.engine.backoff import Backoff
from bridge.engine.ports import FactLog, StampedFact
from bridge.errors import RemoteError

log = structlog.get_logger(__name__)

_BATCH = 500
_GATHER_SECONDS = 0.1


class History:
    def __init__(self, facts: FactLog, *, gather_seconds: float = _GATHER_SECONDS) -> None:
        self.refused = 0
        self._facts = facts
        self._gather_seconds = gather_seconds
        self._pending: deque[StampedFact] = deque()
        self._awaited = 0  # how many wait until all is written
        self._filled = asyncio.Event()
        self._gathered = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def __len__(self) -> int:
        return len(self._pending)

    def note(self, fact: StampedFact) -> None:
        self._pending.append(fact)
        self._filled.set()
        self._written.clear()
        if len(self._pending) >= _BATCH:
            self._gathered.set()

    async def run(self) -> None:
        backoff = Backoff(first=0.1, ceiling=5.0)
        while True:
            await self._filled.wait()
            await self._gather()
            batch = list(islice(self._pending, _BATCH))
            try:
                await self._facts.append(batch)
            except RemoteError as error:
                log.error(
                    "facts are not written yet", action="history.retry", pending=len(self), error=str(error)
                )
                await asyncio.sleep(backoff.next_delay())
                continue
            except Exception:  # our own fault in one fact must not end the log of all others
                log.exception("facts refused", action="history.refused", facts=len(batch))
                await self._one_by_one(batch)
            backoff.reset()
            for _ in batch:
                self._pending.popleft()
            if not self._pending:
                self._filled.clear()
                self._written.set()

    async def _gather(self) -> None:
        if self._awaited or len(self._pending) >= _BATCH:
            return
        self._gathered.clear()
        moment = asyncio.get_running_loop().call_later(self._gather_seconds, self._gathered.set)
        try:
            await self._gathered.wait()
        finally:
            moment.cancel()

    async def _one_by_one(self, batch: Sequence[StampedFact]) -> None:
        """Write what can be written; what the log refuses is counted, and told with its kind."""
        backoff = Backoff(first=0.1, ceiling=5.0)
        for fact in batch:
            while True:
                try:
                    await self._facts.append([fact])
                except RemoteError:
                    await asyncio.sleep(backoff.next_delay())
                    continue
                except Exception:
                    self.refused += 1
                    log.exception(
                        "fact lost", action="history.lost", fact=type(fact.fact).__name__, seq=fact.seq
                    )
                break

    async def flushed(self) -> None:
        """Returns when everything noted so far is written."""
        self._awaited += 1
        self._gathered.set()
        try:
            await self._written.wait()
        finally:
            self._awaited -= 1

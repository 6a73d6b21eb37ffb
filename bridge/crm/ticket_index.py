"""Brings the full text of tickets up to date behind calls: their news must not wait for it.

What people write is indexed as they write it. This is for the rest: news of calls, clients that were renamed,
and, once, all tickets that there were before there was a full text.
"""

import asyncio
import time

import structlog

from bridge.errors import CallbridgeError
from bridge.store import Store
from bridge.store.ticket_search import AT_ONCE

log = structlog.get_logger(__name__)


class TicketIndex:
    def __init__(self, store: Store, *, every: float = 1.0) -> None:
        self._store = store
        self._every = every  # seconds

    async def run(self) -> None:
        """Until cancelled. What is out of order is told, and tried again."""
        while True:
            pause = self._every
            try:
                began = time.monotonic()
                if await self.run_once() == AT_ONCE:
                    # There is more. As long as this took the others get their turn: SQLite has one writer.
                    pause = time.monotonic() - began
            except CallbridgeError as error:
                log.error("the full text of tickets waits", action="ticket_index", reason=str(error))
            except Exception:
                # A fault of ours with words must not end the calls.
                log.exception("the full text of tickets waits", action="ticket_index")
            await asyncio.sleep(pause)

    async def run_once(self) -> int:
        """One batch: how many tickets were marked. Fewer than ``AT_ONCE``: that was all."""
        return await self._store.write(lambda unit: unit.ticket_search.catch_up(AT_ONCE))

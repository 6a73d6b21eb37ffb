"""Whose turn it is to write where there is one writer: one unit, or any number of jobs for its thread.

Jobs queue up in the thread, which has its next one at hand: were each to wait on the loop until the one
before it has been heard of there, the database would be idle half of the time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.errors import InternalError


class Turns:
    """First come, first served: jobs that come while a unit waits come after it."""

    def __init__(self) -> None:
        self._gate = asyncio.Lock()  # held by a unit from when it waits for the jobs before it
        self._unit: asyncio.Task[object] | None = None
        self._jobs = 0
        self._quiet = asyncio.Event()  # no job is out
        self._quiet.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Raises InternalError to a task that has its turn already."""
        self._check()
        async with self._gate:
            self._unit = asyncio.current_task()
            try:
                await self._quiet.wait()
                yield
            finally:
                self._unit = None

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Whoever has it does nothing by himself: others may have it at the same time, in their order."""
        self._check()
        async with self._gate:
            self._jobs += 1
            self._quiet.clear()
        try:
            yield
        finally:
            self._jobs -= 1
            if not self._jobs:
                self._quiet.set()

    def _check(self) -> None:
        if self._unit is not None and self._unit is asyncio.current_task():
            raise InternalError("a unit inside a unit of the same task would wait for itself for ever")

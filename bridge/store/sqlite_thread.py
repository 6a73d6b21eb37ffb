"""One SQLite connection in a thread of its own, and whole transactions in it. What they do is not its own.

A statement of a unit is a trip to aiosqlite's thread and back, and several layers that pass it on; what a
call writes is small against that. Where nothing is awaited between statements, all of them are one trip.

Jobs that wait may share a transaction, for one costs more than what most of them do in it. If one of them
fails, each is done again in a transaction of its own, so that its fault is not the others'.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from bridge.errors import LinkDown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    do: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"


class SqliteThread:
    """``run`` may be called by several tasks; what they do is done one after another, in their order.

    ``together``: so many at most in one transaction.
    """

    def __init__(self, engine: Engine, *, together: int = 1) -> None:
        self._engine = engine
        self._together = together
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        # A daemon: a process that ends without closing the store must be able to end.
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._thread.start()

    async def run(self, do: Callable[[Connection], T]) -> T:
        """Commit when ``do`` returns, rollback when it raises. Cancelled, it still ends before this does."""
        if self._closed:
            raise LinkDown("the store is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(do, loop, done))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            if not done.cancelled():
                done.exception()  # whatever it was, the cancellation is the answer
            raise

    async def close(self) -> None:
        """Everything that was asked for is done before."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            self._carry_out([first, *self._waiting()])
            del first  # or what it holds would live until the next one comes
        self._engine.dispose()

    def _waiting(self) -> list[_Job]:
        """Those that can go along."""
        jobs: list[_Job] = []
        with suppress(Empty):
            while len(jobs) < self._together - 1:
                job = self._jobs.get_nowait()
                if job is None:
                    self._jobs.put(None)  # nothing comes after it: so it stays the last
                    break
                jobs.append(job)
        return jobs

    def _carry_out(self, jobs: Sequence[_Job]) -> None:
        results: list[Any] = []
        at_work = False
        try:
            with self._engine.begin() as connection:
                at_work = True
                results.extend(job.do(connection) for job in jobs)
                at_work = False
        except BaseException as error:
            if at_work and len(jobs) > 1:
                for job in jobs:
                    self._carry_out([job])
                return
            for job in jobs:
                self._tell(job, _fail, error)
            return
        for job, result in zip(jobs, results, strict=True):
            self._tell(job, _succeed, result)

    def _tell(self, job: _Job, how: Callable[..., None], what: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            job.loop.call_soon_threadsafe(how, job.done, what)


def _succeed(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)

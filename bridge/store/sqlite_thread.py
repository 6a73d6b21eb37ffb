"""One SQLite connection in a thread of its own, and whole transactions in it. What they do is not its own.

A statement of a unit is a trip to aiosqlite's thread and back, and several layers that pass it on; what a
call writes is small against that. Where nothing is awaited between statements, all of them are one trip.

Jobs that wait may share a transaction, for one costs more than what most of them do in it. If one of them
fails, each is done again in a transaction of its own, so that its fault is not the others'.

While the thread has nothing to do, whoever has a quick job may do it himself, by ``try_now``: on a busy
machine two threads that hand Python's lock to and fro at each statement wait ten times as long as the job
takes. So that it is quick, it waits for no other process, and never carries the WAL over to the database's
file: the thread does that.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from bridge.errors import LinkDown

T = TypeVar("T")

BUSY_TIMEOUT_MS = 15_000
_SLOW_SECONDS, _REST_SECONDS = 0.1, 1.0  # who takes so long is the last one for a while
_MOST_IN_A_ROW = 500  # then the thread has its turn, for the WAL
_PATIENT = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}", "PRAGMA wal_autocheckpoint=1000"
_HURRIED = "PRAGMA busy_timeout=0", "PRAGMA wal_autocheckpoint=0"


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
        self._connection: Connection | None = None
        self._mode: tuple[str, ...] = ()
        self._slow_until = 0.0  # of time.monotonic()
        self._in_a_row = 0
        # A daemon: a process that ends without closing the store must be able to end.
        self._thread = threading.Thread(target=self._work, name="sqlite", daemon=True)
        self._thread.start()

    async def run(self, do: Callable[[Connection], T]) -> T:
        """Commit when ``do`` returns, rollback when it raises. Cancelled, it still ends before this does."""
        if self._closed:
            raise LinkDown("the store is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._in_a_row = 0
        self._jobs.put(_Job(do, loop, done))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            if not done.cancelled():
                done.exception()  # whatever it was, the cancellation is the answer
            raise

    @property
    def may_now(self) -> bool:
        """Whether it is worth to ``try_now``."""
        rested = self._in_a_row < _MOST_IN_A_ROW and time.monotonic() >= self._slow_until
        return rested and not self._closed

    def try_now(self, do: Callable[[Connection], T]) -> tuple[T] | None:
        """In the caller's own thread, and only while nobody has a job here, which is for him to know.

        None: it was not done, for another process writes, the database has been slow of late, or it is the
        thread's turn.
        """
        if not self.may_now:
            return None
        self._in_a_row += 1
        begun = time.monotonic()
        try:
            connection = self._connected(_HURRIED)
            try:
                transaction = connection.begin()
            except OperationalError as error:
                if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    return None
                raise
            with transaction:
                result = do(connection)
            return (result,)
        finally:
            ended = time.monotonic()
            if ended - begun > _SLOW_SECONDS:
                self._slow_until = ended + _REST_SECONDS

    async def close(self) -> None:
        """Everything that was asked for is done before."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (first := self._jobs.get()) is not None:
            self._carry_out([first, *self._waiting()])
            del first  # or what it holds would live until the next one comes
        if self._connection is not None:
            self._connection.close()
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
            connection = self._connected(_PATIENT)
            with connection.begin():
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

    def _connected(self, mode: tuple[str, ...]) -> Connection:
        """The one connection, which is kept: to get it anew each time costs as much as a statement."""
        if self._connection is None or self._connection.invalidated:
            self._connection, self._mode = self._engine.connect(), ()
        if self._mode is not mode:
            cursor = self._connection.connection.cursor()
            for pragma in mode:
                cursor.execute(pragma)
            cursor.close()
            self._mode = mode
        return self._connection

    def _tell(self, job: _Job, how: Callable[..., None], what: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            job.loop.call_soon_threadsafe(how, job.done, what)


def _succeed(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)

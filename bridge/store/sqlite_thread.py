"""One SQLite connection in a thread of its own, and whole transactions in it. What they do is not its own.

A statement of a unit is a trip to aiosqlite's thread and back, and several layers that pass it on; what a
call writes is small against that. Where nothing is awaited between statements, all of them are one trip.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from bridge.errors import LinkDown

T = TypeVar("T")
_Job = Callable[[], None]


class SqliteThread:
    """``run`` may be called by several tasks of one loop; their transactions come one after another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
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

        def job() -> None:
            try:
                result = self._transaction(do)
            except BaseException as error:
                self._tell(loop, _fail, done, error)
            else:
                self._tell(loop, _succeed, done, result)

        self._jobs.put(job)
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

    def _transaction(self, do: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return do(connection)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or what it holds would live until the next one comes
        self._engine.dispose()

    def _tell(self, loop: asyncio.AbstractEventLoop, how: Callable[..., None], *what: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(how, *what)


def _succeed(done: "asyncio.Future[T]", result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)

"""The store as a whole: open, units, the fact log. It owns transactions; the aggregates own the queries."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from bridge.engine.ports import LoggedFact
from bridge.errors import ConfigurationError, LinkDown
from bridge.store.engine import Engines, database_errors, open_engines, open_engines_to_look, reaching
from bridge.store.migrate import SchemaSeen, Step, Told, log_progress, look, migrate, newer_schema, steps
from bridge.store.sqlite_thread import SqliteThread
from bridge.store.turns import Turns
from bridge.store.unit import SyncUnit, Unit

T = TypeVar("T")
_FEW = 100  # facts


class Store:
    """The database, open. Implements the engine's ``FactLog``."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._turns = Turns()
        self._appending = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, told: Told = log_progress) -> Self:
        """Opens, and brings the schema up to date. Raises ConfigurationError or LinkDown.

        ``told``: how far that is, in words.
        """
        engines = await open_engines(url)
        store = cls(engines)
        try:
            async with store._session(engines.writer) as session:
                connection = await session.connection()
                await connection.run_sync(migrate, told=told)
        except BaseException:
            await engines.dispose()
            raise
        return store

    @classmethod
    async def inspect(cls, url: str) -> SchemaSeen:
        """What is there, changing nothing. Raises ConfigurationError, or LinkDown when it cannot be read."""
        return await cls._looked(url, look) or look(None)

    @classmethod
    async def steps(cls, url: str) -> list[Step]:
        """What ``open`` would do to a database that is there. Raises as ``inspect`` does."""
        return await cls._looked(url, steps) or []

    @classmethod
    async def _looked(cls, url: str, do: Callable[[Connection], T]) -> T | None:
        """None: there is no database yet."""
        engines = await open_engines_to_look(url)
        if engines is None:
            return None
        try:
            async with cls(engines)._session(engines.reader, read_only=True) as session:
                return await (await session.connection()).run_sync(do)
        finally:
            await engines.dispose()

    @classmethod
    async def open_to_look(cls, url: str) -> Self:
        """For views only: it changes nothing, and may be open beside a running service.

        Raises ConfigurationError where there is nothing that this version could read, or LinkDown.
        """
        seen = await cls.inspect(url)
        engines = await open_engines_to_look(url)
        if engines is not None and seen.is_current:
            return cls(engines)
        if engines is not None:
            await engines.dispose()
        if seen.newer:
            raise ConfigurationError(f"store.url: {newer_schema(seen.revision)}")
        raise ConfigurationError(
            f"store.url: the database has {f'schema {seen.revision}' if seen.revision else 'no schema yet'}, "
            f"this version reads {seen.current}: `callbridge run` brings it up to date at its start"
        )

    async def close(self) -> None:
        await self._engines.dispose()

    def unit(self) -> AbstractAsyncContextManager[Unit]:
        """One transaction: commit on leaving, rollback on an error. SQLite has one at a time: be brief."""
        return self._unit()

    def view(self) -> AbstractAsyncContextManager[Unit]:
        """A unit that may only read. It sees one moment and never waits for a writer."""
        return self._view()

    async def write(self, do: Callable[[SyncUnit], T], *, quick: bool = False) -> T:
        """A unit in one go, for what every call writes: far cheaper than awaiting each statement.

        ``do`` may run in another thread, and again after a rollback, for it may share its transaction with
        others': it must touch nothing but its unit and what does not change.

        ``quick``: some statements by their keys. Where SQLite has nothing else to do, they are done at once,
        on the loop; see decision 0034.
        """
        engines = self._engines
        if quick and engines.writing is not None and engines.writing.may_now:
            # Not behind others in the thread's queue: there it would take longer, and the queue would grow.
            async with self._turns.alone():
                with database_errors(engines.place):
                    done = engines.writing.try_now(lambda connection: do(SyncUnit(connection)))
            if done is not None:
                return done[0]
        async with self._turn(shared=engines.writing is not None):
            return await self._go(engines.writing, engines.writer, do)

    async def read(self, do: Callable[[SyncUnit], T]) -> T:
        """As ``write``, for a view; on PostgreSQL each of its statements sees its own moment."""
        engines = self._engines
        if engines.asking is not None:
            return await self._ask(engines.asking, do)
        if engines.one_writer and engines.reader is engines.writer:
            return await self.write(do)
        return await self._go(engines.reading, engines.reader, do, read_only=True)

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        """Log facts, in their order. Appending the same ones again (after a lost reply) changes nothing."""
        if not facts:
            return
        # Without this lock PostgreSQL could commit a later batch before an earlier one, and who reads
        # "since id N" would miss the earlier.
        async with self._appending:
            await self.write(lambda unit: unit.facts.append(facts), quick=len(facts) <= _FEW)

    async def ping(self) -> None:
        """Raises LinkDown when the database does not answer."""
        async with self._session(self._engines.reader) as session:
            await session.execute(text("SELECT 1"))

    async def _ask(self, engine: AsyncEngine, do: Callable[[SyncUnit], T]) -> T:
        """Nothing pings the connection before: one that proves dead is put away, and a new one is asked."""
        try:
            return await self._go(None, engine, do)
        except LinkDown as error:
            lost = error.__cause__
            if not (isinstance(lost, DBAPIError) and lost.connection_invalidated):
                raise
        return await self._go(None, engine, do)

    async def _go(
        self,
        thread: SqliteThread | None,
        engine: AsyncEngine,
        do: Callable[[SyncUnit], T],
        *,
        read_only: bool = False,
    ) -> T:
        def done(connection: Connection) -> T:
            return do(SyncUnit(connection))

        place = self._engines.place
        with database_errors(place):
            if thread is not None:
                return await thread.run(done)
            opening = engine.connect()
            with reaching(place):
                connection = await opening.start()
            try:
                with reaching(place):
                    await connection.execution_options(**_options(engine, read_only=read_only))
                    await connection.begin()
                result = await connection.run_sync(done)
                await connection.commit()
                return result
            finally:
                await connection.close()

    @asynccontextmanager
    async def _unit(self) -> AsyncIterator[Unit]:
        async with self._turn(), self._session(self._engines.writer) as session:
            yield Unit(session)

    def _turn(self, *, shared: bool = False) -> AbstractAsyncContextManager[None]:
        """Where there is one writer, to be it; ``shared``: by way of its thread."""
        if not self._engines.one_writer:
            return nullcontext()
        return self._turns.shared() if shared else self._turns.alone()

    @asynccontextmanager
    async def _view(self) -> AsyncIterator[Unit]:
        if self._engines.one_writer and self._engines.reader is self._engines.writer:
            async with self._unit() as unit:
                yield unit
            return
        async with self._session(self._engines.reader, read_only=True) as session:
            yield Unit(session)

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine, *, read_only: bool = False) -> AsyncIterator[AsyncSession]:
        place = self._engines.place
        async with AsyncSession(engine, expire_on_commit=False, autoflush=False) as session:
            with database_errors(place):
                with reaching(place):
                    await session.connection(execution_options=_options(engine, read_only=read_only))
                yield session
                await session.commit()


def _options(engine: AsyncEngine, *, read_only: bool) -> dict[str, Any]:
    return {"postgresql_readonly": True} if read_only and engine.dialect.name == "postgresql" else {}

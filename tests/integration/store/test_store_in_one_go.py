"""Units in one go on both databases, and on SQLite in memory: whole or not at all, one after another."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from bridge.errors import BadInput, InternalError, LinkDown
from bridge.store import Store, SyncUnit
from bridge.store import engine as engine_module


@pytest.fixture
async def memory() -> AsyncIterator[Store]:
    store = await Store.open("sqlite:///:memory:")
    yield store
    await store.close()


async def calls_in(store: Store) -> set[str]:
    async with store.view() as unit:
        return {call.id for call in (await unit.calls.page(None, 100)).items}


async def test_what_it_writes_is_there_for_everybody(store: Store, make_record) -> None:
    def save(unit: SyncUnit) -> str:
        unit.calls.save(make_record("c1"))
        unit.tickets.open("c1", "subject", "support")
        ticket = unit.tickets.by_call("c1")
        assert ticket is not None
        return ticket.subject

    assert await store.write(save) == "subject"
    assert await calls_in(store) == {"c1"}
    times = await store.read(lambda unit: unit.calls.times("c1"))
    assert times is not None
    assert (times.offered_at, times.ended_at) == (make_record().offered_at, None)
    assert await store.read(lambda unit: unit.calls.times("other")) is None


async def test_in_memory_as_well(memory: Store, make_record) -> None:
    await memory.write(lambda unit: unit.calls.save(make_record("c1")))
    assert await memory.read(lambda unit: unit.calls.times("c1")) is not None
    assert await calls_in(memory) == {"c1"}


async def test_one_that_fails_leaves_nothing_and_harms_no_other(store: Store, make_record) -> None:
    def save(number: int, unit: SyncUnit) -> int:
        unit.calls.save(make_record(f"c{number}"))
        if number % 3 == 0:
            raise ZeroDivisionError
        return number

    def job(number: int):  # type: ignore[no-untyped-def]
        return store.write(lambda unit: save(number, unit))

    results = await asyncio.gather(*(job(number) for number in range(20)), return_exceptions=True)
    good = [number for number in range(20) if number % 3]
    assert [result for result in results if isinstance(result, int)] == good
    assert [type(result) for result in results[::3]] == [ZeroDivisionError] * 7
    assert await calls_in(store) == {f"c{number}" for number in good}


async def test_a_refused_statement_is_told_as_ours(store: Store) -> None:
    with pytest.raises(BadInput, match="refused"):
        await store.write(lambda unit: unit.recordings.note("r1", "no.such.call", datetime.now(UTC)))
    with pytest.raises((InternalError, LinkDown), match="no_such_table"):
        await store.write(lambda unit: unit.calls._connection.execute(text("SELECT * FROM no_such_table")))
    assert await store.write(lambda unit: unit.tickets.by_call("no.such.call")) is None


async def test_a_view_in_one_go_does_not_write(store: Store, make_record) -> None:
    with pytest.raises((LinkDown, InternalError)):
        await store.read(lambda unit: unit.calls.save(make_record("c1")))
    assert await calls_in(store) == set()
    await store.write(lambda unit: unit.calls.save(make_record("c1")))


async def test_it_meets_no_lock_of_units_and_other_goes(store: Store, make_record) -> None:
    async def unit(number: int) -> None:
        async with store.unit() as unit:
            await unit.calls.save(make_record(f"u{number}"))
            await asyncio.sleep(0)
            await unit.calls.save(make_record(f"v{number}"))

    def go(number: int):  # type: ignore[no-untyped-def]
        return store.write(lambda unit: unit.calls.save(make_record(f"w{number}")))

    await asyncio.gather(*(one(number) for number in range(30) for one in (unit, go)))
    assert len(await calls_in(store)) == 90


async def test_it_does_not_wait_for_a_writer_when_it_only_reads(store: Store, make_record) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_record("c1"))
        async with asyncio.timeout(10):
            assert await store.read(lambda unit: unit.calls.times("c1")) is None


async def test_a_go_inside_a_unit_of_the_same_task_is_refused(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    async with store.unit():
        with pytest.raises(InternalError, match="wait for itself"):
            await store.write(lambda unit: unit.calls.times("c1"))
    await store.close()


async def test_a_cancelled_one_is_over_when_it_says_so(tmp_path: Path, make_record) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    loop, inside, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hang(unit: SyncUnit) -> None:
        unit.calls.save(make_record("c1"))
        loop.call_soon_threadsafe(inside.set)
        go_on.wait(10)

    task = asyncio.create_task(store.write(hang))
    await inside.wait()
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await calls_in(store) == {"c1"}
    await store.write(lambda unit: unit.calls.save(make_record("c2")))
    await store.close()


async def test_a_file_locked_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 1)
    file = tmp_path / "x.db"
    store = await Store.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LinkDown, match="kept locked"):
        await store.write(lambda unit: unit.calls.times("c1"))
    assert await store.read(lambda unit: unit.calls.times("c1")) is None
    other.execute("ROLLBACK")
    other.close()
    assert await store.write(lambda unit: unit.calls.times("c1")) is None
    await store.close()


async def test_a_connection_that_died_meanwhile_is_not_noticed_by_who_reads(postgres: str) -> None:
    store, server = await Store.open(f"{postgres}/postgres"), await asyncpg.connect(f"{postgres}/postgres")
    end_all = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'callbridge' AND datname = current_database()"
    )
    for _ in range(3):
        assert await store.read(lambda unit: unit.calls.times("c1")) is None
        assert await server.fetchval(end_all) > 0
    assert await store.read(lambda unit: unit.calls.times("c1")) is None
    await server.close()
    await store.close()


async def test_a_server_that_cannot_be_reached(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.open(f"{postgres}/postgres")
    await store._engines.writer.dispose()  # of its connections: the next one is new
    with monkeypatch.context() as patch:
        assert store._engines.asking is not None
        for engine in (store._engines.writer, store._engines.asking):
            patch.setattr(engine.dialect, "connect", _no_way)
        for go in (store.write, store.read):
            with pytest.raises(LinkDown, match="cannot be reached: no way"):
                await go(lambda unit: unit.calls.times("c1"))
    assert await store.write(lambda unit: unit.calls.times("c1")) is None
    await store.close()


def _no_way(*_: object, **__: object) -> None:
    raise ConnectionRefusedError("no way")


async def test_closing_lets_what_was_asked_for_end_and_takes_no_more(tmp_path: Path, make_record) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = await Store.open(url)
    loop, inside, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow(unit: SyncUnit) -> None:
        loop.call_soon_threadsafe(inside.set)
        go_on.wait(10)
        unit.calls.save(make_record("c1"))

    asked = asyncio.create_task(store.write(slow))
    await inside.wait()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(asked, closing)
    for go in (store.write, store.read):
        with pytest.raises(LinkDown, match="closed"):
            await go(lambda unit: unit.calls.times("c1"))
    again = await Store.open(url)
    assert await calls_in(again) == {"c1"}
    await again.close()


@pytest.mark.parametrize("quick", [True, False])
async def test_quick_ones_others_and_units_meet_no_lock(store: Store, make_record, quick: bool) -> None:
    async def unit(number: int) -> None:
        async with store.unit() as unit:
            await unit.calls.save(make_record(f"u{number}"))
            await asyncio.sleep(0)

    def job(name: str):  # type: ignore[no-untyped-def]
        return lambda unit: unit.calls.save(make_record(name))

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(unit(number))
            group.create_task(store.write(job(f"q{number}"), quick=True))
            group.create_task(store.write(job(f"j{number}"), quick=quick))
    assert await calls_in(store) == {f"{kind}{number}" for kind in "uqj" for number in range(10)}


async def test_a_quick_one_that_is_refused_is_told_as_any_other(store: Store, make_record) -> None:
    with pytest.raises(BadInput, match="refused"):
        await store.write(
            lambda unit: unit.recordings.note("r1", "no.such.call", datetime.now(UTC)), quick=True
        )
    await store.write(lambda unit: unit.calls.save(make_record("c1")), quick=True)
    assert await calls_in(store) == {"c1"}


async def test_a_quick_one_waits_for_the_file_that_another_process_holds(tmp_path: Path, make_record) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'x.db'}")
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(store.write(lambda unit: unit.calls.save(make_record("c1")), quick=True))
    done, _ = await asyncio.wait([writing], timeout=0.2)
    assert not done, "and the loop goes on meanwhile"
    other.execute("ROLLBACK")
    other.close()
    await writing
    assert await calls_in(store) == {"c1"}
    await store.close()

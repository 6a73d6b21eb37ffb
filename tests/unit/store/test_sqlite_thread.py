"""The writing thread: what waits shares a transaction, a fault is nobody else's, the quick are done now."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import StaticPool

from bridge.errors import LinkDown
from bridge.store import sqlite_thread
from bridge.store.sqlite_thread import SqliteThread


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def engine(file: Path) -> Engine:
    with sqlite3.connect(file) as made:
        made.execute("PRAGMA journal_mode=WAL")
    engine = create_engine(
        f"sqlite:///{file}", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    def do_begin(connection: Any) -> None:
        connection.cursor().execute("BEGIN IMMEDIATE")

    engine.dialect.do_begin = do_begin  # type: ignore[method-assign, assignment]
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE words (word TEXT)"))
    engine.dispose()
    return engine


@pytest.fixture
def ends(engine: Engine) -> list[str]:
    """How each transaction ended."""
    ended: list[str] = []
    event.listen(engine, "commit", lambda _: ended.append("commit"))
    event.listen(engine, "rollback", lambda _: ended.append("rollback"))
    return ended


@pytest.fixture
async def thread(engine: Engine) -> AsyncIterator[SqliteThread]:
    thread = SqliteThread(engine, together=4)
    yield thread
    await thread.close()


def say(word: str) -> Any:
    def do(connection: Connection) -> str:
        connection.execute(text("INSERT INTO words VALUES (:word)"), {"word": word})
        if word == "bad":
            raise ZeroDivisionError
        return word

    return do


def words(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT word FROM words ORDER BY rowid")))


class Held:
    """A job that holds the thread, so that others must wait."""

    def __init__(self, thread: SqliteThread) -> None:
        self.began, self.go_on = threading.Event(), threading.Event()
        self.task = asyncio.create_task(thread.run(self._hold))

    def _hold(self, connection: Connection) -> None:
        self.began.set()
        self.go_on.wait(10)

    async def begun(self) -> None:
        await asyncio.to_thread(self.began.wait, 10)


async def test_jobs_that_wait_share_a_transaction_up_to_the_limit(
    thread: SqliteThread, ends: list[str]
) -> None:
    held = Held(thread)
    await held.begun()
    jobs = [asyncio.create_task(thread.run(say(str(number)))) for number in range(6)]
    await asyncio.sleep(0)
    held.go_on.set()
    assert await asyncio.gather(*jobs) == ["0", "1", "2", "3", "4", "5"]
    assert ends == ["commit"] * 3, "the one that held them, then four, then two"
    assert await thread.run(words) == ["0", "1", "2", "3", "4", "5"]


async def test_of_those_that_fail_together_only_the_faulty_one_fails(
    thread: SqliteThread, ends: list[str]
) -> None:
    held = Held(thread)
    await held.begun()
    jobs = [asyncio.create_task(thread.run(say(word))) for word in ("a", "bad", "c")]
    await asyncio.sleep(0)
    held.go_on.set()
    a, bad, c = await asyncio.gather(*jobs, return_exceptions=True)
    assert (a, type(bad), c) == ("a", ZeroDivisionError, "c")
    assert ends == ["commit", "rollback", "commit", "rollback", "commit"]
    assert await thread.run(words) == ["a", "c"]


async def test_what_was_asked_for_before_the_end_is_done(engine: Engine) -> None:
    thread = SqliteThread(engine, together=4)
    held = Held(thread)
    await held.begun()
    jobs = [asyncio.create_task(thread.run(say(word))) for word in ("a", "b")]
    await asyncio.sleep(0)
    closing = asyncio.create_task(thread.close())
    await asyncio.sleep(0)
    held.go_on.set()
    assert await asyncio.gather(*jobs) == ["a", "b"]
    await closing
    with pytest.raises(LinkDown):
        await thread.run(words)
    with engine.connect() as connection:
        assert words(connection) == ["a", "b"]
    engine.dispose()


async def test_who_is_cancelled_leaves_only_when_his_job_is_over(thread: SqliteThread) -> None:
    held = Held(thread)
    await held.begun()
    job = asyncio.create_task(thread.run(say("a")))
    await asyncio.sleep(0)
    job.cancel()
    done, _ = await asyncio.wait([job], timeout=0.05)
    assert not done
    held.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert await thread.run(words) == ["a"]


# ── at once ──────────────────────────────────────────────────────────────────


def settings(connection: Connection) -> tuple[int, int]:
    names = ("busy_timeout", "wal_autocheckpoint")
    busy, checkpoint = (connection.scalar(text(f"PRAGMA {name}")) for name in names)
    return busy, checkpoint


async def test_a_quick_one_is_done_at_once_in_the_callers_thread(thread: SqliteThread) -> None:
    assert thread.try_now(lambda _: threading.current_thread()) == (threading.main_thread(),)
    assert await thread.run(lambda _: threading.current_thread()) is not threading.main_thread()
    assert thread.try_now(say("a")) == ("a",)
    assert await thread.run(say("b")) == "b"
    assert thread.try_now(words) == (["a", "b"],)


async def test_it_waits_for_nobody_and_leaves_the_wal_to_the_thread(thread: SqliteThread) -> None:
    for _ in range(2):
        assert thread.try_now(settings) == ((0, 0),)
        assert await thread.run(settings) == (15_000, 1_000)


async def test_one_that_fails_leaves_nothing_and_the_next_one_is_done(thread: SqliteThread) -> None:
    with pytest.raises(ZeroDivisionError):
        thread.try_now(say("bad"))
    assert thread.try_now(words) == ([],)


async def test_while_another_process_writes_the_thread_must_wait_for_it(
    thread: SqliteThread, file: Path
) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert thread.try_now(say("a")) is None
    waiting = asyncio.create_task(thread.run(say("a")))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    other.execute("COMMIT")
    other.close()
    assert await waiting == "a"
    assert thread.try_now(words) == (["a"],)


async def test_who_was_slow_is_the_last_one_for_a_while(
    thread: SqliteThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(sqlite_thread.time, "monotonic", lambda: now)

    def slow(connection: Connection) -> None:
        nonlocal now
        now += 0.2

    assert thread.try_now(slow) == (None,)
    assert not thread.may_now
    assert thread.try_now(words) is None
    now += 1.0
    assert thread.may_now
    assert thread.try_now(words) == ([],)


async def test_after_many_in_a_row_the_thread_has_its_turn(
    thread: SqliteThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_thread, "_MOST_IN_A_ROW", 3)
    assert [thread.try_now(say(word)) for word in "abcd"] == [("a",), ("b",), ("c",), None]
    await thread.run(say("d"))
    assert thread.try_now(words) == (["a", "b", "c", "d"],)


async def test_none_is_done_after_the_end(engine: Engine) -> None:
    thread = SqliteThread(engine)
    await thread.close()
    assert thread.try_now(words) is None

"""The writing thread: what waits shares a transaction, and what fails in it is nobody else's fault."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import StaticPool

from bridge.errors import LinkDown
from bridge.store.sqlite_thread import SqliteThread


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}", poolclass=StaticPool)
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

"""The database's errors as ours: what passes is LinkDown (retryable), what we did wrong is not."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from bridge.errors import BadInput, InternalError, LinkDown
from bridge.store import Store
from bridge.store.engine import database_errors

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{}'; END $$"
PASSING = [
    ("08006", "lost the connection"),
    ("25006", "read-only"),
    ("40001", "gave way"),
    ("40P01", "deadlock"),
    ("53100", "no room"),
    ("53200", "short of resources"),
    ("53300", "too many connections"),
    ("55P03", "locked"),
    ("57014", "took too long"),
    ("57P01", "shutting down"),
    ("57P03", "still starting"),
    ("57P04", "interrupted"),
]


@pytest.fixture
async def server(postgres: str) -> str:
    return f"{postgres}/postgres"


async def test_what_passes_on_postgresql_can_be_tried_again(server: str) -> None:
    store = await Store.open(server)
    for state, words in PASSING:
        with pytest.raises(LinkDown, match=words) as caught:
            async with store.unit() as unit:
                await unit.facts._session.execute(text(RAISE.format(state)))
        assert caught.value.retryable
    await store.close()


async def test_a_statement_that_takes_too_long_and_a_server_that_only_reads(server: str) -> None:
    store = await Store.open(server)

    async def run(*statements: str) -> None:
        async with store.unit() as unit:
            for statement in statements:
                await unit.facts._session.execute(text(statement))

    with pytest.raises(LinkDown, match="took too long"):
        await run("SET LOCAL statement_timeout = 20", "SELECT pg_sleep(60)")
    with pytest.raises(LinkDown, match="read-only"):
        await run("SET TRANSACTION READ ONLY", "CREATE TABLE other (id int)")
    await store.close()


async def test_what_we_did_wrong_stays_our_fault(server: str) -> None:
    store = await Store.open(server)
    for state, kind in (("42601", InternalError), ("25001", InternalError), ("23505", BadInput)):
        with pytest.raises(kind):
            async with store.unit() as unit:
                await unit.facts._session.execute(text(RAISE.format(state)))
    await store.close()


async def test_a_full_sqlite_disk(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'callbridge.db'}")

    async def fill() -> None:
        async with store.unit() as unit:
            await unit.facts._session.execute(text("PRAGMA max_page_count = 1"))
            for _ in range(50):
                await unit.clients.add("Anna", notes="x" * 4000)

    with pytest.raises(LinkDown, match=r"no room on its disk.*full"):
        await fill()
    await store.close()


def test_a_broken_sqlite_disk() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    wrapped: DBAPIError = OperationalError("INSERT", {}, error)
    with pytest.raises(LinkDown, match="written to its disk"), database_errors("sqlite"):
        raise wrapped

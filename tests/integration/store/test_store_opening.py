"""Opening, migrating, transactions and errors, on both databases and on SQLite alone."""

import asyncio
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bridge.errors import BadInput, ConfigurationError, InternalError, LinkDown
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import alembic_config, is_ours, migrate, other_type
from bridge.store.tables import Base


def differences(connection: Connection) -> list[object]:
    return compare_metadata(
        MigrationContext.configure(
            connection,
            opts={"compare_type": other_type, "compare_server_default": True, "include_name": is_ours},
        ),
        Base.metadata,
    )


async def test_migrations_make_what_the_models_say(store: Store) -> None:
    async with store._engines.writer.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_from_empty_from_current_and_back(url: str) -> None:
    from alembic import command

    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(migrate)
        await connection.run_sync(migrate)
        assert await connection.run_sync(differences) == []
    async with engines.writer.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(alembic_config(sync), "base"))
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["alembic_version"]
    async with engines.writer.begin() as connection:
        await connection.run_sync(migrate)
        assert await connection.run_sync(differences) == []
    await engines.dispose()


async def test_opening_again_keeps_everything(url: str) -> None:
    store = await Store.open(url)
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna")
    await store.close()
    store = await Store.open(url)
    async with store.view() as unit:
        assert await unit.clients.get(anna.id) == anna
    await store.close()


async def test_several_opening_at_once_migrate_once(url: str) -> None:
    stores = await asyncio.gather(*(Store.open(url) for _ in range(8)))
    for store in stores:
        await store.ping()
        await store.close()


async def test_a_database_of_a_newer_version_is_left_alone(url: str) -> None:
    store = await Store.open(url)
    async with store.unit() as unit:
        await unit.facts._session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(ConfigurationError, match="9999"):
        await Store.open(url)


async def test_an_exception_rolls_back_and_the_next_unit_works(store: Store) -> None:
    async def fail() -> None:
        async with store.unit() as unit:
            await unit.clients.add("Anna")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.unit() as unit:
        assert (await unit.clients.page(None, 10)).items == ()
        await unit.clients.add("Boris")
    async with store.view() as unit:
        assert [client.name for client in (await unit.clients.page(None, 10)).items] == ["Boris"]


async def test_a_cancelled_unit_rolls_back_and_frees_the_way(store: Store) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with store.unit() as unit:
            await unit.clients.add("Anna")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.unit() as unit:
        assert (await unit.clients.page(None, 10)).items == ()


async def test_a_view_does_not_write(store: Store) -> None:
    with pytest.raises((LinkDown, InternalError)):
        async with store.view() as unit:
            await unit.clients.add("Anna")
    async with store.view() as unit:
        assert (await unit.clients.page(None, 10)).items == ()


async def test_many_writers_and_readers_at_once_meet_no_lock(store: Store) -> None:
    async def write(number: int) -> None:
        async with store.unit() as unit:
            client = await unit.clients.add(f"Client {number}")
            await asyncio.sleep(0)
            await unit.clients.update(client.id, company="X")

    async def read() -> None:
        async with store.view() as unit:
            await unit.clients.page(None, 10)

    await asyncio.gather(*(write(number) for number in range(60)), *(read() for _ in range(60)))
    async with store.view() as unit:
        assert len((await unit.clients.page(None, 100)).items) == 60


async def test_a_reader_does_not_wait_for_a_writer(store: Store) -> None:
    async with store.unit() as writing:
        await writing.clients.add("Anna")
        async with asyncio.timeout(10), store.view() as reading:
            assert (await reading.clients.page(None, 10)).items == ()


async def test_two_processes_on_one_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'shared.db'}"
    one, two = await Store.open(url), await Store.open(url)

    async def write(store: Store, name: str) -> None:
        for _ in range(20):
            async with store.unit() as unit:
                await unit.clients.add(name)

    await asyncio.gather(write(one, "one"), write(two, "two"))
    async with one.view() as unit:
        assert len((await unit.clients.page(None, 100)).items) == 40
    await one.close()
    await two.close()


async def test_sqlite_is_set_up_as_promised(tmp_path: Path) -> None:
    file = tmp_path / "new" / "directory" / "callbridge.db"
    store = await Store.open(f"sqlite:///{file}")
    async with store.unit() as unit:
        pragmas = {
            name: await unit.facts._session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    await store.close()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 15000}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_postgresql_is_set_up_as_promised(store: Store) -> None:
    async with store.unit() as unit:
        scalar = unit.facts._session.scalar
        said = [await scalar(text(f"SHOW {name}")) for name in ("jit", "statement_timeout")]
        cleared = await scalar(text("SELECT reloptions FROM pg_class WHERE oid = 'tickets'::regclass"))
    assert said == ["off", "30s"]
    assert "autovacuum_vacuum_scale_factor=0.01" in cleared


async def test_a_unit_within_a_unit_is_told_apart_from_a_deadlock(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    async with store.unit():
        with pytest.raises(InternalError, match="inside a unit"):
            async with store.unit():
                pass
    await store.close()


async def test_in_memory() -> None:
    store = await Store.open("sqlite+aiosqlite://")
    async with store.unit() as unit:
        await unit.clients.add("Anna")
    async with store.view() as unit:
        assert len((await unit.clients.page(None, 5)).items) == 1
    await store.close()


@pytest.mark.parametrize(
    "url", ["", "callbridge.db", "mysql://h/x", "sqlite+pysqlite:///x", "postgresql+psycopg://h/x"]
)
async def test_a_url_of_no_use_says_what_to_write(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url"):
        await Store.open(url)


async def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await Store.open(f"sqlite:///{tmp_path / 'file' / 'callbridge.db'}")


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "callbridge.db"
    file.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        await Store.open(f"sqlite:///{file}")


async def test_a_server_that_does_not_answer_is_link_down_without_the_password() -> None:
    with pytest.raises(LinkDown) as caught:
        await Store.open("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


async def test_a_missing_database_or_user_is_link_down(postgres: str) -> None:
    with pytest.raises(LinkDown, match="nowhere"):
        await Store.open(f"{postgres}/nowhere")


async def test_a_violated_constraint_is_bad_input(store: Store) -> None:
    statement = (
        "INSERT INTO legs (id, call_id, kind, created_at) VALUES ('x', 'none', 'client', '2025-01-01')"
    )
    with pytest.raises(BadInput):
        async with store.unit() as unit:
            await unit.facts._session.execute(text(statement))

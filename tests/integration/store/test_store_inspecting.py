"""Looking at a database without changing it, on both databases; what the doctor makes of it."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from bridge import config
from bridge.config import Settings
from bridge.doctor import _store
from bridge.errors import ConfigurationError, InternalError, LinkDown
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import alembic_config, migrate

LAB = Path(__file__).resolve().parents[3] / "docker" / "callbridge.yml"


def settings_for(url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", url.replace("postgresql://", "postgresql+asyncpg://"))
    return config.load(LAB)


async def tables_of(url: str) -> list[str]:
    engines = await open_engines(url)
    async with engines.reader.begin() as connection:
        found: list[str] = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engines.dispose()
    return found


async def test_a_missing_file_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new' / 'callbridge.db'}"
    finding = await _store(settings_for(url, monkeypatch))
    assert finding.well
    assert finding.detail == "not there yet: made at the first start"
    assert list(tmp_path.iterdir()) == []
    assert not (await Store.inspect("sqlite+aiosqlite://")).exists


async def test_a_current_schema(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.open(url)
    in_use = await Store.inspect(url)
    await store.close()
    seen = await Store.inspect(url)
    assert seen == in_use
    assert (seen.exists, seen.is_current, seen.newer) == (True, True, False)
    finding = await _store(settings_for(url, monkeypatch))
    assert (finding.well, finding.detail) == (True, "reachable, and its schema is current")


async def test_an_older_schema_is_not_migrated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(connection: Connection) -> None:
        migrate(connection, "0001")

    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(first)
    await engines.dispose()
    for _ in range(2):
        finding = await _store(settings_for(url, monkeypatch))
        assert finding.well
        assert "schema 0001 will be migrated at the next start" in finding.detail
    await (await Store.open(url)).close()
    assert (await Store.inspect(url)).is_current


async def test_an_empty_database_stays_empty(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engines = await open_engines(url)
    await engines.dispose()
    finding = await _store(settings_for(url, monkeypatch))
    assert finding.well
    assert "will be migrated at the next start" in finding.detail
    assert await tables_of(url) == []


async def test_a_newer_schema_is_bad(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await Store.open(url)
    async with store.unit() as unit:
        await unit.facts._session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    finding = await _store(settings_for(url, monkeypatch))
    assert not finding.well
    assert "9999" in finding.detail
    assert "backup" in finding.remedy


async def test_looking_leaves_no_file_behind(tmp_path: Path) -> None:
    file = tmp_path / "the centre's #1.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    before = file.read_bytes()
    assert (await Store.inspect(f"sqlite:///{file}")).is_current
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == before


async def test_what_cannot_be_read_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(LinkDown, match="not a database"):
        await Store.inspect(f"sqlite:///{broken}")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await Store.inspect(f"sqlite:///{broken / 'callbridge.db'}")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await Store.inspect(f"sqlite:///{tmp_path}")
    for url in (f"sqlite+aiosqlite:///{broken}", "postgresql://user:secret@127.0.0.1:1/none"):
        finding = await _store(settings_for(url, monkeypatch))
        assert not finding.well
        assert "secret" not in finding.detail
        assert "store.url" in finding.remedy


async def test_the_second_step_keeps_tickets_and_can_be_taken_back(url: str, make_record) -> None:  # type: ignore[no-untyped-def]
    def step_back(connection: Connection) -> None:
        command.downgrade(alembic_config(connection), "0001")

    store = await Store.open(url)
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(make_record(), "s", "d")
    async with store._engines.writer.begin() as connection:
        await connection.run_sync(step_back)
    await store.close()
    store = await Store.open(url)
    async with store.view() as unit:
        assert await unit.tickets.get(ticket.id) == ticket
    await store.close()


async def test_open_to_look_reads_beside_a_running_service_and_writes_nothing(url: str, make_record) -> None:  # type: ignore[no-untyped-def]
    store = await Store.open(url)
    async with store.unit() as unit:
        await unit.calls.save(make_record("c1"))
        looking = await Store.open_to_look(url)
        async with looking.view() as view:
            assert await view.calls.get("c1") is None, "it is not committed yet"
    async with looking.view() as view:
        assert await view.calls.get("c1") is not None
    with pytest.raises((LinkDown, InternalError)):
        async with looking.view() as view:
            await view.calls.save(make_record("c2"))
    await looking.close()
    async with store.view() as view:
        assert await view.calls.get("c2") is None
    await store.close()


async def test_open_to_look_at_what_this_version_cannot_read(url: str) -> None:
    def second(connection: Connection) -> None:
        migrate(connection, "0002")

    engines = await open_engines(url)
    with pytest.raises(ConfigurationError, match="no schema yet"):
        await Store.open_to_look(url)
    async with engines.writer.begin() as connection:
        await connection.run_sync(second)
    with pytest.raises(ConfigurationError, match=r"0002.*`callbridge run`"):
        await Store.open_to_look(url)
    async with engines.writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"9999.*newer"):
        await Store.open_to_look(url)
    await engines.dispose()


async def test_open_to_look_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no schema yet"):
        await Store.open_to_look(f"sqlite:///{tmp_path / 'callbridge.db'}")
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "there.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    looking = await Store.open_to_look(f"sqlite:///{file}")
    async with looking.view() as view:
        assert await view.offers.of_call("c1") == []
    await looking.close()
    assert list(tmp_path.iterdir()) == [file]

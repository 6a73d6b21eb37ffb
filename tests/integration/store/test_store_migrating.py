"""From each released schema to this one on both databases: everything that was kept is still there."""

from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.engine import open_engines
from bridge.store.migrate import alembic_config, migrate

AT = "'2025-03-01 09:00:00+00:00'"
# As the versions with these schemas wrote them, in the order in which they refer to one another.
KEPT = {
    "clients": f"(1, 'Анна', 'ООО', 'ru', 'gold', '', {AT}, {AT})",
    "client_numbers": "(1, 1, '+79161234567', '8916', '8916', '')",
    "client_words": "('анна', 1)",
    "agents": "('1001', 'Anna', 'PJSIP/1001', 'en')",
    "users": "(1, 'anna', 'hash', 'agent', '1001', 'en')",
    "sessions": f"('hash', 1, 'csrf', {AT})",
    "tokens": f"(1, 'crm', 'hash', '[\"*\"]', NULL, {AT})",
    "calls": f"('c1', 'in', '8916', '+79161234567', '', false, '+7495', 'lab', 'known', 1, true, 'support', "
    f"'1001', {AT}, {AT}, {AT}, {AT}, 'answered', {AT})",
    "legs": f"('c1', 'c1', 'client', NULL, {AT}, NULL, {AT}, {AT}, 16, 200), "
    f"('c1-agent-1', 'c1', 'agent', '1001', {AT}, {AT}, NULL, NULL, NULL, NULL)",
    "recordings": f"('c1-rec-1', 'c1', 1, 'attached', 'a.wav', 1, 2, 8000, 2, 'x', '', {AT}, {AT})",
    "facts": f"(1, 'run', 1, {AT}, 'c1', 'CallOffered', '{{}}')",
}
TICKET = f"(1, 'c1', 1, true, 'Printer', true, 'done', 'urgent', 'Support', false, '1001', 'Done', {AT}, {AT}"
TICKETS = {"0001": f"{TICKET})", "0002": f"{TICKET}, true)"}


def old(connection: Connection, revision: str) -> dict[str, list[Any]]:
    migrate(connection, revision)
    for table, values in KEPT.items():
        if table == "recordings":
            connection.execute(text(f"INSERT INTO tickets VALUES {TICKETS[revision]}"))
        connection.execute(text(f"INSERT INTO {table} VALUES {values}"))
    return contents(connection)


def contents(connection: Connection) -> dict[str, list[Any]]:
    return {
        table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).mappings()]
        for table in (*KEPT, "tickets")
    }


@pytest.fixture(params=sorted(TICKETS))
async def migrated(url: str, request: pytest.FixtureRequest) -> tuple[str, dict[str, list[Any]]]:
    """A store of a released schema, brought to this one: its URL, and what was in it before."""
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        before = await connection.run_sync(old, request.param)
    await engines.dispose()
    await (await Store.open(url)).close()
    return url, before


async def test_everything_is_still_there(migrated: tuple[str, dict[str, list[Any]]]) -> None:
    url, before = migrated
    engines = await open_engines(url)
    async with engines.writer.connect() as connection:
        after = await connection.run_sync(contents)
    await engines.dispose()
    for table, rows in before.items():
        assert len(rows) == len(after[table]) > 0
        for row, kept in zip(rows, after[table], strict=True):
            assert {name: kept[name] for name in row} == row, table
    assert (after["tickets"][0]["disposition"], after["tickets"][0]["disposed_by"]) == ("", None)
    assert not after["calls"][0]["fallback"]


async def test_what_is_new_works_on_what_is_old(migrated: tuple[str, dict[str, list[Any]]]) -> None:
    store = await Store.open(migrated[0])
    leg = "INSERT INTO legs (id, call_id, kind, created_at) VALUES ('c1-out-1', 'c1', '{}', " + AT + ")"
    async with store.unit() as unit:
        assert await unit.calls.last_agent("+79161234567") is not None
        assert await unit.tickets.dispose("c1", "1001", "sold") == 1
        await unit.calls._session.execute(text(leg.format("outside")))
        call = await unit.calls.get("c1")
        assert call is not None
        assert {leg.id: leg.kind for leg in call.legs}["c1-out-1"] == "outside"
    for broken in (
        leg.replace("out-1", "out-2").format("tin can"),
        leg.replace("'c1',", "'c2',").format("client"),
    ):
        with pytest.raises(BadInput):
            async with store.unit() as unit:
                await unit.calls._session.execute(text(broken))
    async with store._engines.writer.begin() as connection:
        await connection.execute(text("DELETE FROM recordings"))
        await connection.execute(text("DELETE FROM tickets"))
        await connection.execute(text("DELETE FROM calls"))
        legs = await connection.scalar(text("SELECT count(*) FROM legs"))
        indexes = await connection.run_sync(lambda sync: inspect(sync).get_indexes("legs"))
    await store.close()
    assert legs == 0, "legs went with their call"
    assert [index["name"] for index in indexes] == ["ix_legs_call_id"]


async def test_the_step_back_leaves_what_the_version_before_can_read(
    migrated: tuple[str, dict[str, list[Any]]],
) -> None:
    def step_back(connection: Connection) -> dict[str, list[Any]]:
        connection.execute(text("UPDATE calls SET outcome = 'voicemail'"))
        connection.execute(
            text(
                f"INSERT INTO legs (id, call_id, kind, created_at) VALUES ('c1-out-1', 'c1', 'outside', {AT})"
            )
        )
        command.downgrade(alembic_config(connection), "0002")
        return contents(connection)

    url, before = migrated
    engines = await open_engines(url)
    async with engines.writer.begin() as connection:
        after = await connection.run_sync(step_back)
    await engines.dispose()
    assert after["legs"] == before["legs"]
    assert after["calls"] == [{**before["calls"][0], "outcome": "failed"}]
    assert "disposition" not in after["tickets"][0]

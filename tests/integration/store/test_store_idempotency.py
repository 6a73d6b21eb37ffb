"""Idempotency keys, imports as jobs, tokens' last use, and rows that are locked: on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

from bridge.store import Store
from bridge.store.api_rows import ImportCounts, KeyRow

NOW = datetime.now(UTC)


async def _token(store: Store, name: str = "crm") -> int:
    async with store.unit() as unit:
        return (await unit.tokens.add(name, f"hash of {name}", ["*"])).id


async def test_the_first_is_told_from_the_second(store: Store) -> None:
    token, other = await _token(store), await _token(store, "other")
    async with store.unit() as unit:
        assert await unit.keys.begin(token, "k", "a") is None
        assert await unit.keys.begin(other, "k", "b") is None
    async with store.unit() as unit:
        assert await unit.keys.begin(token, "k", "c") == KeyRow("a", None, {}, None)
        await unit.keys.end(token, "k", 201, {"Location": "/x"}, b"\x00{}")
    async with store.view() as unit:
        assert await unit.keys.get(token, "k") == KeyRow("a", 201, {"Location": "/x"}, b"\x00{}")
        assert await unit.keys.get(other, "k") == KeyRow("b", None, {}, None)
    async with store.unit() as unit:
        await unit.keys.forget(token, "k")
        assert await unit.keys.begin(token, "k", "d") is None


async def test_of_many_at_once_one_is_the_first(store: Store) -> None:
    token = await _token(store)

    async def begin() -> bool:
        async with store.unit() as unit:
            return await unit.keys.begin(token, "k", "a") is None

    assert sum(await asyncio.gather(*(begin() for _ in range(8)))) == 1


async def test_the_table_stays_small(store: Store) -> None:
    token = await _token(store)
    for number in range(5):
        async with store.unit() as unit:
            await unit.keys.begin(token, str(number), "a")
    async with store.unit() as unit:
        await unit.keys.sweep(NOW - timedelta(days=1))
        assert await unit.keys.count() == 5
        await unit.keys.sweep(NOW - timedelta(days=1), 2)
        assert await unit.keys.count() == 2
        assert await unit.keys.get(token, "4") is not None
        assert await unit.tokens.delete(token)
        assert await unit.keys.count() == 0, "a token's keys go with it"


async def test_an_import_is_followed_to_its_end(store: Store) -> None:
    async with store.unit() as unit:
        row = await unit.imports.add("token crm", 5_000_000_000, dry_run=True)
        other = await unit.imports.add("chief", 1, dry_run=False)
        await unit.imports.note(row.id, ImportCounts(10, 2, 1))
        await unit.imports.end(other.id, "failed", ImportCounts(), "x" * 5000)
    async with store.unit() as unit:
        await unit.imports.interrupt()
        first, second = await unit.imports.get(row.id), await unit.imports.get(other.id)
        assert first is not None
        assert second is not None
        assert (first.state, first.bytes, first.lines, first.added) == ("interrupted", 5_000_000_000, 2, 1)
        assert first.ended_at is not None
        assert (second.state, len(second.fault)) == ("failed", 1000)
        assert [one.id for one in await unit.imports.last(1)] == [other.id]
        await unit.imports.sweep(datetime.now(UTC) + timedelta(seconds=1))
        assert await unit.imports.last(10) == []
        assert await unit.imports.get(2**40) is None


async def test_when_a_token_was_used(store: Store) -> None:
    token = await _token(store)
    async with store.unit() as unit:
        await unit.tokens.used(token)
        (row,) = await unit.tokens.all()
        assert row.last_used_at is not None
        assert abs(row.last_used_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert await unit.tokens.hashes() == {"hash of crm"}


async def test_who_locks_a_row_sees_what_the_one_before_made(store: Store) -> None:
    async with store.unit() as unit:
        client = (await unit.clients.add("0")).id
        assert await unit.clients.lock(2**40) is None
        assert await unit.tickets.lock(2**40) is None

    async def count() -> None:
        async with store.unit() as unit:
            row = await unit.clients.lock(client)
            assert row is not None
            await unit.clients.update(client, name=str(int(row.name) + 1))

    await asyncio.gather(*(count() for _ in range(8)))
    async with store.view() as unit:
        row = await unit.clients.get(client)
    assert row is not None
    assert row.name == "8"

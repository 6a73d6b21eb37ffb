"""Links to recordings: kept by their hash, good for a while, counted when opened, revoked once."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.rows import LinkRow
from bridge.store.tables import now

HOUR = timedelta(hours=1)
RECORDING = "1700000000.1-rec-1"


async def recorded(store: Store, make_ended) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
        await unit.recordings.note(RECORDING, "1700000000.1", now())


async def add(store: Store, token_hash: str, *, recipient: str = "", lasts: timedelta = HOUR) -> LinkRow:
    async with store.unit() as unit:
        return await unit.links.add(
            RECORDING, token_hash, by="chief", recipient=recipient, expires_at=now() + lasts
        )


async def test_a_link_is_found_by_its_hash_alone(store: Store, make_ended) -> None:
    await recorded(store, make_ended)
    added = await add(store, "hash-1", recipient="maria@example.org")
    other = await add(store, "hash-2")
    async with store.view() as unit:
        assert await unit.links.by_hash("hash-1") == added
        assert await unit.links.get(added.id) == added
        assert await unit.links.of_recordings([RECORDING]) == [other, added]
        assert await unit.links.of_recordings(["another"]) == []
        assert await unit.links.of_recordings([]) == []
        for unknown in ("", "hash", "HASH-1", "hash-1 ", "%", "hash-1' OR '1'='1"):
            assert await unit.links.by_hash(unknown) is None
        for no_id in (0, -1, 999, 2**31, 2**63):
            assert await unit.links.get(no_id) is None
    assert (added.recording, added.created_by, added.recipient) == (RECORDING, "chief", "maria@example.org")
    assert (added.opened, added.last_opened_at, added.revoked_at) == (0, None, None)


async def test_openings_are_counted(store: Store, make_ended) -> None:
    await recorded(store, make_ended)
    link, other = await add(store, "hash-1"), await add(store, "hash-2")
    moments = [datetime(2026, 11, 28, 10, minute, tzinfo=UTC) for minute in (0, 5)]
    for at in moments:
        async with store.unit() as unit:
            await unit.links.open(link.id, at)
    async with store.view() as unit:
        opened = await unit.links.get(link.id)
        assert await unit.links.get(other.id) == other
    assert opened is not None
    assert (opened.opened, opened.last_opened_at) == (2, moments[-1])


async def test_a_link_is_good_until_it_is_over_or_revoked(store: Store, make_ended) -> None:
    await recorded(store, make_ended)
    link, late = await add(store, "hash-1"), await add(store, "hash-2", lasts=-HOUR)
    assert link.is_good(now())
    assert not link.is_good(link.expires_at)
    assert not late.is_good(now())
    async with store.unit() as unit:
        assert await unit.links.good(RECORDING, now()) == 1
        assert await unit.links.revoke(link.id)
        assert not await unit.links.revoke(link.id)
        assert not await unit.links.revoke(999)
        assert await unit.links.good(RECORDING, now()) == 0
        revoked = await unit.links.by_hash("hash-1")
    assert revoked is not None
    assert revoked.revoked_at is not None
    assert not revoked.is_good(now())


async def test_a_hash_stands_for_one_link(store: Store, make_ended) -> None:
    await recorded(store, make_ended)
    await add(store, "hash-1")
    with pytest.raises(BadInput):
        await add(store, "hash-1")


async def test_links_go_with_their_recording(store: Store, make_ended) -> None:
    await recorded(store, make_ended)
    await add(store, "hash-1")
    await store.write(lambda unit: unit.recordings.forget(RECORDING))
    async with store.view() as unit:
        assert await unit.links.by_hash("hash-1") is None

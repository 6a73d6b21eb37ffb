"""How recordings lie on disk, on both databases: what is to be done with which, and what was done."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bridge.centre.ids import QueueName
from bridge.store import Store
from bridge.store.recordings import KEPT
from bridge.store.rows import DueRow, RecordingRow

START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
Add = Callable[..., Awaitable[RecordingRow]]


@pytest.fixture
def add(store: Store, make_record) -> Add:  # type: ignore[no-untyped-def]
    async def added(number: int, queue: str | None = None, age: int = 0, **fields: Any) -> RecordingRow:
        call, at = f"{number}.1", START - age * DAY
        record = make_record(call, queue=QueueName(queue) if queue else None, offered_at=at)
        values = {
            "file": f"{number}.wav",
            "bytes": 1000,
            "duration_ms": 1,
            "sample_rate": 8000,
            "channels": 2,
            "sha256": "x",
        }
        async with store.unit() as unit:
            await unit.calls.save(record)
            ticket = await unit.tickets.open_for_call(record, "s", "d")
            await unit.recordings.note(f"{number}-rec", call, at)
            return await unit.recordings.attach(f"{number}-rec", ticket=ticket.id, **{**values, **fields})

    return added


async def test_what_is_attached_says_how_it_lies_there(store: Store, add: Add) -> None:
    old = await add(1)
    new = await add(2, stored_bytes=1200, stored_sha256="y", encrypted=True)
    assert (old.stored_bytes, old.stored_sha256, old.encrypted) == (None, None, False)
    assert (new.stored_bytes, new.stored_sha256, new.encrypted) == (1200, "y", True)
    assert (new.compressed_at, new.removed_at, new.stored_fault) == (None, None, None)
    async with store.view() as unit:
        assert await unit.stored.any_encrypted() == new
        assert await unit.stored.count_kept() == 2
        assert await unit.stored.kept(None, 10) == [old, new]
        assert await unit.stored.kept((old.created_at, old.id), 10) == [new]


async def test_what_an_older_version_writes_is_whole(store: Store, add: Add) -> None:
    """It names its own columns only, on this schema."""
    await add(1)
    columns = (
        "id, call_id, ticket_id, state, file, bytes, duration_ms, sample_rate, channels, sha256, fault, "
        "created_at, attached_at"
    )
    as_theirs = columns.replace("id, call", "'old-rec', call", 1)
    async with store.unit() as unit:
        await unit.recordings._session.execute(
            text(f"INSERT INTO recordings ({columns}) SELECT {as_theirs} FROM recordings")
        )
    async with store.view() as unit:
        row = await unit.recordings.get("old-rec")
        assert row is not None
        assert (row.encrypted, row.stored_bytes, row.removed_at) == (False, None, None)
        assert row in await unit.stored.plain(None, 10)
        assert row in await unit.stored.uncompressed(LATER, None, 10)


async def test_what_is_to_be_done_gets_less(store: Store, add: Add) -> None:
    one, two, three = [await add(number) for number in (1, 2, 3)]
    async with store.unit() as unit:
        assert [row.id for row in await unit.stored.plain(None, 2)] == [one.id, two.id]
        assert one.attached_at is not None
        assert await unit.stored.uncompressed(one.attached_at, None, 10) == []
        assert two.attached_at is not None
        after = (two.attached_at, two.id)
        assert await unit.stored.uncompressed(LATER, after, 10) == [three]
        assert (await unit.stored.count_plain(), await unit.stored.count_uncompressed(LATER)) == (3, 3)
        file = {"file": "1.opus.age", "bytes": 90, "sha256": "z"}
        assert await unit.stored.replaced(one.id, "1.wav", **file, encrypted=True, compressed=True)
        assert not await unit.stored.replaced(one.id, "1.wav", **file, encrypted=True), "it is another file"
        assert not await unit.stored.replaced("no such", "1.wav", **file, encrypted=True)
        assert await unit.stored.fault(two.id, "2.wav", "damaged " * 1000)
        assert (await unit.stored.count_plain(), await unit.stored.count_uncompressed(LATER)) == (1, 1)
        assert await unit.stored.count_plain(again=True) == 2
        assert await unit.stored.count_uncompressed(LATER, again=True) == 2
        assert [row.id for row in await unit.stored.plain(None, 10, again=True)] == [two.id, three.id]
    async with store.view() as unit:
        changed = await unit.recordings.get(one.id)
        faulty = await unit.recordings.get(two.id)
    assert changed is not None
    assert (changed.file, changed.stored_bytes, changed.stored_sha256) == ("1.opus.age", 90, "z")
    assert (changed.bytes, changed.sha256, changed.encrypted) == (1000, "x", True)
    assert changed.compressed_at is not None
    assert faulty is not None
    assert len(faulty.stored_fault or "") == 2000


async def test_a_removed_one_is_in_no_list_and_stays_in_the_books(store: Store, add: Add) -> None:
    row = await add(1, "support", 40)
    async with store.unit() as unit:
        assert not await unit.stored.removed(row.id, "another.wav")
        assert await unit.stored.removed(row.id, "1.wav")
        assert not await unit.stored.removed(row.id, "1.wav")
        assert not await unit.stored.fault(row.id, "1.wav", "x")
    async with store.view() as unit:
        found = await unit.recordings.get(row.id)
        assert found is not None
        assert found.removed_at is not None
        assert await unit.recordings.of_call(row.call) == [found]
        assert (await unit.recordings.page(None, 5)).items == (found,)
        assert await unit.stored.kept(None, 5) == []
        assert await unit.stored.plain(None, 5, again=True) == []
        assert await unit.stored.due(LATER, limit=5) == []
        assert await unit.stored.due_by_queue(LATER) == []


async def test_pending_and_faulty_ones_have_no_file_to_be_worked_on(
    store: Store,
    make_ended,  # type: ignore[no-untyped-def]
) -> None:
    call = make_ended()
    async with store.unit() as unit:
        await unit.calls.save(call)
        await unit.recordings.note("pending", call.id, START)
        await unit.recordings.note("faulty", call.id, START)
        await unit.recordings.fault("faulty", "one side is missing")
        assert await unit.stored.count_plain(again=True) == 0
        assert await unit.stored.count_uncompressed(LATER, again=True) == 0
        assert await unit.stored.due(LATER, limit=5) == []
        assert not await unit.stored.removed("pending", "")


async def test_whose_time_is_over_by_queue(store: Store, add: Add) -> None:
    for number, (queue, age) in enumerate(
        [("support", 10), ("support", 40), ("sales", 40), (None, 40), ("gone", 50), (None, 5)]
    ):
        await add(number, queue, age, stored_bytes=100 if number == 1 else None)
    before = START - 30 * DAY
    async with store.view() as unit:
        due = await unit.stored.due(before, queue="support", limit=10)
        assert [(row.id, queue) for row, queue in due] == [("1-rec", "support")]
        others = await unit.stored.due(before, not_of=["support", "sales"], limit=10)
        assert [(row.id, queue) for row, queue in others] == [("4-rec", "gone"), ("3-rec", None)]
        last = (others[0][0].created_at, others[0][0].id)
        assert await unit.stored.due(before, not_of=["support", "sales"], after=last, limit=10) == others[1:]
        assert [row.id for row, _ in await unit.stored.due(before, limit=2)] == ["4-rec", "1-rec"]
        by_queue = await unit.stored.due_by_queue(before)
        assert sorted(by_queue, key=lambda row: row.queue or "") == [
            DueRow(None, 1, 1000, START - 40 * DAY),
            DueRow("gone", 1, 1000, START - 50 * DAY),
            DueRow("sales", 1, 1000, START - 40 * DAY),
            DueRow("support", 1, 100, START - 40 * DAY),
        ]
        assert await unit.stored.due_by_queue(before, queue="nowhere") == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("attached_at > '2020-01-01' AND encrypted = false ORDER BY attached_at, id", "ix_recordings_plain"),
        (
            "attached_at > '2020-01-01' AND compressed_at IS NULL ORDER BY attached_at, id",
            "ix_recordings_long",
        ),
        ("created_at > '2020-01-01' ORDER BY created_at, id", "ix_recordings_kept"),
    ],
)
async def test_what_is_asked_every_minute_has_an_index(store: Store, query: str, index: str) -> None:
    statement = f"SELECT id FROM recordings WHERE {KEPT} AND {query}"
    async with store.view() as unit:
        session = unit.recordings._session
        if session.get_bind().dialect.name == "sqlite":
            plan = (await session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))).all()
            assert index in str(plan)
        else:
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            await session.execute(text("SET LOCAL enable_sort = off"))
            plan = (await session.execute(text(f"EXPLAIN {statement}"))).all()
            assert index in str(plan)

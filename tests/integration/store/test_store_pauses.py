"""Pauses of recordings on both databases: snapshots in any order, and beside them what was found."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from bridge.centre.ids import RecordingId
from bridge.centre.record import PauseRecord
from bridge.errors import InternalError
from bridge.store import Store
from bridge.store.rows import Found


async def test_pauses_come_back_whatever_the_order_of_the_snapshots(store: Store, make_ended) -> None:
    ended = make_ended()
    begun = ended.answered_at + timedelta(seconds=20)
    for number, order in enumerate(permutations(range(3))):
        id = type(ended.id)(f"{ended.id}{number}")
        wished = PauseRecord(1, RecordingId(f"{id}-rec-1"), "agent 1001", begun)
        confirmed = replace(wished, confirmed_at=begun + timedelta(milliseconds=40))
        over = replace(confirmed, ended_at=begun + timedelta(seconds=9), ended_by="anna")
        second = PauseRecord(2, RecordingId(f"{id}-rec-2"), "anna", begun + timedelta(seconds=30))
        living = replace(ended, id=id, ended_at=None, outcome=None)
        snapshots = (
            replace(living, pauses=(wished,)),
            replace(living, pauses=(confirmed,)),
            replace(ended, id=id, pauses=(over, second)),
        )
        async with store.unit() as unit:
            for place in (*order, order[-1]):
                await unit.calls.save(snapshots[place])
        async with store.view() as unit:
            row = await unit.calls.get(id)
            of_first = await unit.pauses.of_recordings([f"{id}-rec-1"])
        assert row is not None
        assert row.pauses == (over, second)
        assert [(one.call, one.pause, one.check) for one in of_first] == [(id, over, None)]


async def test_what_was_found_is_not_lost_to_a_late_snapshot(store: Store, make_ended) -> None:
    ended = make_ended()
    pause = PauseRecord(1, RecordingId(f"{ended.id}-rec-1"), "agent 1001", ended.answered_at)
    record = replace(ended, pauses=(pause,))
    async with store.unit() as unit:
        await unit.calls.save(record)
    await store.write(lambda unit: unit.pauses.check(ended.id, 1, Found.CUT, 100, 2300))
    async with store.unit() as unit:
        await unit.calls.save(record)
    async with store.view() as unit:
        (row,) = await unit.pauses.of_recordings([pause.recording, "another-rec-1"])
        assert await unit.pauses.of_recordings([]) == []
    assert row.pause == pause
    assert row.check is not None
    assert (row.check.found, row.check.from_ms, row.check.until_ms) == (Found.CUT, 100, 2300)
    assert row.check.at > ended.offered_at


async def test_only_what_is_kept_can_be_checked(store: Store, make_ended) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
    with pytest.raises(InternalError, match="pause 1 of call"):
        await store.write(lambda unit: unit.pauses.check(make_ended().id, 1, Found.CUT, 0, 1))


async def test_a_recorder_that_was_stopped_after_all_is_not_confirmed(store: Store, make_ended) -> None:
    ended = make_ended()
    wished = PauseRecord(1, RecordingId(f"{ended.id}-rec-1"), "agent 1001", ended.answered_at)
    confirmed = replace(wished, confirmed_at=ended.answered_at)
    over = replace(wished, ended_at=ended.ended_at)
    for snapshot in (wished, confirmed, wished, over, confirmed):  # the last one comes late
        async with store.unit() as unit:
            await unit.calls.save(replace(ended, pauses=(snapshot,)))
    async with store.view() as unit:
        (row,) = await unit.pauses.of_recordings([wished.recording])
    assert row.pause == over

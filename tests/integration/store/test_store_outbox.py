"""Events on their way to receivers, on both databases: once each, one after another of a call."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bridge.errors import BadInput
from bridge.store import Store, SyncUnit
from bridge.store.engine import open_engines
from bridge.store.outbox import DEAD, DELIVERED, SKIPPED, WAITING, NewEvent
from bridge.store.outbox_rows import DueEvent, OutboxRow, SubscriptionRow

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
CALL, OTHER = "1700000000.1", "1700000000.2"


async def subscribe(store: Store, name: str = "zammad") -> int:
    def add(unit: SyncUnit) -> SubscriptionRow:
        return unit.subscriptions.add(name, "standard", "https://crm", "sealed", ["call.ended"], "chief")

    return (await store.write(add)).id


async def add(
    store: Store, event: str, *subscriptions: int, call: str = CALL, at: datetime = NOW
) -> list[DueEvent]:
    new = NewEvent(subscriptions, call, event, f"evt_{event}", "call.offered", '{"a":1}')
    return await store.write(lambda unit: unit.outbox.add(new, at))


async def due(
    store: Store, subscription: int, at: datetime = NOW, limit: int = 10, without: tuple[str, ...] = ()
) -> list[OutboxRow]:
    found = await store.read(lambda unit: unit.outbox.due(subscription, at, limit, without))
    return [one.row for one in found]


async def finish(store: Store, row: OutboxRow, state: str = DELIVERED, **more) -> DueEvent | None:
    return await store.write(lambda unit: unit.outbox.finish(row, state, more.pop("at", NOW), **more))


async def test_each_event_is_kept_once_for_each_receiver(store: Store) -> None:
    one, two = await subscribe(store), await subscribe(store, "bitrix")
    assert [event.row.subscription for event in await add(store, "offered", one, two)] == [one, two]
    assert await add(store, "offered", one, two) == []
    assert await add(store, "ended", one) == [], "its turn is after what came before"
    page = await store.read(lambda unit: unit.outbox.page(None, 10))
    assert [(row.subscription, row.event) for row in page.items] == [
        (one, "ended"),
        (two, "offered"),
        (one, "offered"),
    ]


async def test_one_after_another_of_a_call_and_calls_beside_each_other(store: Store) -> None:
    one = await subscribe(store)
    for event in ("offered", "ringing", "ended"):
        await add(store, event, one)
        await add(store, event, one, call=OTHER)
    first, other = await due(store, one)
    assert (first.call, first.event, other.call, other.event) == (CALL, "offered", OTHER, "offered")
    assert [row.call for row in await due(store, one, without=(CALL,))] == [OTHER]
    assert [row.call for row in await due(store, one, limit=1)] == [CALL]
    following = await finish(store, first)
    assert following is not None
    assert (following.row.event, following.row.next_at) == ("ringing", NOW)
    following = await finish(store, following.row)
    assert following is not None
    assert await finish(store, following.row) is None
    assert [row.call for row in await due(store, one)] == [OTHER]
    assert [event.row.event for event in await add(store, "recording", one)] == ["recording"]


async def test_what_failed_waits_and_all_behind_it(store: Store) -> None:
    one = await subscribe(store)
    (event,) = await add(store, "offered", one)
    await add(store, "ended", one)
    later = NOW + HOUR
    await store.write(
        lambda unit: unit.outbox.failed(event.row, next_at=later, status=500, error="x" * 9_000, at=NOW)
    )
    assert await due(store, one, NOW + HOUR - SECOND) == []
    assert await store.read(lambda unit: unit.outbox.next_due(one, ())) == later
    assert await store.read(lambda unit: unit.outbox.next_due(one, (CALL,))) is None
    (row,) = await due(store, one, later)
    assert (row.event, row.tries, row.last_status, len(row.last_error)) == ("offered", 1, 500, 500)
    await store.write(lambda unit: unit.outbox.hurry(one, NOW))
    assert await due(store, one) == [], "whoever answered, and how, said when to come again"
    await store.write(
        lambda unit: unit.outbox.failed(event.row, next_at=later, status=None, error="no connection", at=NOW)
    )
    await store.write(lambda unit: unit.outbox.hurry(one, NOW))
    assert [row.event for row in await due(store, one)] == ["offered"]


async def test_what_the_receiver_said_is_kept_for_the_call_alone(store: Store) -> None:
    one = await subscribe(store)
    (event,) = await add(store, "offered", one)
    await add(store, "ringing", one)
    assert event.peer == {}
    await store.write(lambda unit: unit.outbox.step_done(event.row, 1, {"id": "7"}, NOW))
    (again,) = await store.read(lambda unit: unit.outbox.due(one, NOW, 9, ()))
    assert (again.row.step, again.peer) == (1, {"id": "7"})
    following = await finish(store, again.row, peer={"id": "8"})
    assert following is not None
    assert following.peer == {"id": "8"}
    assert [event.peer for event in await add(store, "offered", one, call=OTHER)] == [{}]


async def test_a_dead_letter_lets_the_next_ones_pass_and_can_be_told_again(store: Store) -> None:
    one = await subscribe(store)
    (event,) = await add(store, "offered", one)
    await add(store, "ended", one)
    following = await finish(store, event.row, DEAD, status=500, error="no")
    assert following is not None
    assert following.row.event == "ended"
    assert (await store.read(lambda unit: unit.outbox.counts())).dead == 1
    replayed = await store.write(lambda unit: unit.outbox.replay(event.row.seq, NOW))
    assert (replayed.state, replayed.tries, replayed.next_at) == (WAITING, 0, None), "one is being told"
    following = await finish(store, following.row)
    assert following is not None
    assert following.row.event == "offered"
    with pytest.raises(BadInput, match="only what is dead"):
        await store.write(lambda unit: unit.outbox.replay(event.row.seq, NOW))
    await finish(store, following.row)
    with pytest.raises(BadInput, match="no such event"):
        await store.write(lambda unit: unit.outbox.replay(999, NOW))


async def test_dropped_by_hand_and_the_next_one_goes_on(store: Store) -> None:
    one = await subscribe(store)
    (event,) = await add(store, "offered", one)
    await add(store, "ended", one)
    dropped = await store.write(lambda unit: unit.outbox.drop(event.row.seq, NOW))
    assert (dropped.state, dropped.tries) == (SKIPPED, 0)
    assert [row.event for row in await due(store, one)] == ["ended"]
    assert await add(store, "offered", one) == [], "told again it stays dropped"
    # Who was just telling it comes too late, and changes nothing.
    await finish(store, event.row)
    assert [row.event for row in await due(store, one)] == ["ended"]
    with pytest.raises(BadInput, match="only what waits or is dead"):
        await store.write(lambda unit: unit.outbox.drop(event.row.seq, NOW))


async def test_told_and_finished_at_the_same_time_none_is_forgotten(store: Store) -> None:
    """Another process's transaction may be under way: who is next is decided once."""
    one = await subscribe(store)
    for number in range(15):
        call = f"call.{number}"
        (event,) = await add(store, "a", one, call=call)
        await asyncio.gather(add(store, "b", one, call=call), finish(store, event.row))
    assert sorted(row.call for row in await due(store, one, limit=50)) == sorted(
        f"call.{number}" for number in range(15)
    )


async def test_the_told_go_after_a_while_and_the_dead_stay(store: Store) -> None:
    one = await subscribe(store)
    rows = {}
    for event in ("delivered", "skipped", "dead", "waiting"):
        (kept,) = await add(store, event, one, call=event)
        rows[event] = kept.row
    for state in (DELIVERED, SKIPPED, DEAD):
        await finish(store, rows[state], state)
    assert await store.write(lambda unit: unit.outbox.prune(NOW, 10)) == 0
    assert await store.write(lambda unit: unit.outbox.prune(NOW + SECOND, 10)) == 2
    page = await store.read(lambda unit: unit.outbox.page(None, 10))
    assert [row.event for row in page.items] == ["waiting", "dead"]
    counts = await store.read(lambda unit: unit.outbox.counts())
    assert (counts.waiting, counts.dead, counts.oldest) == (1, 1, NOW)


async def test_a_call_that_was_expected_and_never_told_is_forgotten(store: Store) -> None:
    one, peer = await subscribe(store), {"call_id": "B24"}
    for call, at in ((CALL, NOW), (OTHER, NOW), ("1700000000.9", NOW + HOUR)):
        await store.write(lambda unit, call=call, at=at: unit.outbox.expect(call, one, peer, at))
    kept = (await add(store, "offered", one))[0]  # of CALL, which is told of

    async def never_told(before: datetime) -> list[str]:
        return [call for call, _ in await store.read(lambda unit: unit.outbox.never_told(before, 10))]

    assert await never_told(NOW) == []
    assert await never_told(NOW + SECOND) == [OTHER]
    lines = [(CALL, one), (OTHER, one), ("1700000000.9", one)]  # of which two have news meanwhile
    await store.write(lambda unit: unit.outbox.forget(lines, NOW + SECOND))
    assert await never_told(NOW + 2 * HOUR) == ["1700000000.9"]
    again = await store.read(lambda unit: unit.outbox.due(one, NOW, 10, ()))
    assert [(due.row.seq, due.peer) for due in again] == [(kept.row.seq, peer)]


async def test_pages_and_filters(store: Store) -> None:
    one = await subscribe(store)
    for number in range(5):
        await add(store, f"e{number}", one)
    page = await store.read(lambda unit: unit.outbox.page(None, 3))
    assert [row.event for row in page.items] == ["e4", "e3", "e2"]
    rest = await store.read(lambda unit: unit.outbox.page(page.cursor, 3))
    assert ([row.event for row in rest.items], rest.cursor) == (["e1", "e0"], None)
    for filters, found in (
        ({"state": WAITING}, 5),
        ({"state": DEAD}, 0),
        ({"call": CALL}, 5),
        ({"call": OTHER}, 0),
        ({"subscription": one}, 5),
        ({"subscription": 2**40}, 0),
    ):
        page = await store.read(lambda unit, by=filters: unit.outbox.page(None, 9, **by))
        assert len(page.items) == found, filters
    with pytest.raises(BadInput, match="state 'lost'"):
        await store.read(lambda unit: unit.outbox.page(None, 9, state="lost"))
    with pytest.raises(BadInput, match="cursor"):
        await store.read(lambda unit: unit.outbox.page("x", 9))


async def test_a_subscription_is_added_changed_and_removed_with_its_events(store: Store) -> None:
    one = await subscribe(store)
    with pytest.raises(BadInput, match="of this name already"):
        await subscribe(store)
    await add(store, "offered", one)
    slow = NOW + HOUR
    changed = await store.write(lambda unit: unit.subscriptions.change(one, slow_until=slow))
    assert changed is not None
    assert (changed.slow_until, changed.events) == (slow, frozenset({"call.ended"}))
    assert "sealed'" not in repr(changed)
    await store.write(lambda unit: unit.subscriptions.disable(one, "gone"))
    (row,) = await store.read(lambda unit: unit.subscriptions.all())
    assert (row.active, row.disabled_reason) == (False, "gone")
    assert await store.read(lambda unit: unit.subscriptions.by_name("zammad")) == row
    assert await store.write(lambda unit: unit.subscriptions.delete(one))
    assert not await store.write(lambda unit: unit.subscriptions.delete(one))
    assert await store.read(lambda unit: unit.subscriptions.get(one)) is None
    assert await store.read(lambda unit: unit.subscriptions.change(2**40, active=True)) is None
    assert (await store.read(lambda unit: unit.outbox.page(None, 9))).items == ()


async def test_what_is_due_is_found_by_an_index_of_its_own(store: Store, url: str) -> None:
    """However many are told: the database says how it would look."""
    one = await subscribe(store)
    await add(store, "offered", one)
    engines = await open_engines(url)
    prefix = "EXPLAIN QUERY PLAN " if url.startswith("sqlite") else "EXPLAIN "
    async with engines.writer.connect() as connection:
        if not url.startswith("sqlite"):
            await connection.execute(text("SET enable_seqscan = off"))
        found = await connection.execute(
            text(
                f"{prefix}SELECT min(next_at) FROM outbox "
                f"WHERE subscription_id = {one} AND next_at IS NOT NULL"
            )
        )
        plan = " ".join(str(row) for row in found)
    await engines.dispose()
    assert "ix_outbox_subscription_id_next_at" in plan

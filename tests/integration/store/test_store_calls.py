"""Calls and legs on both databases: snapshots that come twice, late and out of order; pages."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import text

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, QueueName
from bridge.centre.orders import LegKind, Outcome
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.rows import NumberRow


async def test_a_call_comes_back_as_it_was_saved(store: Store, make_ended) -> None:
    saved = make_ended()
    async with store.unit() as unit:
        await unit.calls.save(saved)
    async with store.view() as unit:
        call = await unit.calls.get(saved.id)
    assert call is not None
    assert (call.offered_at, call.ended_at) == (saved.offered_at, saved.ended_at)
    assert call.offered_at.utcoffset() == timedelta(0)
    assert (call.outcome, call.queue, call.agent, call.verdict) == (
        Outcome.ANSWERED,
        "support",
        "1001",
        "unknown",
    )
    assert {leg.kind: leg.agent for leg in call.legs} == {"client": None, "agent": "1001"}
    assert next(leg for leg in call.legs if leg.kind == "client").cause == 16


async def test_snapshots_in_any_order_end_in_the_same_call(
    store: Store, make_record, make_ended, make_leg
) -> None:
    offered = make_record(legs=(make_leg("1700000000.1"),))
    queued = make_record(
        queue=QueueName("support"),
        queued_at=offered.offered_at + timedelta(seconds=5),
        legs=(make_leg("1700000000.1"), make_leg("1700000000.1", LegKind.AGENT, 1)),
    )
    snapshots = (offered, queued, make_ended())
    ends = []
    for order in permutations(snapshots):
        async with store.unit() as unit:
            for snapshot in order:
                await unit.calls.save(snapshot)
            ends.append(await unit.calls.get(offered.id))
        async with store.unit() as unit:
            await unit.calls.save(make_ended())
            ends.append(await unit.calls.get(offered.id))
    assert all(end == ends[0] for end in ends)
    assert ends[0].outcome is Outcome.ANSWERED
    assert ends[0].ended_at == snapshots[2].ended_at


async def test_a_newer_snapshot_changes_the_agent_an_older_one_does_not(store: Store, make_record) -> None:
    first = make_record(agent=AgentId("1001"))
    second = make_record(agent=AgentId("1002"), answered_at=first.offered_at + timedelta(seconds=3))
    async with store.unit() as unit:
        await unit.calls.save(first)
        await unit.calls.save(second)
        await unit.calls.save(first)
        call = await unit.calls.get(first.id)
    assert call is not None
    assert call.agent == "1002"


async def test_that_the_fallback_served_it_stays_known(store: Store, make_record, make_ended) -> None:
    snapshots = (make_record(), replace(make_record(), fallback=True), make_ended())
    for order in permutations(snapshots):
        async with store.unit() as unit:
            known = False
            for snapshot in order:
                await unit.calls.save(snapshot)
                known |= snapshot.fallback
                call = await unit.calls.get(snapshot.id)
                assert call is not None
                assert call.fallback is known
            await unit.calls._session.execute(text("DELETE FROM calls"))


async def test_what_the_dialplan_wrote_down_changes_nothing_that_somebody_heard(
    store: Store, make_record, make_ended
) -> None:
    heard = make_ended()
    afterwards = replace(
        make_record(outcome=Outcome.IVR, ended_at=heard.ended_at + timedelta(seconds=1)), afterwards=True
    )
    for order in permutations((heard, afterwards)):
        async with store.unit() as unit:
            for snapshot in order:
                await unit.calls.save(snapshot)
            call = await unit.calls.get(heard.id)
            assert call is not None
            assert (call.outcome, call.agent, call.ended_at) == (heard.outcome, heard.agent, heard.ended_at)
            await unit.calls._session.execute(text("DELETE FROM calls"))


async def test_what_the_dialplan_wrote_down_closes_a_call_whose_end_nobody_heard(
    store: Store, make_record
) -> None:
    offered = make_record(queue=QueueName("support"))
    queued = replace(offered, queued_at=offered.offered_at + timedelta(seconds=5))
    end = offered.offered_at + timedelta(minutes=1)
    afterwards = replace(offered, outcome=Outcome.ABANDONED, ended_at=end, afterwards=True)
    for order in permutations((queued, afterwards)):
        async with store.unit() as unit:
            for snapshot in order:
                await unit.calls.save(snapshot)
            call = await unit.calls.get(offered.id)
            assert call is not None
            assert (call.outcome, call.queued_at, call.ended_at) == (Outcome.ABANDONED, queued.queued_at, end)
            await unit.calls._session.execute(text("DELETE FROM calls"))


async def test_a_version_that_knows_nothing_of_the_fallback_can_write_calls(store: Store) -> None:
    columns = "id, direction, name, withheld, dialled, trunk, client_chosen, offered_at, as_of"
    at = "'2025-03-01 09:00:00+00:00'"
    values = f"'1.1', 'in', '', false, '200', '', false, {at}, {at}"
    async with store.unit() as unit:
        await unit.calls._session.execute(text(f"INSERT INTO calls ({columns}) VALUES ({values})"))
        call = await unit.calls.get("1.1")
    assert call is not None
    assert call.fallback is False


@pytest.mark.parametrize("later", [timedelta(seconds=3), timedelta(seconds=-3)])
async def test_who_knows_no_trunk_overwrites_nothing_that_a_trunks_call_knew(
    store: Store, make_record, later: timedelta
) -> None:
    offered = make_record()
    seen_outside = make_record(
        trunk="", dialled="support", direction="internal", offered_at=offered.offered_at + later
    )
    for order in permutations((offered, seen_outside)):
        async with store.unit() as unit:
            call_id = f"{later}{order[0].trunk}"
            for snapshot in order:
                await unit.calls.save(replace(snapshot, id=CallId(call_id)))
            call = await unit.calls.get(call_id)
        assert call is not None
        assert (call.trunk, call.dialled, call.direction) == ("lab", "+74950000001", "in")


async def test_a_call_without_a_trunk_is_still_followed(store: Store, make_record) -> None:
    first = make_record(trunk="", dialled="1001", direction="in")
    async with store.unit() as unit:
        await unit.calls.save(first)
        await unit.calls.save(replace(first, dialled="1002", direction="internal"))
        await unit.calls.save(replace(first, dialled="", direction="internal"))
        call = await unit.calls.get(first.id)
    assert call is not None
    assert (call.trunk, call.dialled, call.direction) == ("", "1002", "internal")


async def test_the_client_is_followed_until_an_agent_chooses(store: Store, make_record) -> None:
    async with store.unit() as unit:
        anna = await unit.clients.add("Anna", numbers=[NumberRow("+79161234567", "+79161234567")])
        boris = await unit.clients.add("Boris", numbers=[NumberRow("+79161234567", "+79161234567")])
        known = make_record(verdict=Verdict.KNOWN, client=ClientId(anna.id))
        await unit.calls.save(make_record())
        await unit.calls.save(known)
        call = await unit.calls.get(known.id)
        assert call is not None
        assert call.client == anna.id
        chosen = await unit.calls.choose_client(known.id, boris.id)
        assert chosen is not None
        assert chosen.client == boris.id
        await unit.calls.save(known)
        call = await unit.calls.get(known.id)
        assert call is not None
        assert call.client == boris.id
        with pytest.raises(BadInput, match="no such client"):
            await unit.calls.choose_client(known.id, 10**12)
        assert await unit.calls.choose_client("none", anna.id) is None


async def test_a_client_who_is_gone_does_not_cost_the_call(store: Store, make_record) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_record(verdict=Verdict.KNOWN, client=ClientId(4711)))
        call = await unit.calls.get("1700000000.1")
    assert call is not None
    assert call.client is None


@pytest.mark.parametrize(
    "name", ["\0NUL\0", "lone \ud800 surrogate", "'; DROP TABLE calls; --", "Ж" * 5000, "😀"]
)
async def test_hostile_names_are_kept_without_harm(store: Store, make_record, name: str) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_record(name=name, number=name))
    async with store.view() as unit:
        call = await unit.calls.get("1700000000.1")
    assert call is not None
    assert call.name == name.replace("\0", "").replace("\ud800", "?")


async def test_pages_hold_every_call_once_the_latest_first(store: Store, make_record) -> None:
    async with store.unit() as unit:
        for number in range(25):
            # Several calls in one moment: the id decides between them.
            at = make_record().offered_at + timedelta(seconds=number // 3)
            queue = QueueName("support" if number % 2 else "sales")
            await unit.calls.save(make_record(f"c{number:02}", offered_at=at, queue=queue))
    seen: list[str] = []
    cursor = None
    async with store.view() as unit:
        while True:
            page = await unit.calls.page(cursor, 7)
            seen += [call.id for call in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == [f"c{number:02}" for number in reversed(range(25))]
        sales = await unit.calls.page(None, 100, queue="sales")
        assert {call.queue for call in sales.items} == {"sales"}
        assert len(sales.items) == 13
        late = await unit.calls.page(None, 100, since=make_record().offered_at + timedelta(seconds=8))
        assert [call.id for call in late.items] == ["c24"]
        assert (await unit.calls.page(None, 10, client=2**70)).items == ()
        with pytest.raises(BadInput, match="limit"):
            await unit.calls.page(None, 0)
        with pytest.raises(BadInput, match="cursor"):
            await unit.calls.page("nonsense", 10)


async def test_calls_that_are_over_and_of_which_everything_is_told(
    store: Store, make_record, make_ended
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended("1700000000.1"))
        await unit.calls.save(make_record("1700000000.2"))
        await unit.calls.save(replace(make_ended("1700000000.3"), outcome=Outcome.FALLBACK))
    asked = [f"1700000000.{number}" for number in range(1, 2_502)]
    assert await store.read(lambda unit: unit.calls.over(asked)) == {"1700000000.1"}
    assert await store.read(lambda unit: unit.calls.over([])) == set()

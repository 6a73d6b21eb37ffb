"""Who did what in a call, and its transfers, on both databases: snapshots late, twice, in any order."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

from bridge.centre.ids import AgentId, LegId
from bridge.centre.record import Doing, Segment, TransferEnd, TransferKind, TransferRecord, WrapUp
from bridge.store import Store

ANNA, BORIS = AgentId("1001"), AgentId("1002")


async def test_what_everybody_did_comes_back_whatever_the_order_of_the_snapshots(
    store: Store, make_ended
) -> None:
    ended = make_ended()
    begin, leg = ended.offered_at + timedelta(seconds=10), LegId(f"{ended.id}-agent-1")
    other = LegId(f"{ended.id}-agent-2")
    talk = Segment(leg, ANNA, Doing.TALK, begin)
    hold = Segment(leg, ANNA, Doing.HOLD, begin + timedelta(seconds=30))
    consult = Segment(other, BORIS, Doing.CONSULT, begin + timedelta(seconds=35))
    attended = TransferRecord(1, ANNA, TransferKind.ATTENDED, "agent 1002", begin + timedelta(seconds=30))
    over = begin + timedelta(seconds=60)
    blonde = replace(attended, kind=TransferKind.BLONDE, ended_at=over, end=TransferEnd.COMPLETED, to=BORIS)
    first = replace(ended, ended_at=None, outcome=None, segments=(talk,))
    second = replace(first, segments=(replace(talk, until=hold.since), hold, consult), transfers=(attended,))
    last = replace(
        ended,
        segments=tuple(replace(one, until=over) if one.until is None else one for one in second.segments),
        transfers=(blonde,),
    )
    for number, order in enumerate(permutations((first, second, last))):
        call = replace(last, id=type(ended.id)(f"{ended.id}{number}"))
        async with store.unit() as unit:
            for snapshot in (*order, order[-1]):
                await unit.calls.save(replace(snapshot, id=call.id))
        async with store.view() as unit:
            row = await unit.calls.get(call.id)
        assert row is not None
        assert row.segments == last.segments
        async with store.view() as unit:
            assert await unit.talks.segments_of_calls([call.id, "other"]) == {call.id: last.segments}
            assert await unit.talks.segments_of_calls([]) == {}
        (kept,) = row.transfers
        assert (kept.end, kept.to, kept.ended_at) == (TransferEnd.COMPLETED, BORIS, over)
        if order[-1] is last:
            assert kept == blonde


async def test_a_wrap_up_comes_after_its_call_and_twice_is_once(store: Store, make_ended) -> None:
    ended = make_ended()
    begin = ended.ended_at
    first = WrapUp(ANNA, begin, begin + timedelta(seconds=10))
    second = WrapUp(BORIS, begin + timedelta(seconds=1), begin + timedelta(seconds=5))
    await store.write(lambda unit: unit.calls.save(ended))
    for one in (second, first, second):
        await store.write(lambda unit, one=one: unit.talks.save_wrap_up(ended.id, one))
    await store.write(lambda unit: unit.calls.save(ended))  # a late snapshot takes nothing away
    async with store.view() as unit:
        row = await unit.calls.get(ended.id)
    assert row is not None
    assert row.wrap_ups == (first, second)


async def test_a_call_without_an_agent_has_neither(store: Store, make_record) -> None:
    record = make_record()
    async with store.unit() as unit:
        await unit.calls.save(record)
        row = await unit.calls.get(record.id)
    assert row is not None
    assert (row.segments, row.wrap_ups, row.transfers) == ((), (), ())

"""Hold, mute, conference; who did what for how long; and what cannot be done."""

from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.ids import LegId
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import Doing, TransferEnd, TransferKind, WrapUp
from tests.fakes.world import ANNA, BORIS, START, SUPPORT, VERA, World
from tests.unit.centre.talk_scene import (
    TO_BORIS,
    TO_SALES,
    did,
    ends_well,
    hears,
    last,
    passes_on,
    state_of,
    talking,
    wishes,
)


def wrap_ups(world: World) -> list[o.SaveWrapUp]:
    return world.of(o.SaveWrapUp)


# ── hold, mute, conference ───────────────────────────────────────────────────


def test_hold_and_back() -> None:
    world, call = talking()
    wishes(world, f.Wish.HOLD)
    assert hears(world, "client") == {"music"}
    wishes(world, f.Wish.RESUME)
    assert hears(world, "client") == {ANNA}
    ends_well(world, call)


def test_mute_follows_him_and_ends_when_he_says_so() -> None:
    world, call = talking(BORIS)
    wishes(world, f.Wish.MUTE)
    assert hears(world, "client") == set()
    assert hears(world, ANNA) == {"client"}
    wishes(world, f.Wish.UNMUTE)
    assert hears(world, "client") == {ANNA}
    ends_well(world, call)


@pytest.mark.parametrize("leaves", [ANNA, BORIS, "client"])
def test_conference_that_anybody_may_leave(leaves: str) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.CONFERENCE)
    three = {ANNA, BORIS, "client"}
    assert {one: hears(world, one) for one in three} == {one: three - {one} for one in three}
    assert last(world, call) == (TransferKind.ATTENDED, TransferEnd.CONFERENCE)
    world.hang_up(call if leaves == "client" else leaves)
    left = three - {leaves}
    assert {one: hears(world, one) for one in left} == {one: left - {one} for one in left}
    world.hang_up(BORIS if leaves == ANNA else ANNA)
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    record = world.saved[call]
    assert record.outcome is o.Outcome.ANSWERED
    assert all(leg.ended_at for leg in record.legs)


# ── who did what, and for how long ───────────────────────────────────────────


def test_each_agents_time_is_told_by_what_he_did() -> None:
    world, call = talking(BORIS)
    began = world.now
    world.pass_time(30)
    wishes(world, f.Wish.HOLD)
    world.pass_time(5)
    wishes(world, f.Wish.RESUME)
    world.pass_time(10)
    passes_on(world, TO_BORIS, attended=True)
    world.pass_time(4)
    world.talk(BORIS)
    world.pass_time(20)
    wishes(world, f.Wish.COMPLETE)
    world.pass_time(60)
    record = ends_well(world, call)
    assert did(record) == [
        (ANNA, Doing.TALK, 30),
        (ANNA, Doing.HOLD, 5),
        (ANNA, Doing.TALK, 10),
        (ANNA, Doing.HOLD, 4),  # he waited for Boris, the client for both
        (ANNA, Doing.CONSULT, 20),
        (BORIS, Doing.CONSULT, 20),
        (BORIS, Doing.TALK, 60),
    ]
    assert record.segments[0].since == began == START


def test_hold_by_the_phone_is_a_hold() -> None:
    world, call = talking()
    leg = LegId(f"{call}-agent-1")
    world.pass_time(10)
    world.tell(f.LegHeld(call, leg))
    world.pass_time(7)
    world.tell(f.LegResumed(call, leg))
    world.pass_time(3)
    record = ends_well(world, call)
    assert did(record) == [(ANNA, Doing.TALK, 10), (ANNA, Doing.HOLD, 7), (ANNA, Doing.TALK, 3)]


def test_a_wrap_up_after_each_part_and_none_twice() -> None:
    world, call = talking(BORIS, wrap_up=10)
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    assert state_of(world, ANNA) is AgentState.WRAP_UP
    world.pass_time(10)
    assert state_of(world, ANNA) is AgentState.READY
    world.pass_time(30)
    ends_well(world, call)
    assert state_of(world, ANNA) is AgentState.READY
    assert state_of(world, BORIS) is AgentState.WRAP_UP
    world.pass_time(10)
    assert state_of(world, BORIS) is AgentState.READY
    kept = [(one.call, one.wrap_up.agent, one.wrap_up.until - one.wrap_up.since) for one in wrap_ups(world)]
    assert kept == [(call, ANNA, timedelta(seconds=10)), (call, BORIS, timedelta(seconds=10))]


@pytest.mark.parametrize(
    "ends",
    [f.WrapUpEnded(ANNA), f.AgentReady(ANNA), f.AgentPaused(ANNA, "lunch"), f.AgentLoggedOut(ANNA)],
    ids=lambda fact: type(fact).__name__,
)
def test_a_wrap_up_is_as_long_as_it_lasted_however_it_ends(ends: f.Fact) -> None:
    world, call = talking(wrap_up=60)
    ends_well(world, call)
    began = world.now
    world.pass_time(7)
    world.tell(ends)
    world.pass_time(60)
    assert [(one.call, one.wrap_up) for one in wrap_ups(world)] == [
        (call, WrapUp(ANNA, began, began + timedelta(seconds=7)))
    ]


def test_a_wrap_up_ends_when_his_own_client_comes_back_and_begins_anew_after_him() -> None:
    world, call = talking(BORIS, wrap_up=60)
    passes_on(world, TO_BORIS)
    world.pass_time(4)
    world.refuse(BORIS)
    assert world.rung == [ANNA]
    world.pass_time(3)
    world.talk(ANNA)
    ends_well(world, call)
    world.pass_time(60)
    lengths = [(one.wrap_up.until - one.wrap_up.since).total_seconds() for one in wrap_ups(world)]
    assert lengths == [4, 60]
    assert {one.call for one in wrap_ups(world)} == {call}


def test_hold_and_consultation_are_not_talk_for_whom_to_ask_next() -> None:
    world, call = talking(BORIS)
    world.pass_time(30)
    wishes(world, f.Wish.HOLD)
    world.pass_time(100)
    wishes(world, f.Wish.RESUME)
    world.pass_time(10)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    world.pass_time(50)
    wishes(world, f.Wish.CONFERENCE)
    world.pass_time(20)
    world.hang_up(BORIS)
    ends_well(world, call)
    assert world.floor.router.queues[SUPPORT].members.standings[ANNA].talked == timedelta(seconds=60)


def test_chain_of_three_is_on_the_card_of_the_last() -> None:
    world, call = talking(BORIS, VERA)
    passes_on(world, TO_BORIS)
    world.talk(BORIS)
    passes_on(world, Target(TargetKind.AGENT, VERA), by=BORIS)
    world.talk(VERA)
    shown = world.cards[VERA].record.transfers
    assert [(one.by, one.to) for one in shown] == [(ANNA, BORIS), (BORIS, VERA)]
    assert [one.number for one in shown] == [1, 2]
    ends_well(world, call)


def test_nobody_is_passed_on_while_nobody_can_be_rung() -> None:
    world, call = talking(BORIS)
    world.tell(f.LinkDown())
    passes_on(world, TO_BORIS)
    assert hears(world, "client") == {ANNA}
    world.tell(f.LinkUp())
    passes_on(world, TO_BORIS)
    assert world.rung == [BORIS]
    ends_well(world, call)


def test_queue_of_the_client_is_support_again_after_a_consultation_that_came_to_nothing() -> None:
    world, call = talking(VERA)
    passes_on(world, TO_SALES, attended=True)
    world.talk(VERA)
    wishes(world, f.Wish.GIVE_UP)
    assert world.floor.calls[call].queue == SUPPORT
    assert ends_well(world, call).queue == SUPPORT


# ── what cannot be done ──────────────────────────────────────────────────────


def test_two_who_are_left_of_a_conference_have_no_client_to_hold_or_to_pass_on() -> None:
    world, call = talking(BORIS, VERA)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    wishes(world, f.Wish.CONFERENCE)
    world.hang_up(call)
    for wish in (f.Wish.HOLD, f.Wish.RESUME):
        wishes(world, wish)
    passes_on(world, Target(TargetKind.AGENT, VERA))
    assert hears(world, ANNA) == {BORIS}
    assert world.rung == []
    world.hang_up(ANNA)
    assert world.floor.calls == {}
    assert world.living == {}


@pytest.mark.parametrize("order", ["Join", "Hold"])
def test_client_who_cannot_be_brought_to_where_he_belongs_is_the_dialplans(order: str) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.tell(f.OrderFailed(call, order, f.FailureReason.REFUSED, "", LegId(call)))
    world.pump()
    assert [one.leg for one in world.of(o.ToFallback)] == [LegId(call)]
    assert world.floor.calls == {}
    assert state_of(world, BORIS) is AgentState.READY
    assert [one.end for one in world.saved[call].transfers] == [TransferEnd.FAILED]


@pytest.mark.parametrize("order", ["Join", "RingBack", "Answer"])
def test_agent_who_cannot_be_brought_there_is_hung_up_and_the_client_is_not_lost(order: str) -> None:
    world, call = talking(BORIS)
    passes_on(world, TO_BORIS, attended=True)
    world.talk(BORIS)
    leg = LegId(f"{call}-agent-1")
    world.tell(f.OrderFailed(call, order, f.FailureReason.REFUSED, "", leg))
    world.pump()
    assert hears(world, "client") == {BORIS}
    ends_well(world, call)

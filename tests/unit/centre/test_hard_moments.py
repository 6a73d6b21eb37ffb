"""Two things happen at once, or what nobody expects: nobody is lost, no talk is cut, each call ends once."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from bridge.centre.plan import Agent, Empty, Member, Plan, Strategy, ToHangUp, ToQueue
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, GROUP, seconds
from tests.fakes.world import World, world_of

A, B, C = AGENTS[:3]


def nothing_is_left(world: World) -> None:
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    assert world.floor.router.queue_of == {}
    assert world.floor.router.held == {}
    assert world.offers.keys() == world.offer_ends.keys()
    assert {timer.kind for timer in world.timers} <= {f.TimerKind.WRAP_UP, f.TimerKind.REST}


# ── two at once ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how_many", [2, 3])
def test_phones_that_answer_in_the_same_millisecond_one_has_him_the_others_are_hung_up(how_many: int) -> None:
    world = world_of(plans.one_queue(how_many, strategy=Strategy.RINGALL), *AGENTS[:how_many])
    call = world.caller()
    for agent in AGENTS[:how_many]:
        world.answer(agent)
    world.pump()
    assert world.floor.calls[call].agent == A
    assert world.bridges[f"{call}-talk"] == {LegId(call), LegId(f"{call}-agent-1")}
    assert {leg for leg in world.living if leg != call} == {f"{call}-agent-1"}
    assert Counter(world.offer_ends.values()) == {
        OfferEnd.ANSWERED: 1,
        OfferEnd.ANSWERED_ELSEWHERE: how_many - 1,
    }
    assert [order.cause for order in world.of(o.HangUp)] == [26] * (how_many - 1)
    assert len(world.of(o.Connect)) == 1
    world.hang_up(call)
    nothing_is_left(world)


def test_caller_hangs_up_between_the_offer_and_the_answer() -> None:
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    world.hang_up_client(call)
    world.answer(A)  # both on their way
    world.pump()
    assert world.saved[call].outcome is o.Outcome.ABANDONED
    assert world.floor.agents[A].free
    nothing_is_left(world)


def test_caller_hangs_up_between_the_answer_and_the_media() -> None:
    world = world_of(plans.one_queue(1, wrap_up=seconds(5)), A)
    call = world.caller()
    world.answer(A)
    world.hang_up_client(call)
    world.pump()
    assert world.saved[call].ended_at is not None
    nothing_is_left(world)
    world.pass_time(6)
    assert world.floor.agents[A].free


def test_both_sides_hang_up_at_once() -> None:
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    world.talk(A)
    world.hang_up_client(call)
    world.hang_up_agent(A)
    world.pump()
    assert world.saved[call].outcome is o.Outcome.ANSWERED
    assert world.floor.ended == {o.Outcome.ANSWERED: 1}
    assert world.floor.agents[A].free
    nothing_is_left(world)


def test_phone_that_answers_and_dies_leaves_the_caller_at_the_head_of_the_line() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR, wrap_up=seconds(60)), A)
    calls = [world.caller() for _ in range(3)]
    world.answer_and_die(A)
    assert world.floor.calls[calls[0]].state is CallState.WAITING
    world.arrive(B)
    assert world.rung_for(B) == calls[0]
    world.talk(B)
    world.hang_up(calls[0])
    assert world.saved[calls[0]].outcome is o.Outcome.ANSWERED
    assert world.saved[calls[0]].agent == B


def test_phone_that_answers_and_dies_is_no_answered_call_when_the_caller_then_gives_up() -> None:
    world = world_of(plans.one_queue(1, wrap_up=seconds(60)), A)
    call = world.caller()
    world.answer_and_die(A)
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.ABANDONED
    assert world.saved[call].agent is None
    nothing_is_left(world)


def test_late_end_of_an_earlier_ring_does_not_end_the_talk() -> None:
    """The ring's end that never came, for which our timer stood in, comes after all."""
    world = world_of(plans.one_queue(1, ring=seconds(10)), A)
    call = world.caller()
    first = world.ringing_leg(A)
    assert first is not None
    world.now += timedelta(seconds=15)
    world.tell(f.TimerFired(f.Timer(f.TimerKind.RING, first)))
    world.ari.clear()  # Asterisk says nothing
    world.pass_time(5)
    world.talk(A)
    assert world.floor.calls[call].state is CallState.TALKING
    world.tell(f.LegEnded(call, first, 16))
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING


@pytest.mark.parametrize("reason", list(f.FailureReason))
@pytest.mark.parametrize("joined", [False, True])
def test_ring_said_to_have_failed_after_it_was_answered_is_a_talk_all_the_same(
    reason: f.FailureReason, joined: bool
) -> None:
    """The order's reply was lost, or told late: the agent is there, and his end ends the call."""
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    leg = world.ringing_leg(A)
    assert leg is not None
    world.answer(A)
    if joined:
        world.pump()
    else:
        world.tell(world.ari.popleft())
    world.tell(f.OrderFailed(call, "RingAgent", reason, "late", leg))
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    world.end_leg(leg)
    world.pump()
    assert world.saved[call].outcome is o.Outcome.ANSWERED
    nothing_is_left(world)


def test_order_about_a_call_that_is_over_changes_nothing() -> None:
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    world.serve(A)
    before = dict(world.saved)
    ordered = len(world.orders)
    late = LegId(f"{call}-agent-1")
    for order, reason in (
        ("Connect", f.FailureReason.TIMEOUT),
        ("RingAgent", f.FailureReason.UNREACHABLE),
        ("HangUp", f.FailureReason.GONE),
        ("SaveCall", f.FailureReason.LINK_DOWN),
        ("LookUpClient", f.FailureReason.LINK_DOWN),
    ):
        world.tell(f.OrderFailed(call, order, reason, "late", late))
    for kind in (f.TimerKind.MAX_WAIT, f.TimerKind.HOLD, f.TimerKind.WIDEN, f.TimerKind.MENU):
        world.tell(f.TimerFired(f.Timer(kind, call)))
    world.tell(f.TimerFired(f.Timer(f.TimerKind.RING, late)))
    world.tell(f.LegEnded(call, late))
    world.tell(f.DigitReceived(call, LegId(call), "1"))
    world.tell(f.PromptEnded(call, "old"))
    assert world.saved == before
    assert len(world.orders) == ordered
    assert world.floor.agents[A].free


def test_leg_that_appears_for_a_call_that_is_over_is_hung_up() -> None:
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    world.serve(A)
    late = LegId(f"{call}-agent-9")
    world.tell(f.LegRinging(call, late))
    assert world.orders[-1] == o.HangUp(call, late)


# ── all at once ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("strategy", Strategy)
def test_queue_deleted_while_people_wait_in_it_and_phones_ring(strategy: Strategy) -> None:
    plan = plans.one_queue(2, strategy=strategy)
    other = replace(plan.queues[COMMON], name=GROUP)
    plan = replace(plan, numbers={**plan.numbers, "2": ToQueue(GROUP)}, queues={**plan.queues, GROUP: other})
    world = world_of(plan, A, B)
    calls = [world.caller() for _ in range(4)]
    world.tell(f.PlanLoaded(plans.without(plan, COMMON)))
    world.pump()
    assert world.rung == []
    handed = {order.call for order in world.of(o.ToFallback)}
    assert handed == set(calls)
    assert {world.saved[call].outcome for call in calls} == {o.Outcome.FALLBACK}
    assert {world.floor.agents[agent].state for agent in (A, B)} == {AgentState.READY}
    nothing_is_left(world)
    world.caller("2")
    assert world.rung != []
    world.tell(f.PlanLoaded(plan))  # it is planned again
    world.caller()
    assert len(world.rung) == 2


def test_queue_deleted_while_its_caller_talks_leaves_the_talk() -> None:
    plan = plans.one_queue(1, wrap_up=seconds(60))
    world = world_of(plan, A)
    call = world.caller()
    world.talk(A)
    world.tell(f.PlanLoaded(replace(plan, queues={}, numbers={})))
    assert world.floor.calls[call].state is CallState.TALKING
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.ANSWERED
    assert world.floor.agents[A].free
    nothing_is_left(world)


@pytest.mark.parametrize("leave_when", Empty)
def test_all_agents_leave_at_once(leave_when: Empty) -> None:
    gone = ToHangUp(("callbridge/closed",))
    world = world_of(plans.one_queue(3, leave_when=leave_when, on_empty=gone), A, B, C)
    talking = world.caller()
    world.talk(world.rung[0])
    ringing = world.caller()
    for agent in (A, B, C):
        world.tell(f.AgentLoggedOut(agent))
    waiting = world.caller()
    world.pump()
    for agent in world.rung:
        world.refuse(agent)
    world.hang_up(talking)
    assert world.saved[talking].outcome is o.Outcome.ANSWERED
    assert not any(desk.free for desk in world.floor.agents.values())
    if leave_when is Empty.NEVER:
        assert {world.floor.calls[call].state for call in (ringing, waiting)} == {CallState.WAITING}
        world.tell(f.AgentLoggedIn(B))
        assert world.rung_for(B) == ringing
        return
    assert {world.saved[call].outcome for call in (ringing, waiting)} == {o.Outcome.TURNED_AWAY}
    nothing_is_left(world)


def test_all_phones_vanish_while_they_ring_and_come_back() -> None:
    world = world_of(plans.one_queue(3, strategy=Strategy.RINGALL), A, B, C)
    call = world.caller()
    for agent in (A, B, C):
        world.phone(agent, False)
        world.hang_up_agent(agent)
    world.pump()
    assert world.rung == []
    world.pass_time(120)
    assert world.rung == []
    world.arrive(C)
    assert world.rung_for(C) == call


# ── a burst ──────────────────────────────────────────────────────────────────

TEN = tuple(AgentId(str(2001 + n)) for n in range(10))


def ten_agents(strategy: Strategy, **more) -> Plan:
    plan = plans.one_queue(0, strategy=strategy, **more)
    members = tuple(Member(agent) for agent in TEN)
    agents = {agent: Agent(agent, agent, Endpoint(f"PJSIP/{agent}")) for agent in TEN}
    return replace(plans.changed(plan, members=members), agents=agents)


@pytest.mark.parametrize("strategy", Strategy)
def test_hundred_callers_at_once_are_all_served_in_the_order_of_their_coming(strategy: Strategy) -> None:
    world = world_of(ten_agents(strategy, wrap_up=seconds(3)), *TEN)
    calls = [world.call_in("1", "+15550100") for _ in range(100)]
    world.pump()
    served: list[CallId] = []
    for turn in range(400):
        for agent in TEN[turn % 3 :: 3]:
            call = world.rung_for(agent)
            if call is not None:
                world.talk(agent)
                served.append(call)
        world.pass_time(2)
        for agent in TEN[turn % 2 :: 2]:
            if world.floor.agents[agent].state is AgentState.TALKING:
                world.hang_up(agent)
        if len(world.saved) == 100 and not world.floor.calls:
            break
    assert Counter(served) == dict.fromkeys(calls, 1)
    assert Counter(world.saved[call].outcome for call in calls) == {o.Outcome.ANSWERED: 100}
    assert world.floor.ended == {o.Outcome.ANSWERED: 100}
    # The order in which they are first offered: who answers sooner is the agents' affair.
    offered = list(dict.fromkeys(order.call for order in world.of(o.SaveOffer)))
    assert offered == calls
    nothing_is_left(world)


def test_hundred_callers_of_whom_every_third_gives_up_each_end_once() -> None:
    world = world_of(ten_agents(Strategy.LEASTRECENT), *TEN)
    calls = [world.call_in("1", "+15550100") for _ in range(100)]
    world.pump()
    for call in calls[2::3]:
        world.hang_up_client(call)
    world.pump()
    for _ in range(100):
        for agent in TEN:
            if world.rung_for(agent) is not None:
                world.serve(agent)
    ended = Counter(world.saved[call].outcome for call in calls)
    assert ended == {o.Outcome.ANSWERED: 67, o.Outcome.ABANDONED: 33}
    assert world.floor.ended == ended
    nothing_is_left(world)


def test_hundred_callers_with_agents_who_do_not_answer_are_not_dropped() -> None:
    world = world_of(ten_agents(Strategy.RRMEMORY), *TEN)
    calls = [world.call_in("1", "+15550100") for _ in range(100)]
    world.pump()
    for turn in range(600):
        for n, agent in enumerate(TEN):
            if world.rung_for(agent) is None:
                continue
            if (turn + n) % 3:
                world.refuse(agent, Cause.NO_ANSWER if n % 2 else Cause.USER_BUSY)
            else:
                world.serve(agent)
        world.pass_time(1)
        if not world.floor.calls:
            break
    assert Counter(world.saved[call].outcome for call in calls) == {o.Outcome.ANSWERED: 100}
    nothing_is_left(world)

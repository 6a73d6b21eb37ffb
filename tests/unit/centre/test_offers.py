"""Offers: to one at a time or to all, how each of them ends, and what that means for the agent."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.plan import Plan, Strategy, ToQueue, Widening
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, ENGLISH, seconds
from tests.fakes.world import World, world_of

A, B, C, D, E = AGENTS


# ── offers ───────────────────────────────────────────────────────────────────


def test_burst_to_several_free_agents_is_one_caller_each() -> None:
    world = world_of(plans.one_queue(3), A, B, C)
    calls = [world.call_in("1") for _ in range(5)]
    world.pump()
    assert {world.rung_for(agent) for agent in (A, B, C)} == set(calls[:3])


def ringall(**more) -> Plan:
    return plans.one_queue(3, strategy=Strategy.RINGALL, **more)


def test_ringall_is_answered_by_exactly_one_and_the_others_stop_as_answered_elsewhere() -> None:
    world = world_of(ringall(), A, B, C)
    call = world.caller()
    assert set(world.rung) == {A, B, C}
    world.talk(B)
    assert world.rung == []
    cancelled = world.of(o.CancelRing)
    assert {order.reason for order in cancelled} == {o.CancelReason.ANSWERED_ELSEWHERE}
    assert len(cancelled) == 2
    ends = sorted(end.value for end in world.offer_ends.values())
    assert ends == ["answered", "answered_elsewhere", "answered_elsewhere"]
    assert world.bridges[f"{call}-talk"] == {call, world.floor.calls[call].talking_leg.id}
    assert world.cards.keys() == {B}


def test_ringall_losers_are_free_for_the_next_caller_at_once_without_a_rest() -> None:
    world = world_of(ringall(), A, B, C)
    world.caller()
    second = world.caller()
    assert world.rung_for(A) != second
    world.talk(B)
    assert {world.rung_for(A), world.rung_for(C)} == {second}


def test_ringall_agent_who_becomes_free_meanwhile_joins_the_ring() -> None:
    world = world_of(ringall(), A)
    call = world.caller()
    world.arrive(B)
    assert {world.rung_for(A), world.rung_for(B)} == {call}
    world.talk(B)
    assert world.floor.calls[call].agent == B
    assert world.rung == []


def test_ringall_who_did_not_answer_joins_again_after_his_rest() -> None:
    world = world_of(ringall(), A, B)
    call = world.caller()
    world.refuse(A, Cause.CALL_REJECTED)
    assert world.rung == [B]
    world.pass_time(5)
    assert {world.rung_for(A), world.rung_for(B)} == {call}


def test_ringall_next_penalty_is_asked_when_the_lowest_have_not_answered() -> None:
    world = world_of(ringall(members=plans.penalties(0, 0, 5)), A, B, C)
    world.caller()
    assert set(world.rung) == {A, B}
    world.refuse(A)
    assert world.rung == [B]
    world.refuse(B)
    assert world.rung == [C]


def test_caller_who_hangs_up_stops_all_phones_that_ring_for_him() -> None:
    world = world_of(ringall(), A, B, C)
    call = world.caller()
    world.hang_up(call)
    assert world.rung == []
    assert set(world.offer_ends.values()) == {OfferEnd.WITHDRAWN}
    assert world.saved[call].outcome is o.Outcome.ABANDONED
    world.caller()
    assert set(world.rung) == {A, B, C}  # nobody rests: nobody refused


def test_each_offer_is_saved_with_its_decision_and_its_end() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    call = world.caller()
    world.refuse(A)
    world.talk(B)
    assert [saved.agent for saved in world.offers.values()] == [A, B]
    assert [saved.decision.chosen for saved in world.offers.values()] == [(A,), (B,)]
    assert {saved.decision.call for saved in world.offers.values()} == {call}
    assert world.offers.keys() == world.offer_ends.keys()
    assert list(world.offer_ends.values()) == [OfferEnd.NO_ANSWER, OfferEnd.ANSWERED]


@pytest.mark.parametrize(
    ("cause", "end"),
    [
        (Cause.NO_ANSWER, OfferEnd.NO_ANSWER),
        (Cause.NORMAL_CLEARING, OfferEnd.NO_ANSWER),
        (Cause.USER_BUSY, OfferEnd.BUSY),
        (Cause.CALL_REJECTED, OfferEnd.REJECTED),
        (Cause.SUBSCRIBER_ABSENT, OfferEnd.UNREACHABLE),
        (Cause.UNALLOCATED, OfferEnd.UNREACHABLE),
        (Cause.NO_USER_RESPONSE, OfferEnd.UNREACHABLE),
        (Cause.NETWORK_OUT_OF_ORDER, OfferEnd.FAILED),
        (Cause.CONGESTION, OfferEnd.FAILED),
        (Cause.INTERWORKING, OfferEnd.FAILED),
        (200, OfferEnd.FAILED),
    ],
)
def test_each_cause_is_told_apart_and_the_caller_goes_to_the_next(cause: int, end: OfferEnd) -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.caller()
    world.refuse(A, cause)
    assert next(iter(world.offer_ends.values())) is end
    assert world.rung == [B]


@pytest.mark.parametrize(
    "reason", [f.FailureReason.REFUSED, f.FailureReason.TIMEOUT, f.FailureReason.INTERNAL]
)
def test_ring_order_that_fails_goes_to_the_next_and_ends_the_offer_as_failed(reason) -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.fail_next["RingAgent"] = reason
    world.caller()
    assert next(iter(world.offer_ends.values())) is OfferEnd.FAILED
    assert world.rung == [B]


@pytest.mark.parametrize("cause", [Cause.NO_ANSWER, Cause.USER_BUSY, Cause.CALL_REJECTED, Cause.CONGESTION])
def test_who_did_not_take_it_rests_for_five_seconds(cause: int) -> None:
    world = world_of(plans.one_queue(1), A)
    world.caller()
    world.refuse(A, cause)
    world.pass_time(4.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


def test_unreachable_phone_is_left_alone_for_sixty_seconds() -> None:
    world = world_of(plans.one_queue(1), A)
    world.caller()
    world.refuse(A, Cause.SUBSCRIBER_ABSENT)
    world.pass_time(59.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


def test_unreachable_phone_that_shows_itself_is_rung_at_once() -> None:
    world = world_of(plans.one_queue(1), A)
    world.caller()
    world.refuse(A, Cause.SUBSCRIBER_ABSENT)
    world.pass_time(3)
    world.phone(A)
    world.pump()
    assert world.rung == [A]


def test_ring_that_asterisk_never_ends_is_ended_by_our_own_timer() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR, ring=seconds(10)), A, B)
    world.caller()
    world.pass_time(14.9)
    assert world.rung == [A]
    world.pass_time(0.2)
    assert world.rung == [B]
    (cancelled,) = world.of(o.CancelRing)
    assert cancelled.reason is o.CancelReason.NO_ANSWER
    assert next(iter(world.offer_ends.values())) is OfferEnd.NO_ANSWER


def test_leg_that_was_answered_elsewhere_is_not_held_against_the_agent() -> None:
    world = world_of(plans.one_queue(1, pause_after=1), A)
    world.caller()
    world.refuse(A, Cause.ANSWERED_ELSEWHERE)
    assert world.floor.agents[A].state is AgentState.READY


# ── pause after unanswered offers ────────────────────────────────────────────


def unanswered(world: World, times: int, cause: int = Cause.NO_ANSWER) -> None:
    for _ in range(times):
        world.refuse(A, cause)
        world.pass_time(5)


def test_agent_is_paused_after_so_many_unanswered_offers_in_a_row() -> None:
    world = world_of(plans.one_queue(1, pause_after=3), A)
    world.caller()
    unanswered(world, 2)
    assert world.rung == [A]
    unanswered(world, 1)
    desk = world.floor.agents[A]
    assert (desk.state, desk.reason) == (AgentState.PAUSED, "unanswered")
    assert world.rung == []


def test_answer_begins_the_count_of_unanswered_offers_anew() -> None:
    world = world_of(plans.one_queue(1, pause_after=2), A)
    world.caller()
    unanswered(world, 1)
    world.serve(A)
    world.caller()
    unanswered(world, 1)
    assert world.floor.agents[A].state is not AgentState.PAUSED
    unanswered(world, 1)
    assert world.floor.agents[A].state is AgentState.PAUSED


def test_who_comes_back_from_that_pause_begins_anew() -> None:
    world = world_of(plans.one_queue(1, pause_after=2), A)
    world.caller()
    unanswered(world, 2)
    world.tell(f.AgentReady(A))
    world.pump()
    assert world.rung == [A]
    unanswered(world, 1)
    assert world.floor.agents[A].state is not AgentState.PAUSED


def test_queue_that_pauses_nobody_never_does() -> None:
    world = world_of(plans.one_queue(1, pause_after=0), A)
    world.caller()
    unanswered(world, 12)
    assert world.rung == [A]


@pytest.mark.parametrize("cause", [Cause.SUBSCRIBER_ABSENT, Cause.CONGESTION])
def test_offers_that_the_network_lost_are_not_held_against_the_agent(cause: int) -> None:
    world = world_of(plans.one_queue(1, pause_after=1), A)
    world.caller()
    world.refuse(A, cause)
    assert world.floor.agents[A].state is AgentState.READY


def test_callers_who_gave_up_while_it_rang_are_not_held_against_the_agent() -> None:
    world = world_of(plans.one_queue(1, pause_after=1), A)
    for _ in range(3):
        world.hang_up(world.caller())
    assert world.floor.agents[A].state is AgentState.READY


# ── ringall: who joins ───────────────────────────────────────────────────────


def test_ringall_who_lacks_the_skill_does_not_join_the_ring() -> None:
    plan = plans.skilled(ringall(needs=((ENGLISH, 2),)), a1001=2, a1003=2)
    world = world_of(plan, A)
    world.caller()
    world.arrive(B)
    assert world.rung == [A]
    world.arrive(C)
    assert world.rung == [A, C]


def test_ringall_higher_penalty_does_not_join_a_ring_of_lower_ones() -> None:
    world = world_of(ringall(members=plans.penalties(0, 5, 5)), A)
    world.caller()
    world.arrive(B)
    assert world.rung == [A]


def test_ringall_lower_penalty_joins_a_ring_of_higher_ones() -> None:
    world = world_of(ringall(members=plans.penalties(0, 5, 5)), B)
    world.caller()
    world.arrive(A)
    assert set(world.rung) == {A, B}


def test_ringall_widening_lets_more_ring_while_it_rings() -> None:
    plan = ringall(needs=((ENGLISH, 2),), widening=(Widening(seconds(5), None, 1),), ring=seconds(60))
    world = world_of(plans.skilled(plan, a1001=2, a1002=1), A, B, C)
    world.caller()
    assert world.rung == [A]
    world.pass_time(5)
    assert world.rung == [A, B]


def test_ringall_who_is_free_for_a_later_caller_only_is_not_kept_idle() -> None:
    plan = plans.skilled(ringall(), a1001=2)
    plan = replace(plan, numbers={"1": ToQueue(COMMON), "2": ToQueue(COMMON, ((ENGLISH, 2),))})
    world = world_of(plan)
    first, second = world.caller("2"), world.caller("1")
    world.arrive(A, B)
    assert (world.rung_for(A), world.rung_for(B)) == (first, second)


def test_ringall_move_into_the_queue_joins_the_ring() -> None:
    world = world_of(ringall(members=plans.penalties(0)), A, B)
    call = world.caller()
    world.tell(f.MemberMoved(B, COMMON, 0))
    assert world.rung_for(B) == call


def test_ringall_ring_that_nobody_answers_is_rung_again_until_somebody_does() -> None:
    world = world_of(ringall(ring=seconds(10)), A, B, C)
    call = world.caller()
    for _ in range(4):
        for agent in (A, B, C):
            world.refuse(agent)
        assert world.rung == []
        world.pass_time(5)
        assert set(world.rung) == {A, B, C}
    world.talk(C)
    assert world.floor.calls[call].agent == C

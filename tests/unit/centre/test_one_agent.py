"""A caller who waits for one particular agent: who served him last, or whom he asked for by name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Empty, Plan, Strategy, ToAgent, ToQueue, Widening
from tests.fakes import plans
from tests.fakes.callers import known
from tests.fakes.plans import AGENTS, COMMON, ENGLISH, seconds
from tests.fakes.world import START, World, world_of

A, B, C, D, E = AGENTS


# ── sticky agent ─────────────────────────────────────────────────────────────


def sticky_plan(**more) -> Plan:
    return plans.one_queue(2, strategy=Strategy.LINEAR, **{"sticky": seconds(20), **more})


def returning(world: World, *, agent: AgentId | None = B, at=START) -> CallId:
    """A caller of whom it is known, before he enters, who served him last."""
    call = world.call_in("1", "+15550100")
    world.tell(world.ami.popleft())
    world.store.clear()
    world.tell(known(call, agent=agent, at=at))
    world.pump()
    return call


def test_sticky_agent_who_is_free_is_asked_before_all_others() -> None:
    world = world_of(sticky_plan(), A, B)
    returning(world)
    assert world.rung == [B]


def test_queue_without_sticky_agents_asks_whose_turn_it_is() -> None:
    world = world_of(sticky_plan(sticky=seconds(0)), A, B)
    returning(world)
    assert world.rung == [A]


def test_sticky_agent_who_is_busy_is_waited_for_though_others_are_free() -> None:
    world = world_of(sticky_plan(), B)
    world.caller()
    world.talk(B)
    call = returning(world)
    world.arrive(A)
    assert world.rung == []
    world.hang_up(B)
    assert world.rung_for(B) == call


def test_hold_for_the_sticky_agent_runs_out_then_anybody_may_be_asked() -> None:
    world = world_of(sticky_plan(), B)
    world.caller()
    world.talk(B)
    returning(world)
    world.arrive(A)
    world.pass_time(19.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]


@pytest.mark.parametrize("how", ["logged_out", "paused", "unreachable"])
def test_nobody_waits_for_a_sticky_agent_who_is_away(how: str) -> None:
    world = world_of(sticky_plan(), A, B)
    go_away(world, B, how)
    returning(world)
    assert world.rung == [A]


def go_away(world: World, agent: AgentId, how: str) -> None:
    match how:
        case "logged_out":
            world.tell(f.AgentLoggedOut(agent))
        case "paused":
            world.tell(f.AgentPaused(agent, "lunch"))
        case _:
            world.phone(agent, False)
    world.pump()


def test_nobody_waits_any_longer_for_a_sticky_agent_who_goes_away_after_his_talk() -> None:
    world = world_of(sticky_plan(), B)
    world.caller()
    world.talk(B)
    returning(world)
    world.arrive(A)
    world.tell(f.AgentPaused(B, "lunch"))
    world.hang_up(B)
    assert world.rung == [A]


def test_sticky_agent_too_long_ago_is_not_waited_for() -> None:
    world = world_of(sticky_plan(sticky_within=timedelta(days=30)), A, B)
    returning(world, at=START - timedelta(days=30, seconds=1))
    assert world.rung == [A]


def test_sticky_agent_who_does_not_serve_this_queue_any_more_is_not_waited_for() -> None:
    world = world_of(sticky_plan(), A, B, C)
    returning(world, agent=C)
    assert world.rung == [A]


def test_sticky_agent_who_does_not_answer_gives_the_caller_to_the_others() -> None:
    world = world_of(sticky_plan(), A, B)
    returning(world)
    world.refuse(B)
    assert world.rung == [A]


def test_caller_of_a_sticky_queue_waits_for_the_look_up_before_anybody_is_asked() -> None:
    world = world_of(sticky_plan(), A, B)
    call = world.call_in("1")
    world.pump("ami", "ari")
    assert world.rung == []
    world.store.clear()
    world.tell(known(call, agent=B))
    world.pump()
    assert world.rung == [B]


def test_look_up_slower_than_100_ms_is_not_waited_for() -> None:
    world = world_of(sticky_plan(), A, B)
    call = world.call_in("1")
    world.pump("ami", "ari")
    world.store.clear()
    world.pass_time(0.09)
    assert world.rung == []
    world.pass_time(0.02)
    assert world.rung == [A]
    world.tell(known(call, agent=B))
    world.pump()
    assert world.rung == [A]


def test_look_up_that_fails_ends_the_waiting_for_it_at_once() -> None:
    world = world_of(sticky_plan(), A, B)
    world.fail_next["LookUpClient"] = f.FailureReason.LINK_DOWN
    world.call_in("1")
    world.pump()
    assert world.rung == [A]


def test_look_up_slower_than_100_ms_still_tells_his_priority() -> None:
    world = world_of(sticky_plan())
    first = world.caller()
    call = world.call_in("1")
    world.pump("ami", "ari")
    world.store.clear()
    world.pass_time(0.2)
    world.tell(known(call, "gold"))
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [call, first]


def test_caller_with_no_last_agent_waits_for_nobody() -> None:
    world = world_of(sticky_plan(), A, B)
    returning(world, agent=None)
    assert world.rung == [A]


def test_caller_who_hangs_up_while_his_look_up_is_awaited_leaves_nothing() -> None:
    world = world_of(sticky_plan(), A)
    call = world.call_in("1")
    world.pump("ami", "ari")
    world.hang_up_client(call)
    world.pump()
    world.pass_time(1)
    assert world.floor.calls == {}
    assert world.rung == []
    assert world.saved[call].outcome is o.Outcome.ABANDONED


def test_sticky_agent_who_is_moved_out_of_the_queue_is_not_waited_for_any_longer() -> None:
    world = world_of(sticky_plan(), B)
    world.caller()
    world.talk(B)
    returning(world)
    world.arrive(A)
    world.tell(f.MemberMoved(B, COMMON, None))
    world.pump()
    assert world.rung == [A]


def test_sticky_agent_without_the_skill_that_is_needed_now_is_not_asked() -> None:
    plan = plans.skilled(sticky_plan(), a1001=3)
    plan = replace(plan, numbers={"1": ToQueue(COMMON, ((ENGLISH, 2),))})
    world = world_of(plan, A, B)
    returning(world)
    assert world.rung == [A]


# ── a named agent ────────────────────────────────────────────────────────────


def named_plan(**more) -> Plan:
    """Dial 7 for 1005, who is not in the group of 1001 and 1002; he is held for 30 s."""
    plan = plans.one_queue(2, strategy=Strategy.LINEAR, **more)
    return replace(plan, numbers={**plan.numbers, "7": ToAgent(E, COMMON, seconds(30))})


def test_named_agent_who_is_free_is_rung_though_he_is_not_in_the_group() -> None:
    world = world_of(named_plan(), A, B, E)
    world.caller("7")
    assert world.rung == [E]


def test_named_agent_who_is_busy_is_waited_for_and_rung_when_he_is_free() -> None:
    world = world_of(named_plan(), A, B, E)
    world.caller("7")
    world.talk(E)
    second = world.caller("7")
    assert world.rung == []
    world.hang_up(E)
    assert world.rung_for(E) == second


def test_hold_for_the_named_agent_runs_out_then_the_group_is_asked_at_his_place() -> None:
    world = world_of(named_plan(), E)
    world.caller("7")
    world.talk(E)
    named, later = world.caller("7"), world.caller("1")
    world.pass_time(30.1)
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [named, later]


@pytest.mark.parametrize("how", ["logged_out", "paused", "unreachable"])
def test_named_agent_who_is_away_gives_the_caller_to_the_group_at_once(how: str) -> None:
    world = world_of(named_plan(), A, E)
    go_away(world, E, how)
    world.caller("7")
    assert world.rung == [A]


@pytest.mark.parametrize(
    "cause", [Cause.NO_ANSWER, Cause.USER_BUSY, Cause.CALL_REJECTED, Cause.SUBSCRIBER_ABSENT]
)
def test_named_agent_who_does_not_take_it_gives_the_caller_to_the_group(cause: int) -> None:
    world = world_of(named_plan(), A, E)
    world.caller("7")
    world.refuse(E, cause)
    assert world.rung == [A]


def test_named_agent_who_has_not_taken_it_is_not_waited_for_again() -> None:
    """What is found out about the caller meanwhile, his tier, say, does not undo that."""
    world = world_of(named_plan(), A, E)
    world.caller("1")
    world.talk(A)  # the group is busy
    call = world.caller("7")
    world.refuse(E)
    world.tell(known(call, "gold"))
    world.pump()
    world.hang_up(A)
    assert world.rung_for(A) == call


def test_widening_does_not_bring_back_the_wait_for_a_named_agent_who_has_not_taken_it() -> None:
    world = world_of(named_plan(widening=(Widening(seconds(3), None),)), A, E)
    world.caller("1")
    world.talk(A)
    call = world.caller("7")
    world.refuse(E)
    world.pass_time(4)
    world.hang_up(A)
    assert world.rung_for(A) == call


def test_caller_is_not_offered_twice_at_once_when_the_hold_ends_while_the_named_phone_rings() -> None:
    world = world_of(named_plan(), A, E)
    world.caller("7")
    world.talk(E)
    call = world.caller("7")
    world.pass_time(29)
    world.hang_up(E)
    assert world.rung_for(E) == call
    world.pass_time(2)
    assert world.rung == [E]
    world.refuse(E)
    assert world.rung == [A]


@pytest.mark.parametrize(
    "limit", [{"refuse_when": Empty.NOBODY_READY}, {"refuse_when": Empty.NOBODY_LOGGED_IN}]
)
def test_named_agent_who_is_free_is_rung_though_his_group_is_empty(limit) -> None:
    world = world_of(named_plan(**limit), E)
    world.caller("7")
    assert world.rung == [E]


def test_named_agent_who_is_free_is_rung_though_his_groups_line_is_full() -> None:
    world = world_of(named_plan(max_waiting=1), E)
    world.caller("1")
    world.caller("7")
    assert world.rung == [E]


def test_named_agent_whose_phone_dies_after_his_answer_is_not_waited_for_beyond_the_hold() -> None:
    """He is in his wrap-up, and may talk to others for hours: the group is there for the caller."""
    plan = named_plan(wrap_up=seconds(600), ring=seconds(600))
    world = world_of(plan, A, E)
    call = world.caller("7")
    world.answer_and_die(E)
    assert world.floor.calls[call].state is CallState.WAITING
    world.pass_time(31)
    assert world.rung_for(A) == call


def test_who_waits_for_a_busy_named_agent_is_not_sent_away_because_the_group_has_left() -> None:
    plan = named_plan(leave_when=Empty.NOBODY_LOGGED_IN)
    world = world_of(plan, A, E)
    world.caller("7")
    world.talk(E)
    call = world.caller("7")
    world.tell(f.AgentLoggedOut(A))
    world.pump()
    world.hang_up(E)
    assert world.rung_for(E) == call


def test_two_who_wait_for_the_same_agent_are_served_in_the_order_of_their_coming() -> None:
    world = world_of(named_plan(), A, E)
    world.caller("7")
    world.talk(E)
    calls = [world.caller("7"), world.caller("7")]
    world.hang_up(E)
    assert [world.serve(E), world.serve(E)] == calls


def test_who_waits_for_one_agent_is_not_put_before_who_came_earlier_for_anybody() -> None:
    world = world_of(
        replace(named_plan(), numbers={"1": ToQueue(COMMON), "7": ToAgent(A, COMMON, seconds(30))})
    )
    world.arrive(A)
    world.caller("7")
    world.talk(A)
    anybody, named = world.caller("1"), world.caller("7")
    world.hang_up(A)
    assert [world.serve(A), world.serve(A)] == [anybody, named]


def test_named_agent_who_goes_away_while_he_is_waited_for_gives_them_to_the_group() -> None:
    world = world_of(named_plan(), E)
    world.caller("7")
    world.talk(E)
    calls = [world.caller("7"), world.caller("7")]
    world.arrive(A, B)
    world.tell(f.AgentLoggedOut(E))
    assert world.rung == []
    world.hang_up(E)
    assert {world.rung_for(A), world.rung_for(B)} == set(calls)


def test_named_agent_who_leaves_the_plan_is_not_waited_for_any_longer() -> None:
    plan = named_plan()
    world = world_of(plan, E)
    world.caller("7")
    world.talk(E)
    call = world.caller("7")
    world.arrive(A)
    agents = {id_: agent for id_, agent in plan.agents.items() if id_ != E}
    world.tell(f.PlanLoaded(replace(plan, agents=agents, numbers={"1": ToQueue(COMMON)})))
    world.pump()
    assert world.rung_for(A) == call


def test_caller_who_hangs_up_while_he_waits_for_one_agent_leaves_nothing() -> None:
    world = world_of(named_plan(), E)
    world.caller("7")
    world.talk(E)
    call = world.caller("7")
    world.hang_up(call)
    assert world.floor.router.held == {}
    world.hang_up(E)
    assert world.rung == []
    assert world.saved[call].outcome is o.Outcome.ABANDONED

"""Supervisors' live moves: at once in force, laid over the plan, kept over a reload."""

from dataclasses import replace

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.call import CallState
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Strategy, Widening
from tests.fakes import plans
from tests.fakes.plans import AGENTS, COMMON, seconds
from tests.fakes.world import World, world_of

A, B, C, D, E = AGENTS


# ── supervisors' moves ───────────────────────────────────────────────────────


def test_move_into_a_queue_serves_who_waits_there_at_once() -> None:
    world = world_of(plans.one_queue(1), B)
    call = world.caller()
    world.tell(f.MemberMoved(B, COMMON, 0))
    world.pump()
    assert world.rung_for(B) == call


def test_move_out_of_a_queue_counts_for_the_next_caller() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.tell(f.MemberMoved(A, COMMON, None))
    world.caller()
    assert world.rung == [B]


def test_who_is_moved_out_while_his_phone_rings_may_still_answer() -> None:
    world = world_of(plans.one_queue(1, wrap_up=seconds(5)), A)
    call = world.caller()
    world.tell(f.MemberMoved(A, COMMON, None))
    world.talk(A)
    assert world.floor.calls[call].state is CallState.TALKING
    world.hang_up(A)
    assert world.saved[call].outcome is o.Outcome.ANSWERED
    world.caller()
    world.pass_time(10)
    assert world.rung == []


def test_move_to_another_penalty_counts_at_once() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.tell(f.MemberMoved(A, COMMON, 7))
    world.caller()
    assert world.rung == [B]


def test_move_to_a_lower_penalty_serves_at_once_who_waits_for_it() -> None:
    plan = plans.one_queue(1, members=plans.penalties(9), widening=(Widening(seconds(0), 0),))
    world = world_of(plan, A)
    world.caller()
    assert world.rung == []
    world.tell(f.MemberMoved(A, COMMON, 0))
    world.pump()
    assert world.rung == [A]


def test_restore_puts_the_plans_own_back() -> None:
    world = world_of(plans.one_queue(2, strategy=Strategy.LINEAR), A, B)
    world.tell(f.MemberMoved(A, COMMON, None))
    world.tell(f.MemberMoved(C, COMMON, 0))
    world.tell(f.MemberRestored(A, COMMON))
    world.tell(f.MemberRestored(C, COMMON))
    world.arrive(C)
    world.caller()
    assert world.rung == [A]
    for _ in range(2):
        world.caller()
    assert world.rung == [A, B]


def test_move_is_kept_over_a_reload() -> None:
    plan = plans.one_queue(2, strategy=Strategy.LINEAR)
    world = world_of(plan, A, B, C)
    world.tell(f.MemberMoved(A, COMMON, None))
    world.tell(f.MemberMoved(C, COMMON, 0))
    world.tell(f.PlanLoaded(plans.changed(plan, weight=1)))
    for _ in range(3):
        world.caller()
    assert world.rung == [B, C]


def test_move_of_an_agent_whom_the_plan_does_not_know_has_no_effect_until_it_does() -> None:
    stranger = AgentId("9999")
    plan = plans.one_queue(1)
    world = world_of(plan)
    world.tell(f.MemberMoved(stranger, COMMON, 0))
    world.tell(f.MemberMoved(A, QueueName("nowhere"), 0))
    call = world.caller()
    assert world.floor.calls[call].state is CallState.WAITING
    someone = replace(plan.agents[A], id=stranger, endpoint="PJSIP/9999")
    world.tell(f.PlanLoaded(replace(plan, agents={**plan.agents, stranger: someone})))
    world.arrive(stranger)
    assert world.rung_for(stranger) == call


def test_moves_told_before_the_plan_is_loaded_count_once_it_is() -> None:
    """At a start the store may be read first."""
    world = World()
    world.tell(f.MemberMoved(B, COMMON, 0))
    world.tell(f.PlanLoaded(plans.one_queue(1)))
    world.arrive(B)
    world.caller()
    assert world.rung == [B]

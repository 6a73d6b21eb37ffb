"""Whom a free agent takes, and who is asked by now: skills, widening, weight, priority, order of coming."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.plan import Member, Plan, Strategy, ToQueue, Widening
from tests.fakes import plans
from tests.fakes.callers import known
from tests.fakes.plans import AGENTS, COMMON, ENGLISH, GROUP, seconds
from tests.fakes.world import world_of

A, B, C, D, E = AGENTS


# ── skills ───────────────────────────────────────────────────────────────────


def skills_plan(**more) -> Plan:
    plan = plans.skilled(plans.one_queue(3, strategy=Strategy.LINEAR, **more), a1002=1, a1003=3)
    return replace(plan, numbers={**plan.numbers, "2": ToQueue(COMMON, ((ENGLISH, 2),))})


def test_caller_is_offered_to_who_has_the_skill_at_the_level_needed() -> None:
    world = world_of(skills_plan(), A, B, C)
    world.caller("2")
    assert world.rung == [C]


def test_caller_who_needs_nothing_is_not_kept_from_who_has_skills() -> None:
    world = world_of(skills_plan(), C)
    world.caller("1")
    assert world.rung == [C]


def test_nobody_with_the_skill_is_free_so_he_waits_though_others_are() -> None:
    world = world_of(skills_plan(), A, B)
    world.caller("2")
    assert world.rung == []


def test_queues_own_needs_and_the_ways_needs_both_count() -> None:
    plan = skills_plan(needs=((ENGLISH, 3),))
    world = world_of(plan, A, B, C)
    world.caller("1")
    assert world.rung == [C]  # the queue's own 3, though the way asks nothing
    plan = skills_plan(needs=((ENGLISH, 1),))
    world = world_of(plan, A, B)
    world.caller("2")
    assert world.rung == []  # the way's 2, though the queue asks 1


def test_free_agent_takes_the_first_caller_who_fits_whatever_his_position() -> None:
    world = world_of(skills_plan())
    calls = [world.caller("2"), world.caller("2"), world.caller("1"), world.caller("1")]
    world.arrive(A)
    assert world.rung_for(A) == calls[2]
    world.arrive(C)
    assert world.rung_for(C) == calls[0]


# ── widening ─────────────────────────────────────────────────────────────────


def test_before_the_first_step_all_members_may_be_asked() -> None:
    plan = plans.one_queue(2, members=plans.penalties(0, 10), widening=(Widening(seconds(8), 0),))
    world = world_of(plan, B)
    world.caller()
    assert world.rung == [B]


def test_higher_penalties_are_asked_only_when_the_caller_has_waited_for_it() -> None:
    steps = (Widening(seconds(0), 0), Widening(seconds(8), 5), Widening(seconds(20), None))
    plan = plans.one_queue(3, members=plans.penalties(0, 5, 10), widening=steps)
    world = world_of(plan, B, C)
    call = world.caller()
    assert world.rung == []
    world.pass_time(7.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [B]
    world.talk(B)
    later = world.caller()
    world.pass_time(8)
    assert world.rung == []  # 1003 is for who has waited for 20 s
    world.pass_time(12)
    assert world.rung_for(C) == later
    assert call != later


def test_levels_needed_are_lowered_with_time_and_fall_away() -> None:
    steps = (Widening(seconds(5), None, 1), Widening(seconds(12), None, 2))
    world = world_of(skills_plan(widening=steps), A)
    world.caller("2")  # english 2
    world.pass_time(5.1)
    assert world.rung == []
    world.arrive(B)  # english 1 is enough by now
    assert world.rung == [B]
    world.talk(B)
    world.caller("2")
    world.pass_time(11.9)
    assert world.rung == []
    world.pass_time(0.2)  # 2 − 2: not needed any more
    assert world.rung == [A]


def test_widening_counts_each_callers_own_wait() -> None:
    steps = (Widening(seconds(0), 0), Widening(seconds(10), None))
    world = world_of(plans.one_queue(2, members=plans.penalties(0, 9), widening=steps), B)
    first = world.caller()
    world.pass_time(6)
    world.caller()
    world.pass_time(4.1)
    assert world.rung_for(B) == first
    world.serve(B)
    assert world.rung == []
    world.pass_time(6)
    assert world.rung == [B]


def test_caller_whom_a_phone_rings_for_is_widened_all_the_same() -> None:
    steps = (Widening(seconds(0), 0), Widening(seconds(5), None))
    world = world_of(plans.one_queue(2, members=plans.penalties(0, 9), widening=steps), A, B)
    world.caller()
    world.pass_time(6)
    assert world.rung == [A]
    world.refuse(A)
    assert world.rung == [B]


def test_reload_of_the_widening_counts_at_once_for_who_waits() -> None:
    plan = plans.one_queue(2, members=plans.penalties(0, 9), widening=(Widening(seconds(0), 0),))
    world = world_of(plan, B)
    world.caller()
    assert world.rung == []
    world.tell(f.PlanLoaded(plans.changed(plan, widening=(Widening(seconds(0), 9),))))
    world.pump()
    assert world.rung == [B]


@pytest.mark.parametrize("before", [((ENGLISH, 3),), ()])
def test_reload_of_the_queues_needs_counts_at_once_for_who_waits(before) -> None:
    after = () if before else ((ENGLISH, 3),)
    plan = skills_plan(needs=before)
    world = world_of(plan)
    world.caller("1")
    world.tell(f.PlanLoaded(plans.changed(plan, needs=after)))
    world.arrive(A)  # knows no English
    assert world.rung == ([A] if before else [])


# ── weight, priority, order of coming ────────────────────────────────────────


def two_queues(weights: tuple[int, int] = (0, 1), **fields) -> Plan:
    """Dial 1 for the first, 2 for the second; 1001 serves both."""
    plan = plans.one_queue(1, weight=weights[0], **fields)
    second = replace(plan.queues[COMMON], name=GROUP, weight=weights[1])
    return replace(
        plan,
        numbers={**plan.numbers, "2": ToQueue(GROUP), "3": ToQueue(COMMON, (), 5)},
        queues={**plan.queues, GROUP: second},
    )


def test_agent_of_two_queues_serves_the_heavier_one_first_though_the_other_has_waited_longer() -> None:
    world = world_of(two_queues((0, 1)))
    light, heavy = world.caller("1"), world.caller("2")
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [heavy, light]


def test_weight_outdoes_priority() -> None:
    world = world_of(two_queues((0, 1)))
    light, heavy = world.caller("3"), world.caller("2")
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [heavy, light]


def test_of_equally_heavy_queues_the_longest_waiting_caller_is_first() -> None:
    world = world_of(two_queues((1, 1)))
    calls = [world.caller("2"), world.caller("1"), world.caller("2")]
    world.arrive(A)
    assert [world.serve(A) for _ in calls] == calls


def test_reload_that_brings_an_agent_to_two_queues_serves_the_heavier_first() -> None:
    """Also when in the lighter one phones ring already, which he could join."""
    plan = two_queues((0, 1), strategy=Strategy.RINGALL, members=(Member(B),))
    plan = plans.changed(plan, GROUP, members=(), strategy=Strategy.LINEAR)
    world = world_of(plan, A, B)
    world.caller("1")
    heavy = world.caller("2")
    assert world.rung == [B]
    both = plans.changed(plan, COMMON, members=(Member(B), Member(A)))
    world.tell(f.PlanLoaded(plans.changed(both, GROUP, members=(Member(A),))))
    world.pump()
    assert world.rung_for(A) == heavy


def test_reload_that_brings_a_free_agent_to_two_waiting_lines_serves_the_heavier_first() -> None:
    plan = two_queues((0, 1))
    without_him = plans.changed(plans.changed(plan, COMMON, members=()), GROUP, members=())
    world = world_of(without_him, A)
    light, heavy = world.caller("1"), world.caller("2")
    world.tell(f.PlanLoaded(plan))
    assert [world.serve(A), world.serve(A)] == [heavy, light]


def test_priority_of_the_way_he_came_goes_before_the_order_of_coming() -> None:
    world = world_of(two_queues())
    plain, first, second = world.caller("1"), world.caller("3"), world.caller("3")
    world.arrive(A)
    assert [world.serve(A) for _ in range(3)] == [first, second, plain]


def test_priority_goes_by_the_clients_tier() -> None:
    world = world_of(plans.one_queue(1))
    plain, gold = world.caller(), world.caller(number="+79167770000")
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [gold, plain]


def test_tier_and_the_ways_priority_are_added() -> None:
    world = world_of(replace(two_queues(), priority_of_tier={"gold": 3}))
    by_way, gold, both = (
        world.caller("3"),
        world.caller("1", "+79167770000"),
        world.caller("3", "+79167770000"),
    )
    world.arrive(A)
    assert [world.serve(A) for _ in range(3)] == [both, by_way, gold]  # 8, 5, 3


def test_tier_that_becomes_known_while_he_waits_moves_him_up() -> None:
    world = world_of(plans.one_queue(1))
    first, late = world.caller(), world.caller()
    world.tell(known(late, "gold"))
    world.arrive(A)
    assert [world.serve(A), world.serve(A)] == [late, first]


def test_tier_of_a_number_that_several_share_is_not_known() -> None:
    world = world_of(plans.one_queue(1))
    first, late = world.caller(), world.caller()
    world.tell(known(late, "gold", verdict=f.Verdict.SEVERAL))
    world.arrive(A)
    assert world.serve(A) == first


def test_tier_that_becomes_known_while_a_phone_rings_for_him_keeps_the_ring() -> None:
    world = world_of(plans.one_queue(1), A)
    call = world.caller()
    world.tell(known(call, "gold"))
    assert world.rung_for(A) == call
    assert len(world.of(o.RingAgent)) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_first_come_is_first_served_also_when_the_clock_steps(hours: int) -> None:
    world = world_of(plans.one_queue(1))
    calls = [world.caller()]
    for by in (hours, -hours, hours):
        world.step_clock(timedelta(hours=by))
        calls.append(world.caller())
    world.arrive(A)
    assert [world.serve(A) for _ in calls] == calls


def test_caller_keeps_his_place_over_unanswered_offers() -> None:
    world = world_of(plans.one_queue(1))
    calls = [world.caller() for _ in range(3)]
    world.arrive(A)
    for _ in range(3):
        world.refuse(A)
        world.pass_time(5)
        assert world.rung_for(A) == calls[0]


# ── one agent in several queues ──────────────────────────────────────────────


def test_agent_of_two_queues_is_rung_for_one_caller_at_a_time() -> None:
    world = world_of(two_queues())
    world.caller("1")
    world.caller("2")
    world.arrive(A)
    assert world.rung == [A]
    world.talk(A)
    assert world.rung == []


def test_agent_of_two_queues_has_a_single_wrap_up_that_of_the_queue_he_talked_for() -> None:
    plan = plans.changed(two_queues(wrap_up=seconds(10)), GROUP, wrap_up=seconds(30))
    world = world_of(plan, A)
    world.caller("1")
    world.caller("2")
    world.serve(A)
    assert world.floor.agents[A].state is AgentState.WRAP_UP
    assert world.rung == []
    world.pass_time(9.9)
    assert world.rung == []
    world.pass_time(0.2)
    assert world.rung == [A]

"""An agent through his day: logs in, is paused, loses his phone, talks, and what he asked for meanwhile."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import PHONE, AgentDesk, AgentState
from bridge.centre.call import CallState
from bridge.centre.decision import Hindrance
from bridge.centre.ids import CallId, Endpoint
from bridge.centre.plan import Strategy
from tests.fakes import plans
from tests.fakes.plans import AGENTS, seconds
from tests.fakes.world import World, world_of

A, B = AGENTS[:2]
PHONE_OF_A = Endpoint("PJSIP/1001")
S = AgentState


def at_work(**more) -> World:
    return world_of(plans.one_queue(1, **{"wrap_up": seconds(20), **more}), A)


def desk(world: World) -> AgentDesk:
    return world.floor.agents[A]


def bring_to(world: World, state: AgentState) -> None:
    match state:
        case S.LOGGED_OUT:
            world.tell(f.AgentLoggedOut(A))
        case S.PAUSED:
            world.tell(f.AgentPaused(A, "lunch"))
        case S.RINGING:
            world.caller()
        case S.TALKING:
            world.caller()
            world.talk(A)
        case S.WRAP_UP:
            world.caller()
            world.serve(A)
    world.pump()
    assert desk(world).state is state


# ── logging in and out ───────────────────────────────────────────────────────


def test_phone_that_registers_logs_in_and_is_ready_by_itself() -> None:
    world = World().start(plans.one_queue(1))
    assert desk(world).state is S.LOGGED_OUT
    world.arrive(A)
    assert desk(world).state is S.READY
    world.caller()
    assert world.rung == [A]


def test_who_logs_in_without_a_phone_is_ready_by_himself_when_it_is_there() -> None:
    world = World().start(plans.one_queue(1))
    world.tell(f.AgentLoggedOut(A))
    world.tell(f.AgentLoggedIn(A))
    assert desk(world).hindrance is Hindrance.UNREACHABLE
    world.arrive(A)
    assert desk(world).state is S.READY


def test_who_logged_out_himself_stays_out_when_his_phone_registers_again() -> None:
    world = at_work()
    world.tell(f.AgentLoggedOut(A))
    for reachable in (False, True):
        world.phone(A, reachable)
        world.pump()
    assert desk(world).state is S.LOGGED_OUT
    world.tell(f.AgentLoggedIn(A))
    assert desk(world).free


@pytest.mark.parametrize("state", [S.READY, S.PAUSED, S.RINGING, S.TALKING, S.WRAP_UP])
def test_logging_in_twice_changes_nothing(state: AgentState) -> None:
    world = at_work()
    bring_to(world, state)
    before = desk(world).changed()
    for _ in range(2):
        world.tell(f.AgentLoggedIn(A))
    assert desk(world).changed() == before


def test_log_out_while_he_talks_comes_after_the_call_without_a_wrap_up() -> None:
    world = at_work()
    bring_to(world, S.TALKING)
    world.tell(f.AgentLoggedOut(A))
    assert desk(world).state is S.TALKING
    world.hang_up(A)
    assert desk(world).hindrance is Hindrance.LOGGED_OUT
    assert world.timers == {}


def test_log_out_while_his_phone_rings_comes_when_it_stops() -> None:
    world = at_work()
    bring_to(world, S.RINGING)
    world.tell(f.AgentLoggedOut(A))
    assert world.rung == [A]
    world.refuse(A)
    assert desk(world).state is S.LOGGED_OUT
    world.pass_time(70)
    assert world.rung == []


def test_log_out_may_be_taken_back_before_the_call_is_over() -> None:
    world = at_work(wrap_up=seconds(0))
    bring_to(world, S.TALKING)
    world.tell(f.AgentLoggedOut(A))
    world.tell(f.AgentLoggedIn(A))
    world.hang_up(A)
    assert desk(world).free


# ── pauses ───────────────────────────────────────────────────────────────────


def test_pause_asked_for_while_it_rings_comes_though_he_answers() -> None:
    world = at_work()
    bring_to(world, S.RINGING)
    world.tell(f.AgentPaused(A, "lunch"))
    world.talk(A)
    assert desk(world).state is S.TALKING
    world.hang_up(A)
    assert (desk(world).state, desk(world).reason) == (S.PAUSED, "lunch")


def test_pause_asked_for_while_it_rings_comes_when_he_does_not_answer() -> None:
    world = at_work()
    bring_to(world, S.RINGING)
    world.tell(f.AgentPaused(A, "lunch"))
    world.refuse(A)
    assert (desk(world).state, desk(world).reason) == (S.PAUSED, "lunch")


def test_pause_asked_for_while_he_talks_comes_after_the_call_the_last_word_counts() -> None:
    world = at_work()
    bring_to(world, S.TALKING)
    world.tell(f.AgentPaused(A, "lunch"))
    world.tell(f.AgentPaused(A, "training"))
    world.hang_up(A)
    assert (desk(world).state, desk(world).reason) == (S.PAUSED, "training")


def test_pause_taken_back_by_ready_while_he_talks_gives_him_his_wrap_up() -> None:
    world = at_work()
    bring_to(world, S.TALKING)
    world.tell(f.AgentPaused(A, "lunch"))
    world.tell(f.AgentReady(A))
    world.hang_up(A)
    assert desk(world).state is S.WRAP_UP


def test_another_reason_in_a_pause_is_shown() -> None:
    world = at_work()
    bring_to(world, S.PAUSED)
    world.tell(f.AgentPaused(A, "training"))
    assert desk(world).reason == "training"


def test_who_waits_is_rung_at_once_when_the_pause_ends() -> None:
    world = at_work()
    bring_to(world, S.PAUSED)
    world.caller()
    world.tell(f.AgentReady(A))
    assert world.rung == [A]


# ── his phone ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", AgentState)
def test_why_his_phone_is_lost_is_kept_in_words_in_every_state(state: AgentState) -> None:
    world = at_work()
    bring_to(world, state)
    world.tell(f.EndpointChanged(PHONE_OF_A, False, "not registered"))
    assert (desk(world).reachable, desk(world).phone) == (False, "not registered")
    world.tell(f.EndpointChanged(PHONE_OF_A, True, "192.0.2.7"))
    assert (desk(world).reachable, desk(world).phone) == (True, "192.0.2.7")


def test_phone_lost_while_ready_is_not_rung_and_is_ready_when_it_is_back() -> None:
    world = at_work()
    world.tell(f.EndpointChanged(PHONE_OF_A, False, "not registered"))
    assert desk(world).hindrance is Hindrance.UNREACHABLE
    world.caller()
    assert world.rung == []
    world.arrive(A)
    assert world.rung == [A]


@pytest.mark.parametrize("state", [S.TALKING, S.RINGING])
def test_phone_lost_in_a_call_counts_when_the_call_is_over(state: AgentState) -> None:
    world = at_work(wrap_up=seconds(0))
    bring_to(world, state)
    world.tell(f.EndpointChanged(PHONE_OF_A, False, "not registered"))
    assert desk(world).state is state
    world.hang_up(A)
    assert (desk(world).state, desk(world).reason) == (S.LOGGED_OUT, PHONE)
    world.pass_time(10)
    assert world.rung == []


def test_phone_lost_in_the_wrap_up_counts_when_it_ends() -> None:
    world = at_work()
    bring_to(world, S.WRAP_UP)
    world.tell(f.EndpointChanged(PHONE_OF_A, False, "not registered"))
    assert desk(world).state is S.WRAP_UP
    world.tell(f.WrapUpEnded(A))
    assert desk(world).hindrance is Hindrance.UNREACHABLE
    world.arrive(A)
    assert desk(world).free


def test_phone_lost_and_back_in_a_pause_leaves_the_pause() -> None:
    world = at_work()
    bring_to(world, S.PAUSED)
    for reachable in (False, True):
        world.tell(f.EndpointChanged(PHONE_OF_A, reachable))
    assert (desk(world).state, desk(world).reason) == (S.PAUSED, "lunch")


def test_pause_that_ends_without_a_phone_is_ready_by_itself_when_it_is_back() -> None:
    world = at_work()
    bring_to(world, S.PAUSED)
    world.tell(f.EndpointChanged(PHONE_OF_A, False))
    world.tell(f.AgentReady(A))
    assert desk(world).hindrance is Hindrance.UNREACHABLE
    world.arrive(A)
    assert desk(world).free


def test_phone_of_nobody_is_nobodys_state() -> None:
    world = at_work()
    world.tell(f.EndpointChanged(Endpoint("PJSIP/trunk"), False))
    assert desk(world).free


# ── his phone is taken by another call ───────────────────────────────────────


def taken(world: World, call: str, yes: bool) -> None:
    world.tell(f.PhoneTaken(CallId(call), A, yes))


def test_who_dials_from_his_phone_is_not_offered_a_call() -> None:
    world = at_work()
    taken(world, "private", True)
    call = world.caller()
    assert world.rung == []
    taken(world, "private", False)
    assert world.rung_for(A) == call


def test_two_calls_of_his_own_must_both_end() -> None:
    world = at_work()
    world.caller()
    world.refuse(A)
    taken(world, "one", True)
    taken(world, "two", True)
    world.pass_time(10)
    taken(world, "one", False)
    assert world.rung == []
    taken(world, "two", False)
    assert world.rung == [A]


@pytest.mark.parametrize("state", [S.PAUSED, S.WRAP_UP, S.LOGGED_OUT])
def test_own_call_does_not_change_what_he_is(state: AgentState) -> None:
    world = at_work()
    bring_to(world, state)
    taken(world, "private", True)
    taken(world, "private", False)
    assert desk(world).state is state


def test_wrap_up_that_ends_while_he_dials_does_not_ring_him() -> None:
    world = at_work()
    bring_to(world, S.WRAP_UP)
    world.caller()
    taken(world, "private", True)
    world.pass_time(30)
    assert world.rung == []
    taken(world, "private", False)
    assert world.rung == [A]


def test_end_of_a_call_that_was_never_told_of_changes_nothing() -> None:
    world = at_work()
    before = desk(world).changed()
    taken(world, "unknown", False)
    assert desk(world).changed() == before


def test_feature_code_is_no_call_so_it_costs_nobody_his_turn() -> None:
    """Idle runs from the end of the last call: who only dialled a code is still the longest idle."""
    world = world_of(plans.one_queue(2, strategy=Strategy.LEASTRECENT), A)
    world.pass_time(60)
    world.arrive(B)
    world.pass_time(60)
    world.dial_code(PHONE_OF_A, f.Feature.READY)
    world.pump()
    world.caller()
    assert world.rung == [A]


# ── who has been idle longest ────────────────────────────────────────────────


def test_idle_runs_from_the_end_of_the_last_call_not_of_its_wrap_up() -> None:
    plan = plans.one_queue(2, strategy=Strategy.LEASTRECENT, wrap_up=seconds(20))
    world = world_of(plan, A)
    world.pass_time(10)
    world.arrive(B)
    world.caller()
    world.pass_time(10)
    world.serve(A)
    world.pass_time(25)
    world.caller()  # both are free
    assert world.rung == [B]
    world.pass_time(3)
    world.serve(B)
    world.tell(f.WrapUpEnded(B))
    world.pass_time(30)
    world.caller()
    assert world.rung == [A]


# ── the plan under him ───────────────────────────────────────────────────────


def test_agent_who_leaves_the_plan_while_he_talks_ends_his_call_in_peace() -> None:
    world = at_work()
    bring_to(world, S.TALKING)
    plan = plans.one_queue(1, members=())
    agents = {id_: agent for id_, agent in plan.agents.items() if id_ != A}
    world.tell(f.PlanLoaded(replace(plan, agents=agents)))
    (call,) = world.floor.calls
    assert world.floor.calls[call].state is CallState.TALKING
    world.hang_up(call)
    assert world.saved[call].outcome is o.Outcome.ANSWERED
    world.caller()
    world.pass_time(30)
    assert world.rung == []


def test_agent_who_is_planned_again_is_what_he_was() -> None:
    world = at_work()
    plan = plans.one_queue(1)
    agents = {id_: agent for id_, agent in plan.agents.items() if id_ != A}
    world.tell(f.PlanLoaded(plans.changed(replace(plan, agents=agents), members=())))
    world.tell(f.PlanLoaded(plan))
    world.caller()
    assert world.rung == [A]

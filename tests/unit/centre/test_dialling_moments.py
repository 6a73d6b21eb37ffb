"""A call that an agent wished, at bad moments and over a gap: nobody is left in silence."""

from dataclasses import replace

import pytest

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.causes import Cause
from bridge.centre.ids import LegId, call_of, is_dialled_leg, is_wished, wished_call_id
from tests.fakes import gap
from tests.fakes.world import ANNA, VERA, World
from tests.unit.centre.dial_scene import dialling, is_over, outside_rings, plan
from tests.unit.centre.talk_scene import (
    hears,
    state_of,
)

# ── bad moments ──────────────────────────────────────────────────────────────


def test_the_agent_hangs_up_while_it_rings_outside() -> None:
    world, call = outside_rings()
    world.hang_up(ANNA)
    assert [order.leg for order in world.of(o.CancelRing)] == [call]
    is_over(world, call)


def test_the_agent_hangs_up_in_the_instant_in_which_it_is_answered() -> None:
    world, call = outside_rings()
    world.answer_outside()
    world.tell(world.ari.popleft())
    assert world.floor.calls[call].state is CallState.CONNECTING
    world.ari.clear()
    world.hang_up_agent(ANNA)
    world.pump()
    is_over(world, call)
    assert world.of(o.ToFallback) == []


def test_the_answer_outside_comes_after_the_agents_end() -> None:
    world, call = outside_rings()
    world.hang_up_agent(ANNA)
    world.answer_outside()
    world.pump()
    is_over(world, call)


def test_the_client_hangs_up_before_the_media_meet() -> None:
    world, call = outside_rings()
    world.answer_outside()
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.end_leg(LegId(call))
    world.pump()
    is_over(world, call)


def test_the_agent_hangs_up_while_it_is_said_to_him() -> None:
    world, call = outside_rings()
    world.end_leg(LegId(call), Cause.USER_BUSY)
    world.tell(world.ari.popleft())
    world.ari.clear()
    world.hang_up_agent(ANNA)
    world.pump()
    is_over(world, call)


def test_it_cannot_be_said() -> None:
    world, call = outside_rings()
    world.fail_next["Play"] = f.FailureReason.REFUSED
    world.end_leg(LegId(call), Cause.USER_BUSY)
    world.pump()
    is_over(world, call)


def test_the_plan_forbids_the_number_meanwhile() -> None:
    world, call = dialling()
    world.tell(f.PlanLoaded(replace(plan(), outside=None)))
    world.talk(ANNA)
    is_over(world, call)
    assert world.of(o.RingNumber) == []


def test_our_own_fault_frees_everybody() -> None:
    world, call = dialling()
    for order in world.floor.give_up(call, world.now):
        world.carry_out(order)
    world.pump()
    assert world.floor.calls == {}
    assert world.living == {}
    assert state_of(world, ANNA) is AgentState.READY


def test_nobody_is_beside_an_agent_who_only_hears_it_ring() -> None:
    world, call = outside_rings()
    world.arrive(VERA)
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.LISTEN, "vera"))
    assert world.floor.calls[call].watches == {}


# ── a gap ────────────────────────────────────────────────────────────────────


def after_a_gap(world: World) -> World:
    return gap.killed(world, gap.checkpoint(world))


def test_after_a_gap_the_agent_hears_it_ring_again() -> None:
    world, call = outside_rings()
    world = after_a_gap(world)
    world.alone.clear()
    gap.linked(world, {})
    assert world.alone == {LegId(f"{call}-agent-1"): o.RingBack}
    world.answer_outside()
    world.pump()
    assert hears(world, ANNA) == {"outside"}


@pytest.mark.parametrize("who", ["agent", "client", "both"])
def test_who_hung_up_in_the_gap(who: str) -> None:
    world, call = outside_rings()
    world = after_a_gap(world)
    if who != "agent":
        world.end_leg(LegId(call), Cause.USER_BUSY)
    if who != "client":
        world.hang_up_agent(ANNA)
    world.ari.clear()
    gap.linked(world, {})
    world.pump()
    is_over(world, call)


@pytest.mark.parametrize("who", ["agent", "client"])
def test_who_answered_in_the_gap(who: str) -> None:
    world, call = dialling() if who == "agent" else outside_rings()
    world = after_a_gap(world)
    if who == "agent":
        world.answer(ANNA)
    else:
        world.answer_outside()
    world.ari.clear()
    gap.linked(world, {})
    world.pump()
    if who == "agent":
        world.answer_outside()
        world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    assert hears(world, ANNA) == {"outside"}


def test_a_client_whom_nobody_knows_any_more_is_hung_up() -> None:
    world, call = outside_rings()
    world.floor.calls.clear()
    gap.linked(world, {})
    assert {order.leg for order in world.of(o.HangUp)} == {call, f"{call}-agent-1"}


# ── its id ───────────────────────────────────────────────────────────────────


def test_its_id_is_one_that_asterisk_could_have_chosen_and_has_not() -> None:
    call = wished_call_id(1_764_000_000_123, 7)
    assert call == "callbridge-1764000000123.7"
    assert is_wished(call)
    assert is_dialled_leg(LegId(call))
    assert call_of(f"{call}-agent-1") == call_of(f"{call}-talk") == call
    assert not is_wished("callbridge-1764000000.7")  # of an Asterisk whose systemname is ours
    assert not is_wished(f"{call}-agent-1")

"""An agent who calls a number in a World: his phone rings, then the number, then both talk."""

from dataclasses import replace

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.ids import CallId
from bridge.centre.plan import Outside, Plan
from tests.fakes.world import ANNA, BORIS, World, world_of
from tests.unit.centre.talk_scene import (
    state_of,
    the_plan,
)

NUMBER, OURS = "+74951112233", "200"


def plan(*, record: bool = True) -> Plan:
    return replace(the_plan(), outside=Outside("lab", ("+7495",), caller_id=OURS, record=record))


def dialling(*, record: bool = True) -> tuple[World, CallId]:
    """Anna's phone rings for the call that she wished."""
    world = world_of(plan(record=record), ANNA, BORIS)
    call = world.wish(ANNA)
    world.pump()
    assert world.rung == [ANNA]
    return world, call


def outside_rings(*, record: bool = True) -> tuple[World, CallId]:
    world, call = dialling(record=record)
    world.talk(ANNA)
    assert [order.leg for order in world.of(o.RingNumber)] == [call]
    return world, call


def talking(*, record: bool = True) -> tuple[World, CallId]:
    world, call = outside_rings(record=record)
    world.answer_outside()
    world.pump()
    assert world.floor.calls[call].state is CallState.TALKING
    return world, call


def is_over(world: World, call: CallId) -> o.CallRecord:
    """Failed, nobody talked: nothing is left, and the agent is ready at once."""
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    assert {timer.kind for timer in world.timers} <= {f.TimerKind.REST}
    assert state_of(world, ANNA) is AgentState.READY
    record = world.saved[call]
    assert (record.outcome, record.answered_at, record.direction) == (o.Outcome.FAILED, None, "out")
    return record

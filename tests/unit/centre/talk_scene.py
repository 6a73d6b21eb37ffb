"""An agent who talks in a World, and whom everybody hears: for the tests of transfers, holds, conferences."""

from dataclasses import replace

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.agent import AgentState
from bridge.centre.call import CallState
from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Outside, Plan, Target, TargetKind
from bridge.centre.record import Doing, TransferEnd, TransferKind
from tests.fakes.world import ANNA, BORIS, SALES, VERA, World, plan

TO_BORIS = Target(TargetKind.AGENT, BORIS)
TO_SALES = Target(TargetKind.QUEUE, SALES)
TO_NUMBER = Target(TargetKind.NUMBER, "+74951112233")
TO_SUPERVISOR = Target(TargetKind.SUPERVISOR)


def the_plan(wrap_up: int = 10) -> Plan:
    base = plan(wrap_up=wrap_up)
    queues = {
        name: replace(queue, supervisors=(BORIS, VERA), extension=f"70{number}")
        for number, (name, queue) in enumerate(base.queues.items())
    }
    return replace(base, queues=queues, outside=Outside("lab", ("+7495",)), supervisor_extension="700")


def talking(*also: AgentId, wrap_up: int = 10) -> tuple[World, CallId]:
    """Anna talks with a client; these others are ready."""
    world = World().start(the_plan(wrap_up))
    world.arrive(ANNA)
    call = world.caller("200")
    world.talk(ANNA)
    assert world.floor.calls[call].state is CallState.TALKING
    world.arrive(*also)
    return world, call


def passes_on(world: World, target: Target, *, attended: bool = False, by: AgentId = ANNA) -> None:
    world.tell(f.TransferWished(by, target, attended))
    world.pump()


def wishes(world: World, wish: f.Wish, by: AgentId = ANNA) -> None:
    world.tell(f.AgentWished(by, wish))
    world.pump()


def hears(world: World, one: str) -> set[str]:
    """By agent's id, "client" or "outside"; "music" and "ring" for who is alone."""
    names = {id_: leg.agent or ("outside" if leg.number else "client") for id_, leg in world.legs.items()}
    (leg,) = [id_ for id_, name in names.items() if name == one and id_ in world.living and "line" not in id_]
    alone = {o.Hold: "music", o.RingBack: "ring"}.get(world.alone.get(leg))  # type: ignore[arg-type]
    return {alone} if alone else {names[other] for other in world.whom_it_hears(leg)}


def did(record: o.CallRecord) -> list[tuple[AgentId | None, Doing, float]]:
    """Who did what for how many seconds, in the order in which it began."""
    return [
        (one.agent, one.doing, (one.until - one.since).total_seconds())
        for one in record.segments
        if one.until is not None
    ]


def ends_well(world: World, call: CallId, *, by: AgentId | None = None) -> o.CallRecord:
    world.hang_up(by or call)
    assert world.floor.calls == {}
    assert world.living == {}
    assert world.bridges == {}
    assert world.floor.router.queue_of == {}
    record = world.saved[call]
    assert all(segment.until is not None for segment in record.segments)
    assert all(leg.ended_at is not None for leg in record.legs)
    assert sorted(world.attached) == sorted(world.recorded) == [f"{call}-rec-1"]
    return record


def state_of(world: World, agent: AgentId) -> AgentState:
    return world.floor.agents[agent].state


def last(world: World, call: CallId) -> tuple[TransferKind, TransferEnd | None]:
    transfer = world.floor.calls[call].transfers[-1]
    return transfer.kind, transfer.end

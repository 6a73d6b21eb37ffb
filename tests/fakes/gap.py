"""A gap in a world of tests: what of it is lost with a process, and what Asterisk still has afterwards."""

import copy
from collections import Counter
from dataclasses import dataclass

from bridge.centre import facts as f
from bridge.centre.ids import AgentId, LegId, is_room
from bridge.centre.orders import AttachRecording, Outcome
from bridge.engine.adopt import ask, reconcile
from bridge.engine.checkpoint import CheckpointWriter, read_checkpoint
from bridge.engine.ports import Survey
from bridge.engine.recovery import Recovered
from tests.fakes.world import World


@dataclass(frozen=True)
class Kept:
    """A checkpoint: its text, how many facts there were, and how many calls had ended."""

    text: bytes
    taken: int
    ended: Counter[Outcome]


_STATES = {"made": "Down", "ringing": "Ringing", "up": "Up"}


def arrivals_of(world: World) -> dict[LegId, f.Fact]:
    """How they came, as Asterisk goes on showing it of their channels."""
    told = [fact for _, fact in world.log]
    return {
        fact.leg: fact
        for fact in (*told, *world.ari)
        if isinstance(fact, f.CallOffered | f.FeatureDialled | f.AgentDialled)
    }


def survey_of(world: World, arrivals: dict[LegId, f.Fact]) -> Survey:
    living = {id_: leg for id_, leg in world.legs.items() if leg.state in _STATES}
    beyond = {id_ for id_, leg in world.legs.items() if leg.state == "fallback"}
    return Survey(
        legs={id_: _STATES[leg.state] for id_, leg in living.items()},
        # A waiting room is no bridge of Asterisk: there it is music on the channel.
        bridges={name: frozenset(members) for name, members in world.bridges.items() if is_room(name)},
        channels=frozenset({*living, *beyond}),
        calls=frozenset(leg.call for leg in living.values()),
        arrivals={id_: fact for id_, fact in arrivals.items() if id_ in living},
        playing=frozenset(),
        started_at=None,
    )


def killed(world: World, kept: Kept) -> World:
    """The same world under a new process: the floor from the checkpoint and the facts after it.

    What was on its way from Asterisk over ARI is lost, and what the store was to answer.
    """
    after, recovered = copy.copy(world), recalled(world, kept)
    after.floor = recovered.floor
    after.bridges = {name: members for name, members in after.bridges.items() if members}
    after.ari.clear()
    after.store.clear()
    for order in recovered.latest_orders():
        if isinstance(order, AttachRecording) and order.recording in after.attached:
            continue  # ordered again, for it was not told; what is attached stays so
        after.orders.append(order)
        after.carry_out(order)
    after.tell(f.LinkDown())
    after.tell(f.Resumed())
    return after


def linked(world: World, arrivals: dict[LegId, f.Fact]) -> None:
    """The link is up again: what happened meanwhile is told."""
    found = reconcile(world.floor, ask(world.floor), survey_of(world, arrivals), {}, world.now)
    for told in found.facts:
        world.tell(told.fact)
    for order in found.orders:
        world.orders.append(order)
        world.carry_out(order)
    world.pump()
    world.tell(f.LinkUp())


def checkpoint(world: World) -> Kept:
    text = CheckpointWriter().write(world.floor, world.timers)
    return Kept(text, len(world.log), Counter(world.floor.ended))


def recalled(world: World, kept: Kept) -> Recovered:
    """Of the checkpoint and the facts after it."""
    recovered = Recovered(read_checkpoint(kept.text).floor)
    recovered.floor.ended = Counter(kept.ended)  # counted anew by each process; here it is one world
    for at, fact in world.log[kept.taken :]:
        recovered.take(fact, at)
    assert recovered.faults == 0
    return recovered


def seen(world: World) -> dict[str, object]:
    """What people would see of a floor: who is where, in what order, with whom. Without ids and times."""
    floor = world.floor
    calls = {
        call.id: (
            call.state,
            call.queue,
            call.agent,
            call.outcome,
            call.waiting.place if call.waiting is not None else None,
            sorted(str(leg.agent) for leg in call.alive_legs),
            sorted(offer.agent for offer in call.offers.values()),
        )
        for call in floor.calls.values()
    }
    agents = {
        agent: (desk.state, desk.call, desk.reason, desk.hindrance) for agent, desk in floor.agents.items()
    }
    lines = {name: list(served.line) for name, served in floor.router.queues.items() if served.line}
    asterisk = {id_: leg.state for id_, leg in world.legs.items() if LegId(leg.call) == id_}
    outside = sorted((leg.call, leg.state) for leg in world.living.values() if leg.number)
    rung = sorted(str(leg.agent) for leg in world.legs.values() if leg.state == "ringing")
    talking = sorted(
        (bridge, sorted(AgentId(str(world.legs[leg].agent)) for leg in members))
        for bridge, members in world.bridges.items()
        if members
    )
    ended = {
        call: (record.outcome, record.agent)
        for call, record in world.saved.items()
        if record.ended_at is not None
    }
    return {
        "calls": calls,
        "agents": agents,
        "lines": lines,
        "asterisk": asterisk,
        "outside": outside,
        "rung": rung,
        "talking": talking,
        "ended": ended,
        "tickets": sorted(world.tickets),
    }

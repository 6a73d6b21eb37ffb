"""A desk phone with two lines: it holds, dials on the other line, transfers by itself (REFER)."""

from bridge.centre import facts as f
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from tests.fakes.world import Leg, World


def leg_of(world: World, agent: AgentId) -> LegId | None:
    """His leg that is up."""
    return next((i for i, one in world.legs.items() if one.agent == agent and one.state == "up"), None)


def line_of(world: World, agent: AgentId) -> LegId | None:
    """The other line of his phone, as long as it is with us."""
    number = f"PJSIP/{agent}"
    return next((i for i, one in world.legs.items() if one.number == number and one.state == "up"), None)


def hold(world: World, agent: AgentId, *, holds: bool = True) -> None:
    leg = leg_of(world, agent)
    if leg is not None:
        world.ari.append((f.LegHeld if holds else f.LegResumed)(world.legs[leg].call, leg))


def dial(world: World, agent: AgentId, dialled: str) -> LegId:
    world.next_call += 1
    call = CallId(f"line.{world.next_call}")
    leg = LegId(call)
    world.legs[leg] = Leg(call, None, "up", number=f"PJSIP/{agent}")
    world.ami.append(f.PhoneTaken(call, agent, True))
    world.ari.append(f.AgentDialled(call, leg, Endpoint(f"PJSIP/{agent}"), dialled))
    return leg


def refer(world: World, agent: AgentId, dialled: str) -> None:
    """Asterisk takes his leg out of whatever it is in; when it is done, the phone hangs up."""
    leg = leg_of(world, agent)
    if leg is not None:
        world.move(leg, None)
        world.ari.append(f.PhonePassedOn(world.legs[leg].call, leg, dialled))
        world.end_leg(leg)


def refer_replaces(world: World, agent: AgentId) -> None:
    leg, line = leg_of(world, agent), line_of(world, agent)
    if leg is None or line is None:
        return
    for one in (leg, line):
        world.move(one, None)
    world.ari.append(f.PhoneJoined(world.legs[leg].call, leg, line))
    world.end_leg(line)
    world.end_leg(leg)

"""What ami/ is told of the floor: who serves its own queues when we are gone, and what AMI alone knew."""

from collections.abc import Mapping

from bridge.ami import NativeMember, Remembered
from bridge.centre.call import CallState
from bridge.centre.decision import Hindrance
from bridge.centre.floor import Floor
from bridge.centre.ids import Endpoint, QueueName


def told_by_ami(floor: Floor) -> Remembered:
    """What of the floor AMI alone has told, also to an earlier process."""
    states = {call.id: call.state for call in floor.calls.values()}
    return Remembered(
        frozenset(call for call, state in states.items() if state is CallState.PRESENTED),
        frozenset(call for call, state in states.items() if state is CallState.OUTSIDE),
        {desk.id: frozenset(desk.outside) for desk in floor.agents.values() if desk.outside},
    )


def native_members(floor: Floor) -> Mapping[QueueName, Mapping[Endpoint, NativeMember]]:
    """Who serves Asterisk's own queues should we be gone in the next instant.

    Wrap-up, ringing and talking are left out: nobody would end them there; a phone in use is not rung.
    """
    plan, desks = floor.plan, floor.agents
    members: dict[QueueName, dict[Endpoint, NativeMember]] = {}
    for queue in plan.queues.values():
        members[queue.name] = {}
        for member in queue.members:
            agent, hindrance = plan.agents[member.agent], desks[member.agent].hindrance
            paused = hindrance in (Hindrance.PAUSED, Hindrance.LOGGED_OUT)
            reason = desks[member.agent].reason if hindrance is Hindrance.PAUSED else "logged out"
            members[queue.name][agent.endpoint] = NativeMember(
                agent.name, member.penalty, paused, reason if paused else ""
            )
    return members

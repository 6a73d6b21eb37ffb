"""Supervisors' live moves, laid over the engineer's plan. Owns how the two combine; keeps neither."""

from collections.abc import Mapping
from dataclasses import replace

from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Member, Plan, Queue

Moves = Mapping[tuple[AgentId, QueueName], int | None]  # the penalty there; None: he does not serve it


def moved(plan: Plan, moves: Moves) -> Plan:
    """The plan as it is in force. A move of an agent or a queue that is not planned has no effect."""
    by_queue: dict[QueueName, dict[AgentId, int | None]] = {}
    for (agent, name), penalty in moves.items():
        if agent in plan.agents and name in plan.queues:
            by_queue.setdefault(name, {})[agent] = penalty
    if not by_queue:
        return plan
    queues = {
        name: _with(queue, by_queue[name]) if name in by_queue else queue
        for name, queue in plan.queues.items()
    }
    return replace(plan, queues=queues)


def _with(queue: Queue, moves: Mapping[AgentId, int | None]) -> Queue:
    """Who stays keeps his place in the list; who is new comes last."""
    members = [
        Member(member.agent, penalty)
        for member in queue.members
        if (penalty := moves.get(member.agent, member.penalty)) is not None
    ]
    known = {member.agent for member in queue.members}
    members += [
        Member(agent, penalty)
        for agent, penalty in moves.items()
        if penalty is not None and agent not in known
    ]
    return replace(queue, members=tuple(members))

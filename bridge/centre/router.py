"""Who is offered what. Owns the waiting lines and what the strategies count; holds no call and no agent.

It hears EnterQueue, LeaveQueue, OfferResult, AgentChanged and says Offer. All callers of one queue may go
to the same members, so only the head of each line is ever compared: a decision costs by queues, not callers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.messages import (
    AgentChanged,
    EnterQueue,
    LeaveQueue,
    Offer,
    OfferEnd,
    OfferResult,
    Output,
)
from bridge.centre.plan import Plan, Queue
from bridge.centre.strategies import ORDER, Standing
from bridge.centre.waiting import WaitingLine

RouterEvent = EnterQueue | LeaveQueue | OfferResult | AgentChanged
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Router:
    queues: dict[QueueName, Queue] = field(default_factory=dict)
    lines: dict[QueueName, WaitingLine] = field(default_factory=dict)
    queue_of: dict[CallId, QueueName] = field(default_factory=dict)
    free: set[AgentId] = field(default_factory=set)
    standings: dict[QueueName, dict[AgentId, Standing]] = field(default_factory=dict)
    queues_of_agent: dict[AgentId, tuple[QueueName, ...]] = field(default_factory=dict)

    def load(self, plan: Plan, out: Output) -> None:
        """Take a new plan; counts and places of what stays are kept."""
        for name in self.queues.keys() | plan.queues.keys():
            self.lines.setdefault(name, WaitingLine())
        self.queues = dict(plan.queues)
        self.standings = {
            queue.name: self._standings(queue, self.standings.get(queue.name, {}))
            for queue in plan.queues.values()
        }
        self.queues_of_agent = _queues_of_agent(plan.queues)
        self._match(self.queues, out)

    @staticmethod
    def _standings(queue: Queue, before: Mapping[AgentId, Standing]) -> dict[AgentId, Standing]:
        standings: dict[AgentId, Standing] = {}
        for position, member in enumerate(queue.members):
            old = before.get(member.agent)
            standings[member.agent] = Standing(
                position,
                member.penalty,
                old.idle_since if old else _NEVER,
                old.calls if old else 0,
                old.round if old else 0,
            )
        return standings

    def step(self, event: RouterEvent, out: Output) -> None:
        match event:
            case EnterQueue(call=call, queue=queue, since=since):
                self._enter(call, queue, since)
                self._match((queue,), out)
            case LeaveQueue(call=call):
                self._leave(call)
            case OfferResult():
                self._offer_ended(event, out)
            case AgentChanged(agent=agent, free=free, idle_since=idle_since):
                for name in self.queues_of_agent.get(agent, ()):
                    self.standings[name][agent].idle_since = idle_since
                if free:
                    self.free.add(agent)
                    self._match(self.queues_of_agent.get(agent, ()), out)
                else:
                    self.free.discard(agent)

    def _enter(self, call: CallId, queue: QueueName, since: datetime) -> None:
        if call in self.queue_of:
            self._leave(call)
        self.queue_of[call] = queue
        self.lines.setdefault(queue, WaitingLine()).enter(call, since)

    def _leave(self, call: CallId) -> None:
        queue = self.queue_of.pop(call, None)
        if queue is not None:
            self.lines[queue].leave(call)

    def _offer_ended(self, result: OfferResult, out: Output) -> None:
        if result.end in (OfferEnd.ANSWERED, OfferEnd.WITHDRAWN):
            if result.end is OfferEnd.ANSWERED and result.agent in self.standings.get(result.queue, {}):
                self.standings[result.queue][result.agent].calls += 1
            self._leave(result.call)
            return
        queue = self.queue_of.get(result.call)
        if queue is not None:
            self.lines[queue].offer_failed(result.call)
            self._match((queue,), out)

    def _match(self, names: Iterable[QueueName], out: Output) -> None:
        """Offer until no head of these lines has a free member; the caller who waits longest goes first."""
        names = tuple(names)
        while True:
            heads = [
                (head, name)
                for name in names
                if name in self.queues
                and (head := self.lines[name].head()) is not None
                and any(member.agent in self.free for member in self.queues[name].members)
            ]
            if not heads:
                return
            (_, _, call), name = min(heads)
            agent = self._choose(name)
            self.lines[name].offered(call)
            self.free.discard(agent)
            out.messages.append(Offer(call, agent, name))

    def _choose(self, name: QueueName) -> AgentId:
        order = ORDER[self.queues[name].strategy]
        standings = self.standings[name]
        agent = min(
            (agent for agent in standings if agent in self.free), key=lambda agent: order(standings[agent])
        )
        standings[agent].round += 1
        return agent


def _queues_of_agent(queues: Mapping[QueueName, Queue]) -> dict[AgentId, tuple[QueueName, ...]]:
    found: dict[AgentId, list[QueueName]] = {}
    for queue in queues.values():
        for member in queue.members:
            found.setdefault(member.agent, []).append(queue.name)
    return {agent: tuple(names) for agent, names in found.items()}

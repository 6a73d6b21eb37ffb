"""One queue as the router works it: its plan, who waits, who serves, how fast. Offers nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.centre.decision import Decision, Standing
from bridge.centre.expected import ServiceRate
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.members import Members
from bridge.centre.plan import Needs, Queue
from bridge.centre.strategies import draw_for, joined, lowered, qualifies, satisfies
from bridge.centre.waiting import Kind, Rank, Waiting, WaitingLine


@dataclass(slots=True)
class ServedQueue:
    plan: Queue
    line: WaitingLine = field(default_factory=WaitingLine)
    members: Members = field(default_factory=Members)
    rate: ServiceRate = field(default_factory=ServiceRate)

    def kind_of(self, needs: Needs, level: int) -> Kind:
        """What is still asked of agents after ``level`` steps of widening."""
        steps = self.plan.widening
        if not level or not steps:
            return needs, None
        step = steps[min(level, len(steps)) - 1]
        return lowered(needs, step.lower), step.penalty

    def place_anew(self) -> None:
        """The plan has changed: what callers need, and the steps of widening, may be others now."""
        for call in tuple(self.line):
            caller = self.line.callers[call]
            caller.needs = joined(self.plan.needs, caller.brought)
            kind = self.kind_of(caller.needs, caller.level)
            if kind != caller.kind:
                is_open = caller.rank in self.line.buckets.get(caller.kind, ())
                self.line.close(caller)
                caller.kind = kind
                if is_open:
                    self.line.open(caller)

    def first_for(self, standing: Standing, best: Rank | None) -> Rank | None:
        """The first caller whom this agent, just free, may serve, or ``best``, if that one comes first."""
        for kind, bucket in self.line.buckets.items():
            if (best is None or bucket[0] < best) and _may_serve(standing, kind):
                best = bucket[0]
        for rank in self.line.joinable:
            if best is not None and best < rank:
                break
            caller = self.line.callers[rank[2]]
            # Who has a higher penalty than those who ring for him has his turn when they have not answered.
            if standing.penalty <= caller.ringing_penalty and _may_serve(standing, caller.kind):
                return rank
        return best

    def stands_for(self, standing: Standing) -> bool:
        """Whether somebody waits, unrung, whom this agent could serve."""
        return any(_may_serve(standing, kind) for kind in self.line.buckets)

    def decision(
        self, caller: Waiting, chosen: tuple[AgentId, ...], standings: tuple[Standing, ...], offers: int
    ) -> Decision:
        """Why these; ``offers``: how many there were before this one, for strategies that draw."""
        members = self.members
        return Decision(
            caller.call,
            self.plan.name,
            members.strategy,
            caller.kind[0],
            caller.kind[1],
            caller.preferred,
            members.turn,
            draw_for(members.strategy, caller.call, offers),
            chosen,
            standings,
        )

    def joining(self, caller: Waiting, draw: int) -> tuple[AgentId, ...]:
        """Ringall: who could ring beside those who do already."""
        return self.members.choose(caller.kind[0], caller.ringing_penalty, draw)


def _may_serve(standing: Standing, kind: Kind) -> bool:
    needs, highest = kind
    return satisfies(standing.penalty, highest) and (not needs or qualifies(standing.skills, needs))


def queues_of_agents(queues: Mapping[QueueName, Queue]) -> dict[AgentId, tuple[QueueName, ...]]:
    """Whom each agent serves, the heaviest queue first."""
    found: dict[AgentId, tuple[QueueName, ...]] = {}
    for queue in sorted(queues.values(), key=lambda queue: -queue.weight):
        for member in queue.members:
            found[member.agent] = (*found.get(member.agent, ()), queue.name)
    return found

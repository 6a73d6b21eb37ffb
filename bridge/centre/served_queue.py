"""One queue as the router works it: its plan, who waits, who serves, how fast. Offers nothing itself."""

from dataclasses import dataclass, field

from bridge.centre.decision import Standing
from bridge.centre.expected import ServiceRate
from bridge.centre.ids import AgentId
from bridge.centre.members import Members
from bridge.centre.plan import Needs, Queue
from bridge.centre.strategies import lowered, qualifies, satisfies
from bridge.centre.waiting import Kind, Rank, Waiting, WaitingLine


@dataclass(slots=True)
class ServedQueue:
    """One queue: its plan, who waits, who serves, and how fast."""

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

    def joining(self, caller: Waiting, draw: int) -> tuple[AgentId, ...]:
        """Ringall: who could ring beside those who do already."""
        return self.members.choose(caller.kind[0], caller.ringing_penalty, draw)


def _may_serve(standing: Standing, kind: Kind) -> bool:
    needs, highest = kind
    return satisfies(standing.penalty, highest) and (not needs or qualifies(standing, needs))

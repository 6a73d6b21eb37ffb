"""Who serves one queue, and who of them is free, in the strategy's order. Knows no caller.

For each set of skills that callers have asked for it keeps the free members who have them, sorted: a choice
is a look-up, and an agent who becomes free or busy costs a bisection in each of his queues.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.centre.decision import AWAY, OUT, Hindrance, Standing
from bridge.centre.ids import AgentId, Skill
from bridge.centre.plan import Agent, Empty, Needs, Queue, Strategy
from bridge.centre.strategies import Key, choose, key_of, qualifies

_NO_SKILLS: Mapping[Skill, int] = {}


@dataclass(slots=True)
class Members:
    strategy: Strategy = Strategy.LEASTRECENT
    standings: dict[AgentId, Standing] = field(default_factory=dict)
    turn: int = -1  # rrmemory: the position that was asked last
    logged_in: int = 0
    attending: int = 0  # logged in, and not in a pause
    _pools: dict[Needs, list[Key]] = field(default_factory=dict, compare=False)  # made when first asked for

    def load(self, queue: Queue, agents: Mapping[AgentId, Agent], others: Mapping[AgentId, Standing]) -> None:
        """Take the plan's list. Counts of who stays are kept; ``others`` tells the state of who is new."""
        before = self.standings
        passed = [standing.agent for standing in before.values() if standing.position <= self.turn]
        self.strategy = queue.strategy
        self.standings = {}
        for position, member in enumerate(queue.members):
            old = before.get(member.agent)
            skills = agents[member.agent].skills if member.agent in agents else _NO_SKILLS
            state = old or others.get(member.agent)
            self.standings[member.agent] = Standing(
                member.agent,
                position,
                member.penalty,
                skills,
                state.hindrance if state else Hindrance.LOGGED_OUT,
                state.reason if state else "",
                state.idle if state else 0,
                state.idle_since if state else None,
                old.calls if old else 0,
                old.talked if old else timedelta(0),
            )
        # After whom it looks: the last one asked, or who was before him and is still there.
        stayed = [self.standings[agent].position for agent in passed if agent in self.standings]
        self.turn = stayed[-1] if stayed else -1
        self._pools = {}
        self.logged_in = sum(standing.hindrance not in OUT for standing in self.standings.values())
        self.attending = sum(standing.hindrance not in AWAY for standing in self.standings.values())

    def put(self, new: Standing) -> None:
        """A member has changed."""
        old = self.note(new)
        if old.hindrance is None:
            key = key_of(self.strategy, old)
            for pool in self._pools.values():
                index = bisect_left(pool, key)
                if index < len(pool) and pool[index] == key:
                    del pool[index]
        if new.hindrance is None:
            key = key_of(self.strategy, new)
            for needs, pool in self._pools.items():
                if not needs or qualifies(new.skills, needs):
                    insort(pool, key)

    def note(self, new: Standing) -> Standing:
        """As ``put``, for one who is taken in this same step: he is not looked for. Returns what he was."""
        old = self.standings[new.agent]
        self.standings[new.agent] = new
        if old.hindrance is not new.hindrance:
            self.logged_in += (new.hindrance not in OUT) - (old.hindrance not in OUT)
            self.attending += (new.hindrance not in AWAY) - (old.hindrance not in AWAY)
        return old

    def count(self, agent: AgentId, calls: int, talked: timedelta) -> None:
        standing = self.standings.get(agent)
        if standing is not None:
            self.put(standing._replace(calls=standing.calls + calls, talked=standing.talked + talked))

    def choose(self, needs: Needs, highest_penalty: int | None, draw: int) -> tuple[AgentId, ...]:
        return choose(self.strategy, self._pool(needs), highest_penalty, self.turn, draw)

    def _pool(self, needs: Needs) -> list[Key]:
        pool = self._pools.get(needs)
        if pool is None:
            pool = self._pools[needs] = sorted(
                key_of(self.strategy, standing)
                for standing in self.standings.values()
                if standing.hindrance is None and qualifies(standing.skills, needs)
            )
        return pool

    def is_empty(self, when: Empty) -> bool:
        match when:
            case Empty.NEVER:
                return False
            case Empty.NOBODY_LOGGED_IN:
                return self.logged_in == 0
            case Empty.NOBODY_READY:
                return self.attending == 0

    @property
    def ready(self) -> int:
        """How many could be asked at this moment."""
        return len(self._pool(()))

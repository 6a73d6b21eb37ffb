"""Owns supervisors' live moves of agents between queues: kept in the store, then told to the floor.

In this order, so that a move that was told is not lost by a restart; and one after another, so that store
and floor agree on which of two was the last.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from bridge.centre.facts import MemberMoved, MemberRestored
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.plan import Plan
from bridge.engine.ports import LiveAgent
from bridge.web.actors import actor_of
from bridge.web.context import parts_of
from bridge.web.parts import WebParts


@dataclass(frozen=True, slots=True)
class Placement:
    """An agent and a queue: his penalty there now and by the plan; None where he does not serve it."""

    queue: QueueName
    title: str
    now: int | None
    planned: int | None

    @property
    def differs(self) -> bool:
        return self.now != self.planned


class Placements:
    """Of any agent, by one reading of the plan: a floor of hundreds is drawn several times a second."""

    def __init__(self, plan: Plan) -> None:
        self._queues = plan.queues
        self._planned: dict[AgentId, dict[QueueName, int]] = {}
        for queue in plan.queues.values():
            for member in queue.members:
                self._planned.setdefault(member.agent, {})[queue.name] = member.penalty

    def all(self, live: LiveAgent) -> tuple[Placement, ...]:
        """Every queue of the plan, in its order."""
        return self._placed(live, self._queues)

    def held(self, live: LiveAgent) -> tuple[Placement, ...]:
        """The queues that he serves, or would by the plan."""
        concerned = {*live.queues, *self._planned.get(live.agent, ())}
        return self._placed(live, [name for name in self._queues if name in concerned])

    def _placed(self, live: LiveAgent, names: Iterable[QueueName]) -> tuple[Placement, ...]:
        planned = self._planned.get(live.agent, {})
        return tuple(
            Placement(
                name,
                self._queues[name].title,
                live.penalties.get(name, 0) if name in live.queues else None,
                planned.get(name),
            )
            for name in names
        )


class Moves:
    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._turn = asyncio.Lock()

    async def set(self, agent: AgentId, queue: QueueName, penalty: int | None, by: str) -> None:
        """He serves this queue with this penalty from now on; with None he does not."""
        async with self._turn:
            async with self._parts.store.unit() as unit:
                await unit.moves.set(agent, queue, penalty, by)
            await self._parts.desk.submit(MemberMoved(agent, queue, penalty))

    async def restore(self, agent: AgentId, queue: QueueName) -> None:
        """As the plan has it, and follows it from now on."""
        async with self._turn:
            async with self._parts.store.unit() as unit:
                await unit.moves.restore(agent, queue)
            await self._parts.desk.submit(MemberRestored(agent, queue))


MOVES: web.AppKey[Moves] = web.AppKey("moves", Moves)


def live_agent(request: web.Request) -> LiveAgent | None:
    """The one whose id is in the path."""
    wanted = request.match_info["id"]
    return next((live for live in parts_of(request).desk.floor().agents if live.agent == wanted), None)


def queue_named(request: web.Request) -> QueueName | None:
    wanted = QueueName(request.match_info["queue"])
    return wanted if wanted in parts_of(request).plan().queues else None


def by_whom(request: web.Request) -> str:
    """Who moved him, for the record."""
    return actor_of(request).by

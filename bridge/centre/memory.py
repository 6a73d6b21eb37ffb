"""The floor as a value that can be kept and read again, also by the next version of this program.

Owns what of the floor must survive the process, and how the floor is made of it again. What follows from it
is left out and built anew: the router's lines and pools, the members' order. ``recall(remember(floor), …)``
equals the floor. A field that is added needs a default, and none may change its meaning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.centre.agent import AgentDesk
from bridge.centre.call import Call
from bridge.centre.decision import Standing
from bridge.centre.expected import ServiceRate
from bridge.centre.facts import Timer
from bridge.centre.features import Errand
from bridge.centre.floor import Floor
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.kept import KeptPlace
from bridge.centre.members import Members
from bridge.centre.moves import moved
from bridge.centre.plan import Plan
from bridge.centre.router import Router
from bridge.centre.served_queue import ServedQueue, queues_of_agents
from bridge.centre.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Move:
    agent: AgentId
    queue: QueueName
    penalty: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """What a queue's strategy counts of one member."""

    agent: AgentId
    calls: int
    talked: timedelta


@dataclass(frozen=True, slots=True)
class QueueMemory:
    name: QueueName
    turn: int
    counts: tuple[Count, ...]
    interval: float | None
    last_answer: datetime | None
    callers: tuple[Waiting, ...]
    open: tuple[CallId, ...]  # of them, for whom nobody rings and anybody may
    joinable: tuple[CallId, ...]
    held: tuple[CallId, ...]  # who waits for one agent alone


@dataclass(frozen=True, slots=True)
class Memory:
    calls: tuple[Call, ...] = ()
    agents: tuple[AgentDesk, ...] = ()
    errands: tuple[Errand, ...] = ()
    moves: tuple[Move, ...] = ()
    kept: Mapping[str, KeptPlace] | None = None
    recent: Mapping[CallId, datetime] | None = None
    places: int = 0
    strays: int = 0
    offers: int = 0
    turns: int = 0
    states: tuple[Standing, ...] = ()
    queues: tuple[QueueMemory, ...] = ()
    closed: bool = False
    overdue: tuple[Timer, ...] = ()
    gone: tuple[CallId, ...] = ()
    told: Mapping[str, datetime] | None = None
    lines: Mapping[CallId, CallId] | None = None
    given_back: tuple[CallId, ...] = ()


def remember(floor: Floor) -> Memory:
    """Shares the floor's own objects: to be written down at once."""
    router = floor.router
    return Memory(
        tuple(floor.calls.values()),
        tuple(floor.agents.values()),
        tuple(floor.errands.values()),
        tuple(Move(agent, queue, penalty) for (agent, queue), penalty in floor.moves.items()),
        floor.kept,
        floor.recent,
        floor.places,
        floor.strays,
        router.offers,
        router.turns,
        tuple(router.states.values()),
        tuple(_queue(served, router) for served in router.queues.values()),
        router.closed,
        tuple(floor.overdue),
        tuple(floor.gone),
        floor.told.since,
        floor.lines,
        tuple(floor.given_back),
    )


def _queue(served: ServedQueue, router: Router) -> QueueMemory:
    line, members = served.line, served.members
    counted = (one for one in members.standings.values() if one.calls or one.talked)
    return QueueMemory(
        served.plan.name,
        members.turn,
        tuple(Count(one.agent, one.calls, one.talked) for one in counted),
        served.rate.interval,
        served.rate.last,
        tuple(line.callers.values()),
        tuple(call for bucket in line.buckets.values() for _, _, call in bucket),
        tuple(call for _, _, call in line.joinable),
        tuple(
            call
            for waiting in router.held.values()
            for call, name in waiting.items()
            if name == served.plan.name
        ),
    )


def recall(memory: Memory, planned: Plan) -> Floor:
    """``planned`` is the engineer's plan that was in force."""
    moves = {(move.agent, move.queue): move.penalty for move in memory.moves}
    plan = moved(planned, moves)
    floor = Floor(
        planned=planned,
        plan=plan,
        moves=moves,
        calls={call.id: call for call in memory.calls},
        agents={desk.id: desk for desk in memory.agents},
        router=_router(memory, plan),
        errands={errand.call: errand for errand in memory.errands},
        kept=dict(memory.kept or {}),
        recent=dict(memory.recent or {}),
        gone=set(memory.gone),
        places=memory.places,
        overdue=list(memory.overdue),
        strays=memory.strays,
        lines=dict(memory.lines or {}),
        given_back=dict.fromkeys(memory.given_back),
    )
    floor.told.since.update(memory.told or {})
    return floor


def _router(memory: Memory, plan: Plan) -> Router:
    router = Router(
        queues_of_agent=queues_of_agents(plan.queues),
        states={state.agent: state for state in memory.states},
        offers=memory.offers,
        turns=memory.turns,
        closed=memory.closed,
    )
    for kept in memory.queues:
        queue = plan.queues.get(kept.name)
        if queue is None:
            continue  # given up, and nobody waits in it
        served = router.queues[kept.name] = ServedQueue(queue)
        served.members.load(queue, plan.agents, router.states)
        served.members.turn = kept.turn
        _count(served.members, kept.counts)
        served.rate = ServiceRate(kept.interval, kept.last_answer)
        for caller in kept.callers:
            served.line.enter(caller)
            router.queue_of[caller.call] = kept.name
        for call in kept.open:
            served.line.open(served.line.callers[call])
        for call in kept.joinable:
            served.line.gather(served.line.callers[call])
        for call in kept.held:
            agent = served.line.callers[call].preferred
            if agent is not None:
                router.held.setdefault(agent, {})[call] = kept.name
    return router


def _count(members: Members, counts: Iterable[Count]) -> None:
    for count in counts:
        members.count(count.agent, count.calls, count.talked)

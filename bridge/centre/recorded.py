"""A recorded day as the simulation needs it: who came, who was there, what became of it, what is changed.

Owns what is concluded from a day's calls. The log tells neither skills that a caller needs nor when an agent
came and went, so: needs and priority are those of the way from the number he dialled, if there is one way
only; an agent is there from his first leg to the end of his last (and its wrap-up); a wrap-up lasts as long
as the queue allows, unless the agent's next leg begins before.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count, islice

from bridge.centre.ids import AgentId, CallId, Endpoint, MenuName, QueueName
from bridge.centre.orders import Outcome
from bridge.centre.plan import (
    Agent,
    Destination,
    Member,
    Needs,
    Plan,
    Queue,
    Strategy,
    ToAgent,
    ToMenu,
    ToNumber,
    ToQueue,
)
from bridge.centre.simulation import Arrival, Day, Shift, Visit, VisitEnd

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class RecordedLeg:
    """One phone of an agent that was rung."""

    agent: AgentId
    created_at: datetime
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that came to a queue and is over. ``agent``: who talked."""

    id: CallId
    queue: QueueName
    queued_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    outcome: Outcome | None
    agent: AgentId | None = None
    dialled: str = ""
    legs: tuple[RecordedLeg, ...] = ()

    @property
    def talk(self) -> timedelta | None:
        return None if self.answered_at is None else max(self.ended_at - self.answered_at, _ZERO)


@dataclass(frozen=True, slots=True)
class Staffing:
    """The plan with those members only who were there, and when they were."""

    plan: Plan
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What is tried: in ``queue``, or in all of them. None keeps what was."""

    queue: QueueName | None = None
    strategy: Strategy | None = None
    agents: int | None = None


# ── who came ─────────────────────────────────────────────────────────────────


def arrivals_of(plan: Plan, calls: Sequence[RecordedCall]) -> list[Arrival]:
    """At least one of ``calls`` was answered: who was not would have talked as long as the others did."""
    typical = _mean(call.talk for call in calls)
    assert typical is not None
    by_queue: dict[QueueName, list[RecordedCall]] = defaultdict(list)
    for call in calls:
        by_queue[call.queue].append(call)
    talk = {queue: _mean(call.talk for call in some) or typical for queue, some in by_queue.items()}
    ways: dict[tuple[str, QueueName], tuple[Needs, int]] = {}
    found = []
    for call in _in_order(calls):
        way = (call.dialled, call.queue)
        if way not in ways:
            ways[way] = _way(plan, *way)
        needs, priority = ways[way]
        lasted = call.talk
        # Who was not served stayed for so long, however he left; he does not stay longer now.
        patience = max(call.ended_at - call.queued_at, _ZERO) if lasted is None else None
        found.append(
            Arrival(
                call.id,
                call.queue,
                call.queued_at,
                talk[call.queue] if lasted is None else lasted,
                patience,
                call.outcome is Outcome.ABANDONED,
                needs,
                priority,
            )
        )
    return found


def _mean(times: Iterable[timedelta | None]) -> timedelta | None:
    known = [time for time in times if time is not None]
    return sum(known, _ZERO) / len(known) if known else None


def _in_order(calls: Iterable[RecordedCall]) -> list[RecordedCall]:
    return sorted(calls, key=lambda call: (call.queued_at, call.id))


def _way(plan: Plan, dialled: str, queue: QueueName) -> tuple[Needs, int]:
    """What the way from a number to a queue adds; nothing if several ways lead there and they differ."""
    start = plan.numbers.get(dialled)
    found = {
        (to.needs, to.priority)
        for to in (_ways(plan, start, set()) if start is not None else ())
        if to.queue == queue
    }
    return found.pop() if len(found) == 1 else ((), 0)


def _ways(plan: Plan, start: Destination, seen: set[MenuName]) -> Iterator[ToQueue]:
    match start:
        case ToQueue():
            yield start
        case ToAgent(queue=queue):
            yield ToQueue(queue)
        case ToNumber(otherwise=otherwise):
            yield from _ways(plan, otherwise, seen)
        case ToMenu(menu=name) if name not in seen and name in plan.menus:
            seen.add(name)
            menu = plan.menus[name]
            for destination in (*menu.options.values(), menu.otherwise):
                yield from _ways(plan, destination, seen)
        case _:
            pass


# ── who was there ────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Seen:
    """What the log shows of one agent."""

    begins: datetime
    ends: datetime
    rings: list[timedelta] = field(default_factory=list)  # of those that he answered

    def at(self, begins: datetime, ends: datetime) -> None:
        self.begins, self.ends = min(self.begins, begins), max(self.ends, ends)


def staffing_of(plan: Plan, calls: Sequence[RecordedCall]) -> Staffing:
    """Who answered in a queue that the plan does not have him in (a live move) serves it as well.

    A queue in whose calls nobody is named (a thin log) has all its planned members, from the day's first
    caller on.
    """
    seen = _seen(plan, calls)
    helped: dict[QueueName, list[AgentId]] = defaultdict(list)
    for call in _in_order(calls):
        if call.answered_at is not None and call.agent is not None and call.agent not in helped[call.queue]:
            helped[call.queue].append(call.agent)
    named = {call.queue for call in calls if call.legs or (call.answered_at is not None and call.agent)}
    first = min(call.queued_at for call in calls)
    last = max(call.ended_at for call in calls)
    for name in {call.queue for call in calls} - named:
        for member in plan.queues[name].members:
            seen.setdefault(member.agent, _Seen(first, last)).at(first, last)
    queues = {
        name: replace(queue, members=_members(queue, seen, helped[name]))
        for name, queue in plan.queues.items()
    }
    agents = {**plan.agents, **{id: _stranger(id) for id in sorted(seen) if id not in plan.agents}}
    shifts = _shifts(seen, list(agents), _last_served(calls))
    return _only_serving(replace(plan, queues=queues, agents=agents), shifts)


def _only_serving(plan: Plan, shifts: Sequence[Shift]) -> Staffing:
    serving = {member.agent for queue in plan.queues.values() for member in queue.members}
    return Staffing(plan, tuple(shift for shift in shifts if shift.agent in serving))


def _seen(plan: Plan, calls: Sequence[RecordedCall]) -> dict[AgentId, _Seen]:
    seen: dict[AgentId, _Seen] = {}

    def note(agent: AgentId, begins: datetime, ends: datetime) -> _Seen:
        shown = seen.setdefault(agent, _Seen(begins, ends))
        shown.at(begins, ends)
        return shown

    for call in calls:
        for leg in call.legs:
            shown = note(
                leg.agent, leg.created_at, leg.ended_at or leg.answered_at or leg.ringing_at or leg.created_at
            )
            if leg.answered_at is not None:
                shown.rings.append(max(leg.answered_at - (leg.ringing_at or leg.created_at), _ZERO))
        if call.answered_at is not None and call.agent is not None:
            note(call.agent, call.answered_at, call.ended_at + plan.queues[call.queue].wrap_up)
    return seen


def _members(queue: Queue, seen: Mapping[AgentId, _Seen], helped: Iterable[AgentId]) -> tuple[Member, ...]:
    planned = {member.agent for member in queue.members}
    there = [member for member in queue.members if member.agent in seen]
    return (*there, *(Member(agent) for agent in helped if agent not in planned))


def _stranger(agent: AgentId) -> Agent:
    """One whom the plan does not know any more."""
    return Agent(agent, agent, Endpoint(f"PJSIP/{agent}"))


def _last_served(calls: Iterable[RecordedCall]) -> datetime | None:
    return max((call.queued_at for call in calls if call.answered_at is not None), default=None)


def _shifts(
    seen: Mapping[AgentId, _Seen], order: Sequence[AgentId], last_served: datetime | None
) -> tuple[Shift, ...]:
    """Who was there when the last one came who was served does not leave anybody waiting."""
    position = {agent: place for place, agent in enumerate(order)}
    everybody = _mean(ring for shown in seen.values() for ring in shown.rings) or _ZERO
    shifts = [
        Shift(
            agent,
            shown.begins,
            shown.ends,
            everybody if (own := _mean(shown.rings)) is None else own,
            last_served is None or shown.ends >= last_served,
        )
        for agent, shown in seen.items()
    ]
    return tuple(sorted(shifts, key=lambda shift: (shift.begins, position[shift.agent])))


# ── what became of it ────────────────────────────────────────────────────────


def day_of(staffing: Staffing, calls: Sequence[RecordedCall]) -> Day:
    """The day as it was."""
    begun: dict[AgentId, list[datetime]] = defaultdict(list)
    for call in calls:
        for leg in call.legs:
            begun[leg.agent].append(leg.created_at)
    for times in begun.values():
        times.sort()
    return Day(
        tuple(_visit(staffing.plan.queues[call.queue], call, begun) for call in _in_order(calls)),
        {shift.agent: shift.ends - shift.begins for shift in staffing.shifts},
    )


def _visit(queue: Queue, call: RecordedCall, begun: Mapping[AgentId, Sequence[datetime]]) -> Visit:
    if call.answered_at is None:
        end = VisitEnd.ABANDONED if call.outcome is Outcome.ABANDONED else VisitEnd.LEFT
        return Visit(call.id, call.queue, call.queued_at, end, max(call.ended_at - call.queued_at, _ZERO))
    next_legs = begun.get(call.agent, ()) if call.agent is not None else ()
    following = bisect_left(next_legs, call.ended_at)
    wrap_up = queue.wrap_up
    if following < len(next_legs):
        wrap_up = min(wrap_up, next_legs[following] - call.ended_at)
    return Visit(
        call.id,
        call.queue,
        call.queued_at,
        VisitEnd.ANSWERED,
        max(call.answered_at - call.queued_at, _ZERO),
        call.agent,
        call.talk or _ZERO,
        wrap_up,
    )


# ── what is changed ──────────────────────────────────────────────────────────


def changed(staffing: Staffing, change: Change) -> Staffing:
    """``agents`` is of one queue: what its agents do in other queues stays, and copies serve it alone."""
    queues = dict(staffing.plan.queues)
    for name, queue in staffing.plan.queues.items():
        if change.strategy is not None and change.queue in (None, name):
            queues[name] = replace(queue, strategy=change.strategy)
    agents, shifts = dict(staffing.plan.agents), staffing.shifts
    if change.agents is not None and change.queue is not None:
        members = queues[change.queue].members
        copies = _copies(staffing, members, change.agents - len(members))
        agents |= {agent.id: agent for agent, _, _ in copies}
        shifts += tuple(shift for _, _, shift in copies)
        members = (*members[: change.agents], *(member for _, member, _ in copies))
        queues[change.queue] = replace(queues[change.queue], members=members)
    return _only_serving(replace(staffing.plan, queues=queues, agents=agents), shifts)


def _copies(staffing: Staffing, members: Sequence[Member], number: int) -> list[tuple[Agent, Member, Shift]]:
    """Of him whose shift is the middle one by its length: with his skills, his penalty and his ring time."""
    if number <= 0:
        return []
    shifts = {shift.agent: shift for shift in staffing.shifts}
    by_length = sorted(members, key=lambda member: _length(shifts[member.agent]))
    model = by_length[(len(by_length) - 1) // 2]
    agent, shift = staffing.plan.agents[model.agent], shifts[model.agent]
    names = (AgentId(f"{model.agent}+{n}") for n in count(1))
    free = islice((name for name in names if name not in staffing.plan.agents), number)
    return [
        (
            replace(agent, id=id, endpoint=Endpoint(f"PJSIP/{id}")),
            Member(id, model.penalty),
            replace(shift, agent=id),
        )
        for id in free
    ]


def _length(shift: Shift) -> timedelta:
    return shift.ends - shift.begins


def queues_of(calls: Iterable[RecordedCall]) -> Counter[QueueName]:
    """How many came to each."""
    return Counter(call.queue for call in calls)

"""A day of callers through the real router and the real desks, in simulated time.

Owns the events and what callers do; who is offered what is the router's, readiness the agents'. There is no
clock and no chance in it: the same day gives the same end. What it takes for granted: every phone that rings
is answered, after as long as its agent took on average; nobody pauses; no caller waits for one agent alone.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from heapq import heappop, heappush
from typing import assert_never

from bridge.centre.agent import AgentDesk, AgentEvent, AgentState
from bridge.centre.call_ways import MOST_HOPS
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import AgentLoggedOut, EndpointChanged, Timer, TimerFired
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.messages import (
    AgentAsked,
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    AgentTakesOver,
    AmendWaiting,
    AskAgent,
    AskPosition,
    EnterQueue,
    LeaveQueue,
    Message,
    Offer,
    OfferResult,
    OffersResume,
    Output,
    PositionIs,
    TurnedAway,
    TurnedAwayWhy,
)
from bridge.centre.orders import StartTimer, StopTimer
from bridge.centre.plan import Destination, Needs, Plan, Queue, ToAgent, ToQueue
from bridge.centre.router import Router

_TELL_EVERY = 500  # callers who are done


class VisitEnd(Enum):
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    LEFT = "left"  # unserved, and not by hanging up: a time-out, a full or empty queue, a digit
    WAITING = "waiting"  # when everybody who could have served him had gone


@dataclass(frozen=True, slots=True)
class Arrival:
    """One caller. ``patience`` None: he waits as long as the queue lets him; else he goes after so long."""

    call: CallId
    queue: QueueName
    at: datetime
    talk: timedelta
    patience: timedelta | None = None
    hangs_up: bool = True  # when his patience is over; else he leaves by another way
    needs: Needs = ()
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """When an agent is there. ``is_last``: he stays on while somebody waits whom he may serve."""

    agent: AgentId
    begins: datetime
    ends: datetime
    answers_after: timedelta = timedelta(0)
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """What became of one caller; counted for the queue that he came to, wherever he was served."""

    call: CallId
    queue: QueueName
    at: datetime
    end: VisitEnd
    wait: timedelta
    agent: AgentId | None = None
    talk: timedelta = timedelta(0)
    wrap_up: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Day:
    """``presence``: how long each agent was there, whatever he did."""

    visits: tuple[Visit, ...]
    presence: Mapping[AgentId, timedelta]


def simulate(
    plan: Plan,
    arrivals: Sequence[Arrival],
    shifts: Sequence[Shift],
    progress: Callable[[int], None] = lambda done: None,
) -> Day:
    """The members of the plan's queues who have no shift never come. ``progress`` hears of callers done."""
    return _Simulation(plan, shifts, progress).run(arrivals)


@dataclass(slots=True)
class _Caller:
    """``stay`` counts the queues that he has entered: what was meant for an earlier one says nothing."""

    arrival: Arrival
    place: int
    queue: QueueName
    needs: Needs
    priority: int
    level: int = 0
    stay: int = 0
    offers: dict[AgentId, int] = field(default_factory=dict)  # whose phones ring, by the event of the answer
    end: VisitEnd | None = None  # None: he waits
    wait: timedelta = timedelta(0)
    agent: AgentId | None = None
    wrap_up: timedelta = timedelta(0)

    def visit(self, now: datetime) -> Visit:
        arrival = self.arrival
        if self.end is None:
            return Visit(arrival.call, arrival.queue, arrival.at, VisitEnd.WAITING, now - arrival.at)
        talk = arrival.talk if self.end is VisitEnd.ANSWERED else timedelta(0)
        return Visit(
            arrival.call, arrival.queue, arrival.at, self.end, self.wait, self.agent, talk, self.wrap_up
        )


class _Simulation:
    def __init__(self, plan: Plan, shifts: Sequence[Shift], progress: Callable[[int], None]) -> None:
        self._plan = plan
        self._progress = progress
        self._done = 0
        self._router = Router()
        self._out = Output()
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = 0
        self._event = 0  # the number of what happens now
        self._timers: dict[Timer, int] = {}
        self._callers: dict[CallId, _Caller] = {}
        self._shifts = {shift.agent: shift for shift in shifts}
        self._desks = {shift.agent: AgentDesk(shift.agent, shift.begins) for shift in shifts}
        self._overdue: list[AgentId] = []  # their shift is over, and somebody still waits
        self._gone: dict[AgentId, datetime] = {}
        self._now = datetime.min.replace(tzinfo=UTC)  # until something happens
        for shift in shifts:
            self._at(shift.begins, partial(self._begins, shift.agent))
            self._at(shift.ends, partial(self._ends, shift))

    def run(self, arrivals: Sequence[Arrival]) -> Day:
        self._router.load(self._plan, self._out)
        for arrival in arrivals:
            self._at(arrival.at, partial(self._comes, arrival))
        while self._events:
            self._now, self._event, step = heappop(self._events)
            step()
            self._settle()
        return Day(
            tuple(caller.visit(self._now) for caller in self._callers.values()),
            {agent: self._gone[agent] - shift.begins for agent, shift in self._shifts.items()},
        )

    def _at(self, when: datetime, step: Callable[[], None]) -> int:
        """Of what happens at one moment, what was known first happens first."""
        self._numbers += 1
        heappush(self._events, (when, self._numbers, step))
        return self._numbers

    def _say(self, message: Message) -> None:
        self._out.messages.append(message)

    # ── messages, delivered as the floor delivers them ───────────────────────

    def _settle(self) -> None:
        self._deliver_all()
        for agent in tuple(self._overdue):
            # Free, and still not offered anybody: nobody waits whom he may serve.
            if self._desks[agent].free:
                self._overdue.remove(agent)
                self._desk(agent, AgentLoggedOut(agent))
                self._deliver_all()

    def _deliver_all(self) -> None:
        out = self._out
        pending: deque[Message] = deque(out.messages)
        out.messages.clear()
        while pending:
            self._deliver(pending.popleft())
            pending.extend(out.messages)
            out.messages.clear()
        for order in out.orders:
            match order:
                case StartTimer(timer=timer, after=after):
                    self._timers[timer] = self._at(self._now + after, partial(self._fires, timer))
                case StopTimer(timer=timer):
                    self._timers.pop(timer, None)
                case _:
                    pass  # agents give no other orders
        out.orders.clear()

    def _deliver(self, message: Message) -> None:
        match message:
            case Offer(call=call, agent=agent, queue=queue):
                self._desk(agent, message)
                # Who takes longer on average than this queue's phones ring would never answer in it.
                after = min(self._shifts[agent].answers_after, self._plan.queues[queue].ring)
                caller = self._callers[call]
                caller.offers[agent] = self._at(self._now + after, partial(self._answers, caller, agent))
            case OfferResult(agent=agent) | AgentReleased(agent=agent):
                self._desk(agent, message)
                self._router.step(message, self._now, self._out)
            case EnterQueue() | AmendWaiting() | LeaveQueue() | AgentChanged():
                self._router.step(message, self._now, self._out)
            case TurnedAway(call=call, queue=queue, why=why):
                plan = self._plan.queues[queue]
                full = why is TurnedAwayWhy.FULL
                self._goes_on(self._callers[call], plan.on_full if full else plan.on_empty)
            case AskPosition() | PositionIs() | AgentBusyOutside() | OffersResume():
                pass  # nobody asks, no phone is used for anything else, and no link is lost
            case AskAgent() | AgentAsked() | AgentTakesOver():
                pass  # nobody is passed on, nor taken over
            case _:
                assert_never(message)

    # ── agents ───────────────────────────────────────────────────────────────

    def _desk(self, agent: AgentId, event: AgentEvent) -> None:
        desk = self._desks[agent]
        state, since = desk.state, desk.since
        desk.step(event, self._plan, self._now, self._out)
        if state is AgentState.WRAP_UP and desk.state is not state and desk.last_call is not None:
            self._callers[desk.last_call].wrap_up = self._now - since
        if desk.state is AgentState.LOGGED_OUT:
            self._gone[agent] = self._now

    def _begins(self, agent: AgentId) -> None:
        self._desk(agent, EndpointChanged(self._plan.agents[agent].endpoint, reachable=True))

    def _ends(self, shift: Shift) -> None:
        if shift.is_last:
            self._overdue.append(shift.agent)
        else:
            self._desk(shift.agent, AgentLoggedOut(shift.agent))

    def _fires(self, timer: Timer) -> None:
        if self._timers.get(timer) == self._event:  # neither stopped nor started anew
            del self._timers[timer]
            self._desk(AgentId(timer.owner), TimerFired(timer))

    # ── callers ──────────────────────────────────────────────────────────────

    def _comes(self, arrival: Arrival) -> None:
        caller = _Caller(arrival, len(self._callers) + 1, arrival.queue, arrival.needs, arrival.priority)
        self._callers[arrival.call] = caller
        if arrival.patience is not None:
            self._at(self._now + arrival.patience, partial(self._gives_up, caller))
        self._enters(caller, self._plan.queues[arrival.queue])

    def _enters(self, caller: _Caller, queue: Queue) -> None:
        caller.queue = queue.name
        caller.stay += 1
        caller.level = queue.level_at_entry
        if queue.max_wait is not None:
            self._at(self._now + queue.max_wait, partial(self._times_out, caller, caller.stay))
        for step in queue.widening[caller.level :]:
            self._at(self._now + step.after, partial(self._widens, caller, caller.stay))
        self._say(
            EnterQueue(
                caller.arrival.call, queue.name, caller.place, caller.needs, caller.priority, caller.level
            )
        )

    def _answers(self, caller: _Caller, agent: AgentId) -> None:
        """The first one has him; the other phones stop."""
        if caller.offers.get(agent) != self._event:
            return
        self._is_over(caller, VisitEnd.ANSWERED)
        caller.agent = agent
        self._say(OfferResult(caller.arrival.call, agent, caller.queue, OfferEnd.ANSWERED))
        del caller.offers[agent]
        self._stop_ringing(caller, OfferEnd.ANSWERED_ELSEWHERE)
        self._at(self._now + caller.arrival.talk, partial(self._hangs_up, caller, agent))

    def _hangs_up(self, caller: _Caller, agent: AgentId) -> None:
        arrival = caller.arrival
        self._say(AgentReleased(arrival.call, agent, caller.queue, arrival.talk))

    def _gives_up(self, caller: _Caller) -> None:
        if caller.end is None:
            self._leaves(caller)
            self._is_over(caller, VisitEnd.ABANDONED if caller.arrival.hangs_up else VisitEnd.LEFT)

    def _times_out(self, caller: _Caller, stay: int) -> None:
        if caller.end is None and caller.stay == stay:
            self._leaves(caller)
            self._goes_on(caller, self._plan.queues[caller.queue].on_timeout)

    def _widens(self, caller: _Caller, stay: int) -> None:
        if caller.end is None and caller.stay == stay:
            caller.level += 1
            self._say(AmendWaiting(caller.arrival.call, caller.priority, caller.level, None))

    def _leaves(self, caller: _Caller) -> None:
        self._stop_ringing(caller, OfferEnd.WITHDRAWN)
        self._say(LeaveQueue(caller.arrival.call))

    def _stop_ringing(self, caller: _Caller, end: OfferEnd) -> None:
        for agent in caller.offers:
            self._say(OfferResult(caller.arrival.call, agent, caller.queue, end))
        caller.offers.clear()

    def _goes_on(self, caller: _Caller, destination: Destination) -> None:
        """The queue did not serve him: to another queue, or he is served by something else than a queue."""
        match destination:
            case ToQueue(queue=queue, needs=needs, priority=priority):
                caller.needs, caller.priority = needs, priority
            case ToAgent(queue=queue):
                caller.needs, caller.priority = (), 0
            case _:
                self._is_over(caller, VisitEnd.LEFT)
                return
        if queue in self._plan.queues and caller.stay <= MOST_HOPS:
            self._enters(caller, self._plan.queues[queue])
        else:
            self._is_over(caller, VisitEnd.LEFT)

    def _is_over(self, caller: _Caller, end: VisitEnd) -> None:
        caller.end, caller.wait = end, self._now - caller.arrival.at
        self._done += 1
        if self._done % _TELL_EVERY == 0:
            self._progress(self._done)

"""One agent's state machine: logged out, ready, ringing, talking, wrap-up, paused.

Owns the agent's readiness; knows nothing of queues' contents. The transitions are data (``TABLE``): a pair
that is not in it is rejected and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    EndpointChanged,
    Timer,
    TimerFired,
    TimerKind,
    WrapUpEnded,
)
from bridge.centre.ids import AgentId, CallId
from bridge.centre.messages import (
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    Offer,
    OfferEnd,
    OfferResult,
    Output,
    Rejected,
)
from bridge.centre.orders import StartTimer, StopTimer
from bridge.centre.plan import Plan, Queue

PHONE = "phone"  # the reason shown when the phone, not the person, made an agent unavailable
REST = timedelta(seconds=5)  # after an offer that he did not take; Asterisk's own ``retry`` default
LONG_REST = timedelta(seconds=30)  # after his phone could not be reached, although it is registered


class AgentState(Enum):
    LOGGED_OUT = "logged_out"
    READY = "ready"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"


S = AgentState
AgentEvent = (
    AgentLoggedIn
    | AgentLoggedOut
    | AgentReady
    | AgentPaused
    | WrapUpEnded
    | EndpointChanged
    | TimerFired
    | Offer
    | OfferResult
    | AgentReleased
    | AgentBusyOutside
)


@dataclass(slots=True)
class AgentDesk:
    """An agent at work. ``after_call`` is the state that was asked for while he was on a call."""

    id: AgentId
    since: datetime
    state: AgentState = S.LOGGED_OUT
    reason: str = PHONE
    reachable: bool = False
    call: CallId | None = None
    idle_since: datetime | None = None
    resting: bool = False
    outside: set[CallId] = field(default_factory=set)
    after_call: tuple[AgentState, str] | None = None

    @property
    def free(self) -> bool:
        return self.state is S.READY and self.reachable and not self.resting and not self.outside

    def step(self, event: AgentEvent, plan: Plan, now: datetime, out: Output) -> None:
        """Take one event; raises Rejected, having changed nothing, when the state does not know it."""
        step = TABLE.get((self.state, type(event)))
        if step is None:
            raise Rejected("agent", self.state, event)
        was_free = self.free
        step(self, event, plan, now, out)
        if self.free and not was_free:
            self.idle_since = self.idle_since or now
        if self.free != was_free:
            out.messages.append(AgentChanged(self.id, self.free, self.idle_since or now))

    def enter(self, state: AgentState, now: datetime, reason: str = "") -> None:
        if (state, reason) != (self.state, self.reason):
            self.since = now
        self.state, self.reason = state, reason


# ── steps ────────────────────────────────────────────────────────────────────


def _queue(plan: Plan, name: str) -> Queue | None:
    return next((queue for queue in plan.queues.values() if queue.name == name), None)


def _become_ready(desk: AgentDesk, _: AgentEvent, __: Plan, now: datetime, out: Output) -> None:
    if desk.state is S.WRAP_UP:
        out.orders.append(StopTimer(Timer(TimerKind.WRAP_UP, desk.id)))
    if desk.resting:
        desk.resting = False
        out.orders.append(StopTimer(Timer(TimerKind.REST, desk.id)))
    # Without a phone he cannot be rung: he counts as logged out until it is back, and is ready then.
    if desk.reachable:
        desk.enter(S.READY, now)
    else:
        desk.enter(S.LOGGED_OUT, now, PHONE)


def _pause(desk: AgentDesk, event: AgentPaused, _: Plan, now: datetime, out: Output) -> None:
    if desk.state is S.WRAP_UP:
        out.orders.append(StopTimer(Timer(TimerKind.WRAP_UP, desk.id)))
    desk.enter(S.PAUSED, now, event.reason)


def _log_out(desk: AgentDesk, _: AgentEvent, __: Plan, now: datetime, out: Output) -> None:
    if desk.state is S.WRAP_UP:
        out.orders.append(StopTimer(Timer(TimerKind.WRAP_UP, desk.id)))
    desk.enter(S.LOGGED_OUT, now)


def _later(desk: AgentDesk, event: AgentEvent, _: Plan, __: datetime, ___: Output) -> None:
    """Asked for while on a call: it is done when the call is over, and a wrap-up is then not needed."""
    match event:
        case AgentPaused(reason=reason):
            desk.after_call = (S.PAUSED, reason)
        case AgentLoggedOut():
            desk.after_call = (S.LOGGED_OUT, "")
        case _:
            desk.after_call = None


def _phone(desk: AgentDesk, event: EndpointChanged, _: Plan, now: datetime, out: Output) -> None:
    desk.reachable = event.reachable
    if event.reachable and desk.resting:
        desk.resting = False
        out.orders.append(StopTimer(Timer(TimerKind.REST, desk.id)))
    if event.reachable and desk.state is S.LOGGED_OUT and desk.reason == PHONE:
        desk.enter(S.READY, now)  # registering the phone is logging in
    elif not event.reachable and desk.state is S.READY:
        desk.enter(S.LOGGED_OUT, now, PHONE)


def _take_offer(desk: AgentDesk, event: Offer, _: Plan, now: datetime, __: Output) -> None:
    desk.call = event.call
    desk.enter(S.RINGING, now)


def _offer_ended(desk: AgentDesk, event: OfferResult, plan: Plan, now: datetime, out: Output) -> None:
    if event.call != desk.call:
        return  # the late end of an offer that is no longer his
    if event.end is OfferEnd.ANSWERED:
        desk.enter(S.TALKING, now)
        return
    desk.call = None
    if event.end is not OfferEnd.WITHDRAWN:
        # Ringing him again at once would be a loop that helps nobody. Whether the phone is there is for AMI
        # alone to say: a phone that did not take this call may take the next.
        desk.resting = True
        rest = LONG_REST if event.end is OfferEnd.UNREACHABLE else REST
        out.orders.append(StartTimer(Timer(TimerKind.REST, desk.id), rest))
    _settle(desk, now)


def _released(desk: AgentDesk, event: AgentReleased, plan: Plan, now: datetime, out: Output) -> None:
    if event.call != desk.call:
        return
    desk.call = None
    desk.idle_since = now
    queue = _queue(plan, event.queue)
    if desk.after_call is None and queue is not None and queue.wrap_up.total_seconds() > 0:
        desk.enter(S.WRAP_UP, now)
        out.orders.append(StartTimer(Timer(TimerKind.WRAP_UP, desk.id), queue.wrap_up))
    else:
        _settle(desk, now)


def _settle(desk: AgentDesk, now: datetime) -> None:
    """After a call or an offer: what was asked for meanwhile, or ready, or out because the phone is."""
    if desk.after_call is not None:
        (state, reason), desk.after_call = desk.after_call, None
        desk.enter(state, now, reason)
    elif desk.reachable:
        desk.enter(S.READY, now)
    else:
        desk.enter(S.LOGGED_OUT, now, PHONE)


def _timer(desk: AgentDesk, event: TimerFired, _: Plan, now: datetime, __: Output) -> None:
    if event.timer.kind is TimerKind.REST:
        desk.resting = False
    elif event.timer.kind is TimerKind.WRAP_UP and desk.state is S.WRAP_UP:
        _settle(desk, now)


def _outside(desk: AgentDesk, event: AgentBusyOutside, _: Plan, now: datetime, __: Output) -> None:
    if event.busy:
        desk.outside.add(event.call)
    elif event.call in desk.outside:
        desk.outside.discard(event.call)
        desk.idle_since = now


def _nothing(_: AgentDesk, __: AgentEvent, ___: Plan, ____: datetime, _____: Output) -> None:
    """Already so: the same fact may come from page, API and feature code."""


Step = Callable[[AgentDesk, Any, Plan, datetime, Output], None]
E = TypeVar("E", bound=AgentEvent)


def on(event: type[E], step: Callable[[AgentDesk, E, Plan, datetime, Output], None]) -> tuple[type, Step]:
    """A row: typed here, so that a step can only stand behind the event that it takes."""
    return event, step


_ANY = (
    on(EndpointChanged, _phone),
    on(TimerFired, _timer),
    on(AgentBusyOutside, _outside),
    on(OfferResult, _nothing),
    on(AgentReleased, _nothing),
)
_IDLE = (on(AgentReady, _become_ready), on(AgentPaused, _pause), on(AgentLoggedOut, _log_out))
_BUSY = (
    on(AgentReady, _later),
    on(AgentLoggedIn, _later),
    on(AgentPaused, _later),
    on(AgentLoggedOut, _later),
)
_STAYS = on(AgentLoggedIn, _nothing)

TABLE: Mapping[tuple[AgentState, type], Step] = {
    (state, event): step
    for state, rows in {
        S.LOGGED_OUT: (*_ANY, *_IDLE, on(AgentLoggedIn, _become_ready)),
        S.READY: (*_ANY, *_IDLE, _STAYS, on(Offer, _take_offer)),
        S.PAUSED: (*_ANY, *_IDLE, _STAYS),
        S.WRAP_UP: (*_ANY, *_IDLE, _STAYS, on(WrapUpEnded, _become_ready)),
        S.RINGING: (*_ANY, *_BUSY, on(OfferResult, _offer_ended)),
        S.TALKING: (*_ANY, *_BUSY, on(AgentReleased, _released)),
    }.items()
    for event, step in rows
}

"""One agent's state machine: logged out, ready, ringing, talking, wrap-up, paused.

Owns the agent's readiness; knows nothing of queues' contents. The transitions are data (``TABLE``): a pair
that is not in it is rejected and changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from bridge.centre.decision import Hindrance, OfferEnd
from bridge.centre.facts import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    EndpointChanged,
    LinkUp,
    Timer,
    TimerFired,
    TimerKind,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.messages import (
    AgentBusyOutside,
    AgentChanged,
    AgentReleased,
    AgentTakesOver,
    AskAgent,
    Offer,
    OfferResult,
    Output,
    Rejected,
)
from bridge.centre.orders import SaveWrapUp, StartTimer, StopTimer
from bridge.centre.plan import Plan
from bridge.centre.record import WrapUp

PHONE = "phone"  # the reason shown when the phone, not the person, made an agent unavailable
UNANSWERED = "unanswered"  # the reason of a pause that unanswered offers brought him
REST = timedelta(seconds=5)  # after an offer that he did not take; Asterisk's own ``retry`` default
LONG_REST = timedelta(seconds=60)  # a phone that could not be reached is tried again at the latest then


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
    | WrapUpExtended
    | EndpointChanged
    | TimerFired
    | Offer
    | AskAgent
    | OfferResult
    | AgentReleased
    | AgentBusyOutside
    | AgentTakesOver
    | LinkUp
)


@dataclass(slots=True)
class AgentDesk:
    """An agent at work. ``after_call`` is the state that was asked for while he was on a call.

    ``reachable`` is what AMI says of his phone, ``phone`` the same in words; ``silent`` marks a phone that is
    registered and yet did not take our INVITE: it is left alone until it shows itself.
    """

    id: AgentId
    since: datetime
    state: AgentState = S.LOGGED_OUT
    reason: str = PHONE
    reachable: bool = False
    phone: str = ""
    silent: bool = False
    call: CallId | None = None
    last_call: CallId | None = None  # that he talked in
    queue: QueueName | None = None  # whose wrap-up it is
    until: datetime | None = None  # the wrap-up ends by itself
    extended: bool = False
    unanswered: int = 0  # offers in a row
    idle_since: datetime | None = None
    resting: bool = False
    outside: set[CallId] = field(default_factory=set)
    after_call: tuple[AgentState, str] | None = None

    @property
    def hindrance(self) -> Hindrance | None:
        """Why he cannot be offered a call now; None when he can."""
        match self.state:
            case S.LOGGED_OUT:
                return Hindrance.UNREACHABLE if self.reason == PHONE else Hindrance.LOGGED_OUT
            case S.PAUSED:
                return Hindrance.PAUSED
            case S.RINGING:
                return Hindrance.RINGING
            case S.TALKING:
                return Hindrance.TALKING
            case S.WRAP_UP:
                return Hindrance.WRAP_UP
            case S.READY if not self.reachable or self.silent:
                return Hindrance.UNREACHABLE
            case S.READY if self.outside:
                return Hindrance.OUTSIDE
            case S.READY:
                return Hindrance.RESTING if self.resting else None

    @property
    def free(self) -> bool:
        return self.hindrance is None

    def takes(self, ask: AskAgent) -> bool:
        """Whether his phone may ring for him by name."""
        states = ((S.WRAP_UP,) if ask.back else ()) + ((S.READY,) if ask.wished else ())
        own = self.state in states and self.reachable and not self.silent and not self.outside
        return self.free or own

    def changed(self) -> AgentChanged:
        return AgentChanged(self.id, self.hindrance, self.reason, self.idle_since)

    def step(self, event: AgentEvent, plan: Plan, now: datetime, out: Output) -> None:
        """Take one event; raises Rejected, having changed nothing, when the state does not know it."""
        step = TABLE.get((self.state, type(event)))
        if step is None:
            raise Rejected("agent", self.state, event)
        before, wrap_up = self.changed(), (self.last_call, self.since) if self.state is S.WRAP_UP else None
        step(self, event, plan, now, out)
        if wrap_up is not None and self.state is not S.WRAP_UP:
            self._keep(*wrap_up, now, out)
        if self.free:
            self.idle_since = self.idle_since or now
        after = self.changed()
        if after != before:
            out.messages.append(after)

    def _keep(self, call: CallId | None, since: datetime, now: datetime, out: Output) -> None:
        """The wrap-up is over. A clock that stepped back makes none of less than nothing."""
        if call is not None and now > since:
            out.orders.append(SaveWrapUp(call, WrapUp(self.id, since, now)))

    def enter(self, state: AgentState, now: datetime, reason: str = "") -> None:
        if (state, reason) != (self.state, self.reason):
            self.since = now
        self.state, self.reason = state, reason


# ── steps ────────────────────────────────────────────────────────────────────


def _end_wrap_up(desk: AgentDesk, out: Output) -> None:
    if desk.state is S.WRAP_UP:
        desk.until, desk.extended = None, False
        out.orders.append(StopTimer(Timer(TimerKind.WRAP_UP, desk.id)))


def _end_rest(desk: AgentDesk, out: Output) -> None:
    if desk.resting or desk.silent:
        desk.resting = desk.silent = False
        out.orders.append(StopTimer(Timer(TimerKind.REST, desk.id)))


def _become_ready(desk: AgentDesk, _: AgentEvent, __: Plan, now: datetime, out: Output) -> None:
    _end_wrap_up(desk, out)
    _end_rest(desk, out)
    desk.unanswered = 0
    # Without a phone he cannot be rung: he counts as logged out until it is back, and is ready then.
    if desk.reachable:
        desk.enter(S.READY, now)
    else:
        desk.enter(S.LOGGED_OUT, now, PHONE)


def _pause(desk: AgentDesk, event: AgentPaused, _: Plan, now: datetime, out: Output) -> None:
    _end_wrap_up(desk, out)
    desk.enter(S.PAUSED, now, event.reason)


def _log_out(desk: AgentDesk, _: AgentEvent, __: Plan, now: datetime, out: Output) -> None:
    _end_wrap_up(desk, out)
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
    desk.reachable, desk.phone = event.reachable, event.detail
    if event.reachable:
        _end_rest(desk, out)
    if event.reachable and desk.state is S.LOGGED_OUT and desk.reason == PHONE:
        desk.unanswered = 0
        desk.enter(S.READY, now)  # registering the phone is logging in
    elif not event.reachable and desk.state is S.READY:
        desk.enter(S.LOGGED_OUT, now, PHONE)


def _link_up(desk: AgentDesk, _: LinkUp, __: Plan, ___: datetime, out: Output) -> None:
    """He was left alone after a ring that failed; it may have been the link."""
    if desk.resting:
        _end_rest(desk, out)


def _take_offer(desk: AgentDesk, event: Offer | AskAgent, _: Plan, now: datetime, out: Output) -> None:
    _end_wrap_up(desk, out)
    desk.call = event.call
    desk.enter(S.RINGING, now)


def _offer_ended(desk: AgentDesk, event: OfferResult, plan: Plan, now: datetime, out: Output) -> None:
    if event.call != desk.call:
        return  # the late end of an offer that is no longer his
    if event.end is OfferEnd.ANSWERED:
        desk.unanswered = 0
        desk.last_call = event.call
        desk.enter(S.TALKING, now)
        return
    desk.call = None
    if event.end in (OfferEnd.WITHDRAWN, OfferEnd.ANSWERED_ELSEWHERE):
        _settle(desk, now)
        return
    # Ringing him again at once would be a loop that helps nobody. Whether the phone is there is for AMI to
    # say; one that is registered and cannot be reached is left alone until it shows itself.
    desk.silent = event.end is OfferEnd.UNREACHABLE
    desk.resting = not desk.silent
    rest = LONG_REST if desk.silent else REST
    out.orders.append(StartTimer(Timer(TimerKind.REST, desk.id), rest))
    queue = plan.queues.get(event.queue) if event.queue is not None else None
    if event.end is OfferEnd.NO_ANSWER:
        desk.unanswered += 1
        if queue is not None and 0 < queue.pause_after <= desk.unanswered and desk.after_call is None:
            desk.after_call = (S.PAUSED, UNANSWERED)
            desk.unanswered = 0
    _settle(desk, now)


def _released(desk: AgentDesk, event: AgentReleased, plan: Plan, now: datetime, out: Output) -> None:
    if event.call != desk.call:
        return
    desk.call = None
    desk.idle_since = now
    name = event.queue or event.as_in
    queue = plan.queues.get(name) if name is not None else None
    if desk.after_call is None and queue is not None and queue.wrap_up > timedelta(0):
        desk.enter(S.WRAP_UP, now)
        desk.queue, desk.until, desk.extended = queue.name, now + queue.wrap_up, False
        out.orders.append(StartTimer(Timer(TimerKind.WRAP_UP, desk.id), queue.wrap_up))
    else:
        _settle(desk, now)


def _takes_over(desk: AgentDesk, event: AgentTakesOver, _: Plan, now: datetime, out: Output) -> None:
    """A supervisor in the middle of a call. Afterwards he is what he was: he may take no calls otherwise."""
    _end_wrap_up(desk, out)
    if desk.state is S.PAUSED or (desk.state is S.LOGGED_OUT and desk.reason != PHONE):
        desk.after_call = (desk.state, desk.reason)
    desk.call = desk.last_call = event.call
    desk.enter(S.TALKING, now)


def _extend(desk: AgentDesk, _: WrapUpExtended, plan: Plan, now: datetime, out: Output) -> None:
    """From the end that it has now, so that who asks early loses nothing."""
    queue = plan.queues.get(desk.queue) if desk.queue is not None else None
    if desk.extended or queue is None or not queue.wrap_up_extension or desk.until is None:
        return
    # Within what it can be at most: a clock may have stepped meanwhile.
    left = min(max(desk.until - now, timedelta(0)), queue.wrap_up) + queue.wrap_up_extension
    desk.extended, desk.until = True, now + left
    out.orders.append(StartTimer(Timer(TimerKind.WRAP_UP, desk.id), left))


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
        desk.resting = desk.silent = False
    elif event.timer.kind is TimerKind.WRAP_UP and desk.state is S.WRAP_UP:
        desk.until, desk.extended = None, False
        _settle(desk, now)


def _outside(desk: AgentDesk, event: AgentBusyOutside, _: Plan, now: datetime, __: Output) -> None:
    if event.busy:
        desk.outside.add(event.call)
    elif event.call in desk.outside:
        desk.outside.discard(event.call)
        if event.talked:
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
    on(LinkUp, _link_up),
    on(OfferResult, _nothing),
    on(AgentReleased, _nothing),
    on(WrapUpExtended, _nothing),
)
_IDLE = (on(AgentReady, _become_ready), on(AgentPaused, _pause), on(AgentLoggedOut, _log_out))
_BUSY = (
    on(AgentReady, _later),
    on(AgentLoggedIn, _later),
    on(AgentPaused, _later),
    on(AgentLoggedOut, _later),
)
_STAYS = on(AgentLoggedIn, _nothing)
_FREE = on(AgentTakesOver, _takes_over)

TABLE: Mapping[tuple[AgentState, type], Step] = {
    (state, event): step
    for state, rows in {
        S.LOGGED_OUT: (*_ANY, *_IDLE, _FREE, on(AgentLoggedIn, _become_ready)),
        S.READY: (*_ANY, *_IDLE, _FREE, _STAYS, on(Offer, _take_offer), on(AskAgent, _take_offer)),
        S.PAUSED: (*_ANY, *_IDLE, _FREE, _STAYS),
        S.WRAP_UP: (
            *_ANY,
            *_IDLE,
            _FREE,
            _STAYS,
            on(WrapUpEnded, _become_ready),
            on(WrapUpExtended, _extend),
            on(AskAgent, _take_offer),
        ),
        S.RINGING: (*_ANY, *_BUSY, on(OfferResult, _offer_ended)),
        S.TALKING: (*_ANY, *_BUSY, on(AgentReleased, _released)),
    }.items()
    for event, step in rows
}

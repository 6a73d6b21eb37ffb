"""Which event may happen to a call in which state: the whole state machine as one table.

A pair that is not here is rejected and changes nothing. ``MAY_BECOME`` bounds each step's effect; the tests
hold every step to it, and the diagram in the documentation is drawn from it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bridge.centre import call_ends as e
from bridge.centre import call_steps as c
from bridge.centre import outside_steps as o
from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.facts import (
    CallerPresented,
    CallOffered,
    ClientIdentified,
    DigitReceived,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegLeft,
    LegRinging,
    OrderFailed,
    OutsideAnswered,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
    PromptEnded,
    RecordingAttached,
    RecordingStarted,
    TicketOpened,
    TimerFired,
)
from bridge.centre.messages import Offer, Rejected

S = CallState
Step = Callable[[Call, Any, Moment], None]
E = TypeVar("E", bound=CallEvent)


def on(event: type[E], step_: Callable[[Call, E, Moment], None]) -> tuple[type, Step]:
    """A row: typed here, so that a step can only stand behind the event that it takes."""
    return event, step_


# A later row of the same state replaces an earlier one.
# In our application, whatever the state: the other streams' view, late ends, our own records.
_ANYWHERE: tuple[tuple[type, Step], ...] = (
    on(CallOffered, c.nothing),
    on(CallerPresented, c.nothing),
    on(ClientIdentified, c.identified),
    on(TicketOpened, c.nothing),
    on(RecordingStarted, c.nothing),
    on(RecordingAttached, c.nothing),
    on(LegRinging, c.ringing),
    on(LegAnswered, c.answered),
    on(LegEnded, e.leg_ended),
    on(LegJoined, c.nothing),
    on(LegLeft, c.nothing),
    on(DigitReceived, c.nothing),
    on(PromptEnded, c.nothing),
    on(TimerFired, c.nothing),
    on(OrderFailed, e.order_failed),
    on(OutsideRinging, c.nothing),
    on(OutsideAnswered, c.nothing),
    on(OutsideRingEnded, c.nothing),
    on(OutsideEnded, c.nothing),
)

_STEPS: Mapping[CallState, tuple[tuple[type, Step], ...]] = {
    S.PRESENTED: (
        on(CallerPresented, c.presented),
        on(CallOffered, c.offered),
        on(ClientIdentified, c.identified),
        on(OrderFailed, e.order_failed),
        on(OutsideRinging, o.outside_ringing),
        on(OutsideAnswered, c.nothing),
        on(OutsideRingEnded, c.nothing),
        on(OutsideEnded, o.presented_ended),
    ),
    S.MENU: (
        *_ANYWHERE,
        on(DigitReceived, c.menu_digit),
        on(PromptEnded, c.menu_prompt_ended),
        on(TimerFired, c.menu_timer),
    ),
    S.WAITING: (*_ANYWHERE, on(Offer, c.take_offer), on(TimerFired, c.waiting_timer)),
    S.CONNECTING: (*_ANYWHERE, on(LegJoined, c.joined)),
    S.TALKING: _ANYWHERE,
    S.LEAVING: (*_ANYWHERE, on(PromptEnded, c.leaving_prompt_ended)),
    S.CLEARING: (*_ANYWHERE, on(LegAnswered, e.clearing_answered)),
    S.OUTSIDE: (
        on(CallOffered, o.enters_application),
        on(CallerPresented, c.nothing),
        on(ClientIdentified, c.identified),
        on(TicketOpened, c.nothing),
        on(RecordingAttached, c.nothing),
        on(OrderFailed, e.order_failed),
        on(OutsideRinging, o.outside_ringing),
        on(OutsideAnswered, o.outside_answered),
        on(OutsideRingEnded, o.outside_ring_ended),
        on(OutsideEnded, o.outside_ended),
    ),
    S.ENDED: (),
}

TABLE: Mapping[tuple[CallState, type], Step] = {
    (state, event): step_ for state, steps in _STEPS.items() for event, step_ in steps
}

MAY_BECOME: Mapping[CallState, frozenset[CallState]] = {
    S.PRESENTED: frozenset({S.MENU, S.WAITING, S.LEAVING, S.CLEARING, S.OUTSIDE, S.ENDED}),
    S.MENU: frozenset({S.WAITING, S.LEAVING, S.CLEARING, S.ENDED}),
    S.WAITING: frozenset({S.CONNECTING, S.LEAVING, S.CLEARING, S.ENDED}),
    S.CONNECTING: frozenset({S.TALKING, S.WAITING, S.CLEARING, S.ENDED}),
    S.TALKING: frozenset({S.CLEARING, S.ENDED}),
    S.LEAVING: frozenset({S.CLEARING, S.ENDED}),
    S.CLEARING: frozenset({S.ENDED}),
    S.OUTSIDE: frozenset({S.MENU, S.WAITING, S.LEAVING, S.CLEARING, S.ENDED}),
    S.ENDED: frozenset(),
}


def step(call: Call, event: CallEvent, at: Moment) -> None:
    """Take one event; raises Rejected, having changed nothing, when the state does not know it."""
    handler = TABLE.get((call.state, type(event)))
    if handler is None:
        raise Rejected("call", call.state, event)
    handler(call, event, at)

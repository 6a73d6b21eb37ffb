"""Which event may happen to a call in which state: the whole state machine as one table.

A pair that is not here is rejected and changes nothing. ``MAY_BECOME`` bounds each step's effect; the tests
hold every step to it, and the diagram in the documentation is drawn from it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bridge.centre import adopted_steps as d
from bridge.centre import away_steps as a
from bridge.centre import call_ends as e
from bridge.centre import call_steps as c
from bridge.centre import consent_steps as cs
from bridge.centre import dial_steps as n
from bridge.centre import outside_steps as o
from bridge.centre import outside_transfers as ot
from bridge.centre import pause_steps as p
from bridge.centre import queue_steps as q
from bridge.centre import steer_steps as st
from bridge.centre import supervision as v
from bridge.centre import transfer_steps as t
from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_events import tell_crm
from bridge.centre.changes import tell, was
from bridge.centre.facts import (
    AgentDialled,
    AgentWished,
    CallAdopted,
    CallerPresented,
    CallLost,
    CallMissed,
    CallOffered,
    CallSteered,
    CallWished,
    ClientIdentified,
    DigitReceived,
    DirectoryAnswered,
    FallbackEntered,
    FeatureDialled,
    LegAnswered,
    LegEnded,
    LegHeld,
    LegJoined,
    LegLeft,
    LegLost,
    LegMade,
    LegResumed,
    LegRinging,
    LinkUp,
    OrderFailed,
    OutsideAnswered,
    OutsideConsulted,
    OutsideConsultEnded,
    OutsideConsulting,
    OutsideDialled,
    OutsideEnded,
    OutsideHeld,
    OutsideNotTaken,
    OutsideReached,
    OutsideResumed,
    OutsideRingEnded,
    OutsideRinging,
    OutsideTransferred,
    PhoneJoined,
    PhonePassedOn,
    PromptEnded,
    RecordingAttached,
    RecordingCut,
    RecordingPaused,
    RecordingPauseWished,
    RecordingStarted,
    Resumed,
    SupervisionWished,
    TicketOpened,
    TimerFired,
    TransferWished,
)
from bridge.centre.messages import AgentAsked, Offer, PositionIs, Rejected, TurnedAway
from bridge.centre.pauses import end_pause_if_over
from bridge.centre.seats import account
from bridge.centre.sources import inside, outside, record_on

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
    on(DirectoryAnswered, c.directory_answered),
    on(TicketOpened, c.nothing),
    on(RecordingStarted, c.nothing),
    on(RecordingAttached, c.nothing),
    on(LegMade, c.nothing),
    on(RecordingPauseWished, p.wished),
    on(RecordingPaused, p.confirmed),
    on(RecordingCut, p.cut),
    on(LegRinging, q.ringing),
    on(LegAnswered, q.answered),
    on(LegEnded, e.leg_ended),
    on(LegJoined, inside),
    on(LegLeft, outside),
    on(LegHeld, t.held),
    on(LegResumed, t.resumed_by_phone),
    on(DigitReceived, c.nothing),
    on(PromptEnded, c.nothing),
    on(TimerFired, c.nothing),
    on(OrderFailed, e.order_failed),
    on(OutsideRinging, c.nothing),
    on(OutsideAnswered, c.nothing),
    on(OutsideRingEnded, c.nothing),
    on(OutsideDialled, c.nothing),
    on(OutsideReached, c.nothing),
    on(OutsideHeld, c.nothing),
    on(OutsideResumed, c.nothing),
    on(OutsideConsulting, c.nothing),
    on(OutsideConsulted, c.nothing),
    on(OutsideConsultEnded, c.nothing),
    on(OutsideTransferred, c.nothing),
    on(OutsideNotTaken, c.nothing),
    on(OutsideEnded, o.hung_up),
    on(FallbackEntered, c.nothing),
    on(CallMissed, c.nothing),
    on(CallSteered, st.ignored),
    on(Resumed, d.resumed),
    on(CallAdopted, d.adopted),
    on(LegLost, d.leg_lost),
    on(CallLost, d.lost),
    on(SupervisionWished, v.wished),
    on(FeatureDialled, v.dialled),
)

_STEPS: Mapping[CallState, tuple[tuple[type, Step], ...]] = {
    S.PRESENTED: (
        on(CallerPresented, c.presented),
        on(CallOffered, c.offered),
        on(CallWished, n.wished),
        on(ClientIdentified, c.identified),
        on(DirectoryAnswered, c.directory_answered),
        on(OrderFailed, e.order_failed),
        on(OutsideRinging, o.outside_ringing),
        on(OutsideDialled, o.outside_dialled),
        on(OutsideAnswered, c.nothing),
        on(OutsideRingEnded, c.nothing),
        on(OutsideEnded, o.presented_ended),
        on(FallbackEntered, o.fallback_entered),
        on(CallMissed, o.missed),
        on(CallSteered, st.ignored),
        on(LinkUp, o.all_is_told),
        on(Resumed, d.resumed),
    ),
    S.CONSENT: (
        *_ANYWHERE,
        on(CallAdopted, d.consent_adopted),
        on(CallSteered, st.steered),
        on(PromptEnded, cs.prompt_ended),
        on(TimerFired, cs.timer),
    ),
    S.MENU: (
        *_ANYWHERE,
        on(CallAdopted, d.menu_adopted),
        on(CallSteered, st.steered),
        on(DigitReceived, c.menu_digit),
        on(PromptEnded, c.menu_prompt_ended),
        on(TimerFired, c.menu_timer),
    ),
    S.WAITING: (
        *_ANYWHERE,
        on(CallAdopted, d.waiting_adopted),
        on(CallSteered, st.steered),
        on(Offer, q.take_offer),
        on(TurnedAway, q.turned_away),
        on(PositionIs, q.position_is),
        on(TimerFired, q.waiting_timer),
        on(DigitReceived, q.waiting_digit),
        on(PromptEnded, q.prompt_ended),
    ),
    S.DIALLING: (
        *_ANYWHERE,
        on(AgentAsked, n.asked),
        on(LegMade, n.made),
        on(LegAnswered, n.answered),
        on(TimerFired, n.ring_timer),
        on(CallAdopted, d.dialling_adopted),
        on(SupervisionWished, c.nothing),
        on(FeatureDialled, c.nothing),
    ),
    S.CONNECTING: (*_ANYWHERE, on(LegJoined, q.joined), on(CallAdopted, d.connected_adopted)),
    S.TALKING: (
        *_ANYWHERE,
        on(CallAdopted, d.connected_adopted),
        on(AgentWished, t.wished),
        on(TransferWished, t.transfer_wished),
        on(AgentDialled, t.second_line),
        on(PhonePassedOn, t.passed_on_by_phone),
        on(PhoneJoined, t.joined_by_phone),
    ),
    S.CONSULTING: (
        *_ANYWHERE,
        on(CallAdopted, d.transfer_adopted),
        on(AgentWished, t.consult_wished),
        on(AgentAsked, t.asked),
        on(Offer, q.take_offer),
        on(TurnedAway, t.turned_away),
        on(LegAnswered, t.target_answered),
        on(TimerFired, t.ring_timer),
        on(PhonePassedOn, t.passed_on_by_phone),
        on(PhoneJoined, t.joined_by_phone),
    ),
    S.PASSING: (
        *_ANYWHERE,
        on(CallAdopted, d.transfer_adopted),
        on(AgentAsked, t.asked),
        on(LegAnswered, t.target_answered),
        on(TimerFired, t.ring_timer),
    ),
    S.FORWARDING: (
        *_ANYWHERE,
        on(LegAnswered, a.forward_answered),
        on(PromptEnded, q.prompt_ended),
        on(TimerFired, a.forward_timer),
    ),
    S.VOICEMAIL: (
        *_ANYWHERE,
        on(CallAdopted, d.voicemail_adopted),
        on(PromptEnded, a.voicemail_prompt_ended),
        on(DigitReceived, a.voicemail_digit),
        on(TimerFired, a.voicemail_timer),
    ),
    S.LEAVING: (
        *_ANYWHERE,
        on(PromptEnded, a.leaving_prompt_ended),
        on(CallAdopted, d.leaving_adopted),
    ),
    S.CLEARING: (
        *_ANYWHERE,
        on(LegAnswered, e.clearing_answered),
        on(CallAdopted, c.nothing),
    ),
    S.OUTSIDE: (
        on(CallOffered, o.enters_application),
        on(CallerPresented, c.nothing),
        on(ClientIdentified, c.identified),
        on(DirectoryAnswered, c.directory_answered),
        on(TicketOpened, c.nothing),
        on(RecordingStarted, c.nothing),
        on(RecordingAttached, c.nothing),
        on(RecordingPauseWished, p.wished),
        on(RecordingPaused, p.confirmed),
        on(RecordingCut, p.cut),
        on(OrderFailed, e.order_failed),
        on(OutsideRinging, o.outside_ringing),
        on(OutsideDialled, c.nothing),
        on(OutsideAnswered, o.outside_answered),
        on(OutsideReached, ot.reached),
        on(OutsideRingEnded, o.outside_ring_ended),
        on(OutsideHeld, ot.held),
        on(OutsideResumed, ot.resumed),
        on(OutsideConsulting, ot.consulting),
        on(OutsideConsulted, ot.consulted),
        on(OutsideConsultEnded, ot.consult_ended),
        on(OutsideTransferred, ot.transferred),
        on(OutsideNotTaken, ot.not_taken),
        on(OutsideEnded, o.outside_ended),
        on(FallbackEntered, o.fallback_entered),
        on(CallMissed, c.nothing),
        on(CallSteered, st.ignored),
        on(Resumed, d.resumed),
    ),
    S.ENDED: (),
}

TABLE: Mapping[tuple[CallState, type], Step] = {
    (state, event): step_ for state, steps in _STEPS.items() for event, step_ in steps
}

_SERVED = frozenset({S.CONSENT, S.MENU, S.WAITING, S.FORWARDING, S.VOICEMAIL, S.LEAVING, S.CLEARING, S.ENDED})
_BY_AGENT = frozenset({S.CONSENT, S.WAITING, S.CLEARING, S.ENDED})  # whom an agent has, or passes on

MAY_BECOME: Mapping[CallState, frozenset[CallState]] = {
    S.PRESENTED: _SERVED | {S.OUTSIDE, S.DIALLING},
    S.CONSENT: _SERVED,
    S.MENU: _SERVED,
    S.WAITING: _SERVED | {S.CONNECTING},
    S.DIALLING: frozenset({S.CONNECTING, S.LEAVING, S.CLEARING, S.ENDED}),
    S.CONNECTING: _SERVED | {S.TALKING, S.PASSING},
    S.TALKING: _BY_AGENT | {S.CONSULTING, S.PASSING, S.LEAVING},
    S.CONSULTING: _BY_AGENT | {S.TALKING, S.PASSING, S.LEAVING},
    # To whatever the company's number leads to, when an agent had called him and nobody takes him.
    S.PASSING: _SERVED | {S.CONNECTING},
    S.FORWARDING: _SERVED | {S.CONNECTING},
    S.VOICEMAIL: frozenset({S.LEAVING, S.CLEARING, S.ENDED}),
    S.LEAVING: frozenset({S.CLEARING, S.ENDED}),
    S.CLEARING: frozenset({S.ENDED}),
    S.OUTSIDE: _SERVED,
    S.ENDED: frozenset(),
}


def step(call: Call, event: CallEvent, at: Moment) -> None:
    """Take one event; raises Rejected, having changed nothing, when the state does not know it."""
    handler = v.step_of(call, event) or TABLE.get((call.state, type(event)))
    if handler is None:
        raise Rejected("call", call.state, event)
    before = was(call)
    handler(call, event, at)
    v.follow(call, event, at)
    record_on(call, at)
    account(call, at.now)
    end_pause_if_over(call, at.now)
    tell(call, before, at)
    tell_crm(call, at)

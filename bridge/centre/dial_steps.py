"""An agent calls a number outside from his screen: his own phone rings first, then the number.

Once both have answered it is a call like any other. Until then nothing of it leads on: that
nobody is reached the agent is told, and it ends.

The client's leg is made before anything rings, and dialled when the agent has answered: its id, the call's
own, is the beginning of all the call's other ids, and Asterisk makes no channel whose id is the beginning of
a living one's (22.10: ``does_id_conflict`` compares no further). For the same reason it is made once.
"""

from collections.abc import Mapping

from bridge.centre.call import Call, CallState, Leg, Moment, OpenOffer, Seat
from bridge.centre.call_acts import drop, end_offer, look_up, ring, save, say, show_card, withdraw
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import CallWished, LegAnswered, LegMade, Timer, TimerFired, TimerKind
from bridge.centre.ids import LegId
from bridge.centre.messages import AgentAsked, AskAgent
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    Connect,
    HangUp,
    LeaveWaitingRoom,
    LegKind,
    MakeLeg,
    OpenTicket,
    Outcome,
    RingNumber,
    StartTimer,
    StopTimer,
)
from bridge.centre.seats import seat

S = CallState

BUSY = "callbridge/number-busy"
NO_ANSWER = "callbridge/number-no-answer"
UNREACHABLE = "callbridge/number-unreachable"
_SAID: Mapping[int, str] = {
    Cause.USER_BUSY: BUSY,
    Cause.CALL_REJECTED: BUSY,
    Cause.NO_ANSWER: NO_ANSWER,
    Cause.NO_USER_RESPONSE: NO_ANSWER,
    Cause.NORMAL_CLEARING: NO_ANSWER,
}


def wished(call: Call, event: CallWished, at: Moment) -> None:
    """Of a number that is not permitted, or while no phone can be rung, nothing rings."""
    call.direction, call.wished_by = "out", event.agent
    call.enter(S.DIALLING, at.now)
    outside, to = at.plan.outside, at.plan.outside_number(event.number)
    agent = at.plan.agents.get(event.agent)
    call.number = event.number if to is None else to.number
    if outside is None or to is None or agent is None or at.deaf:
        drop(call, at)
        return
    call.dialled, call.trunk, call.language = outside.caller_id, outside.trunk, agent.language
    look_up(call, at)
    save(call, at, awaited=True)
    at.out.messages.append(AskAgent(call.id, agent.id, wished=True))


def asked(call: Call, event: AgentAsked, at: Moment) -> None:
    """He is kept for it while the client's leg is made."""
    if event.takes:
        make(call, at)
    else:
        drop(call, at)


def make(call: Call, at: Moment) -> None:
    leg = Leg(call.client_leg, LegKind.CLIENT, None, at.now)
    call.legs[leg.id] = leg
    to = at.plan.outside_number(call.number or "")
    if to is None:  # not any more
        leg.ended_at = at.now
        drop(call, at)
    else:
        at.out.orders.append(MakeLeg(call.id, leg.id, to.endpoint, call.dialled))


def made(call: Call, event: LegMade, at: Moment) -> None:
    """It may be told twice, and his phone rings once."""
    agent = at.plan.agents.get(call.wished_by) if call.wished_by is not None else None
    if call.offers_made:
        return
    if agent is None:
        drop(call, at)
        return
    ring(call, agent, None, at)
    save(call, at)


def answered(call: Call, event: LegAnswered, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    offer = call.offers.get(event.leg)
    if leg is None or not leg.alive:
        at.out.orders.append(HangUp(call.id, event.leg))
    elif offer is not None:
        _agent_answered(call, leg, offer, at)
    elif leg.kind is LegKind.CLIENT:
        _client_answered(call, leg, at)


def _agent_answered(call: Call, leg: Leg, offer: OpenOffer, at: Moment) -> None:
    leg.answered_at = at.now
    leg.ringing_at = leg.ringing_at or at.now  # a phone that answers without ringing first
    call.agent, call.partner = offer.agent, leg.id
    end_offer(call, offer, at, OfferEnd.ANSWERED)
    to = at.plan.outside_number(call.number or "")
    if to is None:  # not any more
        drop(call, at)
        return
    seat(call, leg, Seat.RING_BACK, at)
    client = call.client_leg
    at.out.orders += [
        RingNumber(call.id, client, leg.id, to.endpoint, call.dialled, to.ring),
        # Asterisk ends the ring itself; this one is for an end that never reaches us.
        StartTimer(Timer(TimerKind.RING, client), to.ring * 1.5),
    ]
    save(call, at)
    at.out.orders.append(OpenTicket(call.id, call.record()))
    show_card(call, at)


def _client_answered(call: Call, client: Leg, at: Moment) -> None:
    """As after a queue: the two are joined, and only then it counts."""
    leg = call.talking_leg
    if leg is None:
        drop(call, at)
        return
    client.answered_at = at.now
    client.ringing_at = client.ringing_at or at.now
    call.language = at.plan.language_for(call.number)
    client.seat = leg.seat = Seat.TALK
    call.enter(S.CONNECTING, at.now)
    at.out.orders += [
        StopTimer(Timer(TimerKind.RING, client.id)),
        Connect(call.id, client.id, leg.id),
    ]


def leg_ended(call: Call, leg: Leg, at: Moment) -> None:
    """Of the two, without having been an open offer: the number was not reached, or the agent hung up."""
    if leg.kind is LegKind.CLIENT:
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
        not_reached(call, _SAID.get(leg.cause or 0, UNREACHABLE), at)
    elif leg.id == call.partner:
        drop(call, at)


def not_reached(call: Call, words: str, at: Moment) -> None:
    """The agent is told, and then it ends. Who has no phone at his ear yet is told by his card."""
    call.outcome = Outcome.FAILED
    leg = call.talking_leg
    if leg is None:
        call.agent = call.agent or call.wished_by
        drop(call, at)
        return
    leg.seat = None
    call.enter(S.LEAVING, at.now)
    at.out.orders.append(LeaveWaitingRoom(call.id, leg.id))  # no tone of a ring beside the words
    say(call, (words,), at)
    save(call, at)
    show_card(call, at)


def ring_timer(call: Call, event: TimerFired, at: Moment) -> None:
    """An end of a ring that never reached us."""
    if event.timer.kind is not TimerKind.RING:
        return
    leg = call.legs.get(LegId(event.timer.owner))
    if leg is None or not leg.alive or leg.answered_at is not None:
        return
    leg.ended_at = at.now
    offer = call.offers.get(leg.id)
    if offer is not None:
        withdraw(call, offer, at, CancelReason.NO_ANSWER, OfferEnd.NO_ANSWER)
        drop(call, at)
    elif leg.kind is LegKind.CLIENT:
        at.out.orders.append(CancelRing(call.id, leg.id, CancelReason.NO_ANSWER))
        not_reached(call, NO_ANSWER, at)

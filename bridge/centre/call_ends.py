"""How a call, or a part of it, ends: legs that are gone, orders that failed, clients handed back."""

from collections.abc import Mapping

from bridge.centre.away_steps import (
    forward_ended,
    leaving_prompt_ended,
    voicemail_prompt_ended,
)
from bridge.centre.call import Call, CallState, Leg, Moment, OpenOffer, Seat
from bridge.centre.call_acts import (
    drop,
    end_consent,
    end_offer,
    finish_if_over,
    give_back,
    hang_up,
    leave_queue,
    release,
    release_leg,
    save,
)
from bridge.centre.call_steps import menu_prompt_ended
from bridge.centre.call_ways import rejoin
from bridge.centre.causes import Cause
from bridge.centre.consent_steps import prompt_ended as consent_prompt_ended
from bridge.centre.decision import OfferEnd
from bridge.centre.dial_steps import UNREACHABLE, not_reached
from bridge.centre.dial_steps import leg_ended as dialled_ended
from bridge.centre.facts import (
    FailureReason,
    LegAnswered,
    LegEnded,
    OrderFailed,
    PromptEnded,
    Timer,
    TimerKind,
)
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    CloseCard,
    Connect,
    EnterWaitingRoom,
    HangUp,
    Hold,
    Join,
    LegKind,
    LookUpClient,
    MakeLeg,
    MuteRecording,
    Outcome,
    Play,
    RingAgent,
    RingBack,
    RingNumber,
    StartRecording,
    StopTimer,
    ToFallback,
)
from bridge.centre.pause_steps import unconfirm
from bridge.centre.queue_steps import known_now
from bridge.centre.record import TransferEnd
from bridge.centre.seats import seat
from bridge.centre.transfer_acts import end as end_transfer
from bridge.centre.transfer_acts import nobody_takes_him
from bridge.centre.transfer_steps import leg_gone, offer_over

S = CallState

# How an agent's leg ended without an answer → what that says of him (Q.850).
_OFFER_END: Mapping[int, OfferEnd] = {
    Cause.USER_BUSY: OfferEnd.BUSY,
    Cause.CALL_REJECTED: OfferEnd.REJECTED,
    Cause.UNALLOCATED: OfferEnd.UNREACHABLE,
    Cause.SUBSCRIBER_ABSENT: OfferEnd.UNREACHABLE,
    Cause.NO_USER_RESPONSE: OfferEnd.UNREACHABLE,
    Cause.NO_ANSWER: OfferEnd.NO_ANSWER,
    Cause.NORMAL_CLEARING: OfferEnd.NO_ANSWER,
}

# Of a client whom an agent calls, and whom no channel leads to: what his leg tells (Q.850).
_NOT_MADE: Mapping[FailureReason, int] = {
    FailureReason.UNREACHABLE: Cause.NETWORK_OUT_OF_ORDER,  # the trunk is not there
    FailureReason.REFUSED: Cause.TEMPORARY_FAILURE,
    FailureReason.TIMEOUT: Cause.TEMPORARY_FAILURE,
    FailureReason.LINK_DOWN: Cause.TEMPORARY_FAILURE,
    FailureReason.INTERNAL: Cause.TEMPORARY_FAILURE,
}
_RECORDING = {order.__name__ for order in (StartRecording, MuteRecording)}
_SEATING = {order.__name__ for order in (Answer, EnterWaitingRoom, Connect, Join, Hold, RingBack)}


def leg_ended(call: Call, event: LegEnded, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive:
        return
    leg.ended_at, leg.cause, leg.tech_cause = at.now, event.cause, event.tech_cause
    if leg.kind is LegKind.OUTSIDE:
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
    call.joined.discard(event.leg)
    offer = call.offers.get(leg.id)
    if offer is not None:
        not_taken(call, offer, _OFFER_END.get(event.cause, OfferEnd.FAILED), at)
    elif call.state is S.DIALLING:
        dialled_ended(call, leg, at)
    elif leg.kind is LegKind.CLIENT:
        client_gone(call, at)
    elif call.state is S.LEAVING and call.listener == leg.id:
        drop(call, at)  # an agent who did not want to hear that nobody was reached
    elif leg.kind is LegKind.OUTSIDE and call.state is S.FORWARDING:
        forward_ended(call, at)
    elif call.state is S.CONNECTING and _is_partner(call, leg):
        lost_before_the_media_met(call, leg, at)
    elif call.state in (S.CONSULTING, S.PASSING):
        leg_gone(call, leg, at)
    elif call.state is S.TALKING and leg.answered_at is not None:
        left_the_talk(call, leg, at)
    release_leg(call, leg, at)
    finish_if_over(call, at)


def not_taken(call: Call, offer: OpenOffer, end: OfferEnd, at: Moment) -> None:
    """This phone does not ring any more, and nobody has answered it."""
    end_offer(call, offer, at, end)
    if call.state is S.DIALLING:
        drop(call, at)
    else:
        offer_over(call, end, at)


def _is_partner(call: Call, leg: Leg) -> bool:
    """Whether it is whom the client is being joined with."""
    return leg.answered_at is not None and call.partner in (None, leg.id)


def left_the_talk(call: Call, leg: Leg, at: Moment) -> None:
    """Of three the other two go on. Who has handed him over before is none of them."""
    if leg.seat is None and call.partner is not None:
        return
    if len(call.seated) < 2:
        hang_up(call, at)
        return
    if call.partner == leg.id:
        next_one = next(one for one in call.seated if one.kind is not LegKind.CLIENT)
        call.agent, call.partner = next_one.agent or call.agent, next_one.id
    save(call, at)


def lost_before_the_media_met(call: Call, leg: Leg, at: Moment) -> None:
    """The agent was gone before the media met: the client is where he was, at his old place."""
    if leg.agent is not None:
        release_leg(call, leg, at)
        at.out.orders.append(CloseCard(call.id, leg.agent))
    call.partner = None
    if call.transfer is not None:
        call.enter(S.PASSING, at.now)
        seat(call, call.legs[call.client_leg], Seat.HELD, at)
        nobody_takes_him(call, TransferEnd.FAILED, at)
        return
    if leg.kind is LegKind.OUTSIDE:
        forward_ended(call, at)
        return
    call.agent = None
    if call.queue in at.plan.queues:
        rejoin(call, at)
    else:
        give_back(call, at)


def client_gone(call: Call, at: Moment) -> None:
    call.ended_at = at.now
    if call.outcome is None:
        if call.answered_at is not None:
            call.outcome = Outcome.ANSWERED
        elif call.wished_by is not None:
            call.outcome = Outcome.FAILED
        else:
            call.outcome = Outcome.ABANDONED if _waits(call) else call.unserved or Outcome.IVR
    if call.state in (S.WAITING, S.CONSULTING, S.PASSING):
        leave_queue(call, at)
    elif call.state is S.TALKING and len(call.seated) > 1:
        save(call, at)
        return  # of a conference: the others go on, and the call with them
    end_consent(call, at)
    release(call, at)
    end_transfer(call, TransferEnd.CLIENT_GONE, at)
    call.enter(S.CLEARING, at.now)
    at.out.orders += [HangUp(call.id, leg.id) for leg in call.alive_legs]
    at.out.orders += [StopTimer(Timer(kind, call.id)) for kind in (TimerKind.MENU, TimerKind.VOICEMAIL)]


def _waits(call: Call) -> bool:
    """In a queue, until he and an agent hear each other. Who is being forwarded does not wait any more."""
    if call.state is S.CONNECTING:
        leg = call.talking_leg
        return leg is not None and leg.kind is LegKind.AGENT
    return call.state is S.WAITING


def clearing_answered(call: Call, event: LegAnswered, at: Moment) -> None:
    at.out.orders.append(HangUp(call.id, event.leg))


def order_failed(call: Call, event: OrderFailed, at: Moment) -> None:
    """A gone channel is a race; whatever else fails gives the client back to the dialplan's queue."""
    if event.order == LookUpClient.__name__:
        call.look_ups_out -= 1
        known_now(call, at)
        finish_if_over(call, at)
    elif event.order in (RingAgent.__name__, RingNumber.__name__, MakeLeg.__name__):
        ring_failed(call, event, at)
    elif event.order in (HangUp.__name__, CancelRing.__name__):
        if event.reason is FailureReason.GONE and event.leg is not None:
            leg_ended(call, LegEnded(call.id, event.leg), at)
    elif event.order == Play.__name__:
        if event.reason is not FailureReason.GONE:
            prompt_failed(call, at)
    elif event.order in _SEATING:
        if event.reason is not FailureReason.GONE:
            seating_failed(call, event, at)
    elif event.order in _RECORDING:
        if event.reason is not FailureReason.GONE:
            unconfirm(call, at)
    elif event.order == ToFallback.__name__ and event.reason is not FailureReason.GONE:
        at.out.orders.append(HangUp(call.id, call.client_leg, Cause.TEMPORARY_FAILURE))


def seating_failed(call: Call, event: OrderFailed, at: Moment) -> None:
    """A client must not stay where he hears nothing; of anybody else it is enough that his leg ends."""
    if event.leg in (None, call.client_leg):
        give_back(call, at)
        end_transfer(call, TransferEnd.FAILED, at)
    else:
        at.out.orders.append(HangUp(call.id, event.leg))


def ring_failed(call: Call, event: OrderFailed, at: Moment) -> None:
    """The leg does not exist, or is ended here and now; nobody will tell its end.

    One that has answered does exist, whatever became of the order: its own end will be told.
    """
    leg = call.legs.get(event.leg) if event.leg is not None else None
    if leg is None or not leg.alive or leg.answered_at is not None:
        return
    leg.ended_at = at.now
    if event.reason is FailureReason.TIMEOUT:
        at.out.orders.append(CancelRing(call.id, leg.id, CancelReason.NO_ANSWER))  # it may exist all the same
    offer = call.offers.get(leg.id)
    if offer is not None:
        unreachable = event.reason is FailureReason.UNREACHABLE
        not_taken(call, offer, OfferEnd.UNREACHABLE if unreachable else OfferEnd.FAILED, at)
    elif leg.kind is LegKind.CLIENT:
        leg.cause = _NOT_MADE.get(event.reason)
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
        if call.state is S.DIALLING:
            not_reached(call, UNREACHABLE, at)
    elif leg.kind is LegKind.OUTSIDE:
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
        if call.state is S.FORWARDING:
            forward_ended(call, at)
        else:
            leg_gone(call, leg, at)
    finish_if_over(call, at)


def prompt_failed(call: Call, at: Moment) -> None:
    """A prompt that cannot be played must not hold the caller up: it counts as played."""
    if call.prompt is None:
        return
    ended = PromptEnded(call.id, call.prompt, played=False)
    if call.state is S.MENU:
        menu_prompt_ended(call, ended, at)
    elif call.state is S.CONSENT:
        consent_prompt_ended(call, ended, at)
    elif call.state is S.LEAVING:
        leaving_prompt_ended(call, ended, at)
    elif call.state is S.VOICEMAIL:
        voicemail_prompt_ended(call, ended, at)
    else:
        call.prompt = None


def unplanned(call: Call, at: Moment) -> None:
    """What he is in the middle of is not planned any more. The dialplan still has somewhere for him."""
    if call.state is S.CONSULTING:
        nobody_takes_him(call, TransferEnd.FAILED, at)
    else:
        give_back(call, at)

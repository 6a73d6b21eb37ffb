"""A call after a gap: what is done again, because nobody knows whether it was done or heard.

Two gaps are told apart. ``Resumed``: the process began anew, so what only its adapters remembered is gone.
``CallAdopted``, ``LegLost``, ``CallLost``: the link to Asterisk was away, so what happened there was not
heard; they come after each connection. Every step may happen twice.
"""

from bridge.centre.call import Call, CallState, Moment, Seat
from bridge.centre.call_acts import (
    finish_if_over,
    hang_up,
    look_up,
    record_again,
    ring,
    say,
    show_card,
    stop_again,
)
from bridge.centre.call_ends import leg_ended
from bridge.centre.call_ways import ring_number
from bridge.centre.consent import make_room
from bridge.centre.dial_steps import make
from bridge.centre.facts import CallAdopted, CallLost, LegEnded, LegLost, Resumed, Timer, TimerKind
from bridge.centre.orders import (
    Answer,
    Connect,
    EnterWaitingRoom,
    LegKind,
    Outcome,
    StopTimer,
)
from bridge.centre.pause_steps import mute
from bridge.centre.pauses import talk_is_recorded
from bridge.centre.seats import seat_again
from bridge.centre.sources import begin_anew_again
from bridge.centre.speech import BEEP
from bridge.centre.transfer_acts import ring_target

S = CallState


def resumed(call: Call, _: Resumed, at: Moment) -> None:
    """Its look-up and its recorder's memory are gone, and so is the card on the agent's screen."""
    if call.look_ups_out > 0:
        call.look_ups_out = 0
        look_up(call, at)
    leg = call.talking_leg
    if call.state in (S.CONNECTING, S.TALKING) and leg is not None and leg.seat is None:
        call.legs[call.client_leg].seat = leg.seat = Seat.TALK  # from before there were seats
    if not call.cleared:
        stop_again(call, at)
        record_again(call, at)
        begin_anew_again(call, at)
        if call.pauses and call.paused is None and talk_is_recorded(call):
            mute(call, at)  # that it may be heard again may not have been carried out
        show_card(call, at)


def adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """In whatever state: he is answered, and what was said to him is over unless it still plays."""
    if not event.answered:
        at.out.orders.append(Answer(call.id, call.client_leg))
    if not event.playing:
        call.prompt = None


def menu_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """From the last prompt: a digit may have been lost, and he waits for something to be said."""
    adopted(call, event, at)
    if not event.playing:
        at.out.orders.append(StopTimer(Timer(TimerKind.MENU, call.id)))
        say(call, call.said, at)


def consent_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """Nobody knows how much of the sound that was being played he has heard: that one is said again."""
    adopted(call, event, at)
    make_room(call, at)
    if not event.playing:
        at.out.orders.append(StopTimer(Timer(TimerKind.CONSENT, call.id)))
        say(call, call.said, at)


def waiting_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    adopted(call, event, at)
    queue = at.plan.queues.get(call.queue) if call.queue is not None else None
    if queue is not None:
        at.out.orders.append(EnterWaitingRoom(call.id, call.client_leg, queue.music, queue.name))


def connected_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """Connecting or talking: whoever is not in the Conversation is brought there."""
    adopted(call, event, at)
    leg = call.talking_leg
    if leg is None or event.joined:
        return
    together = [one.id for one in call.seated if one.seat is Seat.TALK]
    if call.state is S.CONNECTING or together == [call.client_leg, leg.id]:
        at.out.orders.append(Connect(call.id, call.client_leg, leg.id))
    else:
        for one in call.seated:
            seat_again(call, one, at)


def transfer_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """Everybody to where he should be."""
    adopted(call, event, at)
    for one in call.seated:
        seat_again(call, one, at)


def dialling_adopted(call: Call, _: CallAdopted, at: Moment) -> None:
    """Nobody is to be answered: we call both."""
    for one in call.seated:
        seat_again(call, one, at)


def voicemail_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    """Until the tone has sounded, all of it once more; after it he is being recorded."""
    adopted(call, event, at)
    if call.prompt is None and call.outcome is not Outcome.VOICEMAIL and call.voicemail is not None:
        say(call, (*call.voicemail.sounds, BEEP), at)


def leaving_adopted(call: Call, event: CallAdopted, at: Moment) -> None:
    adopted(call, event, at)
    if call.prompt is None:
        hang_up(call, at)


def leg_lost(call: Call, event: LegLost, at: Moment) -> None:
    """It is rung again: an agent for the same offer, or the outside number."""
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive:
        return
    transfer = call.transfer
    if transfer is not None and leg.kind is LegKind.OUTSIDE and transfer.other == leg.id:
        leg.ended_at = at.now
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
        ring_target(call, transfer, at)
        return
    if call.state is S.FORWARDING and call.rung is leg and call.forward is not None:
        leg.ended_at = at.now
        at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
        ring_number(call, call.forward, at)
        return
    if call.state is S.DIALLING and leg.id == call.undialled and not call.offers_made:
        make(call, at)  # no leg of the call lives that would keep Asterisk from it
        return
    offer = call.offers.get(leg.id)
    if offer is None:
        leg_ended(call, LegEnded(call.id, leg.id), at)
        return
    agent = at.plan.agents.get(offer.agent)
    queue = at.plan.queues.get(offer.queue) if offer.queue is not None else None
    if agent is None or (queue is None and offer.queue is not None):
        leg_ended(call, LegEnded(call.id, leg.id), at)
        return
    leg.ended_at = at.now
    del call.offers[leg.id]
    at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
    ring(call, agent, queue, at, offer.first_leg)


def lost(call: Call, _: CallLost, at: Moment) -> None:
    """Nobody hung up: who was not served has failed, he did not abandon."""
    if call.outcome is None and call.answered_at is None:
        call.outcome = Outcome.FAILED
    for leg in sorted(call.alive_legs, key=lambda leg: leg.kind is not LegKind.CLIENT):
        leg_ended(call, LegEnded(call.id, leg.id), at)
    finish_if_over(call, at)

"""A caller in a queue: offers, the answer, what he hears and presses meanwhile. One function a step.

Who is offered is the router's; a step only carries it out, and tells how it ended.
"""

from bridge.centre import speech
from bridge.centre.call import Call, CallState, Moment, Seat
from bridge.centre.call_acts import (
    amend,
    end_offer,
    hush,
    leave_queue,
    line_up,
    record,
    ring,
    save,
    say,
    show_card,
    start_timer,
    stop_timer,
    stop_timers,
    withdraw,
)
from bridge.centre.call_ways import go, overflow, prefer_last_agent, widen_later
from bridge.centre.causes import Cause
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import (
    DigitReceived,
    LegAnswered,
    LegJoined,
    LegRinging,
    PromptEnded,
    TimerFired,
    TimerKind,
)
from bridge.centre.messages import AskPosition, Offer, PositionIs, TurnedAway, TurnedAwayWhy
from bridge.centre.orders import (
    CancelReason,
    Connect,
    HangUp,
    LegKind,
    Outcome,
    SaveOffer,
)
from bridge.centre.plan import Queue
from bridge.centre.record import TransferEnd
from bridge.centre.transfer_acts import end as end_transfer

S = CallState


def _queue_of(call: Call, at: Moment) -> Queue | None:
    return at.plan.queues.get(call.queue) if call.queue is not None else None


# ── offers ───────────────────────────────────────────────────────────────────


def take_offer(call: Call, event: Offer, at: Moment) -> None:
    agent, queue = at.plan.agents[event.agent], at.plan.queues[event.queue]
    leg = ring(call, agent, queue, at)
    at.out.orders.append(SaveOffer(call.id, leg, event.agent, event.queue, at.now, event.decision))


def ringing(call: Call, event: LegRinging, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    if leg is None or leg.ringing_at is not None:
        return
    leg.ringing_at = at.now
    if event.leg in call.offers:
        show_card(call, at)


def answered(call: Call, event: LegAnswered, at: Moment) -> None:
    """The first one has him; the other phones that ring for him stop at once, and show no missed call."""
    if event.leg == call.client_leg:
        return
    offer = call.offers.get(event.leg)
    if offer is None:
        # He answered in the instant in which the offer was taken back, or another one was first.
        at.out.orders.append(HangUp(call.id, event.leg, Cause.ANSWERED_ELSEWHERE))
        return
    leg = call.legs[event.leg]
    leg.answered_at = at.now
    call.agent, call.partner = offer.agent, leg.id
    call.legs[call.client_leg].seat = leg.seat = Seat.TALK
    call.prompt = None  # ari/ stops what still plays when it connects
    call.enter(S.CONNECTING, at.now)
    at.out.orders.append(Connect(call.id, call.client_leg, event.leg))
    end_offer(call, offer, at, OfferEnd.ANSWERED)
    for other in tuple(call.offers.values()):
        withdraw(call, other, at, CancelReason.ANSWERED_ELSEWHERE, OfferEnd.ANSWERED_ELSEWHERE)
    stop_timers(call, at)
    if leg.ringing_at is None:
        leg.ringing_at = at.now  # a phone that answers without ringing first
        show_card(call, at)


def joined(call: Call, event: LegJoined, at: Moment) -> None:
    call.joined.add(event.leg)
    leg = call.talking_leg
    if leg is None or not {call.client_leg, leg.id} <= call.joined:
        return
    call.enter(S.TALKING, at.now)
    end_transfer(call, TransferEnd.COMPLETED, at, to=leg)
    if leg.kind is LegKind.OUTSIDE and call.answered_at is None:
        call.outcome = Outcome.FORWARDED
    else:
        call.answered_at = call.answered_at or at.now
    if not call.is_recorded and not call.off_record and _is_recorded(call, at):
        record(call, at)
    save(call, at)
    show_card(call, at)


def _is_recorded(call: Call, at: Moment) -> bool:
    queue = _queue_of(call, at)
    if queue is None and call.wished_by is not None:
        return at.plan.outside is not None and at.plan.outside.record
    return queue is not None and queue.record


# ── while he waits ───────────────────────────────────────────────────────────


def known_now(call: Call, at: Moment) -> None:
    """Who he is has been found out, or not, while he waits: his tier and his last agent may count."""
    waiting, queue = call.waiting, _queue_of(call, at)
    if call.state is not S.WAITING or waiting is None or queue is None:
        return
    if not waiting.held and not call.offers:
        prefer_last_agent(call, queue, at)
    if not waiting.asking:
        amend(call, at)
        return
    if waiting.preferred is None:
        stop_timer(call, TimerKind.HOLD, at)
    line_up(call, at)


def waiting_timer(call: Call, event: TimerFired, at: Moment) -> None:
    kind = event.timer.kind
    if kind is TimerKind.RING:
        offer = next((o for o in call.offers.values() if o.leg == event.timer.owner), None)
        if offer is not None:
            withdraw(call, offer, at, CancelReason.NO_ANSWER, OfferEnd.NO_ANSWER)
        return
    waiting, queue = call.waiting, _queue_of(call, at)
    if waiting is None or queue is None or kind not in waiting.timers:
        return
    waiting.timers.discard(kind)
    match kind:
        case TimerKind.MAX_WAIT:
            leave_queue(call, at)
            hush(call, at)
            overflow(call, queue.on_timeout, Outcome.TIMED_OUT, at)
        case TimerKind.HOLD if waiting.asking:
            line_up(call, at)
        case TimerKind.HOLD:
            waiting.preferred = None
            amend(call, at)
        case TimerKind.WIDEN:
            waiting.level += 1
            widen_later(call, queue, at)
            amend(call, at)
        case TimerKind.POSITION:
            start_timer(call, kind, queue.announce.every, at)
            if _may_speak(call):
                at.out.messages.append(AskPosition(call.id))
        case TimerKind.PERIODIC:
            start_timer(call, kind, queue.announce.sounds_every, at)
            if _may_speak(call):
                say(call, queue.announce.sounds, at)


def _may_speak(call: Call) -> bool:
    """Not over another prompt, and not when a phone rings for him: it may be answered at any moment."""
    return call.prompt is None and not call.offers


def position_is(call: Call, event: PositionIs, at: Moment) -> None:
    waiting, queue = call.waiting, _queue_of(call, at)
    if waiting is None or queue is None or event.queue != queue.name or not _may_speak(call):
        return
    announce = queue.announce
    better = waiting.position_said is None or event.position < waiting.position_said
    if announce.only_better and not better:
        return
    waiting.position_said = event.position
    sounds: tuple[str, ...] = ()
    if announce.position:
        sounds += speech.position(event.position)
    if announce.expected_wait and event.expected is not None:
        sounds += speech.expected_wait(event.expected)
    if sounds:
        say(call, sounds, at)


def prompt_ended(call: Call, event: PromptEnded, _: Moment) -> None:
    if event.prompt == call.prompt:
        call.prompt = None


def waiting_digit(call: Call, event: DigitReceived, at: Moment) -> None:
    """A breakout: he goes where the queue's plan lets him go by this digit."""
    queue = _queue_of(call, at)
    destination = queue.breakout.get(event.digit) if queue is not None else None
    if destination is None or event.leg != call.client_leg:
        return
    call.hops = 0
    leave_queue(call, at)
    hush(call, at)
    go(call, destination, at)


def turned_away(call: Call, event: TurnedAway, at: Moment) -> None:
    queue = _queue_of(call, at)
    if queue is None or event.queue != queue.name:
        return
    stop_timers(call, at)
    hush(call, at)
    full = event.why is TurnedAwayWhy.FULL
    overflow(call, queue.on_full if full else queue.on_empty, Outcome.TURNED_AWAY, at)

"""A call that no queue serves any more: forwarded to an outside number, or to a voice mailbox."""

from bridge.centre.call import Call, CallState, Moment, Seat
from bridge.centre.call_acts import hang_up, hush, record, say
from bridge.centre.call_ways import go
from bridge.centre.causes import Cause
from bridge.centre.facts import (
    DigitReceived,
    LegAnswered,
    PromptEnded,
    Timer,
    TimerFired,
    TimerKind,
)
from bridge.centre.orders import CancelReason, CancelRing, Connect, HangUp, Outcome, StartTimer, StopTimer
from bridge.centre.plan import NO_AGENTS

S = CallState


# ── forwarding ───────────────────────────────────────────────────────────────


def forward_answered(call: Call, event: LegAnswered, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    if event.leg == call.client_leg:
        return
    if leg is None or not leg.alive or call.rung is not leg:
        at.out.orders.append(HangUp(call.id, event.leg, Cause.ANSWERED_ELSEWHERE))
        return
    leg.answered_at = at.now
    call.partner = leg.id
    call.legs[call.client_leg].seat = leg.seat = Seat.TALK
    call.prompt = None  # ari/ stops what still plays when it connects
    call.enter(S.CONNECTING, at.now)
    at.out.orders += [
        Connect(call.id, call.client_leg, leg.id),
        StopTimer(Timer(TimerKind.RING, leg.id)),
    ]


def forward_timer(call: Call, event: TimerFired, at: Moment) -> None:
    leg = call.rung
    if event.timer.kind is TimerKind.RING and leg is not None and event.timer.owner == leg.id:
        leg.ended_at = at.now
        at.out.orders.append(CancelRing(call.id, leg.id, CancelReason.NO_ANSWER))
        forward_ended(call, at)


def forward_ended(call: Call, at: Moment) -> None:
    """Nobody answered there, or the leg could not be made, or it was lost before the media met."""
    hush(call, at)
    go(call, call.forward.otherwise if call.forward is not None else NO_AGENTS, at)


# ── voice mailbox ────────────────────────────────────────────────────────────


def voicemail_prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    """The tone has sounded: from now on it is recorded."""
    if event.prompt != call.prompt or call.voicemail is None:
        return
    call.prompt = None
    call.outcome = Outcome.VOICEMAIL
    record(call, at)
    at.out.orders.append(StartTimer(Timer(TimerKind.VOICEMAIL, call.id), call.voicemail.longest))


def voicemail_digit(call: Call, event: DigitReceived, at: Moment) -> None:
    if event.digit == "#" and event.leg == call.client_leg and call.outcome is Outcome.VOICEMAIL:
        at.out.orders.append(StopTimer(Timer(TimerKind.VOICEMAIL, call.id)))
        _thank(call, at)


def voicemail_timer(call: Call, event: TimerFired, at: Moment) -> None:
    if event.timer.kind is TimerKind.VOICEMAIL:
        _thank(call, at)


def _thank(call: Call, at: Moment) -> None:
    call.enter(S.LEAVING, at.now)
    say(call, ("callbridge/message-taken",), at)


def leaving_prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    if event.prompt == call.prompt:
        call.prompt = None
        hang_up(call, at)

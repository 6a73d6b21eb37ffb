"""An agent holds his client, passes him on, or talks with two at once. One function a step.

What a transfer is made of is in ``transfer_acts``.
"""

from collections.abc import Mapping

from bridge.centre.call import Call, CallState, Leg, Moment, Seat, Stage, Transfer
from bridge.centre.call_acts import end_offer, hang_up, ring, save, show_card, withdraw
from bridge.centre.causes import Cause
from bridge.centre.consent import is_joined_by
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import (
    AgentDialled,
    AgentWished,
    LegAnswered,
    LegHeld,
    LegResumed,
    PhoneJoined,
    PhonePassedOn,
    Timer,
    TimerFired,
    TimerKind,
    TransferWished,
    Wish,
)
from bridge.centre.ids import LegId
from bridge.centre.messages import AgentAsked, TurnedAway
from bridge.centre.orders import Answer, CancelReason, CancelRing, Connect, HangUp, Mute, StopTimer
from bridge.centre.plan import Target, TargetKind
from bridge.centre.record import LegKind, TransferEnd, TransferKind
from bridge.centre.seats import seat
from bridge.centre.transfer_acts import ask, begin, complete, end, give_up, leaves, nobody_takes_him

S = CallState

_ENDS = {
    OfferEnd.BUSY: TransferEnd.BUSY,
    OfferEnd.NO_ANSWER: TransferEnd.NO_ANSWER,
    OfferEnd.REJECTED: TransferEnd.REJECTED,
    OfferEnd.UNREACHABLE: TransferEnd.UNREACHABLE,
}

# How a number outside did not answer, by its leg's cause (Q.850); otherwise nobody did.
_OUTSIDE_ENDS: Mapping[int | None, TransferEnd] = {
    Cause.USER_BUSY: TransferEnd.BUSY,
    Cause.CALL_REJECTED: TransferEnd.REJECTED,
    Cause.UNALLOCATED: TransferEnd.UNREACHABLE,
    Cause.NETWORK_OUT_OF_ORDER: TransferEnd.UNREACHABLE,
}

# ── hold, mute ───────────────────────────────────────────────────────────────


def wished(call: Call, event: AgentWished, at: Moment) -> None:
    """Of who talks with the client, alone or with others."""
    leg = call.leg_of(event.agent)
    if leg is None:
        return
    client = call.legs[call.client_leg]
    alone = client.alive and len(call.seated) == 2
    match event.wish:
        case Wish.HOLD if alone:
            seat(call, client, Seat.HELD, at)
        case Wish.RESUME if client.seat is Seat.HELD:
            seat(call, client, Seat.TALK, at)
        case Wish.MUTE | Wish.UNMUTE:
            mute(call, leg, event.wish is Wish.MUTE, at)
        case _:
            return
    save(call, at)


def mute(call: Call, leg: Leg, muted: bool, at: Moment) -> None:
    leg.muted = muted
    at.out.orders.append(Mute(call.id, leg.id, muted))


def held(call: Call, event: LegHeld, at: Moment) -> None:
    _holds(call, event.leg, True, at)


def resumed_by_phone(call: Call, event: LegResumed, at: Moment) -> None:
    _holds(call, event.leg, False, at)


def _holds(call: Call, leg_id: LegId, holds: bool, at: Moment) -> None:
    leg = call.legs.get(leg_id)
    if leg is not None and leg.alive and leg.kind is not LegKind.CLIENT and leg.holds is not holds:
        leg.holds = holds
        _turns(call)
        save(call, at)


def _turns(call: Call) -> None:
    """A phone with two lines turns from the one to the other by holding them."""
    transfer = call.transfer
    if transfer is None or transfer.line is None or transfer.stage not in (Stage.CONSULTING, Stage.SWAPPED):
        return
    with_client = call.legs[transfer.line].holds and not call.legs[transfer.leg].holds
    transfer.stage = Stage.SWAPPED if with_client else Stage.CONSULTING


# ── a transfer begins ────────────────────────────────────────────────────────


def transfer_wished(call: Call, event: TransferWished, at: Moment) -> None:
    """To anybody but himself."""
    leg = call.leg_of(event.agent)
    himself = event.target == Target(TargetKind.AGENT, event.agent)
    if leg is None or himself or not _may_pass_on(call, at) or not at.plan.leads(event.target):
        return
    kind = TransferKind.ATTENDED if event.attended else TransferKind.BLIND
    begin(call, leg, event.target, kind, at)


def _may_pass_on(call: Call, at: Moment) -> bool:
    """Not while nobody can be rung, nor out of a conference, nor when the client has left one."""
    return not at.deaf and _is_two(call)


def _is_two(call: Call) -> bool:
    return call.legs[call.client_leg].alive and len(call.seated) == 2


def second_line(call: Call, event: AgentDialled, at: Moment) -> None:
    """An agent who talks dials somebody on another line of his phone: he consults him about the client."""
    agent = at.plan.agent_at(event.endpoint)
    target = at.plan.target_of(event.dialled)
    leg = call.leg_of(agent.id) if agent is not None else None
    if agent is None or leg is None or target is None or not _may_pass_on(call, at):
        return
    line = Leg(event.leg, LegKind.AGENT, agent.id, at.now, answered_at=at.now, released=True)
    call.legs[line.id] = line
    begin(call, leg, target, TransferKind.ATTENDED, at, line)


def passed_on_by_phone(call: Call, event: PhonePassedOn, at: Moment) -> None:
    """His leg is out already. A target that leads nowhere brings the client back to him."""
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive or leg.agent is None or leg.released:
        return
    if call.state is S.CONSULTING:
        complete(call, at)
    elif not _is_two(call):
        leaves(call, leg, at)  # of a conference: the others go on
        if len(call.seated) < 2:
            hang_up(call, at)
        save(call, at)
    else:
        target = at.plan.target_of(event.dialled) or Target(TargetKind.AGENT, leg.agent)
        begin(call, leg, target, TransferKind.BLIND, at)


def joined_by_phone(call: Call, event: PhoneJoined, at: Moment) -> None:
    """Of another call of his than the consultation we know nothing: the client comes back to him."""
    transfer = call.transfer
    leg = next((call.legs[one] for one in (event.leg, event.other) if one in call.legs), None)
    if call.state is S.CONSULTING and transfer is not None:
        complete(call, at)
    elif _is_two(call) and leg is not None and leg.alive and leg.agent is not None and not leg.released:
        begin(call, leg, Target(TargetKind.AGENT, leg.agent), TransferKind.BLIND, at)


# ── it goes on ───────────────────────────────────────────────────────────────


def asked(call: Call, event: AgentAsked, at: Moment) -> None:
    """Free, and rung from now on; or not, and the next one is asked."""
    transfer = call.transfer
    agent = at.plan.agents.get(event.agent)
    if transfer is None:
        return
    if event.takes and agent is not None:
        ring(call, agent, None, at)
    else:
        ask(call, transfer.asks, at)


def target_answered(call: Call, event: LegAnswered, at: Moment) -> None:
    """The first one who answers is who was meant; the other phones of a queue stop ringing."""
    transfer = call.transfer
    leg = call.legs.get(event.leg)
    offer = call.offers.get(event.leg)
    if event.leg == call.client_leg:
        return
    if transfer is None or leg is None or not leg.alive or (offer is None and transfer.other != leg.id):
        at.out.orders.append(HangUp(call.id, event.leg))
        return
    leg.answered_at = at.now
    leg.ringing_at = leg.ringing_at or at.now
    transfer.other = leg.id
    at.out.orders.append(StopTimer(Timer(TimerKind.RING, leg.id)))
    if offer is not None:
        end_offer(call, offer, at, OfferEnd.ANSWERED)
    for other in tuple(call.offers.values()):
        withdraw(call, other, at, CancelReason.ANSWERED_ELSEWHERE, OfferEnd.ANSWERED_ELSEWHERE)
    if call.state is S.PASSING:
        _taken(call, leg, at)
    else:
        transfer.stage = Stage.CONSULTING
        if transfer.line is not None:
            at.out.orders.append(Answer(call.id, transfer.line))
        seat(call, call.legs[transfer.line or transfer.leg], Seat.CONSULT, at)
        seat(call, leg, Seat.CONSULT, at)
    save(call, at)
    show_card(call, at)


def _taken(call: Call, leg: Leg, at: Moment) -> None:
    """As after a queue: he and the client are joined, and only then it counts."""
    call.agent, call.partner = leg.agent or call.agent, leg.id
    call.enter(S.CONNECTING, at.now)
    call.legs[call.client_leg].seat = leg.seat = Seat.TALK
    at.out.orders.append(Connect(call.id, call.client_leg, leg.id))


def consult_wished(call: Call, event: AgentWished, at: Moment) -> None:
    """Of who passes on; who is consulted may only mute himself."""
    transfer, leg = call.transfer, call.leg_of(event.agent)
    if transfer is None or leg is None:
        return
    if event.wish in (Wish.MUTE, Wish.UNMUTE):
        mute(call, leg, event.wish is Wish.MUTE, at)
        save(call, at)
        return
    if event.agent != transfer.by:
        return
    answered = transfer.stage in (Stage.CONSULTING, Stage.SWAPPED)
    match event.wish:
        case Wish.COMPLETE:
            complete(call, at)
        case Wish.GIVE_UP:
            give_up(call, TransferEnd.GIVEN_UP, at)
        case Wish.SWAP if answered and transfer.line is None:  # a phone with two lines does it itself
            swap(call, transfer, at)
        case Wish.CONFERENCE if answered:
            _conference(call, transfer, at)
        case _:
            pass


def swap(call: Call, transfer: Transfer, at: Moment) -> None:
    client, by = call.legs[call.client_leg], call.legs[transfer.leg]
    assert transfer.other is not None
    other = call.legs[transfer.other]
    to_client = transfer.stage is Stage.CONSULTING
    transfer.stage = Stage.SWAPPED if to_client else Stage.CONSULTING
    for one, where in (
        (other, Seat.HELD if to_client else Seat.CONSULT),
        (client, Seat.TALK if to_client else Seat.HELD),
        (by, Seat.TALK if to_client else Seat.CONSULT),
    ):
        seat(call, one, where, at)
    save(call, at)


def _conference(call: Call, transfer: Transfer, at: Moment) -> None:
    assert transfer.other is not None
    other = call.legs[transfer.other]
    is_joined_by(call, transfer.target, at)
    for one in (call.legs[call.client_leg], call.legs[transfer.leg], other):
        seat(call, one, Seat.TALK, at)
    if transfer.line is not None:
        leaves(call, call.legs[transfer.line], at)
    end(call, TransferEnd.CONFERENCE, at, to=other)
    call.enter(S.TALKING, at.now)
    save(call, at)
    show_card(call, at)


def offer_over(call: Call, how: OfferEnd, at: Moment) -> None:
    """A phone that was rung for the transfer by name is not any more; a queue offers him by itself."""
    transfer = call.transfer
    if transfer is None or transfer.target.kind is TargetKind.QUEUE:
        return
    if transfer.asks:
        ask(call, transfer.asks, at)
    else:
        nobody_takes_him(call, _ENDS.get(how, TransferEnd.FAILED), at)


def turned_away(call: Call, _: TurnedAway, at: Moment) -> None:
    nobody_takes_him(call, TransferEnd.BUSY, at)


def ring_timer(call: Call, event: TimerFired, at: Moment) -> None:
    """An end of a ring that never reached us."""
    if event.timer.kind is not TimerKind.RING:
        return
    offer = next((one for one in call.offers.values() if one.leg == event.timer.owner), None)
    if offer is not None:
        withdraw(call, offer, at, CancelReason.NO_ANSWER, OfferEnd.NO_ANSWER)
        offer_over(call, OfferEnd.NO_ANSWER, at)
        return
    transfer = call.transfer
    leg = call.legs.get(transfer.other) if transfer is not None and transfer.other is not None else None
    if leg is not None and leg.id == event.timer.owner and leg.alive and leg.answered_at is None:
        leg.ended_at = at.now
        at.out.orders.append(CancelRing(call.id, leg.id, CancelReason.NO_ANSWER))
        nobody_takes_him(call, TransferEnd.NO_ANSWER, at)


def leg_gone(call: Call, leg: Leg, at: Moment) -> None:
    """An agent's or an outside number's leg has ended in the middle of a transfer, and was no open offer."""
    transfer = call.transfer
    if transfer is None:
        return
    if leg.id == transfer.leg and call.state is S.CONSULTING:
        complete(call, at)  # who hangs up has passed him on; so has he whose phone died
    elif leg.id == transfer.line and call.state is S.CONSULTING:
        give_up(call, TransferEnd.GIVEN_UP, at)  # back to the line on which the client waits
    elif leg.id == transfer.other:
        answered = leg.answered_at is not None
        unanswered = _OUTSIDE_ENDS.get(leg.cause, TransferEnd.NO_ANSWER)
        how = TransferEnd.HUNG_UP if answered else unanswered
        if answered and call.state is S.CONSULTING:
            give_up(call, how, at)
        elif call.state in (S.CONSULTING, S.PASSING):
            nobody_takes_him(call, how, at)

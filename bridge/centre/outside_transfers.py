"""How the client of a call that AMI alone tells of is held, talked about, and passed on.

What of it is kept is what ``transfer_steps`` keeps of our own calls, but nothing is steered: the phones and
Asterisk do it, and are believed. ``call.transfer`` is not used; the last record without an end is under way.
"""

from collections.abc import Mapping
from dataclasses import replace

from bridge.centre.call import Call, Moment, Seat
from bridge.centre.call_acts import save, show_card
from bridge.centre.facts import (
    OutsideConsulted,
    OutsideConsultEnded,
    OutsideConsulting,
    OutsideHeld,
    OutsideNotTaken,
    OutsideReached,
    OutsideResumed,
    OutsideTransferred,
)
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.outside_legs import from_before, is_out, joins, leg_for, leg_of, rings, show_to
from bridge.centre.plan import Plan, Target, TargetKind
from bridge.centre.record import LegKind, TransferEnd, TransferKind, TransferRecord

# What the phones said → how a transfer ended. Answered elsewhere, or by nobody's will, is no end.
_ENDS: Mapping[str, TransferEnd] = {
    "busy": TransferEnd.BUSY,
    "no-answer": TransferEnd.NO_ANSWER,
    "rejected": TransferEnd.REJECTED,
    "failed": TransferEnd.UNREACHABLE,
}
_GAVE_UP = frozenset({"cancelled", "abandoned"})


# ── hold ─────────────────────────────────────────────────────────────────────


def held(call: Call, event: OutsideHeld, at: Moment) -> None:
    _holds(call, event.agent, at, holds=True)


def resumed(call: Call, event: OutsideResumed, at: Moment) -> None:
    _holds(call, event.agent, at, holds=False)


def _holds(call: Call, agent: AgentId, at: Moment, *, holds: bool) -> None:
    leg = leg_of(call, agent)
    if leg is not None and leg.answered_at is not None and leg.holds is not holds:
        leg.holds = holds
        save(call, at)


# ── the record of the transfer under way ─────────────────────────────────────


def under_way(call: Call) -> TransferRecord | None:
    last = call.transfers[-1] if call.transfers else None
    return last if last is not None and last.ended_at is None else None


def _begin(call: Call, by: AgentId, kind: TransferKind, dialled: str, at: Moment) -> None:
    """Or goes on: a consultation is what an attended or a blonde transfer began with."""
    present = under_way(call)
    if present is not None and present.by == by and kind is not TransferKind.BLIND:
        call.transfers[-1] = replace(present, kind=kind)
        return
    if present is not None:
        _end(call, TransferEnd.GIVEN_UP, at)
    target = target_of(dialled, at.plan)
    call.transfers.append(TransferRecord(len(call.transfers) + 1, by, kind, str(target), at.now))


def target_of(dialled: str, plan: Plan) -> Target:
    """Where the phones' own dialplan leads is not ours to judge: what is not planned is a number."""
    return plan.target_of(dialled) or Target(TargetKind.NUMBER, dialled)


def _end(call: Call, how: TransferEnd, at: Moment, to: AgentId | None = None) -> None:
    """What the phones have said before stays: somebody else took him, or the same one again."""
    present = under_way(call)
    if present is not None:
        call.transfers[-1] = replace(present, ended_at=at.now, end=how, to=to)


def taken(call: Call, agent: AgentId | None, at: Moment) -> None:
    """By an agent, or by somebody outside. Who passed him on and has him back has not been rid of him."""
    present = under_way(call)
    if present is None:
        return
    if agent is not None and agent == present.by:
        _end(call, present.end or TransferEnd.NO_ANSWER, at)
    else:
        _end(call, TransferEnd.COMPLETED, at, to=agent)


def refused(call: Call, reason: str) -> None:
    """One phone did not take him: the last to say so speaks for the transfer, unless another one does."""
    present = under_way(call)
    if present is not None and not call.outside_ringing and reason in _ENDS:
        call.transfers[-1] = replace(present, end=_ENDS[reason])


def entered_queue(call: Call, queue: QueueName, at: Moment) -> None:
    """As in our own calls, who is passed on to a queue has arrived when he waits there."""
    present = under_way(call)
    if present is not None and present.kind is not TransferKind.ATTENDED:
        call.transfers[-1] = replace(present, target=str(Target(TargetKind.QUEUE, queue)))
        _end(call, TransferEnd.COMPLETED, at)


def over(call: Call, reason: str, at: Moment) -> None:
    """The whole call is."""
    present = under_way(call)
    if present is None:
        return
    gone = reason in _GAVE_UP or present.kind is TransferKind.ATTENDED
    how = TransferEnd.CLIENT_GONE if gone else _ENDS.get(reason, TransferEnd.FAILED)
    _end(call, present.end or how, at)


# ── consultations ────────────────────────────────────────────────────────────


def consulting(call: Call, event: OutsideConsulting, at: Moment) -> None:
    """Whom he asks sees about whom, while his phone rings."""
    leg = leg_of(call, event.by)
    if leg is None or leg.answered_at is None:
        return
    _begin(call, event.by, TransferKind.ATTENDED, event.dialled, at)
    rings(call, event.agent, at)
    save(call, at)
    if event.agent is not None:
        show_to(call, event.agent, at)


def consulted(call: Call, event: OutsideConsulted, at: Moment) -> None:
    leg = leg_of(call, event.by)
    if leg is None or under_way(call) is None:
        return
    target = leg_for(call, event.agent, at)
    target.answered_at = target.answered_at or at.now
    leg.seat = target.seat = Seat.CONSULT
    save(call, at)


def consult_ended(call: Call, event: OutsideConsultEnded, at: Moment) -> None:
    present = under_way(call)
    if present is None or present.by != event.by:
        return
    for leg in call.alive_legs:
        if leg.agent == event.by:
            leg.seat = Seat.TALK
        elif leg.seat is Seat.CONSULT or leg.answered_at is None:
            is_out(call, leg, at)
    _end(call, consult_end(event.reason, by_target=event.by_target), at)
    save(call, at)


def consult_end(reason: str, *, by_target: bool) -> TransferEnd:
    return _ENDS.get(reason, TransferEnd.HUNG_UP if by_target else TransferEnd.GIVEN_UP)


# ── passed on ────────────────────────────────────────────────────────────────


def transferred(call: Call, event: OutsideTransferred, at: Moment) -> None:
    """Who passes him on is out. Of a client who leaves two agents together nothing is kept but them."""
    from_before(call, at)
    leg = leg_of(call, event.by) if event.by is not None else None
    if event.by is not None:
        _begin(call, event.by, event.kind, event.dialled, at)
    if leg is not None:
        is_out(call, leg, at)
    else:
        # Who called leaves; whom he had called is in his place from now on.
        for other in call.alive_legs:
            if other.seat is Seat.TALK:
                other.kind = LegKind.CLIENT
    present = under_way(call)
    waits = present is not None and present.target.startswith(TargetKind.QUEUE.value)
    if event.kind is not TransferKind.ATTENDED and waits:
        _end(call, TransferEnd.COMPLETED, at)
    save(call, at)


def not_taken(call: Call, event: OutsideNotTaken, at: Moment) -> None:
    """Completed, and no phone rang: an announcement, say; an agent's phone that does not is not there."""
    present = under_way(call)
    if present is None:
        return
    if event.reason in _GAVE_UP:
        how = TransferEnd.CLIENT_GONE
    elif present.target.startswith(TargetKind.AGENT.value):
        how = _ENDS.get(event.reason, TransferEnd.UNREACHABLE)
    else:
        how = _ENDS.get(event.reason, TransferEnd.COMPLETED)
    _end(call, how, at)
    save(call, at)


def reached(call: Call, _: OutsideReached, at: Moment) -> None:
    joins(call, leg_for(call, None, at), at)
    taken(call, None, at)
    save(call, at)
    show_card(call, at)

"""Passing a client on: what a transfer is made of, whoever asked for it and however it ends.

It never costs the client his call: whatever becomes of it, he talks with somebody, hears music, or waits in
his queue at his old place. Blind: who passes on is out at once. Attended: he talks with the target first.
Blonde: attended, and he is out while it still rings. Nobody takes him: back to who passed him on, then to the
queue. When which of these is due is decided in the steps.
"""

from dataclasses import replace
from typing import assert_never

from bridge.centre.call import Call, CallState, Leg, Moment, Seat, Stage, Transfer
from bridge.centre.call_acts import give_back, leave_queue, release_leg, ring_outside, save, show_card
from bridge.centre.call_ways import go, rejoin
from bridge.centre.consent import is_joined_by
from bridge.centre.facts import Timer, TimerKind
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.messages import AskAgent, EnterQueue
from bridge.centre.orders import CancelReason, CancelRing, HangUp, LeaveWaitingRoom, StopTimer
from bridge.centre.plan import Target, TargetKind, ToQueue
from bridge.centre.record import TransferEnd, TransferKind, TransferRecord
from bridge.centre.seats import seat, seat_again

S = CallState


def begin(
    call: Call, leg: Leg, target: Target, kind: TransferKind, at: Moment, line: Leg | None = None
) -> None:
    """``line``: of his phone, which holds the client by itself."""
    assert leg.agent is not None
    call.transfers.append(TransferRecord(len(call.transfers) + 1, leg.agent, kind, str(target), at.now))
    call.transfer = Transfer(leg.agent, leg.id, target, Stage.RINGING, call.queue, call.waiting)
    if line is None:
        seat(call, call.legs[call.client_leg], Seat.HELD, at)
    else:
        call.transfer.line = line.id
    if kind is TransferKind.ATTENDED:
        call.enter(S.CONSULTING, at.now)
        seat(call, line or leg, Seat.RING_BACK, at)
        _call_target(call, call.transfer, at)
    else:
        leaves(call, leg, at)
        if target.kind is TargetKind.QUEUE:
            _to_queue(call, target, at)
            return
        call.enter(S.PASSING, at.now)
        call.transfer.stage = Stage.ALONE
        _call_target(call, call.transfer, at)
    save(call, at)


def leaves(call: Call, leg: Leg, at: Moment) -> None:
    """Whose client he was is out, by his own wish."""
    release_leg(call, leg, at)
    leg.seat = None
    at.out.orders.append(HangUp(call.id, leg.id))


def _to_queue(call: Call, target: Target, at: Moment) -> None:
    end(call, TransferEnd.COMPLETED, at)
    call.legs[call.client_leg].seat = None
    call.hops, call.waiting = 0, None
    go(call, ToQueue(QueueName(target.name)), at)


def _call_target(call: Call, transfer: Transfer, at: Moment) -> None:
    target = transfer.target
    match target.kind:
        case TargetKind.AGENT:
            ask(call, (AgentId(target.name),), at)
        case TargetKind.SUPERVISOR:
            ask(call, at.plan.supervisors_for(call.queue, transfer.by), at)
        case TargetKind.QUEUE:
            at.out.messages.append(EnterQueue(call.id, QueueName(target.name), at.next_place()))
        case TargetKind.NUMBER:
            ring_target(call, transfer, at)
        case _:
            assert_never(target.kind)


def ask(call: Call, agents: tuple[AgentId, ...], at: Moment) -> None:
    transfer = call.transfer
    assert transfer is not None
    free = tuple(agent for agent in agents if agent != transfer.by or transfer.stage is Stage.RETURNING)
    if not free:
        nobody_takes_him(call, TransferEnd.BUSY, at)
        return
    transfer.asks = free[1:]
    at.out.messages.append(AskAgent(call.id, free[0], transfer.stage is Stage.RETURNING))


def ring_target(call: Call, transfer: Transfer, at: Moment) -> None:
    to = at.plan.outside_number(transfer.target.name)
    if to is None:  # not any more
        nobody_takes_him(call, TransferEnd.FAILED, at)
    else:
        transfer.other = ring_outside(call, to, at)


def complete(call: Call, at: Moment) -> None:
    """Who passes on is out. Before anybody has answered, the ringing goes on for the client."""
    transfer = call.transfer
    assert transfer is not None
    _leave(call, transfer, at)
    client = call.legs[call.client_leg]
    if transfer.stage in (Stage.CONSULTING, Stage.SWAPPED):
        assert transfer.other is not None
        other = call.legs[transfer.other]
        call.agent, call.partner = other.agent or call.agent, other.id
        is_joined_by(call, transfer.target, at)
        client.seat = Seat.TALK
        seat_again(call, client, at)  # a phone that held has left him with music
        seat(call, other, Seat.TALK, at)
        end(call, TransferEnd.COMPLETED, at, to=other)
        call.enter(S.TALKING, at.now)
        show_card(call, at)
    else:
        call.transfers[-1] = replace(call.transfers[-1], kind=TransferKind.BLONDE)
        if transfer.target.kind is TargetKind.QUEUE:
            _wait_in_its_queue(call, transfer.target, at)
        else:
            call.enter(S.PASSING, at.now)
            transfer.stage = Stage.ALONE
            seat(call, client, Seat.HELD, at)
    save(call, at)


def _leave(call: Call, transfer: Transfer, at: Moment) -> None:
    """Who passes on, by whichever of his lines are still there."""
    for leg in (transfer.leg, transfer.line):
        if leg is not None and call.legs[leg].alive:
            leaves(call, call.legs[leg], at)


def _wait_in_its_queue(call: Call, target: Target, at: Moment) -> None:
    """Nobody has answered there yet: from now on he waits there himself."""
    leave_queue(call, at)
    _to_queue(call, target, at)


def end(call: Call, how: TransferEnd, at: Moment, to: Leg | None = None) -> None:
    """Nothing is under way any more. Of one that was not taken it is known already what became of it."""
    if call.transfer is None:
        return
    call.transfer = None
    record = call.transfers[-1]
    taken = to.agent if to is not None and record.end is None else None
    call.transfers[-1] = replace(record, ended_at=at.now, end=record.end or how, to=taken)


def give_up(call: Call, how: TransferEnd, at: Moment) -> None:
    """He and the client talk again; whoever is rung or consulted is let go."""
    transfer = call.transfer
    assert transfer is not None
    _let_go(call, transfer, at)
    if transfer.line is not None and call.legs[transfer.line].alive:
        leaves(call, call.legs[transfer.line], at)
    end(call, how, at)
    call.enter(S.TALKING, at.now)
    seat(call, call.legs[call.client_leg], Seat.TALK, at)
    seat(call, call.legs[transfer.leg], Seat.TALK, at)
    save(call, at)
    show_card(call, at)


def _let_go(call: Call, transfer: Transfer, at: Moment) -> None:
    leave_queue(call, at)
    other = call.legs.get(transfer.other) if transfer.other is not None else None
    if other is None or not other.alive:
        return
    if other.answered_at is not None:
        leaves(call, other, at)
    else:
        other.ended_at = at.now
        at.out.orders += [
            CancelRing(call.id, other.id, CancelReason.CALLER_GONE),
            StopTimer(Timer(TimerKind.RING, other.id)),
        ]


def nobody_takes_him(call: Call, how: TransferEnd, at: Moment) -> None:
    """Back to who waits for it, or whose phone can ring once more, or to the queue."""
    transfer = call.transfer
    assert transfer is not None
    if transfer.stage is Stage.RINGING:
        give_up(call, how, at)
    elif transfer.stage is Stage.ALONE:
        call.transfers[-1] = replace(call.transfers[-1], end=how)  # whatever comes now: this was not taken
        transfer.stage, transfer.other = Stage.RETURNING, None
        ask(call, (transfer.by,), at)
        save(call, at)
    else:
        back_to_queue(call, transfer, at)


def back_to_queue(call: Call, transfer: Transfer, at: Moment) -> None:
    """At his old place, among those of his priority; who came past every queue goes back to the dialplan."""
    end(call, TransferEnd.FAILED, at)
    call.agent = call.partner = None
    call.queue, call.waiting = transfer.queue, transfer.waiting
    if call.queue in at.plan.queues and call.waiting is not None:
        rejoin(call, at)
        save(call, at)
    elif call.wished_by is not None and call.dialled in at.plan.numbers:
        call.legs[call.client_leg].seat = None
        call.hops, call.waiting = 0, None
        at.out.orders.append(LeaveWaitingRoom(call.id, call.client_leg))  # no music beside a menu's words
        go(call, at.plan.numbers[call.dialled], at)  # as if he had called the number that he was shown
    else:
        give_back(call, at)

"""What a step has made of a call that is told to others: its client held and passed on.

Owns when which of the change facts is due. It compares what the call was with what it is, so that a wish that
did not fit tells nothing, and page, API, phone and feature code all tell the same.
"""

from collections.abc import Iterator
from typing import NamedTuple

from bridge.centre.call import Call, CallState, Moment, Seat, Stage
from bridge.centre.change_facts import (
    ChangeFact,
    ClientHeld,
    ClientPassedOn,
    ClientResumed,
    ConsultAnswered,
    ConsultBegun,
    ConsultEnded,
    TransferEnded,
)
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.orders import Tell
from bridge.centre.plan import Plan, TargetKind
from bridge.centre.record import LegKind, TransferEnd, TransferKind, TransferRecord

_WITH_AGENT = (CallState.TALKING, CallState.CONSULTING)
_ANSWERED = (Stage.CONSULTING, Stage.SWAPPED)


class Was(NamedTuple):
    """As much of a call as is compared."""

    holder: AgentId | None
    transfers: tuple[TransferRecord, ...]
    consults: int | None  # the number of the transfer whose target has answered


def was(call: Call) -> Was:
    return Was(_holder(call), tuple(call.transfers), _consults(call))


def tell(call: Call, before: Was, at: Moment) -> None:
    """After a step. What is asked about another call's client is told of that call."""
    if call.about is None:
        at.out.orders += map(Tell, _changes(call, before, was(call), at.plan))


def _changes(call: Call, before: Was, now: Was, plan: Plan) -> Iterator[ChangeFact]:
    """In the order in which a phone does it: he is held, then passed on; let go, then talked with again."""
    own = call.state is not CallState.OUTSIDE  # of the others AMI's own facts tell all but the end
    if own and now.holder is not None and now.holder != before.holder:
        yield ClientHeld(call.id, now.holder)
    for place, record in enumerate(now.transfers):
        former = before.transfers[place] if place < len(before.transfers) else None
        if record is not former:
            yield from _of_transfer(call, former, record, plan, own=own)
    if own and now.consults is not None and now.consults != before.consults:
        assert call.transfer is not None
        assert call.transfer.other is not None
        yield ConsultAnswered(call.id, call.transfer.by, call.legs[call.transfer.other].agent)
    if own and before.holder not in (None, now.holder) and _talks(call, before.holder):
        yield ClientResumed(call.id, before.holder)


def _of_transfer(
    call: Call, former: TransferRecord | None, record: TransferRecord, plan: Plan, *, own: bool
) -> Iterator[ChangeFact]:
    """``former`` is the same one's record as it was; a short one may have begun and ended in one step."""
    dialled = _dialled(record, plan)
    if own and former is None and record.kind in (TransferKind.ATTENDED, TransferKind.BLONDE):
        yield ConsultBegun(call.id, record.by, dialled, record.target, _agent_in(record))
    if own and _is_passed_on(record) and not (former is not None and _is_passed_on(former)):
        yield ClientPassedOn(call.id, record.by, record.kind, dialled, record.target)
    if record.ended_at is None or record.end is None or (former is not None and former.ended_at is not None):
        return
    if _is_passed_on(record):
        yield TransferEnded(call.id, record.by, record.kind, record.target, record.end.value, record.to)
    elif own:
        yield ConsultEnded(call.id, record.by, record.end.value)


def _is_passed_on(record: TransferRecord) -> bool:
    return record.kind is not TransferKind.ATTENDED or record.end is TransferEnd.COMPLETED


def _agent_in(record: TransferRecord) -> AgentId | None:
    kind, _, name = record.target.partition(" ")
    return AgentId(name) if kind == TargetKind.AGENT.value else None


def _dialled(record: TransferRecord, plan: Plan) -> str:
    """What a phone would have dialled for it; of a queue without a number, its name."""
    kind, _, name = record.target.partition(" ")
    if kind == TargetKind.SUPERVISOR.value:
        return plan.supervisor_extension or ""
    queue = plan.queues.get(QueueName(name)) if kind == TargetKind.QUEUE.value else None
    return queue.extension or name if queue is not None else name


def _holder(call: Call) -> AgentId | None:
    """The agent because of whom the client hears music: his phone or ours holds him. None in a conference."""
    client = call.legs.get(call.client_leg)
    if call.state not in _WITH_AGENT or client is None or not client.alive:
        return None
    if call.transfer is not None:
        leg = call.legs[call.transfer.leg]
    else:
        others = [leg for leg in call.seated if leg.kind is not LegKind.CLIENT]
        if len(others) != 1:
            return None
        leg = others[0]
    return leg.agent if client.seat is Seat.HELD or leg.holds else None


def _talks(call: Call, agent: AgentId | None) -> bool:
    leg = call.leg_of(agent) if agent is not None else None
    client = call.legs[call.client_leg]
    return call.state in _WITH_AGENT and client.alive and leg is not None and leg.seat is Seat.TALK


def _consults(call: Call) -> int | None:
    transfer = call.transfer
    talks = call.state is CallState.CONSULTING and transfer is not None and transfer.stage in _ANSWERED
    return len(call.transfers) if talks else None

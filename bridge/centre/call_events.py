"""What CRMs are told of a call, and when: each event once, in an order that holds for every kind of call.

Owns that order. It looks at what a step has made of the call and at what has been told of it, so that page,
API, phone, feature code and a comparison after a gap all tell the same:

    offered, then of each phone ringing and then ring_ended or answered, transferred in between, ended last.

Only ``recording.ready`` comes after the end. Each event is named by what it tells (``ringing:LEG``), so that
it may be told again after a restart. Not told is what is no client's call: of agents among themselves, and of
an agent who asks another about a client (``Call.about``).

A call that is given to the dialplan goes on there: its end is told when it has hung up.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from bridge.centre.call import Call, CallState, Leg, Moment, Seat
from bridge.centre.decision import OfferEnd
from bridge.centre.facts import RecordingAttached
from bridge.centre.ids import AgentId, CallId
from bridge.centre.orders import TellCrm
from bridge.centre.plan import TargetKind
from bridge.centre.record import LegKind, Outcome, TransferEnd, TransferKind, TransferRecord
from bridge.centre.records_orders import CallEventKind as CallEventKind

K = CallEventKind
S = CallState

ENDED = "ended"
_JOINED = (S.TALKING, S.CONSULTING, S.OUTSIDE)
# What AMI's replay says of a ring that is over → what it says of the agent.
_RING_ENDS: Mapping[str, OfferEnd] = {
    "no-answer": OfferEnd.NO_ANSWER,
    "busy": OfferEnd.BUSY,
    "rejected": OfferEnd.REJECTED,
    "failed": OfferEnd.UNREACHABLE,
    "answered-elsewhere": OfferEnd.ANSWERED_ELSEWHERE,
    "cancelled": OfferEnd.WITHDRAWN,
    "abandoned": OfferEnd.WITHDRAWN,
}


def ring_end_of(reason: str) -> OfferEnd:
    return _RING_ENDS.get(reason, OfferEnd.FAILED)


def tell_crm(call: Call, at: Moment, *, lost: bool = False) -> None:
    """After a step. ``lost``: nothing more will be heard of it."""
    if call.told_over or call.about is not None or call.direction == "internal":
        return
    if call.state is S.PRESENTED:
        return  # it has not reached us or an agent, and perhaps never will
    if call.state is S.ENDED and call.outcome is None:
        if call.told:
            call.told_over = True
            at.out.orders.append(ended_in_the_dialplan(call.id, at))
        return
    goes_on = call.outcome is Outcome.FALLBACK and not call.hung_up
    over = (call.cleared or call.state is S.ENDED) and not goes_on
    at.out.orders.extend(_news(call, at, over=over or lost))


def recording_ready(fact: RecordingAttached, at: Moment) -> TellCrm:
    """Its call is over, and no more on the floor: it is told as it is kept."""
    return TellCrm(
        fact.call,
        f"recording:{fact.recording}",
        K.RECORDING_READY,
        at.now,
        record=None,
        recording=fact.recording,
    )


def ended_in_the_dialplan(call: CallId, at: Moment) -> TellCrm:
    """The client had been given back, and has hung up there before any phone rang: as it is kept."""
    return TellCrm(call, ENDED, K.ENDED, at.now, record=None)


def _news(call: Call, at: Moment, *, over: bool) -> Iterator[TellCrm]:
    """A phone that stops goes before who is there instead, and whom he was passed on to before he rings."""
    if not call.told:
        call.told = True
        yield _event(call, "offered", K.OFFERED, call.offered_at)
    legs = call.legs.values()
    for leg in legs:
        if leg.told is K.RINGING and (leg.ring_end is not None or not leg.alive):
            yield _ring_ended(call, leg, at)
    for record in call.transfers:
        if record.number > call.told_transfer and _is_passed_on(record):
            call.told_transfer = record.number
            yield _transferred(call, record, at)
    for leg in legs:
        if leg.told is None and leg.agent is not None and _rings(leg):
            leg.told = K.RINGING
            since = leg.ringing_at or at.now
            yield _event(call, f"ringing:{leg.id}", K.RINGING, since, agent=leg.agent, leg=leg)
        if leg.told in (None, K.RINGING) and _is_joined(call, leg):
            leg.told = K.ANSWERED
            yield _event(
                call, f"answered:{leg.id}", K.ANSWERED, at.now, agent=leg.agent, leg=leg, target=leg.number
            )
    if over:
        if call.afterwards and call.answered_at is not None:
            # Nobody heard it, so that no leg of it is known.
            yield _event(call, "answered", K.ANSWERED, call.answered_at, agent=call.agent)
        call.told_over = True
        client = call.legs.get(call.client_leg)
        cause = client.cause if client is not None else None
        yield _event(call, ENDED, K.ENDED, call.ended_at or at.now, cause=cause)


def _rings(leg: Leg) -> bool:
    return leg.kind is LegKind.AGENT and leg.ringing_at is not None and leg.alive and leg.ring_end is None


def _is_joined(call: Call, leg: Leg) -> bool:
    """The client and he hear each other; who is only asked about the client does not talk with him yet."""
    if leg.kind is LegKind.CLIENT or call.state not in _JOINED or leg.answered_at is None or not leg.alive:
        return False
    client = call.legs.get(call.client_leg)
    there = call.state is S.OUTSIDE or (client is not None and client.seat is Seat.TALK)
    return leg.seat is Seat.TALK and there


def _ring_ended(call: Call, leg: Leg, at: Moment) -> TellCrm:
    """Whoever was only asked about the client, or waited for the client's own phone, was not his either."""
    leg.told = K.RING_ENDED
    reason = leg.ring_end or OfferEnd.WITHDRAWN
    return _event(
        call,
        f"ring_ended:{leg.id}",
        K.RING_ENDED,
        at.now,
        agent=leg.agent,
        leg=leg,
        reason=reason,
        cause=leg.cause,
    )


def _is_passed_on(record: TransferRecord) -> bool:
    return record.kind is not TransferKind.ATTENDED or record.end is TransferEnd.COMPLETED


def _transferred(call: Call, record: TransferRecord, at: Moment) -> TellCrm:
    """When who passes on is out. A supervisor who takes over takes him from whoever talked."""
    kind, _, target = record.target.partition(" ")
    named = AgentId(target) if kind == TargetKind.AGENT.value else None
    taken_over = record.kind is TransferKind.TAKE_OVER
    return _event(
        call,
        f"transferred:{record.number}",
        K.TRANSFERRED,
        at.now,
        agent=record.by if taken_over else record.to or named,
        from_agent=None if taken_over else record.by,
        target=record.by if taken_over else target,
        transfer="blind" if record.kind in (TransferKind.BLIND, TransferKind.TAKE_OVER) else "attended",
    )


def _event(
    call: Call,
    event: str,
    kind: CallEventKind,
    when: datetime,
    *,
    agent: AgentId | None = None,
    leg: Leg | None = None,
    from_agent: AgentId | None = None,
    target: str = "",
    transfer: str = "",
    reason: OfferEnd | None = None,
    cause: int | None = None,
) -> TellCrm:
    return TellCrm(
        call.id,
        event,
        kind,
        when,
        record=call.record(),
        agent=agent,
        leg=leg.id if leg is not None else None,
        ringing=tuple(one.agent for one in call.legs.values() if one.told is K.RINGING and one.agent),
        answered_by=_answered_by(call),
        from_agent=from_agent,
        target=target,
        transfer=transfer,
        reason=reason,
        cause=cause,
    )


def _answered_by(call: Call) -> AgentId | None:
    """Who talks with the client, or talked with him last."""
    talked = any(leg.told is K.ANSWERED and leg.agent == call.agent for leg in call.legs.values())
    return call.agent if talked or (call.afterwards and call.answered_at is not None) else None

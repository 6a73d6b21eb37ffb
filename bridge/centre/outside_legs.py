"""The phones in a call that AMI alone tells of, as its legs: who rings, who talks with him, who is out.

Owns those legs and what follows for their agents; when each is due is decided in the steps.
"""

from bridge.centre.call import Call, Leg, Moment, Seat
from bridge.centre.decision import OfferEnd
from bridge.centre.ids import AgentId, phone_leg_id
from bridge.centre.messages import AgentBusyOutside
from bridge.centre.orders import CloseCard, OpenCard
from bridge.centre.record import LegKind


def leg_of(call: Call, agent: AgentId | None) -> Leg | None:
    """That agent's living leg; for None that of a number outside."""
    if agent is None:
        return call.rung
    return next((leg for leg in call.alive_legs if leg.agent == agent), None)


def leg_for(call: Call, agent: AgentId | None, at: Moment) -> Leg:
    """The same, made now if there is none. A phone that rings again for this call has a leg of its own."""
    leg = leg_of(call, agent)
    if leg is None:
        kind = LegKind.OUTSIDE if agent is None else LegKind.AGENT
        leg = Leg(phone_leg_id(call.id, len(call.legs) + 1), kind, agent, at.now)
        call.legs[leg.id] = leg
    return leg


def rings(call: Call, agent: AgentId | None, at: Moment) -> Leg:
    leg = leg_for(call, agent, at)
    leg.ringing_at = leg.ringing_at or at.now
    if agent is not None:
        at.out.messages.append(AgentBusyOutside(call.id, agent, busy=True))
    return leg


def joins(call: Call, leg: Leg, at: Moment) -> None:
    """He talks with the client, and whoever rang or talked besides does not; a number outside is nobody's."""
    leg.answered_at = leg.answered_at or at.now
    leg.seat, leg.holds = Seat.TALK, False
    call.answered_at = call.answered_at or at.now
    call.agent, call.partner = leg.agent or call.agent, leg.id
    if leg.agent is not None:
        call.outside_ringing.discard(leg.agent)
        at.out.messages.append(AgentBusyOutside(call.id, leg.agent, busy=True))
    for other in call.alive_legs:
        # Passed on while nobody heard it, one who talked is out as well.
        if other is not leg and other.kind is not LegKind.CLIENT:
            other.ring_end = OfferEnd.ANSWERED_ELSEWHERE if other.answered_at is None else None
            is_out(call, other, at)


def is_out(call: Call, leg: Leg, at: Moment) -> None:
    """His phone is free again; who only rang need not see the client any more."""
    talked = leg.seat is Seat.TALK or (leg.seat is not None and leg.agent == call.agent)
    leg.ended_at, leg.seat = at.now, None
    if leg.agent is None:
        return
    call.outside_ringing.discard(leg.agent)
    at.out.messages.append(AgentBusyOutside(call.id, leg.agent, busy=False, talked=talked))
    if leg.answered_at is None and leg.ringing_at is not None and call.about is None:
        at.out.orders.append(CloseCard(call.id, leg.agent))


def from_before(call: Call, at: Moment) -> None:
    """Until there were legs in such calls, a checkpoint only had the agents: theirs are made now."""
    if call.legs:
        return
    for agent in sorted(call.outside_ringing):
        rings(call, agent, at)
    if call.agent is not None and call.answered_at is not None:
        leg = leg_for(call, call.agent, at)
        leg.answered_at, leg.seat = call.answered_at, Seat.TALK


def show_to(call: Call, agent: AgentId, at: Moment) -> None:
    """To one who is asked about the client, and is not in the call."""
    candidates = tuple(client.id for client in call.clients)
    at.out.orders.append(OpenCard(call.id, agent, call.record(), candidates))

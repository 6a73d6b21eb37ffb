"""Who sits where in a call: the orders that bring a leg there, and the account of who did what since when.

Owns seats and segments. When somebody changes his seat is decided in the steps.
"""

from dataclasses import replace
from datetime import datetime

from bridge.centre.call import Call, CallState, Leg, Moment, Seat, Watch
from bridge.centre.facts import Supervise
from bridge.centre.ids import consultation_id, conversation_id
from bridge.centre.orders import Hold, Join, RingBack
from bridge.centre.plan import Queue
from bridge.centre.record import Doing, LegKind, Segment

MUSIC = "default"
_SERVED = (CallState.TALKING, CallState.CONSULTING, CallState.PASSING, CallState.OUTSIDE)


def seat(call: Call, leg: Leg, where: Seat, at: Moment) -> None:
    """Bring a living leg there, unless it is there already."""
    if leg.alive and leg.seat is not where:
        leg.seat = where
        seat_again(call, leg, at)


def seat_again(call: Call, leg: Leg, at: Moment) -> None:
    """Nobody knows whether it is where it should be; to be brought there twice does no harm."""
    match leg.seat:
        case Seat.TALK:
            at.out.orders.append(Join(call.id, leg.id, conversation_id(call.id)))
        case Seat.CONSULT:
            at.out.orders.append(Join(call.id, leg.id, consultation_id(call.id, len(call.transfers))))
        case Seat.HELD:
            at.out.orders.append(Hold(call.id, leg.id, music_of(call, at)))
        case Seat.RING_BACK:
            at.out.orders.append(RingBack(call.id, leg.id))
        case None:
            pass


def music_of(call: Call, at: Moment) -> str:
    queue: Queue | None = at.plan.queues.get(call.queue) if call.queue is not None else None
    return queue.music if queue is not None else MUSIC


# ── who did what ─────────────────────────────────────────────────────────────


def account(call: Call, now: datetime) -> None:
    """Close the segments of what is over, and begin those of what is done from now on."""
    if call.state not in _SERVED and all(segment.until is not None for segment in call.segments):
        return
    doing = {leg.id: done for leg in call.legs.values() if (done := _doing(call, leg)) is not None}
    agents = {leg: call.legs[leg].agent for leg in doing}
    for watch in _barging(call):
        doing[watch.leg], agents[watch.leg] = Doing.CONFERENCE, watch.who
    kept = []
    for segment in call.segments:
        if segment.until is not None:
            kept.append(segment)
        elif doing.get(segment.leg) is segment.doing:
            kept.append(segment)
            del doing[segment.leg]
        elif segment.since != now:  # of what took no time nothing is told
            kept.append(replace(segment, until=now))
    for leg, done in doing.items():
        last = next((place for place, one in reversed([*enumerate(kept)]) if one.leg == leg), None)
        if last is not None and (kept[last].until, kept[last].doing) == (now, done):
            kept[last] = replace(kept[last], until=None)  # he did nothing else meanwhile
        else:
            kept.append(Segment(leg, agents[leg], done, now))
    call.segments = kept


def _barging(call: Call) -> list[Watch]:
    """Supervisors who talk with the client: a part of what is recorded, as the agents are.

    While he hears music they talk with the agent alone, and it is a hold.
    """
    talk = conversation_id(call.id)
    if call.state not in _SERVED or not _client_is_there(call):
        return []
    return [watch for watch in call.watches.values() if watch.how is Supervise.BARGE and watch.room == talk]


def _client_is_there(call: Call) -> bool:
    client = call.legs.get(call.client_leg)
    return client is not None and client.seat in (Seat.TALK, None)


def _doing(call: Call, leg: Leg) -> Doing | None:
    if leg.kind is LegKind.CLIENT or leg.answered_at is None or not leg.alive or leg.released:
        return None
    if call.state not in _SERVED:
        return None
    where = leg.seat
    if where is None:
        where = Seat.TALK if call.state is CallState.TALKING else None  # from before there were seats
    if call.state is CallState.OUTSIDE:
        return _outside(leg, where)
    match where:
        case Seat.TALK:
            return _talking(call, leg)
        case Seat.CONSULT:
            return Doing.CONSULT
        case Seat.HELD:
            return Doing.HELD
        case Seat.RING_BACK:
            return Doing.HOLD
        case None:
            return None


def _outside(leg: Leg, where: Seat | None) -> Doing | None:
    """Of the client's own channel nothing is kept in such a call; that three talk AMI does not tell."""
    if where is Seat.TALK:
        return Doing.HOLD if leg.holds else Doing.TALK
    return Doing.CONSULT if where is Seat.CONSULT else None


def _talking(call: Call, leg: Leg) -> Doing:
    others = sum(
        1
        for other in call.alive_legs
        if other is not leg and other.kind is not LegKind.CLIENT and other.seat is Seat.TALK
    )
    if others or _barging(call):
        return Doing.CONFERENCE
    if not leg.holds and _client_is_there(call):
        return Doing.TALK
    line = call.legs.get(call.transfer.line) if call.transfer is not None and call.transfer.line else None
    consults = line is not None and line.seat is Seat.CONSULT and not line.holds
    return Doing.CONSULT if consults else Doing.HOLD

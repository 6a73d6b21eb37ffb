"""What happens to a call that never touches our application: AMI tells, nothing of it is steered from here.

It gets what every call gets (a card, history, a ticket when it came from a trunk), and its agents count as
busy, so that the router does not ring a phone that is already taken.
"""

from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_acts import look_up, record, save, show_card
from bridge.centre.call_events import ring_end_of
from bridge.centre.call_steps import offered
from bridge.centre.facts import (
    CallMissed,
    CallOffered,
    FallbackEntered,
    LinkUp,
    OutsideAnswered,
    OutsideDialled,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
)
from bridge.centre.orders import OpenTicket, Outcome
from bridge.centre.outside_legs import from_before, is_out, joins, leg_for, leg_of, rings
from bridge.centre.outside_transfers import entered_queue, over, refused, taken


def outside_ringing(call: Call, event: OutsideRinging, at: Moment) -> None:
    if call.state is CallState.PRESENTED:
        call.about = event.about
        if not call.trunk:
            call.number, call.name = event.number, event.name
            call.direction = "internal" if event.number in at.plan.agents else "in"
        elif event.number is None and call.number is not None:
            # The dialplan finds out that its caller asks for privacy only after the channel has appeared.
            call.number, call.name = None, ""
            call.verdict, call.e164, call.clients = None, None, ()
            look_up(call, at)
        call.dialled = call.dialled or event.dialled
        rings(call, event.agent, at)
        _begins(call, at)
    else:
        from_before(call, at)
        rings(call, event.agent, at)
        save(call, at)
    leg = leg_of(call, event.agent)
    if leg is not None and leg.answered_at is None:
        call.outside_ringing.add(event.agent)
    show_card(call, at)


def outside_dialled(call: Call, event: OutsideDialled, at: Moment) -> None:
    """He calls the client, so it is his client from the first ring on; his phone is taken by dialling."""
    call.direction, call.number, call.trunk = "out", event.number, event.trunk
    call.agent, call.outside_leg, call.about = event.agent, event.leg, event.about
    leg_for(call, event.agent, at)
    _begins(call, at)
    show_card(call, at)


def _begins(call: Call, at: Moment) -> None:
    """What every call gets. One in which somebody asks about a client is the other call's affair."""
    call.withheld = call.number is None
    call.enter(CallState.OUTSIDE, at.now)
    if call.about is not None:
        return
    if not call.looked_up:
        look_up(call, at)
    save(call, at)
    if call.trunk:
        at.out.orders.append(OpenTicket(call.id, call.record()))


def fallback_entered(call: Call, event: FallbackEntered, at: Moment) -> None:
    """Asterisk's own queue serves him: he gets all that every call gets, and is known as such."""
    call.fallback, call.queue = True, event.queue
    call.queued_at = call.queued_at or at.now
    known = call.state is CallState.OUTSIDE
    entered_queue(call, event.queue, at)
    call.enter(CallState.OUTSIDE, at.now)
    call.withheld = call.number is None
    save(call, at)
    if not known:
        at.out.orders.append(OpenTicket(call.id, call.record()))


def missed(call: Call, event: CallMissed, at: Moment) -> None:
    """All of it is over; what is left to be done is to find out who it was, and to keep it."""
    call.number, call.name, call.withheld = event.number, event.name, event.number is None
    call.dialled, call.trunk = event.dialled, event.trunk
    call.queue, call.agent, call.fallback = event.queue, event.agent, event.queue is not None
    call.offered_at, call.queued_at = event.offered_at, event.offered_at if event.queue is not None else None
    call.answered_at, call.ended_at = event.answered_at, event.ended_at
    if event.answered_at is not None:
        call.outcome = Outcome.ANSWERED
    else:
        call.outcome = Outcome.ABANDONED if event.queue is not None else Outcome.IVR
    call.cleared = call.afterwards = True
    call.enter(CallState.CLEARING, at.now)
    look_up(call, at)
    save(call, at)
    at.out.orders.append(OpenTicket(call.id, call.record()))


def outside_answered(call: Call, event: OutsideAnswered, at: Moment) -> None:
    from_before(call, at)
    leg = leg_for(call, event.agent, at)
    if leg.seat is not None and call.agent == event.agent:
        return  # told again after a gap, while he talks, or asks somebody
    joins(call, leg, at)
    taken(call, event.agent, at)
    if at.plan.record_direct and call.trunk and call.about is None and not (call.fallback or call.recordings):
        record(call, at)
    save(call, at)
    show_card(call, at)


def outside_ring_ended(call: Call, event: OutsideRingEnded, at: Moment) -> None:
    from_before(call, at)
    leg = leg_of(call, event.agent)
    if leg is not None and leg.answered_at is None:
        rang = event.agent in call.outside_ringing
        leg.ring_end = ring_end_of(event.reason)
        is_out(call, leg, at)
        if rang:
            refused(call, event.reason)
        save(call, at)


def outside_ended(call: Call, event: OutsideEnded, at: Moment) -> None:
    """``reason`` is one of the replay's: completed, no-answer, busy, rejected, cancelled, …"""
    call.ended_at = at.now
    if call.answered_at is not None:
        talked = any(leg.agent is not None and leg.answered_at is not None for leg in call.legs.values())
        call.outcome = Outcome.ANSWERED if talked or not call.legs else Outcome.FORWARDED
    elif event.reason in ("abandoned", "cancelled") and call.direction != "out":
        call.outcome = Outcome.ABANDONED
    else:
        call.outcome = Outcome.FAILED
    over(call, event.reason, at)
    _release_all(call, at)
    call.enter(CallState.ENDED, at.now)
    save(call, at)
    show_card(call, at)


def enters_application(call: Call, event: CallOffered, at: Moment) -> None:
    """A dialplan that rings a phone itself first, and gives the caller to us when nobody answered."""
    _release_all(call, at)
    call.agent = None
    offered(call, event, at)


def _release_all(call: Call, at: Moment) -> None:
    from_before(call, at)
    for leg in call.alive_legs:
        is_out(call, leg, at)
    call.outside_ringing = set()


def presented_ended(call: Call, _: CallEvent, at: Moment) -> None:
    """It never reached an agent or us (an echo test, a refused call): nothing is kept of it.

    While ARI is away it may have been with us, in silence: that is known when ARI is back.
    """
    if at.deaf and call.dialled in at.plan.numbers:
        call.ended_at = call.ended_at or at.now
    else:
        call.enter(CallState.ENDED, at.now)


def hung_up(call: Call, _: OutsideEnded, __: Moment) -> None:
    """Of a client in our application, which ARI tells in its own way; of one given back nobody else does."""
    call.hung_up = True


def all_is_told(call: Call, _: LinkUp, at: Moment) -> None:
    """Who came and left while ARI was away, and of whom ARI has nothing to tell."""
    if call.ended_at is not None:
        came = (call.number, call.name, call.dialled, call.trunk)
        missed(call, CallMissed(call.id, *came, None, None, call.offered_at, None, call.ended_at), at)

"""What happens to a call that never touches our application: AMI tells, nothing of it is steered from here.

It gets what every call gets (a card, history, a ticket when it came from a trunk), and its agents count as
busy, so that the router does not ring a phone that is already taken.
"""

from bridge.centre.call import Call, CallEvent, CallState, Moment
from bridge.centre.call_acts import look_up, save, show_card
from bridge.centre.call_steps import offered
from bridge.centre.facts import (
    CallMissed,
    CallOffered,
    FallbackEntered,
    LinkUp,
    OutsideAnswered,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
)
from bridge.centre.messages import AgentBusyOutside
from bridge.centre.orders import CloseCard, OpenTicket, Outcome


def outside_ringing(call: Call, event: OutsideRinging, at: Moment) -> None:
    if call.state is CallState.PRESENTED:
        if not call.trunk:
            call.number, call.name = event.number, event.name
            call.direction = "internal" if event.number in at.plan.agents else "in"
        elif event.number is None and call.number is not None:
            # The dialplan finds out that its caller asks for privacy only after the channel has appeared.
            call.number, call.name = None, ""
            call.verdict, call.e164, call.clients = None, None, ()
            look_up(call, at)
        call.dialled = call.dialled or event.dialled
        call.withheld = call.number is None
        call.enter(CallState.OUTSIDE, at.now)
        if not call.looked_up:
            look_up(call, at)
        save(call, at)
        if call.trunk:
            at.out.orders.append(OpenTicket(call.id, call.record()))
    call.outside_ringing.add(event.agent)
    at.out.messages.append(AgentBusyOutside(call.id, event.agent, busy=True))
    show_card(call, at)


def fallback_entered(call: Call, event: FallbackEntered, at: Moment) -> None:
    """Asterisk's own queue serves him: he gets all that every call gets, and is known as such."""
    call.fallback, call.queue = True, event.queue
    call.queued_at = call.queued_at or at.now
    known = call.state is CallState.OUTSIDE
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
    if call.agent is not None and call.agent != event.agent:
        # Passed on from one agent to the next: the first one's phone is free again.
        at.out.messages.append(AgentBusyOutside(call.id, call.agent, busy=False, talked=True))
    call.agent = event.agent
    call.answered_at = call.answered_at or at.now
    call.outside_ringing.discard(event.agent)
    at.out.messages.append(AgentBusyOutside(call.id, event.agent, busy=True))
    for agent in sorted(call.outside_ringing):
        at.out.messages.append(AgentBusyOutside(call.id, agent, busy=False))
        at.out.orders.append(CloseCard(call.id, agent))
    call.outside_ringing.clear()
    save(call, at)
    show_card(call, at)


def outside_ring_ended(call: Call, event: OutsideRingEnded, at: Moment) -> None:
    if event.agent in call.outside_ringing:
        call.outside_ringing.discard(event.agent)
        at.out.messages.append(AgentBusyOutside(call.id, event.agent, busy=False))
        at.out.orders.append(CloseCard(call.id, event.agent))


def outside_ended(call: Call, event: OutsideEnded, at: Moment) -> None:
    """``reason`` is one of the replay's: completed, no-answer, busy, rejected, cancelled, …"""
    call.ended_at = at.now
    if call.answered_at is not None:
        call.outcome = Outcome.ANSWERED
    else:
        call.outcome = Outcome.ABANDONED if event.reason in ("abandoned", "cancelled") else Outcome.FAILED
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
    for agent in sorted(call.outside_ringing):
        at.out.orders.append(CloseCard(call.id, agent))
    busy = call.outside_ringing | ({call.agent} if call.agent is not None else set())
    at.out.messages += [
        AgentBusyOutside(call.id, agent, busy=False, talked=agent == call.agent) for agent in sorted(busy)
    ]
    call.outside_ringing = set()


def presented_ended(call: Call, _: CallEvent, at: Moment) -> None:
    """It never reached an agent or us (an echo test, a refused call): nothing is kept of it.

    While ARI is away it may have been with us, in silence: that is known when ARI is back.
    """
    if at.deaf and call.dialled in at.plan.numbers:
        call.ended_at = call.ended_at or at.now
    else:
        call.enter(CallState.ENDED, at.now)


def all_is_told(call: Call, _: LinkUp, at: Moment) -> None:
    """Who came and left while ARI was away, and of whom ARI has nothing to tell."""
    if call.ended_at is not None:
        came = (call.number, call.name, call.dialled, call.trunk)
        missed(call, CallMissed(call.id, *came, None, None, call.offered_at, None, call.ended_at), at)

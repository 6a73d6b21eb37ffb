"""What a call can do, whatever made it: the small acts of which steps are put together.

Each changes the call and says what is to be done. When an act is due is decided in ``call_steps`` and
``call_ends``.
"""

from bridge.centre.call import Call, CallState, Moment
from bridge.centre.facts import (
    Cause,
    Timer,
    TimerKind,
)
from bridge.centre.ids import QueueName, prompt_id
from bridge.centre.messages import AgentReleased, EnterQueue, LeaveQueue, OfferEnd, OfferResult
from bridge.centre.orders import (
    CancelReason,
    CancelRing,
    ClearCall,
    CloseCard,
    EnterWaitingRoom,
    HangUp,
    LookUpClient,
    OpenCard,
    Outcome,
    Play,
    SaveCall,
    StartTimer,
    StopPrompt,
    StopTimer,
)

S = CallState


def look_up(call: Call, at: Moment) -> None:
    call.looked_up = True
    call.look_ups_out += 1
    at.out.orders.append(LookUpClient(call.id, call.number, call.trunk))


def say(call: Call, sounds: tuple[str, ...], at: Moment) -> None:
    call.prompts += 1
    call.prompt = prompt_id(call.id, call.prompts)
    at.out.orders.append(Play(call.id, call.client_leg, call.prompt, sounds, call.language))


def hush(call: Call, at: Moment) -> None:
    if call.prompt is not None:
        at.out.orders.append(StopPrompt(call.id, call.client_leg, call.prompt))
        call.prompt = None


def enter_queue(call: Call, name: QueueName, at: Moment) -> None:
    queue = at.plan.queues[name]
    call.queue = name
    call.queued_at = call.queued_at or at.now
    call.enter(S.WAITING, at.now)
    at.out.messages.append(EnterQueue(call.id, name, call.queued_at))
    at.out.orders.append(EnterWaitingRoom(call.id, call.client_leg, queue.music, name))
    if queue.greeting:
        say(call, queue.greeting, at)
    if queue.max_wait is not None:
        at.out.orders.append(StartTimer(Timer(TimerKind.MAX_WAIT, call.id), queue.max_wait))


def withdraw(call: Call, at: Moment, reason: CancelReason, end: OfferEnd) -> None:
    """Stop the ringing phone and take the card off its screen."""
    offer, call.offer = call.offer, None
    if offer is None:
        return
    at.out.orders += [
        CancelRing(call.id, offer.leg, reason),
        StopTimer(Timer(TimerKind.RING, offer.leg)),
        CloseCard(call.id, offer.agent),
    ]
    at.out.messages.append(OfferResult(call.id, offer.agent, offer.queue, end))


def leave_queue(call: Call, at: Moment) -> None:
    withdraw(call, at, CancelReason.CALLER_GONE, OfferEnd.WITHDRAWN)
    at.out.messages.append(LeaveQueue(call.id))
    at.out.orders.append(StopTimer(Timer(TimerKind.MAX_WAIT, call.id)))


def offer_ended(call: Call, at: Moment, end: OfferEnd) -> None:
    offer, call.offer = call.offer, None
    assert offer is not None
    at.out.orders += [StopTimer(Timer(TimerKind.RING, offer.leg)), CloseCard(call.id, offer.agent)]
    at.out.messages.append(OfferResult(call.id, offer.agent, offer.queue, end))


def release(call: Call, at: Moment) -> None:
    """The agent's part is over, once."""
    if call.state in (S.CONNECTING, S.TALKING) and call.agent is not None and call.queue is not None:
        at.out.messages.append(AgentReleased(call.id, call.agent, call.queue))


def hang_up(call: Call, at: Moment, cause: int = Cause.NORMAL_CLEARING) -> None:
    call.enter(S.CLEARING, at.now)
    at.out.orders += [HangUp(call.id, leg.id, cause) for leg in call.alive_legs]


def finish_if_over(call: Call, at: Moment) -> None:
    """Over when the last leg is gone; forgotten when it is also known who called, however late that comes."""
    if call.state is not S.CLEARING or call.alive_legs:
        return
    if not call.cleared:
        call.cleared = True
        call.ended_at = call.ended_at or at.now
        if call.outcome is None:
            call.outcome = Outcome.ANSWERED if call.answered_at is not None else Outcome.IVR
        at.out.orders.append(ClearCall(call.id))
        save(call, at)
        show_card(call, at)
    if call.look_ups_out <= 0:
        call.enter(S.ENDED, at.now)


def save(call: Call, at: Moment) -> None:
    at.out.orders.append(SaveCall(call.id, call.record()))


def show_card(call: Call, at: Moment) -> None:
    """On the screens of the agents whose phones ring, or of him who talks or has talked; on nobody else's."""
    if call.ringing and call.offer is not None:
        agents = {call.offer.agent}
    elif call.outside_ringing:
        agents = call.outside_ringing
    else:
        agents = {call.agent} if call.agent is not None else set()
    candidates = tuple(client.id for client in call.clients)
    at.out.orders += [OpenCard(call.id, agent, call.record(), candidates) for agent in sorted(agents)]

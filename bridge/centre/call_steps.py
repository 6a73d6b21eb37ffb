"""What happens to a call: one function a step, each for the states that ``call_table`` names.

A step changes the call and says what is to be done; it never looks at agents or queues, only at the plan.
"""

from collections.abc import Mapping

from bridge.centre.call import Call, CallEvent, CallState, Leg, Moment, OpenOffer
from bridge.centre.facts import (
    CallerPresented,
    CallOffered,
    Cause,
    ClientIdentified,
    DigitReceived,
    FailureReason,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegRinging,
    OrderFailed,
    PromptEnded,
    Timer,
    TimerFired,
    TimerKind,
    Verdict,
)
from bridge.centre.ids import QueueName, agent_leg_id, prompt_id, recording_id
from bridge.centre.ivr import Again, MenuPosition, on_digit, on_silence
from bridge.centre.messages import AgentReleased, EnterQueue, LeaveQueue, Offer, OfferEnd, OfferResult
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    ClearCall,
    CloseCard,
    Connect,
    EnterWaitingRoom,
    HangUp,
    LegKind,
    LookUpClient,
    OpenCard,
    OpenTicket,
    Outcome,
    Play,
    RingAgent,
    SaveCall,
    StartRecording,
    StartTimer,
    StopPrompt,
    StopTimer,
    ToFallback,
)
from bridge.centre.plan import Destination, ToHangUp, ToMenu, ToQueue

S = CallState

# How an agent's leg ended without an answer → what that says of him (Q.850).
_OFFER_END: Mapping[int, OfferEnd] = {
    Cause.USER_BUSY: OfferEnd.BUSY,
    Cause.CALL_REJECTED: OfferEnd.REJECTED,
    Cause.UNALLOCATED: OfferEnd.UNREACHABLE,
    Cause.SUBSCRIBER_ABSENT: OfferEnd.UNREACHABLE,
    Cause.NO_USER_RESPONSE: OfferEnd.UNREACHABLE,
    Cause.NO_ANSWER: OfferEnd.NO_ANSWER,
    Cause.NORMAL_CLEARING: OfferEnd.NO_ANSWER,
}


def nothing(_: Call, __: CallEvent, ___: Moment) -> None:
    """Already known, or meant for a state that has passed: streams that are not ordered make such facts."""


# ── who calls ────────────────────────────────────────────────────────────────


def presented(call: Call, event: CallerPresented, at: Moment) -> None:
    call.number, call.name = event.number, event.name
    call.dialled, call.trunk = event.dialled, event.trunk
    look_up(call, at)


def look_up(call: Call, at: Moment) -> None:
    call.looked_up = True
    call.look_ups_out += 1
    at.out.orders.append(LookUpClient(call.id, call.number, call.trunk))


def identified(call: Call, event: ClientIdentified, at: Moment) -> None:
    """Refreshes an open card. A look-up that began before the number proved withheld is not used."""
    call.look_ups_out -= 1
    news = (event.verdict, event.e164, event.clients)
    usable = not call.withheld or event.verdict is Verdict.WITHHELD
    if usable and news != (call.verdict, call.e164, call.clients):
        call.verdict, call.e164, call.clients = news
        if call.state is not S.PRESENTED:
            save(call, at)
            show_card(call, at)
    finish_if_over(call, at)


# ── entering ─────────────────────────────────────────────────────────────────


def offered(call: Call, event: CallOffered, at: Moment) -> None:
    known_number = call.number
    call.number, call.name = event.number, event.name
    call.dialled, call.trunk = event.dialled, event.trunk
    call.withheld = event.number is None
    if call.withheld:
        call.verdict, call.e164, call.clients = None, None, ()
    call.language = at.plan.language_for(event.number)
    call.legs[event.leg] = Leg(event.leg, LegKind.CLIENT, None, at.now)
    if not call.looked_up or known_number != event.number:
        look_up(call, at)
    destination = at.plan.numbers.get(event.dialled)
    if destination is None:
        call.outcome = Outcome.FAILED
        hang_up(call, at, Cause.UNALLOCATED)
        return
    call.legs[event.leg].answered_at = at.now
    at.out.orders.append(Answer(call.id, event.leg))
    go(call, destination, at)
    at.out.orders.append(OpenTicket(call.id, call.record()))


def go(call: Call, destination: Destination, at: Moment) -> None:
    call.menu = None
    match destination:
        case ToMenu(menu=menu):
            call.enter(S.MENU, at.now)
            say(call, at.plan.menus[menu].greeting, at)
            call.menu = MenuPosition(menu)
        case ToQueue(queue=queue):
            enter_queue(call, queue, at)
        case ToHangUp(sounds=sounds) if sounds:
            call.enter(S.LEAVING, at.now)
            say(call, sounds, at)
        case ToHangUp():
            hang_up(call, at)
    save(call, at)


def say(call: Call, sounds: tuple[str, ...], at: Moment) -> None:
    call.prompts += 1
    call.prompt = prompt_id(call.id, call.prompts)
    at.out.orders.append(Play(call.id, call.client_leg, call.prompt, sounds, call.language))


def hush(call: Call, at: Moment) -> None:
    if call.prompt is not None:
        at.out.orders.append(StopPrompt(call.id, call.client_leg, call.prompt))
        call.prompt = None


# ── in a menu ────────────────────────────────────────────────────────────────


def menu_digit(call: Call, event: DigitReceived, at: Moment) -> None:
    assert call.menu is not None
    if event.leg != call.client_leg:
        return
    hush(call, at)
    at.out.orders.append(StopTimer(Timer(TimerKind.MENU, call.id)))
    menu_goes_on(call, on_digit(at.plan.menus[call.menu.menu], call.menu, event.digit), at)


def menu_prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    """The time to answer runs from the end of the prompt; an older prompt's end says nothing."""
    assert call.menu is not None
    if event.prompt == call.prompt:
        call.prompt = None
        timeout = at.plan.menus[call.menu.menu].timeout
        at.out.orders.append(StartTimer(Timer(TimerKind.MENU, call.id), timeout))


def menu_timer(call: Call, event: TimerFired, at: Moment) -> None:
    assert call.menu is not None
    if event.timer.kind is TimerKind.MENU and call.prompt is None:
        menu_goes_on(call, on_silence(at.plan.menus[call.menu.menu], call.menu), at)


def menu_goes_on(call: Call, next_: Destination | Again, at: Moment) -> None:
    if isinstance(next_, Again):
        say(call, next_.sounds, at)
        call.menu = next_.position
    else:
        go(call, next_, at)


# ── in a queue ───────────────────────────────────────────────────────────────


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


def take_offer(call: Call, event: Offer, at: Moment) -> None:
    agent, queue = at.plan.agents[event.agent], at.plan.queues[event.queue]
    call.offers += 1
    leg = agent_leg_id(call.id, call.offers)
    call.legs[leg] = Leg(leg, LegKind.AGENT, event.agent, at.now)
    call.offer = OpenOffer(event.agent, leg, event.queue)
    at.out.orders.append(
        RingAgent(
            call.id,
            leg,
            call.client_leg,
            event.agent,
            agent.endpoint,
            call.number or "",
            call.name,
            queue.ring,
        )
    )
    # Asterisk ends the ring itself; this one is for an end that never reaches us.
    at.out.orders.append(StartTimer(Timer(TimerKind.RING, leg), queue.ring * 1.5))


def ringing(call: Call, event: LegRinging, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    if leg is None or leg.ringing_at is not None:
        return
    leg.ringing_at = at.now
    if call.offer is not None and call.offer.leg == event.leg:
        show_card(call, at)


def answered(call: Call, event: LegAnswered, at: Moment) -> None:
    if event.leg == call.client_leg:
        return
    offer = call.offer
    if offer is None or offer.leg != event.leg:
        # He answered in the instant in which the offer was taken back.
        at.out.orders.append(HangUp(call.id, event.leg, Cause.ANSWERED_ELSEWHERE))
        return
    leg = call.legs[event.leg]
    leg.answered_at = at.now
    call.offer, call.agent = None, offer.agent
    call.prompt = None  # ari/ stops what still plays when it connects
    call.enter(S.CONNECTING, at.now)
    at.out.orders += [
        Connect(call.id, call.client_leg, event.leg),
        StopTimer(Timer(TimerKind.RING, event.leg)),
        StopTimer(Timer(TimerKind.MAX_WAIT, call.id)),
    ]
    at.out.messages.append(OfferResult(call.id, offer.agent, offer.queue, OfferEnd.ANSWERED))
    if leg.ringing_at is None:
        leg.ringing_at = at.now  # a phone that answers without ringing first
        show_card(call, at)


def joined(call: Call, event: LegJoined, at: Moment) -> None:
    call.joined.add(event.leg)
    leg = call.talking_leg
    if leg is None or not {call.client_leg, leg.id} <= call.joined:
        return
    call.enter(S.TALKING, at.now)
    call.answered_at = call.answered_at or at.now
    queue = at.plan.queues.get(call.queue) if call.queue else None
    if queue is not None and queue.record:
        call.recordings += 1
        recording = recording_id(call.id, call.recordings)
        at.out.orders.append(StartRecording(call.id, call.client_leg, recording))
    save(call, at)
    show_card(call, at)


def waiting_timer(call: Call, event: TimerFired, at: Moment) -> None:
    if event.timer.kind is TimerKind.RING and call.offer is not None and event.timer.owner == call.offer.leg:
        withdraw(call, at, CancelReason.NO_ANSWER, OfferEnd.NO_ANSWER)
    elif event.timer.kind is TimerKind.MAX_WAIT:
        leave_queue(call, at)
        call.outcome = Outcome.TIMED_OUT
        go(call, ToHangUp(("callbridge/no-agents",)), at)


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


# ── ends ─────────────────────────────────────────────────────────────────────


def leg_ended(call: Call, event: LegEnded, at: Moment) -> None:
    leg = call.legs.get(event.leg)
    if leg is None or not leg.alive:
        return
    leg.ended_at, leg.cause, leg.tech_cause = at.now, event.cause, event.tech_cause
    call.joined.discard(event.leg)
    if leg.kind is LegKind.CLIENT:
        client_gone(call, at)
    elif call.offer is not None and call.offer.leg == leg.id:
        offer_ended(call, at, _OFFER_END.get(event.cause, OfferEnd.FAILED))
    elif call.state is S.CONNECTING and leg.answered_at is not None:
        back_to_queue(call, leg, at)
    elif call.state is S.TALKING and leg.agent == call.agent:
        release(call, at)
        hang_up(call, at)
    finish_if_over(call, at)


def offer_ended(call: Call, at: Moment, end: OfferEnd) -> None:
    offer, call.offer = call.offer, None
    assert offer is not None
    at.out.orders += [StopTimer(Timer(TimerKind.RING, offer.leg)), CloseCard(call.id, offer.agent)]
    at.out.messages.append(OfferResult(call.id, offer.agent, offer.queue, end))


def back_to_queue(call: Call, leg: Leg, at: Moment) -> None:
    """The agent was gone before the media met: the client is where he was, at his old place."""
    release(call, at)
    assert leg.agent is not None
    assert call.queue is not None
    at.out.orders.append(CloseCard(call.id, leg.agent))
    call.agent = None
    enter_queue(call, call.queue, at)


def client_gone(call: Call, at: Moment) -> None:
    call.ended_at = at.now
    if call.outcome is None:
        if call.answered_at is not None:
            call.outcome = Outcome.ANSWERED
        else:
            call.outcome = Outcome.ABANDONED if call.queue is not None else Outcome.IVR
    if call.state in (S.WAITING, S.MENU):
        leave_queue(call, at)
    release(call, at)
    call.enter(S.CLEARING, at.now)
    at.out.orders += [HangUp(call.id, leg.id) for leg in call.alive_legs]
    at.out.orders.append(StopTimer(Timer(TimerKind.MENU, call.id)))


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


def leaving_prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    if event.prompt == call.prompt:
        call.prompt = None
        hang_up(call, at)


def clearing_answered(call: Call, event: LegAnswered, at: Moment) -> None:
    at.out.orders.append(HangUp(call.id, event.leg))


# ── what could not be done ───────────────────────────────────────────────────


def order_failed(call: Call, event: OrderFailed, at: Moment) -> None:
    """A gone channel is a race; whatever else fails gives the client back to the dialplan's queue."""
    if event.order == LookUpClient.__name__:
        call.look_ups_out -= 1
        finish_if_over(call, at)
    elif event.order == RingAgent.__name__:
        ring_failed(call, event, at)
    elif event.order in (HangUp.__name__, CancelRing.__name__):
        if event.reason is FailureReason.GONE and event.leg is not None:
            leg_ended(call, LegEnded(call.id, event.leg), at)
    elif event.order == Play.__name__:
        if event.reason is not FailureReason.GONE:
            prompt_failed(call, at)
    elif event.order in (Answer.__name__, EnterWaitingRoom.__name__, Connect.__name__):
        if event.reason is not FailureReason.GONE:
            give_back(call, at)
    elif event.order == ToFallback.__name__ and event.reason is not FailureReason.GONE:
        hang_up(call, at, Cause.TEMPORARY_FAILURE)


def ring_failed(call: Call, event: OrderFailed, at: Moment) -> None:
    if call.offer is None or call.offer.leg != event.leg:
        return
    leg = call.legs[call.offer.leg]
    leg.ended_at = at.now
    if event.reason is FailureReason.TIMEOUT:
        at.out.orders.append(CancelRing(call.id, leg.id, CancelReason.NO_ANSWER))  # it may exist all the same
    offer_ended(
        call, at, OfferEnd.UNREACHABLE if event.reason is FailureReason.UNREACHABLE else OfferEnd.FAILED
    )


def prompt_failed(call: Call, at: Moment) -> None:
    """A prompt that cannot be played must not hold the caller up: it counts as played."""
    if call.prompt is None:
        return
    ended = PromptEnded(call.id, call.prompt, played=False)
    if call.state is S.MENU:
        menu_prompt_ended(call, ended, at)
    elif call.state is S.LEAVING:
        leaving_prompt_ended(call, ended, at)
    else:
        call.prompt = None


def give_back(call: Call, at: Moment) -> None:
    if call.state is S.WAITING:
        leave_queue(call, at)
    release(call, at)
    at.out.orders += [HangUp(call.id, leg.id) for leg in call.alive_legs if leg.kind is LegKind.AGENT]
    at.out.orders.append(ToFallback(call.id, call.client_leg, call.queue))
    call.outcome, call.ended_at = Outcome.FALLBACK, at.now
    call.legs[call.client_leg].ended_at = at.now  # it lives on in the dialplan, outside our application
    call.enter(S.CLEARING, at.now)
    finish_if_over(call, at)


# ── history and screens ──────────────────────────────────────────────────────


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

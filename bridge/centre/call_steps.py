"""A call on its way: who calls, the menu, the queue, the answer. One function a step.

Each is for the states that ``call_table`` names. A step never looks at agents or queues, only at the plan;
how things end is in ``call_ends``.
"""

from bridge.centre.call import Call, CallEvent, CallState, Leg, Moment, OpenOffer
from bridge.centre.call_acts import (
    enter_queue,
    finish_if_over,
    hang_up,
    hush,
    leave_queue,
    look_up,
    save,
    say,
    show_card,
    withdraw,
)
from bridge.centre.facts import (
    CallerPresented,
    CallOffered,
    Cause,
    ClientIdentified,
    DigitReceived,
    LegAnswered,
    LegJoined,
    LegRinging,
    PromptEnded,
    Timer,
    TimerFired,
    TimerKind,
    Verdict,
)
from bridge.centre.ids import agent_leg_id, recording_id
from bridge.centre.ivr import Again, MenuPosition, on_digit, on_silence
from bridge.centre.messages import Offer, OfferEnd, OfferResult
from bridge.centre.orders import (
    Answer,
    CancelReason,
    Connect,
    HangUp,
    LegKind,
    OpenTicket,
    Outcome,
    RingAgent,
    StartRecording,
    StartTimer,
    StopTimer,
)
from bridge.centre.plan import Destination, ToHangUp, ToMenu, ToQueue

S = CallState


def nothing(_: Call, __: CallEvent, ___: Moment) -> None:
    """Already known, or meant for a state that has passed: streams that are not ordered make such facts."""


def presented(call: Call, event: CallerPresented, at: Moment) -> None:
    call.number, call.name = event.number, event.name
    call.dialled, call.trunk = event.dialled, event.trunk
    look_up(call, at)


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


def offered(call: Call, event: CallOffered, at: Moment) -> None:
    known_number = call.number
    call.number, call.name = event.number, event.name
    call.dialled, call.trunk = event.dialled, event.trunk
    call.withheld = event.number is None
    if call.withheld and call.verdict is not Verdict.WITHHELD:
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


def leaving_prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    if event.prompt == call.prompt:
        call.prompt = None
        hang_up(call, at)

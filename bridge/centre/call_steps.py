"""A call on its way: who calls, the menu, the last words. One function a step.

Each is for the states that ``call_table`` names. A step never looks at agents or queues, only at the plan;
waiting is in ``queue_steps``, how things end in ``call_ends``.
"""

from bridge.centre.call import Call, CallEvent, CallState, Leg, Moment
from bridge.centre.call_acts import amend, finish_if_over, hang_up, hush, look_up, save, say, show_card
from bridge.centre.call_ways import go, lead
from bridge.centre.causes import Cause
from bridge.centre.consent import announce, is_owed
from bridge.centre.facts import (
    CallerPresented,
    CallOffered,
    ClientIdentified,
    ClientRef,
    DigitReceived,
    DirectoryAnswered,
    PromptEnded,
    Timer,
    TimerFired,
    TimerKind,
    Verdict,
)
from bridge.centre.ivr import Again, on_digit, on_silence
from bridge.centre.orders import Answer, LegKind, OpenTicket, Outcome, StartTimer, StopTimer
from bridge.centre.plan import Destination
from bridge.centre.queue_steps import known_now

S = CallState


def nothing(_: Call, __: CallEvent, ___: Moment) -> None:
    """Already known, or meant for a state that has passed: streams that are not ordered make such facts."""


def presented(call: Call, event: CallerPresented, at: Moment) -> None:
    call.number, call.name = event.number, event.name
    call.dialled, call.trunk = event.dialled, event.trunk
    look_up(call, at)


def identified(call: Call, event: ClientIdentified, at: Moment) -> None:
    """Refreshes an open card. A look-up that began before the number proved withheld is not used."""
    if not event.more:
        call.look_ups_out -= 1
    news = (event.verdict, event.e164, event.clients)
    usable = not call.withheld or event.verdict is Verdict.WITHHELD
    if usable and news != (call.verdict, call.e164, call.clients):
        call.verdict, call.e164, call.clients = news
        call.tier = event.clients[0].tier if event.verdict is Verdict.KNOWN else ""
        call.last_agent, call.last_at = event.last_agent, event.last_at
        if call.state is not S.PRESENTED:
            save(call, at)
            show_card(call, at)
    known_now(call, at)
    finish_if_over(call, at)


def directory_answered(call: Call, event: DirectoryAnswered, at: Moment) -> None:
    """Those known grow by it and never shrink: what an agent's screen shows already stays true.

    A look-up's last answer shows the card once more, without "still being asked".
    """
    if event.last:
        call.look_ups_out -= 1
    if event.e164 == call.e164 and not call.withheld:
        if not event.answered:
            call.unanswered = (*call.unanswered, event.directory)
        known = joined(call.clients, event.clients)
        if known != call.clients:
            call.clients = known
            call.verdict = Verdict.KNOWN if len(known) == 1 else Verdict.SEVERAL
            if len(known) == 1 and known[0].tier != call.tier:
                call.tier = known[0].tier
                if call.state is S.WAITING:
                    amend(call, at)
            if call.state is not S.PRESENTED:
                save(call, at)
    if call.state is not S.PRESENTED:
        show_card(call, at)
    finish_if_over(call, at)


def joined(known: tuple[ClientRef, ...], told: tuple[ClientRef, ...]) -> tuple[ClientRef, ...]:
    """Those known, as they are told of now, and behind them the others."""
    news = {client.id: client for client in told}
    stay = tuple(news.pop(client.id, client) for client in known)
    return (*stay, *news.values())


def offered(call: Call, event: CallOffered, at: Moment) -> None:
    known_number = call.number
    call.ended_at = None  # AMI may have told his end first
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
    consent = at.plan.number_consents.get(event.dialled, ())
    if is_owed(call, consent):
        announce(call, consent, destination, at)
    else:
        lead(call, destination, at)
    at.out.orders.append(OpenTicket(call.id, call.record()))


def menu_digit(call: Call, event: DigitReceived, at: Moment) -> None:
    assert call.menu is not None
    if event.leg != call.client_leg:
        return
    hush(call, at)
    call.hops = 0
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

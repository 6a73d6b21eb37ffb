"""Where a call goes: one function for each kind of destination. What happens there is in the steps."""

from datetime import timedelta
from typing import assert_never

from bridge.centre.call import Call, CallState, Moment, Waiting
from bridge.centre.call_acts import end_consent, hang_up, line_up, ring_outside, save, say, start_timer
from bridge.centre.consent import announce, comes_under, is_owed, queue_of
from bridge.centre.facts import TimerKind
from bridge.centre.ids import AgentId
from bridge.centre.ivr import MenuPosition
from bridge.centre.orders import (
    EnterWaitingRoom,
    LeaveWaitingRoom,
    Outcome,
)
from bridge.centre.plan import (
    NO_AGENTS,
    Destination,
    Queue,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from bridge.centre.speech import BEEP
from bridge.centre.strategies import joined, qualifies

S = CallState

# Destinations without a word from the caller between them: more would be a circle in the plan.
MOST_HOPS = 20
# A queue with sticky agents asks who served the caller last before it offers him to anybody, but not longer.
_ASKING = timedelta(seconds=0.1)


def go(call: Call, destination: Destination, at: Moment) -> None:
    lead(call, destination, at)
    save(call, at)


def lead(call: Call, destination: Destination, at: Moment) -> None:
    """As ``go``, for who keeps the call himself."""
    call.menu = None
    call.hops += 1
    if call.hops > MOST_HOPS or not at.plan.knows(destination):
        destination = NO_AGENTS
    told_there = call.consent is not None and call.consent.queue is not None
    if (call.state is S.WAITING or told_there) and not isinstance(destination, ToQueue | ToAgent):
        at.out.orders.append(LeaveWaitingRoom(call.id, call.client_leg))
    comes_to = queue_of(destination, at.plan)
    if comes_to is not None and is_owed(call, comes_to.consent):
        announce(call, comes_to.consent, destination, at, comes_to)
        return
    match destination:
        case ToMenu(menu=menu):
            call.enter(S.MENU, at.now)
            say(call, at.plan.menus[menu].greeting, at)
            call.menu = MenuPosition(menu)
        case ToQueue():
            enter_queue(call, destination, at)
        case ToAgent(agent=agent, queue=queue, hold=hold):
            enter_queue(call, ToQueue(queue), at, agent, hold)
        case ToHangUp(sounds=sounds) if sounds:
            call.enter(S.LEAVING, at.now)
            say(call, sounds, at)
        case ToHangUp():
            hang_up(call, at)
        case ToVoicemail():
            call.enter(S.VOICEMAIL, at.now)
            call.voicemail = destination
            say(call, (*destination.sounds, BEEP), at)
        case ToNumber():
            ring_number(call, destination, at)
        case _:
            assert_never(destination)


def after_consent(call: Call, at: Moment) -> None:
    """The announcement is over, heard or not: where he was going. A queue may have one more of its own."""
    assert call.consent is not None
    go(call, call.consent.bound_for, at)
    if call.state is not S.CONSENT:
        end_consent(call, at)


def overflow(call: Call, destination: Destination, outcome: Outcome, at: Moment) -> None:
    """The queue did not serve him. Unless that is the end, what comes next decides on the outcome."""
    call.unserved = outcome
    if isinstance(destination, ToHangUp):
        call.outcome = outcome
    go(call, destination, at)


# ── queues ───────────────────────────────────────────────────────────────────


def enter_queue(
    call: Call, to: ToQueue, at: Moment, agent: AgentId | None = None, hold: timedelta | None = None
) -> None:
    """``agent``: whom he asked for by name, and ``hold`` how long he waits for him alone."""
    queue = at.plan.queues[to.queue]
    if call.waiting is not None:
        place = call.waiting.place
    else:
        from_consent = call.consent.place if call.consent is not None else None
        place = from_consent or call.kept_place or at.next_place()
    call.waiting = Waiting(place, to.needs, to.priority, queue.level_at_entry, at.now)
    call.queue = queue.name
    call.queued_at = call.queued_at or at.now
    call.enter(S.WAITING, at.now)
    comes_under(call, queue, at)
    at.out.orders.append(EnterWaitingRoom(call.id, call.client_leg, queue.music, queue.name))
    if queue.greeting:
        say(call, queue.greeting, at)
    _start_timers(call, queue, at)
    if agent is not None and hold is not None:
        hold_for(call, agent, hold, at)
    elif queue.sticky and call.look_ups_out > 0 and call.verdict is None:
        call.waiting.asking = True
        start_timer(call, TimerKind.HOLD, _ASKING, at)
        return
    else:
        prefer_last_agent(call, queue, at)
    line_up(call, at)


def rejoin(call: Call, at: Moment) -> None:
    """Back where he was, with all that he had: the agent was gone before the media met."""
    assert call.queue is not None
    queue = at.plan.queues[call.queue]
    assert call.waiting is not None
    call.waiting.preferred = None
    call.legs[call.client_leg].seat = None
    call.enter(S.WAITING, at.now)
    at.out.orders.append(EnterWaitingRoom(call.id, call.client_leg, queue.music, queue.name))
    _start_timers(call, queue, at)
    line_up(call, at, again=True)


def _start_timers(call: Call, queue: Queue, at: Moment) -> None:
    assert call.waiting is not None
    if queue.max_wait is not None:
        since = call.waiting.since or at.now
        waited = min(max(at.now - since, timedelta(0)), queue.max_wait)
        start_timer(call, TimerKind.MAX_WAIT, queue.max_wait - waited, at)
    widen_later(call, queue, at)
    announce = queue.announce
    if announce.position or announce.expected_wait:
        start_timer(call, TimerKind.POSITION, announce.first, at)
    if announce.sounds:
        start_timer(call, TimerKind.PERIODIC, announce.sounds_every, at)


def widen_later(call: Call, queue: Queue, at: Moment) -> None:
    """The next step of the queue's widening, counted from the last one."""
    assert call.waiting is not None
    level = call.waiting.level
    if level < len(queue.widening):
        done = queue.widening[level - 1].after if level else timedelta(0)
        start_timer(call, TimerKind.WIDEN, queue.widening[level].after - done, at)


def hold_for(call: Call, agent: AgentId, hold: timedelta, at: Moment) -> None:
    assert call.waiting is not None
    call.waiting.preferred, call.waiting.held = agent, True
    start_timer(call, TimerKind.HOLD, hold, at)


def prefer_last_agent(call: Call, queue: Queue, at: Moment) -> None:
    """The agent who served him last, if that was not long ago and he serves this queue."""
    agent, last_at = call.last_agent, call.last_at
    if not queue.sticky or agent is None or last_at is None or at.now - last_at > queue.sticky_within:
        return
    if any(member.agent == agent for member in queue.members) and _fits(call, agent, queue, at):
        hold_for(call, agent, queue.sticky, at)


def _fits(call: Call, agent: AgentId, queue: Queue, at: Moment) -> bool:
    """What he needs this time, the last one may lack."""
    needs = call.waiting.needs if call.waiting is not None else ()
    return qualifies(at.plan.agents[agent].skills, joined(queue.needs, needs))


# ── an outside number ────────────────────────────────────────────────────────


def ring_number(call: Call, to: ToNumber, at: Moment) -> None:
    call.enter(S.FORWARDING, at.now)
    call.forward = to
    say(call, ("callbridge/forwarding",), at)
    ring_outside(call, to, at)

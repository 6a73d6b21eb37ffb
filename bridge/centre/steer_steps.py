"""A CRM steers a caller whom nobody talks with: to somebody else, or away. The plan bounds what is obeyed.

A reply may come while he is told that he is recorded, in a menu, or waits, also when a phone rings for him
already. Of a call that somebody answers meanwhile it changes nothing: who asks a CRM first may be late.
"""

from dataclasses import replace
from typing import assert_never

from bridge.centre.call import Call, CallState, Moment
from bridge.centre.call_acts import RING, end_consent, hang_up, hush, leave_queue, save
from bridge.centre.call_ways import go
from bridge.centre.causes import Cause
from bridge.centre.facts import CallSteered, Timer, TimerKind
from bridge.centre.ids import AgentId, QueueName
from bridge.centre.orders import NoteAudit, Outcome, StopTimer
from bridge.centre.plan import Destination, Target, TargetKind, ToAgent, ToQueue
from bridge.centre.wish_facts import Refusal

S = CallState
STEERED, NOT_STEERED = "call.steered", "call.not_steered"  # audit actions
_CAUSES = {Refusal.BUSY: Cause.USER_BUSY, Refusal.REJECTED: Cause.CALL_REJECTED}


def steered(call: Call, event: CallSteered, at: Moment) -> None:
    """Where there is nobody or nothing of that name, or no agent may call the number, he stays as he is."""
    if call.answered_at is not None:
        ignored(call, event, at)  # passed on: whoever talked with him has said where to
        return
    if event.refusal is not None:
        _note(call, event, event.refusal.value, at)
        _refuse(call, event.refusal, at)
        return
    to = _destination(call, event.to, at) if event.to is not None else None
    if to is None:
        ignored(call, event, at)
        return
    _note(call, event, str(event.to), at)
    if call.consent is not None:
        call.consent.bound_for = to  # what he is being told he hears to its end
        save(call, at)
        return
    if call.state is S.WAITING:
        leave_queue(call, at)
    at.out.orders.append(StopTimer(Timer(TimerKind.MENU, call.id)))
    hush(call, at)
    call.hops = 0
    go(call, to, at)


def ignored(call: Call, event: CallSteered, at: Moment) -> None:
    """Of a call that was answered, goes out or is not ours; or to where the plan does not lead."""
    _note(call, event, event.refusal.value if event.refusal is not None else str(event.to), at, NOT_STEERED)


def _refuse(call: Call, refusal: Refusal, at: Moment) -> None:
    if call.state is S.WAITING:
        leave_queue(call, at)
    end_consent(call, at)
    call.outcome = Outcome.REFUSED
    hang_up(call, at, _CAUSES[refusal])
    save(call, at)


def _destination(call: Call, target: Target, at: Moment) -> Destination | None:
    """Who is not reached by it comes to the queue that he was in, as whom nobody has steered."""
    queue = call.queue if call.queue in at.plan.queues else None
    match target.kind:
        case TargetKind.QUEUE if target.name in at.plan.queues:
            return ToQueue(QueueName(target.name))
        case TargetKind.AGENT if target.name in at.plan.agents:
            agent = AgentId(target.name)
            then = queue or at.plan.wrap_up_of(agent)
            return ToAgent(agent, then, RING) if then is not None else None
        case TargetKind.NUMBER:
            number = at.plan.outside_number(target.name)
            if number is None or queue is None:
                return number
            return replace(number, otherwise=ToQueue(queue))
        case TargetKind.QUEUE | TargetKind.AGENT | TargetKind.SUPERVISOR:
            return None
        case _:
            assert_never(target.kind)


def _note(call: Call, event: CallSteered, what: str, at: Moment, action: str = STEERED) -> None:
    at.out.orders.append(NoteAudit(call.id, at.now, event.by, action, call.id, what))

"""What a caller is told before he is recorded, and whether he may be. Fail closed: who was not told is not.

Owns the announcement under way, what has been announced, and whether it is enough for a queue.
Where the caller goes afterwards is in ``call_ways``, what happens meanwhile in ``consent_steps``.
"""

from bridge.centre.call import Announcement, Call, CallState, Consent, Moment
from bridge.centre.call_acts import record, say, stop_recording
from bridge.centre.ids import QueueName
from bridge.centre.orders import EnterWaitingRoom
from bridge.centre.plan import Destination, Plan, Queue, Target, TargetKind, ToAgent, ToQueue


def queue_of(destination: Destination, plan: Plan) -> Queue | None:
    """The queue that it leads to, by way of its agent too."""
    return plan.queues.get(destination.queue) if isinstance(destination, ToQueue | ToAgent) else None


def is_owed(call: Call, sounds: tuple[str, ...]) -> bool:
    """Whether they are still to be said: once in a call, also when they could not be played."""
    return bool(sounds) and all(one.sounds != sounds for one in call.announced)


def announce(
    call: Call, sounds: tuple[str, ...], bound_for: Destination, at: Moment, queue: Queue | None = None
) -> None:
    """Say them, then go on. ``queue``: whose they are, None for the number's.

    One after another, each a prompt of its own: of several in one, Asterisk tells only whether the last could
    be played. Who goes to a queue keeps the place of this moment.
    """
    place = call.consent.place if call.consent is not None else None
    if call.waiting is None and queue_of(bound_for, at.plan) is not None:
        place = place or call.kept_place or at.next_place()
    call.consent = Consent(sounds, bound_for, queue.name if queue is not None else None, place)
    call.enter(CallState.CONSENT, at.now)
    make_room(call, at)
    say(call, sounds[:1], at)


def make_room(call: Call, at: Moment) -> None:
    """Out of whatever he was in: for a queue's announcement he is where he will wait."""
    consent = call.consent
    queue = at.plan.queues.get(consent.queue) if consent is not None and consent.queue is not None else None
    if queue is not None:
        at.out.orders.append(EnterWaitingRoom(call.id, call.client_leg, queue.music, queue.name))


def announced(call: Call, *, heard: bool) -> None:
    assert call.consent is not None
    call.announced.append(Announcement(call.consent.sounds, heard))


# ── whether he is recorded ───────────────────────────────────────────────────


def may_record(call: Call, queue: Queue) -> bool:
    """A queue without words of its own goes by the last ones said."""
    if not queue.record:
        return False
    if queue.consent:
        return any(one.heard for one in call.announced if one.sounds == queue.consent)
    return not call.announced or call.announced[-1].heard


def comes_under(call: Call, queue: Queue, at: Moment) -> None:
    """He has come into this queue: from now on he is recorded as it says, when he talks there."""
    call.off_record = not may_record(call, queue)
    if call.off_record:
        stop_recording(call, at)


def is_joined_by(call: Call, target: Target, at: Moment) -> None:
    """Who answered for it was consulted first, and talks with him now.

    Of a queue: he has not been through it, so nothing could be announced.
    """
    queue = at.plan.queues.get(QueueName(target.name)) if target.kind is TargetKind.QUEUE else None
    if queue is None:
        return
    if not queue.record:
        comes_under(call, queue, at)
    elif not call.is_recorded and may_record(call, queue):
        call.off_record = False
        record(call, at)

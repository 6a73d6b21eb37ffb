"""Whose sound comes to a leg, and the recorder that must be begun anew when that changes.

What listens to a leg inside Asterisk, a recorder or an ear, goes deaf when one phone's sound comes in the
place of another's: it takes the new one's packets for late ones of the former, until their numbers have
caught up, which may be never (Debian's 22.10, by a patch of its own, see decision 0024: 4 of 6 recordings
had not a word of who took the client). The sound of several together has numbers as well: its beginning may
be missed, who stays when one of them has left, and whoever is alone with the client after it for some four
seconds (22.10: 9 of 12). Begun anew it hears. Music has no such numbers.
"""

from datetime import timedelta

from bridge.centre.call import Call, CallState, Leg, Moment, Seat
from bridge.centre.facts import LegJoined, LegLeft
from bridge.centre.ids import ConversationId, LegId, consultation_id, conversation_id, recording_id
from bridge.centre.orders import StartRecording
from bridge.centre.record import LegKind

_PERHAPS_BETWEEN = timedelta(minutes=2)  # until a process is back that was killed in the midst of it


def room_of(call: Call, leg: Leg) -> ConversationId | None:
    """The Conversation in which it sits."""
    match leg.seat:
        case Seat.TALK:
            return conversation_id(call.id)
        case Seat.CONSULT:
            return consultation_id(call.id, len(call.transfers))
        case _:
            return None


def source_of(call: Call, leg: Leg) -> LegId | None:
    """The one whom it hears; None for nobody, and for several."""
    room = room_of(call, leg)
    if room is None:
        return None
    others = [one.id for one in call.alive_legs if one is not leg and one.seat is leg.seat]
    others += [watch.leg for watch in call.watches.values() if watch.room == room]
    return others[0] if len(others) == 1 else None


def inside(call: Call, event: LegJoined, _: Moment) -> None:
    call.joined.add(event.leg)


def outside(call: Call, event: LegLeft, _: Moment) -> None:
    call.joined.discard(event.leg)


def record_on(call: Call, at: Moment) -> None:
    """After every step: whoever talks with the client now is recorded too.

    By what Asterisk tells and not by what was ordered: begun anew before the others' sound comes, the
    recorder is as deaf as it was.
    """
    heard = _heard(call)
    if not heard or not call.is_recorded or call.cut:
        return
    if call.heard not in (None, heard):
        call.anew_at = at.now
        begin_anew(call, at)
    call.heard = heard


def begin_anew(call: Call, at: Moment) -> None:
    recording = recording_id(call.id, call.recordings)
    muted = call.paused is not None
    # In a direct call somebody is in the bridge as soon as his phone answers, and may not speak yet.
    direct = call.state is CallState.OUTSIDE
    anew = StartRecording(call.id, call.recorded_leg, recording, True, muted, just_answered=direct)
    at.out.orders.append(anew)


def begin_anew_again(call: Call, at: Moment) -> None:
    """A process that ended between the recorder's stop and its start has left the call without one."""
    recently = call.anew_at is not None and abs(at.now - call.anew_at) < _PERHAPS_BETWEEN
    if recently and call.is_recorded and not call.cut:
        begin_anew(call, at)


def _heard(call: Call) -> frozenset[LegId]:
    """By the client; empty while he hears music, or nobody knows."""
    if call.state is CallState.OUTSIDE:  # AMI tells of it afterwards, once they are in one bridge
        talkers = (leg for leg in call.alive_legs if leg.seat is Seat.TALK and leg.kind is not LegKind.CLIENT)
        return frozenset(leg.id for leg in talkers)
    return frozenset(call.joined - {call.client_leg}) if call.client_leg in call.joined else frozenset()

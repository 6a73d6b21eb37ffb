"""When nothing of a call's recordings may be heard: the account of it. Who may wish it is the steps' affair.

A pause is the call's, not who wished it: it outlasts holds, transfers and recorders that are begun anew, and
whoever has the client then may end it. It ends with the talk at the latest.
"""

from dataclasses import replace
from datetime import datetime

from bridge.centre.call import Call, CallState
from bridge.centre.ids import recording_id
from bridge.centre.record import PauseRecord

S = CallState
_NO_TALK = (S.VOICEMAIL, S.LEAVING, S.CLEARING, S.ENDED)


def talk_is_recorded(call: Call) -> bool:
    """A talk, at this moment; whether or not it is paused."""
    return call.is_recorded and not _is_over(call)


def _is_over(call: Call) -> bool:
    """Also when the client has left those with whom he talked: it was his channel that was recorded."""
    client = call.legs.get(call.client_leg)
    return call.state in _NO_TALK or (client is not None and not client.alive)


def begin_pause(call: Call, now: datetime, by: str) -> PauseRecord:
    recording = recording_id(call.id, call.recordings)
    pause = PauseRecord(len(call.pauses) + 1, recording, by, now)
    call.pauses.append(pause)
    return pause


def end_pause(call: Call, now: datetime, by: str = "") -> None:
    """The one that goes on, if there is one. A clock that was set back does not turn it round."""
    pause = call.paused
    if pause is not None:
        call.pauses[-1] = replace(pause, ended_at=max(now, pause.begun_at), ended_by=by)


def end_pause_if_over(call: Call, now: datetime) -> None:
    if call.paused is not None and _is_over(call):
        end_pause(call, now)

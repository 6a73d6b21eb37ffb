"""The steps of a pause of a call's recording: it is wished, Asterisk confirms it, or the recording is cut.

Whatever Asterisk does, the pause is in the call's record from the moment of the wish. What cannot be muted
for certain is stopped; what is said after the pause is a recording of its own then.
"""

from dataclasses import replace

from bridge.centre.call import Call, Moment
from bridge.centre.call_acts import record, save
from bridge.centre.facts import RecordingCut, RecordingPaused, RecordingPauseWished
from bridge.centre.ids import RecordingId, recording_id
from bridge.centre.orders import MuteRecording, NoteAudit
from bridge.centre.pauses import begin_pause, end_pause, talk_is_recorded


def wished(call: Call, event: RecordingPauseWished, at: Moment) -> None:
    """What is so already, and a call of which nothing is recorded now, stay as they are."""
    if not talk_is_recorded(call) or event.paused is (call.paused is not None):
        return
    if event.paused:
        pause = begin_pause(call, at.now, event.by)
    else:
        pause = call.pauses[-1]
        end_pause(call, at.now, event.by)
    _note(call, "recording.pause" if event.paused else "recording.resume", event.by, pause.recording, at)
    if call.cut:
        record(call, at)
    else:
        mute(call, at)
    save(call, at)


def mute(call: Call, at: Moment) -> None:
    """The recorder as it should be now; to be told twice does no harm."""
    recording = recording_id(call.id, call.recordings)
    at.out.orders.append(MuteRecording(call.id, call.recorded_leg, recording, call.paused is not None))


def confirmed(call: Call, event: RecordingPaused, at: Moment) -> None:
    """Of a recorder that was begun anew meanwhile it is told again: the first time counts."""
    pause = call.paused
    if pause is None or call.cut or pause.recording != event.recording or pause.confirmed_at is not None:
        return
    call.pauses[-1] = replace(pause, confirmed_at=at.now)
    save(call, at)


def cut(call: Call, event: RecordingCut, at: Moment) -> None:
    """It may be told twice. Where nobody wishes silence any more, it is recorded on at once."""
    current = recording_id(call.id, call.recordings)
    if call.cut or event.recording != current or not call.pauses or not talk_is_recorded(call):
        return
    _note(call, "recording.cut", call.pauses[-1].by, current, at)
    if call.paused is None:
        record(call, at)
    else:
        call.cut = True
        unconfirm(call, at)
    save(call, at)


def unconfirm(call: Call, at: Moment) -> None:
    """What its recorder does is not known any more."""
    pause = call.paused
    if pause is not None and pause.confirmed_at is not None:
        call.pauses[-1] = replace(pause, confirmed_at=None)
        save(call, at)


def _note(call: Call, action: str, by: str, recording: RecordingId, at: Moment) -> None:
    at.out.orders.append(NoteAudit(call.id, at.now, by, action, recording))

"""Where in its file a pause of a recording is, and what of it must be silent. Pure: times in, places out.

A file's time is not a clock's. While no frame comes the recorder writes nothing, and when it is begun anew
some 60 ms are missing (docs/decisions/0024): so what was said at ``t`` stands at ``t - begun`` at the latest,
and at the earliest as far before the file's end as ``t`` was before the recorder's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.centre.facts import RecordingCut, RecordingEnded, RecordingStarted
from bridge.centre.ids import RecordingId
from bridge.centre.record import PauseRecord
from bridge.store.rows import CallTimes, FactRow

MARGIN = timedelta(milliseconds=300)  # clocks, the 100 ms by which two sides may differ, a mute's own delay
TOLD_LATE = timedelta(seconds=1)  # how long after the recorder began we may have been told so
_STARTED, _ENDED = RecordingStarted.__name__, RecordingEnded.__name__
_CUT = RecordingCut.__name__  # it could not be muted for certain, and was stopped for good
RECORDER_FACTS = (_STARTED, _ENDED, _CUT)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorder ran from ``begun_at`` on, not earlier, until ``ended_at``, not later, and left so much."""

    begun_at: datetime
    ended_at: datetime
    length_ms: float

    @property
    def missing(self) -> timedelta:
        """At most so much of what it should have heard is not in the file."""
        return self.ended_at - self.begun_at - timedelta(milliseconds=self.length_ms)

    def earliest(self, at: datetime) -> float:
        """Milliseconds from the file's beginning, maybe outside the file."""
        return min(self._places(at))

    def latest(self, at: datetime) -> float:
        return max(self._places(at))

    def _places(self, at: datetime) -> tuple[float, float]:
        return (at - self.begun_at) / _MS, self.length_ms - (self.ended_at - at) / _MS


@dataclass(frozen=True, slots=True)
class Stretch:
    """Of a file, in milliseconds from its beginning. Empty where it ends as it begins."""

    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Silence:
    """``whole`` holds all of the pause, wherever it is exactly.

    ``inner`` is certainly a part of it, and later than the recorder was said to be muted; None: nothing is.
    ``edges``, before and behind ``inner``, hold what else of the pause there may be.
    """

    whole: Stretch
    inner: Stretch | None = None
    edges: tuple[Stretch, ...] = ()


def silence_of(pause: PauseRecord, recorded: Recorded) -> Silence:
    """A pause that was never ended lasts until the recording's end."""
    margin, end = MARGIN / _MS, math.ceil(recorded.length_ms)

    def clamped(ms: int) -> int:
        return min(max(0, ms), end)

    until = pause.ended_at or recorded.ended_at
    first = clamped(math.floor(recorded.earliest(pause.begun_at) - margin))
    last = end if pause.ended_at is None else clamped(math.ceil(recorded.latest(until) + margin))
    whole = Stretch(first, max(first, last))
    if pause.confirmed_at is None:
        return Silence(whole)
    muted = clamped(math.ceil(recorded.latest(pause.confirmed_at) + margin))
    certain = recorded.earliest(until) - (0 if pause.ended_at is None else margin)
    unmuted = clamped(math.floor(certain))
    if unmuted <= muted:
        return Silence(whole)
    # The recorder is told to write again only when the pause has ended: of that edge no margin is needed.
    behind = end if pause.ended_at is None else clamped(math.ceil(recorded.latest(until)))
    return Silence(whole, Stretch(muted, unmuted), (Stretch(first, muted), Stretch(unmuted, behind)))


def recorded_of(
    recording: RecordingId, times: CallTimes, facts: Sequence[FactRow], length_ms: float
) -> Recorded:
    """Of an ended call's recorder. ``facts``: of the recorders of this call, oldest first.

    Nobody records before the call is answered, nor after its end. The facts come nearer: that it began may
    have been told late, that it ended cannot have been told before. Facts that are not written yet widen it,
    and an end before which so much cannot have been recorded is none.
    """
    if times.ended_at is None:
        raise ValueError("the call has not ended")
    ours = [fact for fact in facts if fact.body.get("recording") == recording]
    begun, ended = times.answered_at or times.offered_at, times.ended_at
    started = [fact.at for fact in ours if fact.type == _STARTED]
    if started:
        begun = max(begun, min(started) - TOLD_LATE)
    ends = [fact.at for fact in ours if fact.type == _CUT]
    ends += [fact.at for fact in ours[-1:] if fact.type == _ENDED]
    length = timedelta(milliseconds=length_ms)
    ended = min([ended, *(at for at in ends if at - begun >= length)])
    return Recorded(min(begun, ended - length), ended, length_ms)

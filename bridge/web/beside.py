"""Owns what is said beside a recording: where it was paused, and who was on the agent's side when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.centre.record import Segment
from bridge.store import Unit
from bridge.store.rows import PauseRow, RecordingRow

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``from_ms`` until ``until_ms`` of the recording. The recorder leaves out a moment now and then, so
    these are what the clock said: up to a second late."""

    from_ms: int
    until_ms: int
    agent: str | None  # None: a number outside
    doing: str  # Doing value


@dataclass(frozen=True, slots=True)
class Beside:
    pauses: tuple[PauseRow, ...] = ()
    timeline: tuple[Span, ...] = ()

    @property
    def people(self) -> dict[str | None, list[Span]]:
        """The timeline by who it was, in the order in which they came."""
        found: dict[str | None, list[Span]] = {}
        for span in self.timeline:
            found.setdefault(span.agent, []).append(span)
        return found


async def beside(unit: Unit, recordings: Sequence[RecordingRow]) -> dict[str, Beside]:
    """By recording. One that has no file yet, or none any more, has no timeline."""
    segments = await unit.talks.segments_of_calls({recording.call for recording in recordings})
    pauses: dict[str, list[PauseRow]] = {recording.id: [] for recording in recordings}
    for row in await unit.pauses.of_recordings(list(pauses)):
        pauses[row.pause.recording].append(row)
    return {
        recording.id: Beside(
            tuple(pauses[recording.id]), _timeline(recording, segments.get(recording.call, ()))
        )
        for recording in recordings
    }


def _timeline(recording: RecordingRow, segments: Sequence[Segment]) -> tuple[Span, ...]:
    if recording.attached_at is None or recording.removed_at is not None:
        return ()
    begun = recording.begun_at or recording.created_at  # an earlier version did not keep it

    def place(at: datetime) -> int:
        return min(max(0, round((at - begun) / _MS)), recording.duration_ms)

    spans = (
        Span(
            place(one.since),
            place(one.until) if one.until is not None else recording.duration_ms,
            one.agent,
            one.doing.value,
        )
        for one in segments
    )
    return tuple(span for span in spans if span.from_ms < span.until_ms)

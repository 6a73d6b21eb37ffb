"""When a recorder ran, by what was told of it and of its call: as near as is certain."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre.ids import RecordingId
from bridge.crm.silences import Recorded, recorded_of
from bridge.store.rows import CallTimes, FactRow

T0 = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
FIRST, SECOND = RecordingId("c1-rec-1"), RecordingId("c1-rec-2")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def fact(recording: RecordingId, type: str, seconds: float) -> FactRow:
    return FactRow(1, at(seconds), "c1", type, {"call": "c1", "recording": recording})


TIMES = CallTimes(at(0), at(10), at(70))
BEGAN, STOPPED = fact(FIRST, "RecordingStarted", 10.2), fact(FIRST, "RecordingEnded", 30)
CUT = fact(FIRST, "RecordingCut", 30)
ANEW, OVER = fact(SECOND, "RecordingStarted", 45), fact(SECOND, "RecordingEnded", 70.01)


@pytest.mark.parametrize(
    ("recording", "facts", "length", "begun", "ended"),
    [
        (FIRST, [], 59.0, 10, 70),  # the log is behind, or there is none
        (FIRST, [BEGAN], 59.0, 10, 70),  # told after it began, and nobody records before the answer
        (FIRST, [BEGAN, STOPPED, ANEW, OVER], 19.0, 10, 30),
        (SECOND, [BEGAN, STOPPED, ANEW, OVER], 24.9, 44, 70),
        (SECOND, [BEGAN, STOPPED], 24.9, 10, 70),
        (SECOND, [ANEW, OVER, fact(SECOND, "RecordingStarted", 71)], 24.9, 44, 70),
        (SECOND, [ANEW, OVER], 40.0, 30, 70),  # it has recorded more than it can have since it was told
        (FIRST, [BEGAN, STOPPED, BEGAN], 59.0, 10, 70),  # it was not over
        (FIRST, [BEGAN, CUT, fact(FIRST, "RecordingEnded", 70)], 19.0, 10, 30),  # snoops' end comes late
        (FIRST, [BEGAN, CUT], 25.0, 10, 70),  # it was not stopped: there is more than until then
    ],
)
def test_when_a_recorder_ran(
    recording: RecordingId, facts: list[FactRow], length: float, begun: float, ended: float
) -> None:
    expected = Recorded(at(begun), at(ended), length * 1000)
    assert recorded_of(recording, TIMES, facts, length * 1000) == expected


def test_of_a_call_that_goes_on_nothing_is_known() -> None:
    with pytest.raises(ValueError, match="not ended"):
        recorded_of(FIRST, CallTimes(at(0), at(10), None), [], 1000)

"""Whatever a recorder left out, and however roughly its times are known: all of a pause is made silent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.centre.ids import RecordingId
from bridge.centre.record import PauseRecord
from bridge.crm.silences import Recorded, silence_of

BEGUN = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
ROUNDING = 0.01  # ms: times are kept in microseconds
RAN = st.integers(0, 3_600_000)
LOST = st.lists(st.tuples(st.integers(0, 3_600_000), st.integers(1, 60_000)), max_size=6)
ROUGH = st.one_of(st.just(0), st.integers(0, 90_000))


def at(ms: float) -> datetime:
    return BEGUN + timedelta(milliseconds=ms)


def place_of(ms: float, ran: int, lost: list[tuple[int, int]]) -> float:
    """Where in the file stands what was said then. ``lost``: from when on nothing was written, for how long.

    Two of them at once leave out no more than the time itself.
    """
    gone, until = 0.0, 0.0
    for begin, length in sorted(lost):
        first, last = max(begin, until), min(begin + length, max(0.0, min(ms, ran)))
        gone += max(0.0, last - first)
        until = max(until, last)
    return max(0.0, min(ms, ran)) - gone


@given(
    ran=RAN,
    lost=LOST,
    early=ROUGH,
    late=ROUGH,
    moments=st.tuples(*[st.integers(-5_000, 3_605_000)] * 3).map(sorted),
    confirmed=st.booleans(),
    ended=st.booleans(),
)
def test_all_of_a_pause_is_in_it_and_nothing_else_is_certain(
    ran: int,
    lost: list[tuple[int, int]],
    early: int,
    late: int,
    moments: list[int],
    confirmed: bool,
    ended: bool,
) -> None:
    begun, muted, over = moments
    length = place_of(ran, ran, lost)
    recorded = Recorded(at(-early), at(ran + late), length)
    pause = PauseRecord(
        1,
        RecordingId("c1-rec-1"),
        "agent 1001",
        at(begun),
        at(muted) if confirmed else None,
        at(over) if ended else None,
    )
    silence = silence_of(pause, recorded)
    first = place_of(begun, ran, lost)
    last = place_of(over, ran, lost) if ended else length
    assert 0 <= silence.whole.from_ms <= first + ROUNDING
    assert last - ROUNDING <= silence.whole.until_ms <= length + 1
    if not confirmed:
        assert silence.inner is None
    if silence.inner is not None:
        assert place_of(muted, ran, lost) - ROUNDING <= silence.inner.from_ms < silence.inner.until_ms
        assert silence.inner.until_ms <= last + ROUNDING
        before, behind = silence.edges
        assert before.until_ms == silence.inner.from_ms
        assert behind.from_ms == silence.inner.until_ms
        assert before.from_ms == silence.whole.from_ms
        assert last - ROUNDING <= behind.until_ms <= silence.whole.until_ms
    else:
        assert silence.edges == ()


@given(ran=st.integers(10_000, 600_000), begun=st.integers(1_000, 4_000), lasts=st.integers(1_000, 5_000))
def test_with_nothing_lost_and_times_that_are_known_it_is_the_pause_and_the_margins(
    ran: int, begun: int, lasts: int
) -> None:
    recorded = Recorded(BEGUN, at(ran), float(ran))
    pause = PauseRecord(1, RecordingId("c1-rec-1"), "agent 1001", at(begun), at(begun), at(begun + lasts))
    silence = silence_of(pause, recorded)
    assert (silence.whole.from_ms, silence.whole.until_ms) == (begun - 300, begun + lasts + 300)
    assert silence.inner is not None
    assert (silence.inner.from_ms, silence.inner.until_ms) == (begun + 300, begun + lasts - 300)
    assert silence.edges[-1].until_ms == begun + lasts

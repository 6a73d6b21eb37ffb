"""How long each did what: sums of segments."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.centre.ids import AgentId, LegId
from bridge.centre.record import Doing, Segment, WrapUp
from bridge.centre.spent import on_hold, spent, talked
from tests.fakes.world import ANNA, BORIS, START

FIRST, SECOND, THIRD = (LegId(f"c-agent-{number}") for number in (1, 2, 3))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def did(leg: LegId, agent: AgentId | None, doing: Doing, since: float, until: float | None) -> Segment:
    return Segment(leg, agent, doing, at(since), None if until is None else at(until))


CALL = (
    did(FIRST, ANNA, Doing.TALK, 0, 30),
    did(FIRST, ANNA, Doing.HOLD, 30, 35),
    did(FIRST, ANNA, Doing.CONSULT, 35, 55),
    did(SECOND, BORIS, Doing.CONSULT, 35, 55),
    did(FIRST, ANNA, Doing.TALK, 55, 60),  # she turns to her client
    did(SECOND, BORIS, Doing.HELD, 55, 60),
    did(FIRST, ANNA, Doing.CONFERENCE, 60, 80),
    did(SECOND, BORIS, Doing.CONFERENCE, 60, 80),
    did(SECOND, BORIS, Doing.TALK, 80, 100),
)


def test_each_ones_time_and_the_calls() -> None:
    anna, boris = spent(CALL, [WrapUp(ANNA, at(80), at(90)), WrapUp(ANNA, at(95), at(96))], at(100))
    assert [one.total_seconds() for one in anna.times] == [35, 5, 20, 0, 20, 11]
    assert [one.total_seconds() for one in boris.times] == [20, 0, 20, 5, 20, 0]
    assert (anna.agent, boris.agent) == (ANNA, BORIS)
    assert talked(CALL, at(100)) == timedelta(seconds=75)
    assert on_hold(CALL, at(100)) == timedelta(seconds=25)


def test_what_goes_on_is_counted_until_now_and_never_backwards() -> None:
    goes_on = [did(FIRST, ANNA, Doing.TALK, 10, None)]
    assert talked(goes_on, at(25)) == timedelta(seconds=15)
    assert talked(goes_on, at(5)) == timedelta(0)


def test_who_is_on_two_lines_does_it_once() -> None:
    lines = [did(FIRST, ANNA, Doing.CONSULT, 0, 20), did(THIRD, ANNA, Doing.CONSULT, 5, 20)]
    (anna,) = spent(lines, [], at(20))
    assert anna.doing == {Doing.CONSULT: timedelta(seconds=20)}


def test_a_number_outside_and_who_only_wrapped_up() -> None:
    found = spent([did(SECOND, None, Doing.TALK, 0, 9)], [WrapUp(BORIS, at(9), at(12))], at(20))
    assert [(one.agent, one.wrap_up.total_seconds()) for one in found] == [(None, 0), (BORIS, 3)]
    assert spent([], [], at(0)) == ()


_spans = st.lists(
    st.tuples(
        st.sampled_from([ANNA, BORIS, None]), st.sampled_from(Doing), st.integers(0, 99), st.integers(0, 99)
    ),
    max_size=12,
)


@given(_spans)
def test_sums_are_what_counting_each_second_says(spans: list[tuple[AgentId | None, Doing, int, int]]) -> None:
    segments = [
        did(FIRST, agent, doing, min(since, until), max(since, until)) for agent, doing, since, until in spans
    ]

    def seconds(*doings: Doing) -> set[int]:
        return {
            second
            for one in segments
            if one.doing in doings
            for second in range(
                int((one.since - START).total_seconds()), int(((one.until or START) - START).total_seconds())
            )
        }

    talk = seconds(Doing.TALK, Doing.CONFERENCE)
    assert talked(segments, at(0)).total_seconds() == len(talk)
    assert on_hold(segments, at(0)).total_seconds() == len(seconds(Doing.HOLD, Doing.CONSULT) - talk)

"""What is sent for one member of one of Asterisk's queues."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ami import NativeMember
from bridge.ami.native_queues import Had, Step, steps, text
from tests.unit.ami.members import SUPPORT, VERA, paused, ready

PLACE = {"Queue": "support", "Interface": "PJSIP/1003"}


def test_who_is_missing_is_added_as_he_is_wanted() -> None:
    (step,) = steps(SUPPORT, VERA, paused(VERA, "lunch", 3), None)

    assert step == Step(
        "QueueAdd",
        PLACE
        | {
            "MemberName": "Вера",
            "StateInterface": "PJSIP/1003",
            "Penalty": "3",
            "Paused": "true",
            "Reason": "lunch",
        },
        Had(3, True, "lunch", dynamic=True),
    )


@pytest.mark.parametrize(
    ("wanted", "had"),
    [
        (ready(VERA), Had(0, False, "", dynamic=True)),
        (ready(VERA), Had(0, False, "", dynamic=False)),
        (ready(VERA), Had(0, False, "an old reason", dynamic=True)),
        (paused(VERA, "lunch", 2), Had(2, True, "lunch", dynamic=False)),
        (paused(VERA, " lunch\r\ntime "), Had(0, True, "lunch time", dynamic=False)),
        (ready(VERA, -1), Had(0, False, "", dynamic=True)),  # Asterisk has none below 0
        (None, None),
        (None, Had(4, True, "not in this queue now", dynamic=False)),
    ],
)
def test_nothing_is_sent_for_what_is_right(wanted: NativeMember | None, had: Had | None) -> None:
    assert list(steps(SUPPORT, VERA, wanted, had)) == []


def test_penalty_and_pause_are_two_actions() -> None:
    first, second = steps(SUPPORT, VERA, paused(VERA, "lunch", 2), Had(0, False, "", dynamic=False))

    assert first == Step("QueuePenalty", PLACE | {"Penalty": "2"}, Had(2, False, "", dynamic=False))
    assert second == Step(
        "QueuePause", PLACE | {"Paused": "true", "Reason": "lunch"}, Had(2, True, "lunch", dynamic=False)
    )


def test_another_reason_is_told() -> None:
    (step,) = steps(SUPPORT, VERA, paused(VERA, "training"), Had(0, True, "lunch", dynamic=True))

    assert (step.action, step.headers["Reason"]) == ("QueuePause", "training")


def test_who_leaves_is_removed_or_paused() -> None:
    (dynamic,) = steps(SUPPORT, VERA, None, Had(2, False, "", dynamic=True))
    (fixed,) = steps(SUPPORT, VERA, None, Had(2, False, "", dynamic=False))

    assert dynamic == Step("QueueRemove", PLACE, None)
    assert fixed == Step(
        "QueuePause",
        PLACE | {"Paused": "true", "Reason": "not in this queue now"},
        Had(2, True, "not in this queue now", dynamic=False),
    )


@given(st.text())
def test_a_text_is_one_line_that_asterisk_keeps_whole(value: str) -> None:
    made = text(value)

    assert made.isprintable()
    assert made == made.strip()
    assert len(made.encode()) <= 79
    assert text(made) == made


def test_a_long_text_is_cut_between_characters() -> None:
    assert text("я" * 60) == "я" * 39

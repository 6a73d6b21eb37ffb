"""What the check of a recording's sides finds, on sound made for it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.chaos.phones.beat import BEAT_S, GAP_S
from tests.chaos.sides import Segment, Story, check
from tests.e2e.sound import Sound

RATE = 8000
BEGINS = 1_000_003.2  # between two beats
LENGTH = 24.0
TONES = {"client": 2200, "1001": 600, "1002": 650, "1003": 700}
STORY = Story(
    "client",
    BEGINS + 0.2,  # as far as that is known
    [
        Segment("1001", "talk", BEGINS, BEGINS + 9),
        Segment("1001", "hold", BEGINS + 9, BEGINS + 12),
        Segment("1002", "talk", BEGINS + 12, BEGINS + LENGTH),
    ],
    pauses=[(BEGINS + 16, BEGINS + 20)],
)
Part = tuple[int, float, float, str]
CLIENT: Part = (0, 0.0, LENGTH, "client")
AGENTS: list[Part] = [(1, 0.0, 9.0, "1001"), (1, 12.0, LENGTH, "1002")]


def voice(name: str, late: float = 0.0) -> np.ndarray:
    """All the time, but for the beats."""
    at = np.arange(int(LENGTH * RATE)) / RATE
    beat = (at + BEGINS - late) % BEAT_S < GAP_S
    return np.where(beat, 0.0, 0.25 * np.sin(2 * np.pi * TONES[name] * at))


def made(parts: Sequence[Part], *, paused: Sequence[int] = (0, 1), late: float = 0.0) -> Sound:
    channels = np.zeros((2, int(LENGTH * RATE)))
    for side, begin, end, name in parts:
        here = slice(int(begin * RATE), int(end * RATE))
        channels[side, here] += voice(name, late if side else 0.0)[here]
    for side in paused:
        channels[side, int(16 * RATE) : int(20 * RATE)] = 0
    return Sound(RATE, channels)


def test_what_is_as_its_story_says() -> None:
    found = check(made([CLIENT, *AGENTS]), STORY, TONES)
    assert found.wrong == []
    assert found.pieces > 40
    assert found.silent > 8
    assert len(found.steps) >= 3
    assert max(map(abs, found.steps)) < 0.005
    assert abs(found.lost) < 0.005


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([CLIENT, (1, 0.0, LENGTH, "1001")], "right: 1001, not 1002"),
        ([CLIENT, AGENTS[0], (1, 9.0, LENGTH, "1002")], "right: 1002, not nobody"),
        ([CLIENT, *AGENTS, (0, 2.0, 6.0, "1003")], "left: 1003, client, not client"),
        ([(1, 0.0, LENGTH, "client"), (0, 0.0, LENGTH, "1001")], "left: 1001, not client"),
        ([CLIENT, AGENTS[0]], "right: nobody, not 1002"),
    ],
    ids=["who took him is missing", "heard on hold", "somebody else's voice", "sides changed", "deaf"],
)
def test_who_is_on_the_wrong_side(parts: list[Part], told: str) -> None:
    assert any(told in one for one in check(made(parts), STORY, TONES).wrong)


@pytest.mark.parametrize("paused", [(), (0,), (1,)])
def test_a_pause_that_is_not_silent(paused: tuple[int, ...]) -> None:
    found = check(made([CLIENT, *AGENTS], paused=paused), STORY, TONES)
    loud = {one.split(" the ")[1] for one in found.wrong}
    assert loud == {f"{('left', 'right')[side]} is not silent in a pause" for side in {0, 1} - set(paused)}


def test_sides_that_are_not_in_step() -> None:
    found = check(made([CLIENT, *AGENTS], late=0.08), STORY, TONES)
    assert all(0.075 < step < 0.085 for step in found.steps)


def test_what_a_recording_has_lost() -> None:
    """By a recorder that was begun anew: what follows is earlier in the file, on both sides."""
    whole = made([CLIENT, *AGENTS])
    kept = np.concatenate([whole.channels[:, : 13 * RATE], whole.channels[:, int(13.06 * RATE) :]], axis=1)
    found = check(Sound(RATE, kept), STORY, TONES)
    assert found.wrong == []
    assert 0.055 < found.lost < 0.065


def test_a_gap_that_is_no_beat_moves_nothing() -> None:
    """A machine that stands still is heard as one, in all recordings at once."""
    sound = made([CLIENT, *AGENTS])
    sound.channels[:, int(4.3 * RATE) : int(4.4 * RATE)] = 0
    found = check(sound, STORY, TONES)
    assert found.wrong == []
    assert abs(found.lost) < 0.005


def test_what_is_lost_in_a_pause_is_silent_before_it() -> None:
    """Whoever makes a pause silent does not know where in the file it is to the moment, and takes more."""
    sound = made([CLIENT, *AGENTS])
    sound.channels[:, int(14.6 * RATE) : int(16 * RATE)] = 0
    shorter = Sound(RATE, np.delete(sound.channels, slice(int(17 * RATE), int(18.2 * RATE)), axis=1))
    ends = [*STORY.segments[:2], Segment("1002", "talk", BEGINS + 12, BEGINS + LENGTH)]
    to_its_end = replace(STORY, segments=ends, pauses=[(BEGINS + 16, BEGINS + LENGTH)])
    shorter.channels[:, int(16 * RATE) :] = 0
    found = check(shorter, to_its_end, TONES)
    assert found.wrong == []
    assert found.lost > 0.9
    whole = Sound(RATE, np.concatenate((shorter.channels, np.zeros((2, int(1.2 * RATE)))), axis=1))
    assert any("nobody" in one for one in check(whole, to_its_end, TONES).wrong)  # nothing is lost: too early

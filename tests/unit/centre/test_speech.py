"""Numbers as sounds: every one of them made of sounds that exist, and none left out."""

from datetime import timedelta

import pytest

from bridge.centre import speech

ASTERISKS = {f"digits/{n}" for n in (*range(21), 30, 40, 50, 60, 70, 80, 90)}


@pytest.mark.parametrize("value", range(100))
def test_number_is_made_of_asterisks_own_sounds_and_adds_up(value: int) -> None:
    sounds = speech.number(value)
    assert set(sounds) <= ASTERISKS
    assert sum(int(sound.removeprefix("digits/")) for sound in sounds) == value
    assert len(sounds) <= 2


@pytest.mark.parametrize("value", [-1, 100, 1000])
def test_number_that_cannot_be_said_is_refused_by_its_name(value: int) -> None:
    with pytest.raises(ValueError, match=str(value)):
        speech.number(value)


@pytest.mark.parametrize(
    ("place", "sounds"),
    [
        (1, ("callbridge/you-are-next",)),
        (2, ("callbridge/your-position", "digits/2")),
        (21, ("callbridge/your-position", "digits/20", "digits/1")),
        (99, ("callbridge/your-position", "digits/90", "digits/9")),
        (100, ("callbridge/position-over-99",)),
        (12_345, ("callbridge/position-over-99",)),
    ],
)
def test_position(place: int, sounds: tuple[str, ...]) -> None:
    assert speech.position(place) == sounds


@pytest.mark.parametrize(
    ("wait", "sounds"),
    [
        (0, ("callbridge/expected-wait-under-a-minute",)),
        (60, ("callbridge/expected-wait-under-a-minute",)),
        (60.5, ("callbridge/expected-wait-minutes", "digits/2")),
        (120, ("callbridge/expected-wait-minutes", "digits/2")),
        (121, ("callbridge/expected-wait-minutes", "digits/3")),
        (25 * 60, ("callbridge/expected-wait-minutes", "digits/20", "digits/5")),
        (99 * 60, ("callbridge/expected-wait-minutes", "digits/90", "digits/9")),
        (86_400, ("callbridge/expected-wait-minutes", "digits/90", "digits/9")),
    ],
)
def test_expected_wait_is_rounded_up_to_minutes(wait: float, sounds: tuple[str, ...]) -> None:
    assert speech.expected_wait(timedelta(seconds=wait)) == sounds

"""That a gap in a tone is found, and how long it is said to be: by sounds made for it, without a lab."""

import numpy as np
import pytest

from tests.e2e.sound import Sound

RATE = 8000
TONES = [440, 1000]


def tone(hertz: int, seconds: float = 4.0, level: float = 0.25) -> Sound:
    """With the noise that a telephone's line has."""
    count = round(seconds * RATE)
    noise = np.random.default_rng(1).normal(0, 0.0005, count)
    return Sound(RATE, (level * np.sin(2 * np.pi * hertz * np.arange(count) / RATE) + noise)[np.newaxis])


def with_gap(sound: Sound, start: float, length: float, left: float = 0.0) -> Sound:
    """``left`` of it is still heard meanwhile."""
    changed = sound.channels.copy()
    changed[:, round(start * RATE) : round((start + length) * RATE)] *= left
    return Sound(RATE, changed)


@pytest.mark.parametrize("hertz", TONES)
@pytest.mark.parametrize("start", [1.0, 1.0031, 2.0057])
@pytest.mark.parametrize("milliseconds", [20, 30, 38, 42, 50, 200])
def test_gap_is_found_and_measured(hertz: int, start: float, milliseconds: int) -> None:
    found = with_gap(tone(hertz), start, milliseconds / 1000).longest_gap(hertz) * 1000
    assert found == pytest.approx(milliseconds, abs=2)


@pytest.mark.parametrize("hertz", TONES)
def test_whole_tone_has_no_gap(hertz: int) -> None:
    assert tone(hertz).longest_gap(hertz) == 0.0


@pytest.mark.parametrize("hertz", TONES)
def test_longest_of_several_gaps_is_told(hertz: int) -> None:
    sound = with_gap(with_gap(tone(hertz), 1, 0.03), 2, 0.06)
    assert sound.longest_gap(hertz) == pytest.approx(0.06, abs=0.002)


@pytest.mark.parametrize(("left", "seconds"), [(0.05, 0.1), (0.2, 0.0)])
def test_lower_by_20_db_is_a_gap(left: float, seconds: float) -> None:
    assert with_gap(tone(1000), 1, 0.1, left).longest_gap(1000) == pytest.approx(seconds, abs=0.005)


def test_gap_that_something_else_fills_is_a_gap() -> None:
    filled = with_gap(tone(1000), 1, 0.1).channels + with_gap(tone(440), 1.1, 2.9).part(0, 4).channels
    filled[:, : RATE * 1] = tone(1000).channels[:, : RATE * 1]
    assert Sound(RATE, filled).longest_gap(1000) == pytest.approx(0.1, abs=0.005)


def test_tone_that_ends_too_early_or_comes_too_late_is_a_gap() -> None:
    assert with_gap(tone(440), 3.5, 0.5).longest_gap(440) == pytest.approx(0.5, abs=0.005)
    assert with_gap(tone(440), 0, 0.5).longest_gap(440) == pytest.approx(0.5, abs=0.005)


def test_another_tone_and_silence_are_one_gap() -> None:
    assert tone(440).longest_gap(1000) == 4.0
    assert tone(440, level=0.0).longest_gap(440) == 4.0


def test_jump_of_the_phase_is_no_gap() -> None:
    """What a phone's jitter buffer does when it throws a packet away."""
    whole = tone(440).channels
    jumped = np.concatenate((whole[:, : RATE + 7], whole[:, RATE + 167 :]), axis=1)
    assert Sound(RATE, jumped).longest_gap(440) < 0.02


def test_part_beyond_the_end_is_silence() -> None:
    beyond = tone(440).part(-0.5, 4.3)
    assert beyond.seconds == pytest.approx(4.8)
    assert beyond.longest_gap(440) == pytest.approx(0.5, abs=0.01)
    assert beyond.part(1, 4.8).longest_gap(440) == pytest.approx(0.3, abs=0.01)


def test_silence_is_measured() -> None:
    assert with_gap(tone(440), 1, 0.5).longest_silence() == pytest.approx(0.5, abs=0.02)
    assert tone(440).longest_silence() == 0.0
    assert tone(440).part(1, 1.5).seconds == 0.5

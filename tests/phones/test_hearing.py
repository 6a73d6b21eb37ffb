"""What is heard in a window, told by its spectrum; and the table of it."""

import math
import time
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.hearing import MUSIC, RATE, TONES, Ear, at_times, heard, picture, voices
from tests.e2e.sound import Sound

NAMES = dict(zip("abcd", TONES, strict=False))
PHONES_LEVEL = 8000 / 32768


def tone(hertz: float, seconds: float = 1.5, level: float = PHONES_LEVEL) -> np.ndarray:
    return level * np.sin(2 * math.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def chord(seconds: float = 1.5, level: float = 0.04) -> np.ndarray:
    """Some music: it rises and falls."""
    swell = 0.6 + 0.4 * np.sin(2 * math.pi * 3 * np.arange(round(seconds * RATE)) / RATE)
    return swell * sum(tone(hertz, seconds, level) for hertz in (262, 330, 392, 1047))


def a_law(samples: np.ndarray) -> np.ndarray:
    """What a G.711 line leaves of it, near enough: eight segments of sixteen steps."""
    size = np.abs(samples) * 4096
    step = 2.0 ** np.maximum(np.floor(np.log2(np.maximum(size, 1))) - 4, 1)
    return np.sign(samples) * (np.floor(size / step) + 0.5) * step / 4096


def of(samples: np.ndarray) -> frozenset[str]:
    return voices(Sound(RATE, a_law(samples)[np.newaxis]), NAMES)


class TestVoices:
    def test_silence_is_nobody(self) -> None:
        assert voices(Sound(RATE, np.zeros((1, RATE))), NAMES) == frozenset()

    @pytest.mark.parametrize("who", ["a", "bd", "abcd"])
    def test_each_tone_is_somebody(self, who: str) -> None:
        assert of(sum(tone(NAMES[name]) for name in who)) == set(who)

    def test_each_of_all_tones_alone_is_nobody_elses_and_no_music(self) -> None:
        everybody = {str(hertz): hertz for hertz in TONES}
        for hertz in TONES:
            line = Sound(RATE, a_law(tone(hertz))[np.newaxis])
            assert voices(line, everybody) == {str(hertz)}

    def test_music_is_nobody(self) -> None:
        assert of(chord()) == {MUSIC}

    def test_music_behind_a_tone(self) -> None:
        assert of(chord() + tone(NAMES["b"])) == {"b", MUSIC}

    def test_a_stranger_is_music(self) -> None:
        assert of(tone(440)) == {MUSIC}

    def test_who_is_cut_off_is_there_at_times(self) -> None:
        said = tone(NAMES["a"])
        said[RATE // 2 :] = 0
        assert of(said) == {at_times("a")}
        assert of(said + tone(NAMES["b"])) == {at_times("a"), "b"}

    def test_lost_packets_are_neither_absence_nor_music(self) -> None:
        said = tone(NAMES["a"]) + tone(NAMES["c"])
        for packet in (7, 23, 24, 60):
            said[packet * 160 : (packet + 1) * 160] = 0
        assert of(said) == {"a", "c"}


class Said:
    """What a phone's program has told so far."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events = events

    def events_of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]


def unfinished(file: Path, samples: np.ndarray) -> Path:
    """As pjlib leaves it during a call: no length in its header yet."""
    file.write_bytes(bytes(44) + array("h", (samples * 32768).astype(int).tolist()).tobytes())
    return file


class TestEars:
    async def test_a_window_is_found_by_the_time_of_the_first_sound(self, tmp_path: Path) -> None:
        file = unfinished(tmp_path / "a.wav", np.concatenate((tone(NAMES["b"], 2), tone(NAMES["c"], 2))))
        ear = Ear("a", Said({"event": "media", "mono": 100.0}), NAMES["a"], file)  # type: ignore[arg-type]
        others = [Ear(name, Said(), NAMES[name], file) for name in "bc"]  # type: ignore[arg-type]
        assert (await heard([ear, *others], 100.1, 101.9))["a"] == {"b"}
        assert (await heard([ear, *others], 102.1, 103.9))["a"] == {"c"}
        assert await heard([ear, *others], 98.0, 99.9) == dict.fromkeys("abc", frozenset())

    async def test_all_lines_of_a_phone_are_one_ear(self, tmp_path: Path) -> None:
        unfinished(tmp_path / "a.wav", tone(NAMES["b"], 4))
        second = unfinished(tmp_path / "a-2.wav", tone(NAMES["c"], 1))
        ended = {"event": "recorded", "file": str(second)}
        said = Said({"event": "media", "mono": 100.0}, {"event": "media", "mono": 101.0}, ended)
        ears = [Ear(name, said, NAMES[name], tmp_path / "a.wav") for name in "abc"]  # type: ignore[arg-type]
        assert (await heard(ears, 100.1, 100.9))["a"] == {"b"}
        assert (await heard(ears, 101.1, 101.9))["a"] == {"b", "c"}
        assert (await heard(ears, 102.1, 103.1))["a"] == {"b"}

    async def test_waits_for_what_is_not_written_yet(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tests.e2e.hearing.LATE_S", 0.2)
        file = unfinished(tmp_path / "a.wav", tone(NAMES["b"], 1))
        ear = Ear("a", Said({"event": "media", "mono": 100.0}), NAMES["a"], file)  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(AssertionError, match=r"stands still at 1\.0 s"):
            await heard([ear], 100.0, 102.0)
        assert time.monotonic() - began >= 0.2


def test_a_picture_shows_where_the_two_differ() -> None:
    expected = {"client": {"1001"}, "1001": {"client"}, "boss": {"client", "1001"}}
    found = {"client": {"1001", "boss"}, "1001": {MUSIC}, "boss": {at_times("client"), "1001"}}
    assert picture(expected, found).splitlines() == [
        "        expected                       found",
        "hears   client 1001   boss   music    client 1001   boss   music",
        "client         yes    -      -               yes    yes!   -",
        "1001    yes           -      -        -!            -      yes!",
        "boss    yes    yes           -        part!  yes           -",
    ]

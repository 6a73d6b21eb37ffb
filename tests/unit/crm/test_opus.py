"""Ogg/Opus copies: as long, each side on its own channel; what is not like its original is refused."""

import math
import random
import wave
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from bridge.crm import opus, private
from bridge.crm.opus import NoCopy
from bridge.crm.private import Interrupted

Channel = Callable[[int, int], float]


def tone(hertz: float) -> Channel:
    return lambda frame, rate: 8000 * math.sin(2 * math.pi * hertz * frame / rate)


def talk(seed: int, first: bool) -> Channel:
    """Somebody who is heard every other second: a buzz with noise."""
    noise = random.Random(seed)

    def sample(frame: int, rate: int) -> float:
        if (frame // rate % 2 == 0) != first:
            return noise.gauss(0, 3)
        pitch = 110.0 * (1 + seed)
        return sum(2500 / k * math.sin(2 * math.pi * pitch * k * frame / rate) for k in range(1, 6))

    return sample


def silent(_frame: int, _rate: int) -> float:
    return 0


def offset(_frame: int, _rate: int) -> float:
    return 8  # what A-law makes of silence


def write(path: Path, channels: Sequence[Channel], frames: int, rate: int = 8000) -> Path:
    samples = array("h", (int(one(frame, rate)) for frame in range(frames) for one in channels))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(len(channels))
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return path


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize(
    "channels",
    [
        (talk(1, True), talk(2, False)),
        (tone(440), tone(660)),
        (silent, talk(1, True)),
        (talk(1, True), offset),
        (silent, silent),
        (tone(440), tone(440)),
    ],
    ids=["talk", "tones", "silent client", "silent agent", "silence", "alike"],
)
def test_a_copy_is_like_its_original_and_smaller(
    tmp_path: Path, channels: Sequence[Channel], rate: int
) -> None:
    original, copy = write(tmp_path / "a.wav", channels, rate * 4, rate), tmp_path / "a.opus"
    opus.encode(original, copy)
    opus.compare(original, copy)
    assert copy.read_bytes().startswith(b"OggS")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.stat().st_size < original.stat().st_size / 3


@pytest.mark.parametrize("frames", [1, 2, 40, 159, 160, 161, 8040, 32 * 1024, 32 * 1024 + 1])
def test_any_length_stays(tmp_path: Path, frames: int) -> None:
    original, copy = write(tmp_path / "a.wav", (tone(440), tone(660)), frames), tmp_path / "a.opus"
    opus.encode(original, copy)
    opus.compare(original, copy)
    assert soundfile.info(str(copy)).frames == frames


def test_of_nothing_there_is_no_copy(tmp_path: Path) -> None:
    original, copy = write(tmp_path / "a.wav", (tone(440), tone(660)), 0), tmp_path / "a.opus"
    opus.encode(original, copy)
    with pytest.raises(NoCopy, match="cannot be decoded"):
        opus.compare(original, copy)


def copy_of(tmp_path: Path, channels: Sequence[Channel], frames: int, **given: object) -> Path:
    """A copy as something that is broken would make it."""
    data, rate = soundfile.read(str(write(tmp_path / "b.wav", channels, frames)), dtype="int16")
    copy = tmp_path / "b.opus"
    soundfile.write(str(copy), data, rate, format="OGG", subtype="OPUS", **given)
    return copy


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        ((tone(660), tone(440)), "channel 1 is another one"),
        ((silent, tone(660)), "channel 1 is louder or softer"),
        ((tone(440), silent), "channel 2 is louder or softer"),
        ((silent, silent), "channel 1 is louder or softer"),
        ((tone(440), tone(440)), "channel 2 is another one"),
        ((tone(440),), "1 channels"),
    ],
    ids=["swapped", "client silent", "agent silent", "both silent", "one side twice", "mono"],
)
def test_what_is_not_like_it_is_refused(tmp_path: Path, channels: Sequence[Channel], said: str) -> None:
    original = write(tmp_path / "a.wav", (tone(440), tone(660)), 16000)
    with pytest.raises(NoCopy, match=said):
        opus.compare(original, copy_of(tmp_path, channels, 16000))


def test_talk_with_its_sides_swapped_is_refused(tmp_path: Path) -> None:
    client, agent = talk(1, True), talk(2, False)
    original = write(tmp_path / "a.wav", (client, agent), 32000)
    with pytest.raises(NoCopy, match="channel 1"):
        opus.compare(original, copy_of(tmp_path, (agent, client), 32000))


def test_sides_that_leak_into_silence_are_refused(tmp_path: Path) -> None:
    original = write(tmp_path / "a.wav", (silent, tone(660)), 16000)
    with pytest.raises(NoCopy, match="was silent"):
        opus.compare(original, copy_of(tmp_path, (tone(660), tone(660)), 16000))


def test_a_codec_that_makes_one_of_both_sides_is_found_out(tmp_path: Path) -> None:
    """As libopus does at the lowest bit rates."""
    client, agent = talk(1, True), talk(2, False)
    original = write(tmp_path / "a.wav", (client, agent), 32000)
    with pytest.raises(NoCopy, match="channel"):
        opus.compare(original, copy_of(tmp_path, (client, agent), 32000, compression_level=1.0))


@pytest.mark.parametrize(("frames", "well"), [(16000, True), (15841, True), (15839, False), (16161, False)])
def test_the_length_may_differ_by_20_ms(tmp_path: Path, frames: int, well: bool) -> None:
    original = write(tmp_path / "a.wav", (tone(440), tone(660)), 16000)
    copy = copy_of(tmp_path, (tone(440), tone(660)), frames)
    if well:
        opus.compare(original, copy)
    else:
        with pytest.raises(NoCopy, match="shorter or longer"):
            opus.compare(original, copy)


def test_a_long_one_that_was_cut_is_refused(tmp_path: Path) -> None:
    original = write(tmp_path / "a.wav", (tone(440), tone(660)), 100_000)
    with pytest.raises(NoCopy, match="shorter or longer"):
        opus.compare(original, copy_of(tmp_path, (tone(440), tone(660)), 40_000))


@pytest.mark.parametrize("content", [b"", b"<html>", b"OggS" + bytes(100), b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_sound_is_told(tmp_path: Path, content: bytes) -> None:
    broken, sound = tmp_path / "broken", write(tmp_path / "a.wav", (tone(440), tone(660)), 800)
    broken.write_bytes(content)
    with pytest.raises(NoCopy, match="cannot be made Opus"):
        opus.encode(broken, tmp_path / "new.opus")
    with pytest.raises(NoCopy, match="cannot be decoded"):
        opus.compare(sound, broken)


def test_a_full_disk_is_no_fault_of_the_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = write(tmp_path / "a.wav", (tone(440), tone(660)), 800)
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(private, "create", lambda _: full)
        with pytest.raises(OSError, match="disk full"):
            opus.encode(original, tmp_path / "a.opus")


def test_it_can_be_called_off(tmp_path: Path) -> None:
    original, copy = write(tmp_path / "a.wav", (tone(440), tone(660)), 800), tmp_path / "a.opus"
    with pytest.raises(Interrupted):
        opus.encode(original, copy, lambda: True)
    copy.unlink()
    opus.encode(original, copy)
    with pytest.raises(Interrupted):
        opus.compare(original, copy, lambda: True)

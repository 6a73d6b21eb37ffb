"""Two mono files into one: what is accepted, what is not yet finished, what never will be."""

import hashlib
import struct
import wave
from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.crm import wav


def never() -> bool:
    return False


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def fmt(kind: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, more: bytes = b"") -> bytes:
    align = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * align, align, bits) + more)


DATA = chunk(b"data", bytes(1600))
EXTENSIBLE = struct.pack("<HHI", 22, 16, 4) + bytes.fromhex("0100000000001000800000aa00389b71")
FLOAT = EXTENSIBLE[:8] + bytes.fromhex("0300000000001000800000aa00389b71")


@pytest.mark.parametrize(
    "content",
    [
        riff(fmt(), DATA),
        riff(fmt(rate=16000), DATA),
        riff(fmt(more=b"\0\0"), DATA),
        riff(fmt(kind=0xFFFE, more=EXTENSIBLE), DATA),
        riff(chunk(b"LIST", b"odd"), b"\0", fmt(), DATA, chunk(b"LIST", b"tail")),
    ],
)
def test_complete_files_are_accepted(tmp_path: Path, content: bytes) -> None:
    sound = wav.inspect(put(tmp_path / "a.wav", content), "side")
    assert sound.frames == 800
    assert content[sound.start : sound.start + 1600] == bytes(1600)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not even a header"),
        (b"RIFF", "not even a header"),
        (riff(fmt(), DATA)[:-1], "the header says"),
        (riff(fmt(), DATA)[:50], "the header says"),
        (riff(fmt(), DATA) + b"more!", "the header says"),
        (riff(fmt(), chunk(b"data", b"")) + bytes(1600), "the header says"),
        (
            b"RIFF" + struct.pack("<I", 1636) + (riff(fmt(), chunk(b"data", b"")) + bytes(1600))[8:],
            "no chunk",
        ),
        (
            b"RIFF"
            + struct.pack("<I", 1636)
            + riff(fmt())[8:]
            + b"data"
            + struct.pack("<I", 9999)
            + bytes(1600),
            "data",
        ),
        (riff(fmt(), b"dat"), "no chunk"),
    ],
)
def test_files_still_being_written_are_not_yet(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(wav.Unfinished, match=reason):
        wav.inspect(put(tmp_path / "a.wav", content), "side")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>404 Not Found</html>", "no RIFF"),
        (b"RIFX" + riff(fmt(), DATA)[4:], "no RIFF"),
        (riff(fmt()), "no data"),
        (riff(DATA), "no fmt"),
        (riff(chunk(b"fmt ", b"\1\0"), DATA), "too short"),
        (riff(fmt(), chunk(b"data", b"123")), "16-bit"),
        (riff(fmt(kind=7, bits=8), DATA), "format 7"),
        (riff(fmt(kind=0xFFFE, more=FLOAT), DATA), "format"),
        (riff(fmt(kind=0xFFFE), DATA), "format"),
        (riff(fmt(channels=2), DATA), "2 channels"),
        (riff(fmt(bits=8), DATA), "8 bits"),
        (riff(fmt(rate=44100), DATA), "44100 Hz"),
        (riff(fmt(rate=0), DATA), "0 Hz"),
        (riff(fmt(), DATA, DATA), "too many chunks"),
        (riff(fmt(), *(chunk(b"x%03d" % n, b"") for n in range(80)), DATA), "too many chunks"),
    ],
)
def test_files_of_another_kind_are_unusable(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(wav.Unusable, match=reason):
        wav.inspect(put(tmp_path / "a.wav", content), "side")


@given(content=st.binary(max_size=200), whole=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_do_worse_than_be_refused(tmp_path: Path, content: bytes, whole: bool) -> None:
    file = put(tmp_path / "a.wav", riff(content) if whole else content)
    try:
        sound = wav.inspect(file, "side")
    except (wav.Unfinished, wav.Unusable):
        return
    assert sound.start + sound.frames * 2 <= file.stat().st_size


def test_left_is_the_client_and_right_the_agent(tmp_path: Path, make_wav) -> None:
    left, right = [1, -2, 32767, -32768] * 50, [9, 8, 7, -6] * 50
    one = wav.inspect(put(tmp_path / "in.wav", make_wav(left)), "in")
    two = wav.inspect(put(tmp_path / "out.wav", make_wav(right)), "out")
    merged = wav.merge(one, two, tmp_path / "both.wav", never)
    with wave.open(str(tmp_path / "both.wav")) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (2, 2, 8000)
        samples = array("h", reader.readframes(reader.getnframes()))
    assert list(samples[0::2]) == left
    assert list(samples[1::2]) == right
    content = (tmp_path / "both.wav").read_bytes()
    assert merged == wav.Merged(len(content), 200, 8000, hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("longer", [0, 1])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_shorter_side_ends_in_silence(tmp_path: Path, make_wav, rate: int, longer: int) -> None:
    # Long enough for several blocks, and not a whole number of them.
    lengths = [70_001, 70_001]
    lengths[longer] += rate // 10
    sides = [
        wav.inspect(put(tmp_path / f"{side}.wav", make_wav([side + 5] * length, rate)), "side")
        for side, length in enumerate(lengths)
    ]
    wav.merge(sides[0], sides[1], tmp_path / "both.wav", never)
    with wave.open(str(tmp_path / "both.wav")) as reader:
        samples = array("h", reader.readframes(reader.getnframes()))
    for side, length in enumerate(lengths):
        channel = samples[side::2]
        assert len(channel) == max(lengths)
        assert set(channel[:length]) == {side + 5}
        assert set(channel[length:]) <= {0}


def test_sides_too_far_apart_or_of_different_rates_are_unusable(tmp_path: Path, make_wav) -> None:
    one = wav.inspect(put(tmp_path / "1.wav", make_wav([1] * 8000)), "side")
    far = wav.inspect(put(tmp_path / "2.wav", make_wav([1] * 8801)), "side")
    fast = wav.inspect(put(tmp_path / "3.wav", make_wav([1] * 8000, 16000)), "side")
    with pytest.raises(wav.Unusable, match="100 ms apart"):
        wav.merge(one, far, tmp_path / "both.wav", never)
    with pytest.raises(wav.Unusable, match="rates"):
        wav.merge(one, fast, tmp_path / "both.wav", never)
    assert not (tmp_path / "both.wav").exists()


def test_called_off_and_cut_short(tmp_path: Path, make_wav) -> None:
    one = wav.inspect(put(tmp_path / "1.wav", make_wav([1] * 8000)), "side")
    two = wav.inspect(put(tmp_path / "2.wav", make_wav([1] * 8000)), "side")
    with pytest.raises(wav.Interrupted):
        wav.merge(one, two, tmp_path / "a.wav", lambda: True)
    (tmp_path / "2.wav").write_bytes(make_wav([1] * 100))
    with pytest.raises(wav.Unfinished, match="shorter"):
        wav.merge(one, two, tmp_path / "b.wav", never)

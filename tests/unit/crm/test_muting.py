"""A stretch of a file is made silent, and is heard to be, in every form in which recordings lie on disk."""

import io
from array import array
from pathlib import Path

import pytest

from bridge.crm import opus, wav
from bridge.crm.muting import Audible, Undecodable, listen, peaks
from bridge.crm.private import Interrupted
from bridge.crm.silences import Stretch

TONES = (5000, -7000)


def merged(path: Path, make_wav, rate: int, milliseconds: int) -> wav.Merged:  # type: ignore[no-untyped-def]
    one, two = (wav.inspect(make_wav([tone] * (milliseconds * rate // 1000), rate), "x") for tone in TONES)
    return wav.merge(one, two, path, lambda: False)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [(0, 0, 0, 0), (3, 7, 3, 7), (0, 10, 0, 10), (8, 900, 8, 10), (50, 60, 10, 10)],
)
def test_a_stretch_of_a_file_is_made_silent(
    tmp_path: Path, make_wav, rate: int, begin: int, end: int, first: int, last: int
) -> None:
    file, per_ms = tmp_path / "both.wav", rate // 1000
    whole = merged(file, make_wav, rate, 10)
    assert (whole.length_ms, whole.duration_ms) == (10, 10)
    before = file.read_bytes()
    wav.blank(file, begin, end)
    after = file.read_bytes()
    loud = array("h", TONES).tobytes()
    silence = bytes(4 * (last - first) * per_ms)
    assert after[:44] == before[:44]
    assert after[44:] == loud * first * per_ms + silence + loud * (10 - last) * per_ms
    for stretch, loudest in (
        (Stretch(0, first), (5000, 7000)),
        (Stretch(first, last), (0, 0)),
        (Stretch(last, 10), (5000, 7000)),
    ):
        found = peaks(file, stretch, lambda: False)
        assert found == (loudest if stretch.until_ms > stretch.from_ms else (0, 0))


def test_a_long_stretch_is_made_silent_piece_by_piece(tmp_path: Path, make_wav) -> None:
    file = tmp_path / "both.wav"
    merged(file, make_wav, 8000, 20_000)
    wav.blank(file, 1_000, 19_000)
    listen(file, 1, Stretch(1_000, 19_000), lambda: False)
    assert peaks(file, Stretch(0, 20_000), lambda: False) == (5000, 7000)
    with pytest.raises(Interrupted):
        peaks(file, Stretch(0, 20_000), lambda: True)


@pytest.mark.parametrize("loud", [0, 1])
def test_one_loud_sample_of_either_channel_is_heard(tmp_path: Path, make_wav, loud: int) -> None:
    sides = [[0] * 8000, [0] * 8000]
    sides[loud][4000] = -9
    one, two = (wav.inspect(make_wav(side), "x") for side in sides)
    file = tmp_path / "both.wav"
    wav.merge(one, two, file, lambda: False)
    listen(file, 7, Stretch(0, 500), lambda: False)
    listen(file, 7, Stretch(501, 1000), lambda: False)
    with pytest.raises(Audible, match=f"pause 7, 0.400 to 0.600 s: channel {loud + 1} is not silent \\(9 of"):
        listen(file, 7, Stretch(400, 600), lambda: False)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_opus_keeps_silence_silent_but_for_its_edges(tmp_path: Path, make_wav, rate: int) -> None:
    file, copy = tmp_path / "both.wav", tmp_path / "both.opus"
    noise = [(n * 7919 % 20011) * 3 - 30000 for n in range(rate * 6)]
    one, two = (wav.inspect(make_wav(side, rate), "x") for side in (noise, noise[::-1]))
    wav.merge(one, two, file, lambda: False)
    wav.blank(file, 2_000, 4_000)
    opus.encode(file, copy)
    content = io.BytesIO(copy.read_bytes())
    listen(content, 1, Stretch(2_000, 4_000), lambda: False, opus=True)
    for audible in (Stretch(1_000, 4_000), Stretch(2_000, 5_000)):
        content.seek(0)
        with pytest.raises(Audible):
            listen(content, 1, audible, lambda: False, opus=True)
    content.seek(0)
    with pytest.raises(Audible):
        listen(content, 1, Stretch(2_000, 4_000), lambda: False)  # by the measure of a WAV it is none


def test_what_is_no_sound_is_told() -> None:
    with pytest.raises(Undecodable, match="cannot be decoded"):
        peaks(io.BytesIO(b"no sound at all"), Stretch(0, 1), lambda: False)

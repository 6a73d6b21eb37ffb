"""Pauses made silent in a file that is about to be stored, and heard for in one that is. No row, no call.

Whatever Asterisk's recorder did: of what was said during a pause nothing gets past here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from bridge.centre.record import PauseRecord
from bridge.crm import wav
from bridge.crm.private import CalledOff, Interrupted
from bridge.crm.silences import Recorded, Stretch, silence_of
from bridge.store.rows import Found

# Of 32767. A muted recorder writes zeros, and so does ``wav.blank``; a soft voice is in the hundreds.
SILENT_PEAK = 8
# Opus rings on when a loud sound ends: 92 of 32767 after 100 ms, 17 after 200 at worst, and then nothing but
# what was there (17 for a noise of 8). Measured at 8 and 16 kHz with tones, white noise, square waves and
# sweeps at full level on either side of the silence.
OPUS_EDGE_MS = 250
OPUS_SILENT_PEAK = 64
_BLOCK_FRAMES = 32 * 1024


class Audible(wav.Unusable):
    """What should be silent is not. The message says where."""


class Undecodable(wav.Unusable):
    """The file is no sound."""


@dataclass(frozen=True, slots=True)
class Muted:
    """``stretch`` of the file is silent for this pause."""

    pause: PauseRecord
    found: Found
    stretch: Stretch


def mute(
    file: Path, pauses: Sequence[PauseRecord], recorded: Recorded, called_off: CalledOff
) -> tuple[Muted, ...]:
    """Makes each pause silent in ``file``, a merged one, which is on disk then. Raises Audible if one is not.

    Where the recorder was muted and is found to have been, only the edges are made so: there what is of the
    pause and what is not cannot be told apart. Otherwise all that may be of it.
    """
    muted = []
    for pause in pauses:
        silence = silence_of(pause, recorded)
        if silence.inner is not None and max(peaks(file, silence.inner, called_off)) <= SILENT_PEAK:
            cuts = silence.edges
            whole = Stretch(cuts[0].from_ms, cuts[-1].until_ms)
            muted.append(Muted(pause, Found.SILENT, whole))
        else:
            cuts = (silence.whole,)
            muted.append(Muted(pause, Found.CUT, silence.whole))
        for cut in cuts:
            wav.blank(file, cut.from_ms, cut.until_ms)
    for one in muted:
        listen(file, one.pause.number, one.stretch, called_off)
    return tuple(muted)


def listen(
    sound: Path | IO[bytes], number: int, stretch: Stretch, called_off: CalledOff, *, opus: bool = False
) -> None:
    """Raises Audible unless all channels are silent there. Of Opus the edges are left out."""
    edge, limit = (OPUS_EDGE_MS, OPUS_SILENT_PEAK) if opus else (0, SILENT_PEAK)
    inside = Stretch(stretch.from_ms + edge, max(stretch.from_ms + edge, stretch.until_ms - edge))
    for channel, peak in enumerate(peaks(sound, inside, called_off), 1):
        if peak > limit:
            raise Audible(
                f"pause {number}, {stretch.from_ms / 1000:.3f} to {stretch.until_ms / 1000:.3f} s: "
                f"channel {channel} is not silent ({peak} of 32767)"
            )


def peaks(sound: Path | IO[bytes], stretch: Stretch, called_off: CalledOff) -> tuple[int, ...]:
    """The loudest sample of each channel there, 0 to 32768. Raises Undecodable."""
    source: Any = str(sound) if isinstance(sound, Path) else sound
    try:
        with soundfile.SoundFile(source) as opened:
            rate = opened.samplerate
            first = min(-(-stretch.from_ms * rate // 1000), opened.frames)
            left = max(0, stretch.until_ms * rate // 1000 - first)
            loudest = np.zeros(opened.channels, dtype=np.int32)
            opened.seek(first)
            while left:
                if called_off():
                    raise Interrupted
                block = opened.read(min(left, _BLOCK_FRAMES), dtype="int16", always_2d=True)
                if not len(block):
                    break
                left -= len(block)
                np.maximum(loudest, np.abs(block.astype(np.int32)).max(axis=0), out=loudest)
    except soundfile.SoundFileError as error:
        raise Undecodable(f"cannot be decoded: {error}") from None
    return tuple(int(peak) for peak in loudest)

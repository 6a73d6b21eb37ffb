"""Ogg/Opus copies of recordings, and whether such a copy is one. Knows files, nothing of calls.

Everything streams, by blocks; libsndfile leaves the interpreter to others while it encodes.
"""

import errno
import os
from pathlib import Path

import numpy as np
import soundfile

from bridge.crm import private
from bridge.crm.private import CalledOff, Interrupted
from bridge.crm.sealing import never
from bridge.errors import BadInput

TOLERANCE_MS = 20
_BLOCK_FRAMES = 32 * 1024
_SYSTEM_ERROR = 2  # SF_ERR_SYSTEM
# Measured with libsndfile's own choice of bit rate (41 kbit/s at 8 kHz): talk 0.97, white noise 0.85 at
# worst, another channel 0.0. Where both channels became one it is 0.7 for either, and the same crosswise.
_LIKENESS = 0.78
_SILENCE = 20.0  # RMS of 16-bit samples: a quiet line's own noise
_LEAK = 60.0


class NoCopy(BadInput):
    """The copy cannot be made, or is not like its original. The message says in what."""


def encode(original: Path, copy: Path, called_off: CalledOff = never) -> None:
    """``copy`` is a new file, on disk when this returns. Raises NoCopy if it is no sound, or OSError."""
    try:
        with (
            private.create(copy) as file,
            soundfile.SoundFile(str(original)) as source,
        ):
            with soundfile.SoundFile(
                file.fileno(),
                "w",
                samplerate=source.samplerate,
                channels=source.channels,
                format="OGG",
                subtype="OPUS",
                closefd=False,
            ) as target:
                for block in source.blocks(_BLOCK_FRAMES, dtype="int16", always_2d=True):
                    if called_off():
                        raise Interrupted
                    target.write(block)
            os.fsync(file.fileno())
    except soundfile.SoundFileError as error:
        if getattr(error, "code", None) == _SYSTEM_ERROR:
            raise OSError(errno.EIO, "cannot be written: is the disk full?", str(copy)) from None
        raise NoCopy(f"cannot be made Opus: {error}") from None


def compare(original: Path, copy: Path, called_off: CalledOff = never) -> None:
    """Decodes the copy. Raises NoCopy unless it lasts as long and each channel is what it was."""
    try:
        with soundfile.SoundFile(str(original)) as one, soundfile.SoundFile(str(copy)) as two:
            _compare(one, two, called_off)
    except soundfile.SoundFileError as error:
        raise NoCopy(f"the Opus copy cannot be decoded: {error}") from None


def _compare(one: soundfile.SoundFile, two: soundfile.SoundFile, called_off: CalledOff) -> None:
    if (one.samplerate, one.channels) != (two.samplerate, two.channels):
        raise NoCopy(
            f"the Opus copy has {two.channels} channels at {two.samplerate} Hz, "
            f"the original {one.channels} at {one.samplerate}"
        )
    frames = 0
    sums = np.zeros((2, one.channels))
    products = np.zeros((2, 2, one.channels, one.channels))  # of original and copy, each channel with each
    while True:
        left = one.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)
        right = two.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)
        if called_off():
            raise Interrupted
        both = min(len(left), len(right))
        frames += both
        pair = [left[:both].astype(np.float64), right[:both].astype(np.float64)]
        sums += [part.sum(axis=0) for part in pair]
        products += [[a.T @ b for b in pair] for a in pair]
        if both < _BLOCK_FRAMES:
            # What the longer one has more than this block shows.
            apart = abs(_length(one, left) - _length(two, right)) * 1000 / one.samplerate
            break
    if apart > TOLERANCE_MS:
        raise NoCopy(f"the Opus copy is {apart:.0f} ms shorter or longer, more than {TOLERANCE_MS} ms")
    if frames:
        _channels(products / frames, sums / frames)


def _length(file: soundfile.SoundFile, last: "np.ndarray[tuple[int, int], np.dtype[np.int16]]") -> int:
    """All that can be decoded, not what the header promises. ``last`` was read already."""
    count = int(file.tell())
    while len(last) and len(block := file.read(_BLOCK_FRAMES, dtype="int16", always_2d=True)):
        count += len(block)
    return count


def _channels(
    products: "np.ndarray[tuple[int, int, int, int], np.dtype[np.float64]]",
    means: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
) -> None:
    covariance = products - np.einsum("ai,bj->abij", means, means)
    loudness = np.sqrt(np.maximum(np.einsum("aaii->ai", covariance), 0.0))
    for channel in range(loudness.shape[1]):
        before, after = loudness[0, channel], loudness[1, channel]
        if before < _SILENCE:
            if after > _LEAK:
                raise NoCopy(f"channel {channel + 1} was silent and is not in the Opus copy")
            continue
        if not before / 2 < after < before * 2:
            raise NoCopy(f"channel {channel + 1} is louder or softer in the Opus copy: {after / before:.2f}")
        likeness = covariance[0, 1, channel, channel] / (before * after)
        if likeness < _LIKENESS:
            raise NoCopy(f"channel {channel + 1} is another one in the Opus copy: likeness {likeness:.2f}")

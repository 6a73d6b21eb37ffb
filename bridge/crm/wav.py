"""WAV files of the recorder: is one complete and what we expect, and two of them into one with two channels.

It knows files, nothing of calls. Everything streams: an hour of sound is never in memory. A short side may
come as bytes instead of a file, and is then never written by itself.
"""

import hashlib
import io
import os
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bridge.crm import private
from bridge.crm.private import Interrupted
from bridge.errors import BadInput

RATES = (8000, 16000)
TOLERANCE_MS = 100  # how far apart the ends of both sides may be
TOLERANCE_OF_STARTS_MS = 3_000  # and their beginnings, where nobody starts both at once
Side = Path | bytes
_PCM, _EXTENSIBLE = 1, 0xFFFE
_PCM_SUBFORMAT = bytes.fromhex("0100000000001000800000aa00389b71")
_BLOCK_FRAMES = 32 * 1024
_MAX_DATA = 2**32 - 1 - 36  # a RIFF size has 32 bits
_MAX_CHUNKS = 64
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")  # of what is written here


class Unfinished(BadInput):
    """The header and the file disagree: still being written, or never closed."""


class Unusable(BadInput):
    """Complete, but not what a recorder of ours writes."""


class Empty(Unusable):
    """Complete, and nothing was recorded: the call ended in the same instant."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Where the samples of one mono 16-bit file are."""

    side: Side
    rate: int
    start: int  # offset of the first sample
    frames: int

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.rate


@dataclass(frozen=True, slots=True)
class Merged:
    bytes: int
    frames: int
    rate: int
    sha256: str

    @property
    def length_ms(self) -> float:
        return self.frames * 1000 / self.rate

    @property
    def duration_ms(self) -> int:
        return int(self.length_ms)


def inspect(side: Side, what: str) -> Sound:
    """Check one side. ``what`` names it in errors ("the client's side")."""
    length = len(side) if isinstance(side, bytes) else side.stat().st_size
    with _opened(side) as stream:
        head = stream.read(12)
        if len(head) < 12:
            raise Unfinished(f"{what}: {length} bytes, not even a header")
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise Unusable(f"{what}: it is no RIFF/WAVE file")
        (riff,) = struct.unpack("<I", head[4:8])
        if riff + 8 not in (length, length - 1):
            raise Unfinished(f"{what}: the header says {riff + 8} bytes, the file has {length}")
        chunks = _chunks(stream, length, what)
        if "fmt " not in chunks or "data" not in chunks:
            raise Unusable(f"{what}: it has no {'fmt' if 'fmt ' not in chunks else 'data'} chunk")
        rate = _rate(stream, *chunks["fmt "], what)
    start, size = chunks["data"]
    if size % 2:
        raise Unusable(f"{what}: {size} bytes of data are no whole number of 16-bit samples")
    return Sound(side, rate, start, size // 2)


def merge(
    left: Sound,
    right: Sound,
    target: Path,
    called_off: Callable[[], bool],
    *,
    end_together: bool = False,
) -> Merged:
    """Both sides into ``target`` (left, right), on disk when it returns.

    They began together, and the shorter one ends in silence; with ``end_together`` it begins in silence.
    """
    if left.rate != right.rate:
        raise Unusable(f"the sides have different rates: {left.rate} and {right.rate} Hz")
    apart = abs(left.frames - right.frames) * 1000 / left.rate
    tolerance = TOLERANCE_OF_STARTS_MS if end_together else TOLERANCE_MS
    if apart > tolerance:
        raise Unusable(f"the sides are {apart:.0f} ms apart; at most {tolerance} ms can be evened out")
    frames = max(left.frames, right.frames)
    if frames == 0:
        raise Empty("neither side holds any sound")
    size = frames * 4
    if size > _MAX_DATA:
        raise Unusable(f"{frames} frames are more than a WAV file can hold")
    digest = hashlib.sha256()
    with _opened(left.side) as one, _opened(right.side) as two, private.create(target) as out:
        one.seek(left.start)
        two.seek(right.start)
        header = _header(size, left.rate)
        digest.update(header)
        out.write(header)
        for first in range(0, frames, _BLOCK_FRAMES):
            if called_off():
                raise Interrupted
            count = min(_BLOCK_FRAMES, frames - first)
            block = array("h", bytes(count * 4))
            # Whole slices at once: a loop over samples would take a minute for an hour of sound.
            for channel, stream, sound in ((0, one, left), (1, two, right)):
                before = frames - sound.frames if end_together else 0  # silence, in frames
                block[channel::2] = _piece(stream, first - before, count, sound.frames)
            raw = memoryview(block).cast("B")
            digest.update(raw)
            out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    return Merged(len(header) + size, frames, left.rate, digest.hexdigest())


def blank(file: Path, from_ms: int, until_ms: int) -> None:
    """Make this stretch of what ``merge`` wrote silent, in both channels, on disk when it returns."""
    with file.open("r+b") as stream:
        head = stream.read(_HEADER.size)
        *_, rate, _bytes, _align, _bits, _data, size = _HEADER.unpack(head)
        at = _HEADER.size + min(from_ms * rate // 1000 * 4, size)
        end = _HEADER.size + min(-(-until_ms * rate // 1000) * 4, size)
        stream.seek(at)
        while at < end:
            at += stream.write(bytes(min(_BLOCK_FRAMES * 4, end - at)))
        stream.flush()
        os.fsync(stream.fileno())


def _opened(side: Side) -> BinaryIO:
    return io.BytesIO(side) if isinstance(side, bytes) else side.open("rb")


def _chunks(stream: BinaryIO, length: int, what: str) -> dict[str, tuple[int, int]]:
    """Where each chunk's body is, by its name. They must fill the file to its last byte."""
    found: dict[str, tuple[int, int]] = {}
    at, count = 12, 0
    while at < length:
        stream.seek(at)
        head = stream.read(8)
        # A header that was never completed says "0 bytes of data": then the samples themselves stand here.
        if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
            raise Unfinished(f"{what}: what stands at byte {at} is no chunk")
        name = head[:4].decode("ascii")
        (size,) = struct.unpack("<I", head[4:])
        at += 8
        if at + size > length:
            raise Unfinished(
                f"{what}: {name.strip()} should have {size} bytes, the file ends after {length - at}"
            )
        count += 1
        if count > _MAX_CHUNKS or (name in found and name in ("fmt ", "data")):
            raise Unusable(f"{what}: it has too many chunks")
        found.setdefault(name, (at, size))
        at += size
        if size % 2 and at < length:
            at += 1
    return found


def _rate(stream: BinaryIO, start: int, size: int, what: str) -> int:
    stream.seek(start)
    body = stream.read(min(size, 40))
    if len(body) < 16:
        raise Unusable(f"{what}: its fmt chunk is too short")
    format_, channels, rate, _bytes, align, bits = struct.unpack("<HHIIHH", body[:16])
    if format_ == _EXTENSIBLE and body[24:40] == _PCM_SUBFORMAT:
        format_ = _PCM
    if format_ != _PCM:
        raise Unusable(f"{what}: format {format_}, not plain PCM; record to .wav")
    if channels != 1 or bits != 16 or align != 2:
        raise Unusable(f"{what}: {channels} channels of {bits} bits, not one of 16 bits")
    if rate not in RATES:
        raise Unusable(f"{what}: {rate} Hz, not {' or '.join(map(str, RATES))} Hz")
    return int(rate)


def _piece(stream: BinaryIO, first: int, count: int, frames: int) -> "array[int]":  # 3.11 cannot at run time
    """``count`` samples from ``first`` on, where the stream stands; silence before it and behind it."""
    silence = min(count, max(0, -first))
    wanted = min(count - silence, max(0, frames - max(0, first)))
    samples = array("h", bytes(silence * 2))
    samples.frombytes(stream.read(wanted * 2))
    if len(samples) != silence + wanted:
        raise Unfinished("a side became shorter while it was read")
    samples.frombytes(bytes((count - len(samples)) * 2))
    return samples


def _header(size: int, rate: int) -> bytes:
    return _HEADER.pack(
        b"RIFF",
        36 + size,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        2,
        rate,
        rate * 4,
        4,
        16,
        b"data",
        size,
    )

"""Who hears whom: a table, measured on what each phone records, while the calls go on.

Each phone says a tone of its own; take them from TONES. Sound that is none of them is ``MUSIC``: music on
hold, an announcement, a beep; which of these is not told. Quieter passages of music than LOUD are silence.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.e2e.parts import Program
from tests.e2e.sound import Sound

# Where Debian's music on hold (opsound) and Asterisk's prompts are below -35 dB in any half second, 20 dB
# below the phones' tones; with the sums and differences of any two of them (2a-b) somewhere else.
TONES = (2010, 2230, 2620, 2890, 3070, 3310, 3480, 3730)
HEARD = -26.0  # dB below full scale: a phone's tone comes at -12
LOUD = -48.0  # dB: sound, not the noise of A-law
OF_TONES = -32.0  # … nor that which the tones themselves bring with them there
BESIDE = 100  # Hz: of a tone that is interrupted now and then, nearly all is so near to it
BLOCK_S = 0.02
SHARE = 0.25  # of the blocks: a packet that is lost makes one loud, speech and music many

PIECE_S = 0.5  # Sound.level's
SETTLE_S = 0.3  # what was said before the window comes out of the jitter buffers
LATE_S = 5.0  # pjlib writes every quarter of a second

RATE = 8000  # the phone's
HEADER = 44  # bytes of a WAV file before its sound; the lengths in it are written at the end

MUSIC = "music"
Table = Mapping[str, AbstractSet[str]]


def at_times(name: str) -> str:
    """How a tone that is heard in a part of the window only is told: it is neither there nor not there."""
    return f"{name} at times"


@dataclass(frozen=True)
class Ear:
    """A phone.py, what tone it says, and where it records to (``--record``)."""

    name: str
    program: Program
    hz: int
    file: Path

    async def heard(self, begin: float, end: float) -> Sound:
        """What came to it between the two times (CLOCK_MONOTONIC): of all its lines, as they are one ear."""
        calls = self.program.events_of("media")
        parts = [
            await self._heard_on(number, event["mono"], begin, end) for number, event in enumerate(calls)
        ]
        silence = np.zeros((1, round(end * RATE) - round(begin * RATE)))
        return Sound(RATE, sum((part.channels[:, : silence.shape[1]] for part in parts), silence))

    async def _heard_on(self, number: int, start: float, begin: float, end: float) -> Sound:
        file = self.file if number == 0 else self.file.with_stem(f"{self.file.stem}-{number + 1}")
        length = round((end - begin) * RATE) + 1
        if end <= start:
            return Sound(RATE, np.zeros((1, length)))
        give_up = time.monotonic() + LATE_S
        while True:
            whole = any(event["file"] == str(file) for event in self.program.events_of("recorded"))
            frames = _frames(file)
            if whole or len(frames) >= (end - start) * RATE:
                break
            assert time.monotonic() < give_up, f"{self.name}: {file} stands still at {len(frames) / RATE} s"
            await asyncio.sleep(0.05)
        return Sound(RATE, frames[np.newaxis]).part(begin - start, begin - start + length / RATE)


def _frames(file: Path) -> npt.NDArray[np.float64]:
    """What is in it so far."""
    data = file.read_bytes()[HEADER:]
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2") / 32768.0


async def hears(
    ears: Sequence[Ear], seconds: float = 1.5, settle: float = SETTLE_S
) -> dict[str, frozenset[str]]:
    """Whom each of them hears from now on for so long; himself, if there is an echo."""
    begin = time.monotonic() + settle
    await asyncio.sleep(settle + seconds)
    return await heard(ears, begin, begin + seconds)


async def heard(ears: Sequence[Ear], begin: float, end: float) -> dict[str, frozenset[str]]:
    """Whom each of them has heard between the two times (CLOCK_MONOTONIC), which may be long ago."""
    tones = {ear.name: ear.hz for ear in ears}
    return {ear.name: voices(await ear.heard(begin, end), tones) for ear in ears}


def voices(sound: Sound, tones: Mapping[str, int]) -> frozenset[str]:
    """Which of the tones are there: all the time, or at times; and music, which may pause."""
    starts = np.arange(0, sound.seconds - PIECE_S + 1e-6, PIECE_S / 2)
    pieces = [sound.part(start, start + PIECE_S) for start in starts]
    assert pieces, f"a window of {sound.seconds} s is too short"
    found = set()
    loud = []
    for name, hertz in tones.items():
        there = [piece.level(0, hertz) > HEARD for piece in pieces]
        if any(there):
            loud.append(hertz)
            found.add(name if all(there) else at_times(name))
    if _is_more(sound, loud):
        found.add(MUSIC)
    return frozenset(found)


def _is_more(sound: Sound, tones: Sequence[int]) -> bool:
    """Whether there is something beside these tones."""
    whole = sound.channels[0]
    spectrum = np.fft.rfft(whole)
    hertz = np.fft.rfftfreq(len(whole), 1 / sound.rate)
    for tone in tones:
        spectrum[np.abs(hertz - tone) < BESIDE] = 0
    rest = np.fft.irfft(spectrum, len(whole))
    least = max(LOUD, _decibels(whole - rest) + OF_TONES)
    width = round(BLOCK_S * sound.rate)
    blocks = rest[: len(rest) // width * width].reshape(-1, width)
    return float(np.mean([_decibels(block) > least for block in blocks])) >= SHARE


def _decibels(samples: npt.NDArray[np.float64]) -> float:
    return 10 * float(np.log10(max(float((samples**2).mean()), 1e-12)))


def picture(expected: Table, found: Table) -> str:
    """Both tables side by side: a row a listener, a column a speaker; ``!`` where they differ."""
    names = list(dict.fromkeys([*expected, *found]))
    others = set().union(*expected.values(), *found.values()) - {MUSIC, *names, *map(at_times, names)}
    columns = [*names, MUSIC, *sorted(others)]
    width = max(map(len, columns)) + 1
    margin = max(map(len, ["hears", *names])) + 2

    def cell(table: Table, row: str, column: str) -> str:
        here = table.get(row, frozenset())
        if column in here:
            return "yes"
        if at_times(column) in here:
            return "part"
        return "" if row == column else "-"

    def half(cells: Sequence[str]) -> str:
        return "".join(one.ljust(max(width, 6)) for one in cells)

    lines = [" " * margin + half(["expected"] + [""] * (len(columns) - 1)) + "  found"]
    lines.append("hears".ljust(margin) + half(columns) + "  " + half(columns))
    for row in names:
        left = [cell(expected, row, column) for column in columns]
        right = [cell(found, row, column) for column in columns]
        marked = [one if one == other else f"{one}!" for other, one in zip(left, right, strict=True)]
        lines.append(row.ljust(margin) + half(left) + "  " + half(marked))
    return "\n".join(line.rstrip() for line in lines)

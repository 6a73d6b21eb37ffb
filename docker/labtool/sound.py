"""Which tone is on which side of a recording: Goertzel's filter on the samples, the standard library only."""

import io
import math
import wave
from array import array
from dataclasses import dataclass

from failure import Failure

BLOCK_S = 0.1
HEARD_SHARE = 0.5  # of a block's energy that must be the tone's


@dataclass(frozen=True, slots=True)
class Recording:
    rate: int
    channels: tuple["array[int]", ...]

    @property
    def seconds(self) -> float:
        return len(self.channels[0]) / self.rate if self.channels else 0.0

    def heard(self, channel: int, hertz: int) -> float:
        """For how many seconds the tone stands out on that channel."""
        samples = self.channels[channel]
        size = round(self.rate * BLOCK_S)
        blocks = (samples[start : start + size] for start in range(0, len(samples) - size + 1, size))
        return BLOCK_S * sum(1 for block in blocks if share(block, hertz, self.rate) > HEARD_SHARE)


def read(wav: bytes) -> Recording:
    try:
        with wave.open(io.BytesIO(wav)) as file:
            width, count, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise Failure(f"the recording is no WAV file: {error}") from error
    if width != 2:
        raise Failure(f"the recording has {8 * width} bits a sample, not 16")
    samples = array("h", frames)
    return Recording(rate, tuple(samples[channel::count] for channel in range(count)))


def share(block: "array[int]", hertz: int, rate: int) -> float:
    """The tone's share of the block's energy, 0 to 1; 0 for near silence."""
    energy = float(sum(sample * sample for sample in block))
    if energy < len(block) * 100.0:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    last = before = 0.0
    for sample in block:
        last, before = sample + coefficient * last - before, last
    power = last * last + before * before - coefficient * last * before
    return 2 * power / (len(block) * energy)

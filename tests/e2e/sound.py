"""What a recording holds: how loud a tone is in each channel, by its spectrum."""

import io
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Sound:
    rate: int
    channels: npt.NDArray[np.float64]  # one row a channel, full scale = 1.0

    @classmethod
    def read(cls, data: bytes) -> "Sound":
        with wave.open(io.BytesIO(data)) as file:
            assert file.getsampwidth() == 2
            frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            return cls(file.getframerate(), frames.reshape(-1, file.getnchannels()).T / 32768.0)

    @property
    def seconds(self) -> float:
        return self.channels.shape[1] / self.rate

    def level(self, channel: int, hertz: int, start: float = 0.0, end: float | None = None) -> float:
        """Level of that tone in dB below full scale, in the loudest half second between the two times."""
        part = self.channels[channel][int(start * self.rate) : None if end is None else int(end * self.rate)]
        width = self.rate // 2
        levels = [-120.0]
        window = np.hanning(width)
        for begin in range(0, len(part) - width + 1, width // 2):
            spectrum = np.abs(np.fft.rfft(part[begin : begin + width] * window)) / (width / 4)
            centre = round(hertz * width / self.rate)
            amplitude = float(spectrum[max(centre - 2, 0) : centre + 3].max())
            levels.append(20 * float(np.log10(max(amplitude, 1e-6))))
        return max(levels)

    def holds(self, other: "Sound", channel: int = 0) -> float:
        """How much of ``other`` sounds here: 1 all of it, whole and clear.

        Each half second of it is looked for by itself, as a packet that was late moves what follows it: the
        highest correlation of the two waveforms anywhere. Two sentences that begin alike share only that.
        """
        assert self.rate == other.rate
        here, there = self.channels[channel], other.channels[0]
        width = min(self.rate // 2, len(there))
        if len(here) < width:
            return 0.0
        pieces = [there[begin : begin + width] for begin in range(0, len(there) - width + 1, width)]
        loudest = max(float((piece**2).sum()) for piece in pieces)
        found = [_likeness(here, piece) for piece in pieces if float((piece**2).sum()) > loudest / 30]
        return sum(found) / len(found)


def _likeness(here: npt.NDArray[np.float64], piece: npt.NDArray[np.float64]) -> float:
    width = len(piece)
    size = 1 << (len(here) + width - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(here, size) * np.conj(np.fft.rfft(piece, size)), size)
    sums = np.cumsum(np.concatenate(([0.0], here**2)))
    powers = np.sqrt((sums[width:] - sums[:-width]).clip(1e-4) * float((piece**2).sum()))
    return float((product[: len(here) - width + 1] / powers).max())

"""What a recording holds: how loud a tone is in each channel, by its spectrum."""

import io
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TONE = 0.01  # the least amplitude of a tone that is there at all
GONE = 0.1  # of what a tone has otherwise: 20 dB lower
AT_EDGES = 0.26  # so much of a Hann window, at either end of it, holds a tenth of its weight
SILENCE = 0.003


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

    @property
    def loud_seconds(self) -> int:
        """How many of its whole seconds are no silence."""
        seconds = self.channels.shape[1] // self.rate
        whole = self.channels[0, : seconds * self.rate].reshape(seconds, self.rate)
        return int((np.abs(whole).max(axis=1) > 0.01).sum())

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

    def part(self, start: float, end: float) -> "Sound":
        """What sounds between the two times; nothing before it begins and after it ends."""
        first, last = round(start * self.rate), round(end * self.rate)
        before, after = max(-first, 0), max(last - self.channels.shape[1], 0)
        padded = np.pad(self.channels, ((0, 0), (before, after)))
        return Sound(self.rate, padded[:, first + before : last + before])

    def gaps(self, hertz: int, channel: int = 0) -> list[tuple[float, float]]:
        """When, and for how long, that tone is missing, or more than 20 dB lower than otherwise; in seconds.

        By a window of 20 ms that is moved by 1 ms, to which a gap of 20 ms and more is right within 2 ms.
        A tone that does not sound at all is missing all the time.
        """
        here = self.channels[channel]
        width, hop = self.rate // 50, self.rate // 1000
        if len(here) < width:
            return [(0.0, self.seconds)]
        carrier = np.exp(-2j * np.pi * hertz / self.rate * np.arange(len(here)))
        window = np.hanning(width)
        pieces = np.lib.stride_tricks.sliding_window_view(here * carrier, width)[::hop]
        levels = np.abs(pieces @ window) * 2 / float(window.sum())
        usual = float(np.percentile(levels, 90))
        if usual < TONE:
            return [(0.0, self.seconds)]
        inner = width * (1 - 2 * AT_EDGES)  # of the first window that is low, so much lies in the gap
        return [
            ((begin * hop + width * AT_EDGES) / self.rate, ((end - begin) * hop + inner) / self.rate)
            for begin, end in _runs(levels < usual * GONE)
        ]

    def longest_gap(self, hertz: int, channel: int = 0) -> float:
        return max((length for _, length in self.gaps(hertz, channel)), default=0.0)

    def longest_silence(self, channel: int = 0) -> float:
        """For how many seconds at most nothing is heard, in steps of 10 ms."""
        hop = self.rate // 100
        steps = self.channels.shape[1] // hop
        peaks = np.abs(self.channels[channel, : steps * hop].reshape(steps, hop)).max(axis=1, initial=0.0)
        return max((end - begin for begin, end in _runs(peaks < SILENCE)), default=0) * hop / self.rate

    def holds(self, other: "Sound", channel: int = 0) -> float:
        """How much of ``other`` sounds here: 1 all of it, whole and clear.

        Each half second of it is looked for by itself, as a packet that was late moves what follows it: the
        highest correlation of the two waveforms anywhere. Two sentences that begin alike share only that.
        """
        assert self.rate == other.rate
        here = self.channels[channel]
        found = [_likeness(here, piece)[0] for _, piece in other._pieces() if len(here) >= len(piece)]
        return sum(found) / len(found) if found else 0.0

    def after(self, other: "Sound", channel: int = 0) -> "Sound":
        """What sounds here once ``other``, which does, has ended."""
        # By its loudest part: a faint one may be found anywhere.
        begin, piece = max(other._pieces(), key=lambda one: float((one[1] ** 2).sum()))
        _, at = _likeness(self.channels[channel], piece)
        end = at + other.channels.shape[1] - begin
        return Sound(self.rate, self.channels[:, end - self.rate // 10 :])

    def _pieces(self) -> list[tuple[int, npt.NDArray[np.float64]]]:
        """The half seconds of it that are not silence, each with where it begins."""
        all_ = self.channels[0]
        width = min(self.rate // 2, len(all_))
        pieces = [(begin, all_[begin : begin + width]) for begin in range(0, len(all_) - width + 1, width)]
        loudest = max(float((piece**2).sum()) for _, piece in pieces)
        return [(begin, piece) for begin, piece in pieces if float((piece**2).sum()) > loudest / 30]


def _runs(yes: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where it is true in a row: from, and up to."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], yes, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _likeness(here: npt.NDArray[np.float64], piece: npt.NDArray[np.float64]) -> tuple[float, int]:
    """The highest correlation, and where it is."""
    width = len(piece)
    size = 1 << (len(here) + width - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(here, size) * np.conj(np.fft.rfft(piece, size)), size)
    sums = np.cumsum(np.concatenate(([0.0], here**2)))
    powers = np.sqrt((sums[width:] - sums[:-width]).clip(1e-4) * float((piece**2).sum()))
    likeness = product[: len(here) - width + 1] / powers
    return float(likeness.max()), int(likeness.argmax())

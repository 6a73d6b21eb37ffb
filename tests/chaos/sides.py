"""Whether a recording holds what the call's own story says: who on which side, when, and in step. Pure.

Everybody has a tone of his own and stops for a moment at each beat of the clock (phones/voices.py), so where
in the file a moment is can be seen in the file, and whether its two sides are in step as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tests.chaos.phones.beat import BEAT_S, GAP_S
from tests.e2e.sound import Sound

LEFT, RIGHT = 0, 1
SIDES = ("left", "right")
PIECE_S, HOP_S = 0.5, 0.25
UNSURE_S = 0.6  # around each change: it takes a moment to be heard, and more to be written down
BESIDE_S = 0.5  # of a pause so much more, and all that the file has lost, may be silent: its place is unknown
HEARD, SILENT = -26.0, -70.0  # dB below full scale; a tone comes at -12
BEATS_S = (GAP_S * 0.5, GAP_S * 1.6)  # how long a beat's gap is taken to be; what is longer is something else
LATER_S = (-0.25, 1.0)
IN_STEP_S = 0.05  # of what is said in packets of 20 ms and kept in frames of 20 ms

Span = tuple[float, float]


@dataclass(frozen=True)
class Segment:
    agent: str
    doing: str
    since: float
    until: float


@dataclass(frozen=True)
class Story:
    """One recording's, by the service's books. Times are Unix seconds; tones are Hz by name."""

    client: str
    begins: float  # about when its recorder did
    segments: Sequence[Segment]
    pauses: Sequence[Span] = ()
    unsure: Sequence[Span] = ()  # when somebody was muted, or a supervisor could be heard
    changes: Sequence[float] = ()  # moments around which it is not said what is heard

    def edges(self) -> list[float]:
        spans = [(one.since, one.until) for one in self.segments] + list(self.pauses)
        return [*self.changes, *(edge for span in spans for edge in span)]

    def speak(self, at: float) -> set[str]:
        """The agents whom the client hears."""
        together = [one for one in self.segments if one.since <= at <= one.until]
        return {one.agent for one in together if one.doing in ("talk", "conference")}


@dataclass
class Checked:
    wrong: list[str] = field(default_factory=list)
    pieces: int = 0  # that were compared
    silent: int = 0  # of these, in a pause
    steps: list[float] = field(default_factory=list)  # at each beat: seconds by which the right side is later
    lost: float = 0.0  # seconds of the talk that the file has not
    seconds: float = 0.0  # that the file has


def check(sound: Sound, story: Story, tones: Mapping[str, int]) -> Checked:
    found = Checked(seconds=sound.seconds)
    clock = Clock.of(sound, story, tones[story.client])
    # In a pause there are no beats: what is lost there is seen by the length alone.
    ran = max((one.until for one in story.segments), default=story.begins) - story.begins
    found.lost = max(clock.lost, ran - sound.seconds)
    edges = story.edges()
    names = list(tones)
    levels = [_levels(sound, side, list(tones.values())) for side in (LEFT, RIGHT)]
    for number in range(len(levels[LEFT])):
        at = number * HOP_S
        begin = clock.wall(at)
        if _is_unsure(story, edges, begin, begin + PIECE_S) or _beside_pause(
            story, begin, BESIDE_S + found.lost
        ):
            continue
        found.pieces += 1
        where = f"at {at:.2f} s"
        if any(since <= begin <= until for since, until in story.pauses):
            found.silent += 1
            piece = sound.part(at, at + PIECE_S).channels
            loud = [SIDES[side] for side in (LEFT, RIGHT) if _decibels(piece[side]) > SILENT]
            found.wrong += [f"{where} the {side} is not silent in a pause" for side in loud]
            continue
        wanted = ({story.client}, story.speak(begin))
        for side in (LEFT, RIGHT):
            heard = {name for name, level in zip(names, levels[side][number], strict=True) if level > HEARD}
            if heard != wanted[side]:
                found.wrong.append(f"{where} {SIDES[side]}: {_told(heard)}, not {_told(wanted[side])}")
    found.steps = list(_steps(sound, story, clock, tones))
    apart = [step for step in found.steps if abs(step) > IN_STEP_S]
    found.wrong += [f"the right side is later by {step * 1000:.0f} ms" for step in apart]
    return found


def _told(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def _is_unsure(story: Story, edges: Sequence[float], begin: float, end: float) -> bool:
    if any(begin - UNSURE_S < edge < end + UNSURE_S for edge in edges):
        return True
    if any(since - UNSURE_S < end and begin < until + UNSURE_S for since, until in story.unsure):
        return True
    first, last = min(one.since for one in story.segments), max(one.until for one in story.segments)
    return not first < begin < end < last


def _beside_pause(story: Story, at: float, seconds: float) -> bool:
    return any(
        since - seconds - PIECE_S < at < since or until < at < until + seconds
        for since, until in story.pauses
    )


def _levels(sound: Sound, side: int, hertz: Sequence[int]) -> npt.NDArray[np.float64]:
    """Of each piece (rows) each tone (columns), in dB below full scale."""
    width, hop = round(PIECE_S * sound.rate), round(HOP_S * sound.rate)
    here = sound.channels[side]
    if len(here) < width:
        return np.empty((0, len(hertz)))
    pieces = np.lib.stride_tricks.sliding_window_view(here, width)[::hop]
    spectrum = np.abs(np.fft.rfft(pieces * np.hanning(width), axis=1)) / (width / 4)
    bins = [round(tone * width / sound.rate) for tone in hertz]
    near = np.stack([spectrum[:, bin - 1 : bin + 2].max(axis=1) for bin in bins], axis=1)
    return 20 * np.log10(np.maximum(near, 1e-6))


def _decibels(samples: npt.NDArray[np.float64]) -> float:
    return 10 * float(np.log10(max(float((samples**2).mean()), 1e-12)))


@dataclass(frozen=True)
class Clock:
    """Where in the file which moment is: at each beat that the client's side shows."""

    at: Sequence[float]
    offsets: Sequence[float]

    @classmethod
    def of(cls, sound: Sound, story: Story, hertz: int) -> "Clock":
        found = {}
        offset = story.begins
        for middle in _beats(sound, LEFT, hertz, 0.0, sound.seconds):
            moment = middle + offset - GAP_S / 2
            later = round(moment / BEAT_S) * BEAT_S - moment
            # A file only ever loses something, and not much between two beats: what is elsewhere is no beat.
            if LATER_S[0] <= later <= LATER_S[1]:
                offset += later
                found[middle] = offset
        if not found:
            found = {0.0: offset}
        return cls(list(found), list(found.values()))

    @property
    def lost(self) -> float:
        return self.offsets[-1] - self.offsets[0]

    def wall(self, at: float) -> float:
        """By the latest beat before it; the very first also for what comes before."""
        number = max(int(np.searchsorted(self.at, at, side="right")) - 1, 0)
        return at + self.offsets[number]

    def file(self, moment: float) -> float:
        number = max(int(np.searchsorted(np.add(self.at, self.offsets), moment, side="right")) - 1, 0)
        return moment - self.offsets[number]


def _beats(sound: Sound, side: int, hertz: int, begin: float, end: float) -> list[float]:
    """Their middles in the file, in seconds."""
    gaps = sound.part(begin, end).gaps(hertz, side)
    return [begin + at + length / 2 for at, length in gaps if BEATS_S[0] <= length <= BEATS_S[1]]


def _steps(sound: Sound, story: Story, clock: Clock, tones: Mapping[str, int]) -> Iterator[float]:
    for one in story.segments:
        begin, end = clock.file(one.since + UNSURE_S), min(clock.file(one.until - UNSURE_S), sound.seconds)
        if one.doing != "talk" or end - begin < PIECE_S:
            continue
        right = _beats(sound, RIGHT, tones[one.agent], begin, end)
        for left in (at for at in clock.at if begin <= at <= end):
            near = min(right, key=lambda at: abs(at - left), default=None)
            if near is not None and abs(near - left) < BEAT_S / 4:
                yield near - left

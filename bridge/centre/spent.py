"""How long each did what in a call: the sums of its segments, and of the wrap-ups that came after.

Owns what counts as talk and what as hold, for every figure that tells of either.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.centre.ids import AgentId
from bridge.centre.record import Doing, Segment, WrapUp

_WITH_CLIENT = frozenset({Doing.TALK, Doing.CONFERENCE})
_ON_HOLD = frozenset({Doing.HOLD, Doing.CONSULT})  # the client hears music
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """One agent's time in one call; a number outside's where ``agent`` is None."""

    agent: AgentId | None
    doing: Mapping[Doing, timedelta]  # without what he did not do
    wrap_up: timedelta

    @property
    def times(self) -> tuple[timedelta, ...]:
        """Of everything that can be done in a call, and then of the wrap-up."""
        return (*(self.doing.get(doing, _NONE) for doing in Doing), self.wrap_up)


def spent(segments: Sequence[Segment], wrap_ups: Sequence[WrapUp], now: datetime) -> tuple[Spent, ...]:
    """By agent, in the order in which they came. What goes on is counted to ``now``."""
    agents = dict.fromkeys([*(one.agent for one in segments), *(one.agent for one in wrap_ups)])
    return tuple(
        Spent(
            agent,
            {
                doing: length
                for doing in Doing
                if (length := _length((one for one in segments if one.agent == agent), {doing}, now))
            },
            sum((one.until - one.since for one in wrap_ups if one.agent == agent), _NONE),
        )
        for agent in agents
    )


def talked(segments: Iterable[Segment], now: datetime) -> timedelta:
    """How long the client had somebody to talk with: hold and consultation are not talk."""
    return _length(segments, _WITH_CLIENT, now)


def on_hold(segments: Sequence[Segment], now: datetime) -> timedelta:
    """How long he heard music while somebody had him."""
    return _length(segments, _WITH_CLIENT | _ON_HOLD, now) - talked(segments, now)


def _length(segments: Iterable[Segment], doing: frozenset[Doing] | set[Doing], now: datetime) -> timedelta:
    """Of the time in which any of them does it: who is on two lines of his phone does it once."""
    total, until = _NONE, datetime.min.replace(tzinfo=now.tzinfo)
    spans = sorted((one.since, one.until or max(now, one.since)) for one in segments if one.doing in doing)
    for begin, end in spans:
        total += max(end - max(begin, until), _NONE)
        until = max(until, end)
    return total

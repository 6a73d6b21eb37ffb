"""Service level, waits and occupancy of a day, by the one definition of each. Owns the arithmetic only."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from bridge.centre.ids import AgentId, QueueName
from bridge.centre.simulation import Day, Visit, VisitEnd

SHORT_ABANDON = timedelta(seconds=5)  # who hangs up sooner did not mean to wait
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Figures:
    """None where nothing happened that could be measured, or where the log does not tell.

    Waits are of who was answered. ``occupancy`` is of the queue's agents, whatever queue they worked for.
    """

    offered: int
    answered: int
    abandoned: int
    short_abandons: int  # of the abandoned
    left: int  # by another way
    waiting: int  # when nobody was there any more
    sl: float | None  # answered within T ÷ offered without short abandons
    sl2: float | None  # answered within T ÷ answered
    wait_mean: timedelta | None
    wait_p50: timedelta | None
    wait_p90: timedelta | None
    wait_max: timedelta | None
    aht: timedelta | None
    occupancy: float | None  # handle ÷ (handle + available)
    agents: int
    calls_min: int | None  # answered by one agent
    calls_max: int | None


def figures_of(
    day: Day,
    visits: Sequence[Visit],
    agents: Collection[AgentId],
    service_level: Mapping[QueueName, timedelta],
) -> Figures:
    """``visits``: those of ``day`` that count here; ``agents``: who serves them."""
    answered = [visit for visit in visits if visit.end is VisitEnd.ANSWERED]
    ends = Counter(visit.end for visit in visits)
    short = sum(visit.end is VisitEnd.ABANDONED and visit.wait < SHORT_ABANDON for visit in visits)
    in_time = sum(visit.wait <= service_level[visit.queue] for visit in answered)
    waits = sorted(visit.wait for visit in answered)
    handled = sum((visit.talk + visit.wrap_up for visit in answered), _ZERO)
    # An answered call of which the log does not say whose it was would make somebody look idle.
    known = bool(agents) and all(visit.agent is not None for visit in answered)
    by_agent = Counter(visit.agent for visit in answered)
    calls = [by_agent[agent] for agent in agents]
    return Figures(
        offered=len(visits),
        answered=len(answered),
        abandoned=ends[VisitEnd.ABANDONED],
        short_abandons=short,
        left=ends[VisitEnd.LEFT],
        waiting=ends[VisitEnd.WAITING],
        sl=_share(in_time, len(visits) - short),
        sl2=_share(in_time, len(answered)),
        wait_mean=sum(waits, _ZERO) / len(waits) if waits else None,
        wait_p50=_percentile(waits, 0.5),
        wait_p90=_percentile(waits, 0.9),
        wait_max=waits[-1] if waits else None,
        aht=handled / len(answered) if answered else None,
        occupancy=_occupancy(day, agents) if known else None,
        agents=len(agents),
        calls_min=min(calls) if known else None,
        calls_max=max(calls) if known else None,
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _percentile(ordered: Sequence[timedelta], share: float) -> timedelta | None:
    """The nearest rank: a wait that somebody really had."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None


def _occupancy(day: Day, agents: Collection[AgentId]) -> float | None:
    """Who neither talks nor wraps up is available, also while his phone rings."""
    members = set(agents)
    handled = sum((visit.talk + visit.wrap_up for visit in day.visits if visit.agent in members), _ZERO)
    present = sum((day.presence.get(agent, _ZERO) for agent in agents), _ZERO)
    available = max(present - handled, _ZERO)
    return _share(handled.total_seconds(), (handled + available).total_seconds())

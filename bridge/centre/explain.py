"""Why this agent: each candidate of a decision with the rule that put him out, or his turn in the order.

Pure, and apart from the choosing itself: it may take its time. It judges by the same rules as the router.
"""

from dataclasses import dataclass
from enum import Enum

from bridge.centre.decision import Decision, Standing
from bridge.centre.ids import AgentId
from bridge.centre.strategies import metric, satisfies


class Verdict(Enum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    NEXT = "next"  # could have been asked, comes after the chosen one
    HINDERED = "hindered"  # paused, talking, …: ``Judged.detail`` names it
    SKILL = "skill"  # lacks a skill, or its level
    PENALTY = "penalty"  # his penalty is not asked yet
    NOT_PREFERRED = "not_preferred"  # the caller waits for another one


@dataclass(frozen=True, slots=True)
class Judged:
    """``rank`` counts from 1 among those who could be asked; ``metric`` is what the strategy compared."""

    agent: AgentId
    verdict: Verdict
    detail: str = ""
    rank: int | None = None
    metric: str = ""


def explain(decision: Decision) -> tuple[Judged, ...]:
    """The chosen first, then who would have been next, then those who were put out, in the list's order."""
    able = [s for s in decision.standings if _verdict(decision, s) is None]
    able.sort(key=lambda standing: (standing.agent not in decision.chosen, *metric(decision, standing)[0]))
    judged = [
        Judged(
            standing.agent,
            Verdict.CHOSEN if standing.agent in decision.chosen else Verdict.NEXT,
            rank=rank,
            metric=metric(decision, standing)[1],
        )
        for rank, standing in enumerate(able, 1)
    ]
    for standing in decision.standings:
        out = _verdict(decision, standing)
        if out is not None:
            judged.append(Judged(standing.agent, *out))
    return tuple(judged)


def _verdict(decision: Decision, standing: Standing) -> tuple[Verdict, str] | None:
    """None: he could be asked."""
    if standing.agent in decision.chosen:
        return None
    if standing.hindrance is not None:
        return Verdict.HINDERED, " ".join(filter(None, (standing.hindrance.value, standing.reason)))
    for skill, level in decision.needs:
        if standing.skills.get(skill, 0) < level:
            return Verdict.SKILL, f"{skill} {standing.skills.get(skill, 0)} < {level}"
    if not satisfies(standing.penalty, decision.highest_penalty):
        return Verdict.PENALTY, f"{standing.penalty} > {decision.highest_penalty}"
    if decision.preferred is not None and decision.preferred in decision.chosen:
        return Verdict.NOT_PREFERRED, decision.preferred
    return None

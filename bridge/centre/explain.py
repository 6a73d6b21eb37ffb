"""Why this agent: each candidate of a decision with the rule that put him out, or his turn in the order.

Pure, and apart from the choosing itself: it may take its time. It judges by the same rules as the router.
"""

from dataclasses import dataclass
from enum import Enum
from operator import itemgetter

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
    able: list[tuple[tuple[object, ...], Standing, str]] = []
    out: list[Judged] = []
    for standing in decision.standings:
        verdict = _verdict(decision, standing)
        if verdict is not None:
            out.append(Judged(standing.agent, *verdict))
            continue
        order, words = metric(decision, standing)
        able.append(((standing.agent not in decision.chosen, *order), standing, words))
    able.sort(key=itemgetter(0))
    asked = (
        Judged(
            standing.agent,
            Verdict.CHOSEN if standing.agent in decision.chosen else Verdict.NEXT,
            rank=rank,
            metric=words,
        )
        for rank, (_, standing, words) in enumerate(able, 1)
    )
    return (*asked, *out)


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

"""Checks that somebody in each queue has the skills that its callers need, once the queue has widened.

It works on the tree as it was read, piece by piece, for the same reason as references.py. A supervisor may
move somebody in later; a file that counts on that would keep callers waiting, and nobody would know why.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict, Field

from bridge.config.agents import AgentSettings
from bridge.config.faults import Fault
from bridge.config.fields import Level, Name, Section
from bridge.config.pieces import Path, items, mapping, piece, pieces, targets
from bridge.config.queues import WideningSettings
from bridge.config.source import Source, text_of

Skills = Mapping[str, int]


class _Needing(Section):
    """A queue or a target, as far as it matters here."""

    model_config = ConfigDict(extra="ignore")

    needs: dict[Name, Level] = Field(default_factory=dict)


def check_staffing(source: Source) -> Iterator[Fault]:
    queues = mapping(source.tree, "queues")
    staff = {name: list(_staff(source, queue)) for name, queue in queues.items()}
    wrong = set()
    for name, queue in queues.items():
        for fault in _unserved(source, ("queues", name), _needs(queue), queue, staff[name]):
            wrong.add(name)
            yield fault
    for path, target in targets(source.tree):
        name = text_of(target.get("queue"))
        own = _needs(target)
        if own and target.get("agent") is None and isinstance(name, str) and name in queues.keys() - wrong:
            both = _joined(_needs(queues[name]), own)
            yield from _unserved(source, path, both, queues[name], staff[name])


def _needs(section: Any) -> Skills:
    found = piece(_Needing, section)
    return {} if found is None else found.needs


def _joined(one: Skills, other: Skills) -> Skills:
    return {skill: max(one.get(skill, 0), other.get(skill, 0)) for skill in {**one, **other}}


def _unserved(source: Source, path: Path, needs: Skills, queue: Any, staff: list[Skills]) -> Iterator[Fault]:
    if not staff:
        return  # a queue without members serves nobody anyway, and may be meant so
    steps = pieces(WideningSettings, items(queue, "widening"))
    lower = steps[-1].lower_levels if steps else 0
    needed = {skill: level - lower for skill, level in needs.items() if level > lower}
    lacking = False
    for skill, level in needed.items():
        highest = max(skills.get(skill, 0) for skills in staff)
        if highest < level:
            lacking = True
            yield source.fault(
                (*path, "needs", skill),
                f"nobody in this queue has {skill} {level} (the highest is {highest}): give it to one of its"
                " agents under skills:, or ask for less",
            )
    if not lacking and not any(_has_all(skills, needed) for skills in staff):
        wanted = ", ".join(f"{skill} {level}" for skill, level in needed.items())
        yield source.fault(
            (*path, "needs"),
            f"nobody in this queue has all of {wanted}: give them to one of its agents, or ask for less",
        )


def _has_all(skills: Skills, needed: Skills) -> bool:
    return all(skills.get(skill, 0) >= level for skill, level in needed.items())


def _staff(source: Source, queue: Any) -> Iterator[Skills]:
    agents = mapping(source.tree, "agents")
    for member in items(queue, "members"):
        agent = text_of(member.get("agent") if isinstance(member, Mapping) else member)
        found = piece(AgentSettings, agents.get(agent)) if isinstance(agent, str) else None
        if found is not None:
            yield found.skills

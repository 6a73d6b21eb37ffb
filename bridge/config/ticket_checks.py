"""Checks what refers to what in the rules of tickets: agents in lines, statuses, classes of the SLA.

It works on the tree as it was read, piece by piece, for the same reason as references.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ConfigDict, Field

from bridge.config.departments import ClassSettings, SlaSettings
from bridge.config.faults import Fault
from bridge.config.features import DISPOSITIONS
from bridge.config.field_checks import check_fields
from bridge.config.fields import Name, Section
from bridge.config.hours import HoursSettings
from bridge.config.pieces import Path, items, mapping, piece
from bridge.config.references import unknown
from bridge.config.source import Source, text_of
from bridge.config.tickets import GIVEN, StatusKind, StatusSettings

DEEPEST = 8  # classes below each other; a ClassPath holds as many
MOST_CLASSES = 1000
_WEEKS = 10 * 50  # a year has as many, less holidays


class _Tree(Section):
    model_config = ConfigDict(extra="ignore")

    classification: dict[Name, ClassSettings] = Field(default_factory=dict)


def check_tickets(source: Source) -> Iterator[Fault]:
    yield from _statuses(source)
    yield from _resolved(source)
    for name, department in mapping(source.tree, "departments").items():
        path: Path = ("departments", name)
        yield from _lines(source, (*path, "lines"), mapping(department, "lines"))
        yield from _classes(source, path, department)
        yield from _reachable(source, (*path, "sla"), department)
        yield from check_fields(source, (*path, "fields"), items(department, "fields"))


# ── statuses ─────────────────────────────────────────────────────────────────


def _statuses(source: Source) -> Iterator[Fault]:
    written = mapping(source.tree, "tickets", "statuses")
    found = {name: piece(StatusSettings, value) for name, value in written.items()}
    kinds = {name: kind for name, (kind, _) in GIVEN.items()}
    kinds |= {name: own.kind for name, own in found.items() if own and own.kind and name not in GIVEN}
    for name, own in found.items():
        here: Path = ("tickets", "statuses", name)
        if own is None:
            continue
        if name in GIVEN:
            if own.kind is not None and own.kind is not GIVEN[name][0]:
                yield source.fault(
                    (*here, "kind"),
                    f"{name} is always {GIVEN[name][0].value}: remove kind:, or give the status another name",
                )
            continue
        for key in ("title", "kind"):
            if getattr(own, key) is None:
                yield source.fault((*here, key), f"is missing: add “{key}:”")
        if own.closes_as is not None:
            yield from _closes_as(source, (*here, "closes_as"), own.closes_as, kinds)


def _closes_as(source: Source, here: Path, name: str, kinds: Mapping[str, StatusKind]) -> Iterator[Fault]:
    closed = [one for one, kind in kinds.items() if kind is StatusKind.CLOSED]
    if name not in kinds:
        yield from unknown(source, here, "closed status", name, closed, "tickets.statuses")
    elif name not in closed:
        yield source.fault(here, f"{name} is not of kind: closed: write {' or '.join(closed[:5])}")


def _resolved(source: Source) -> Iterator[Fault]:
    own = [text_of(name) for name in mapping(source.tree, "dispositions").values()]
    known = [name for name in own if isinstance(name, str)] or list(DISPOSITIONS.values())
    for index, name in enumerate(items(mapping(source.tree, "tickets"), "resolved")):
        yield from unknown(source, ("tickets", "resolved", index), "disposition", name, known, "dispositions")


# ── lines ────────────────────────────────────────────────────────────────────


def _lines(source: Source, path: Path, lines: Mapping[str, Any]) -> Iterator[Fault]:
    agents = mapping(source.tree, "agents")
    seen: dict[str, str] = {}
    for line in lines:
        for index, agent in enumerate(items(lines, line)):
            here, agent = (*path, line, index), text_of(agent)
            if not isinstance(agent, str):
                continue
            yield from unknown(source, here, "agent", agent, agents, "agents")
            if agent in seen:
                yield source.fault(
                    here, f"agent {agent[:20]} is in line {seen[agent][:20]} already: keep one of them"
                )
            seen.setdefault(agent, line)


# ── classes ──────────────────────────────────────────────────────────────────


def _classes(source: Source, path: Path, department: Any) -> Iterator[Fault]:
    written = mapping(department, "classification")
    tree = piece(_Tree, {"classification": written})
    if tree is None:
        return
    known: dict[str, Path] = {}
    for way, where in _ways(tree.classification, (*path, "classification")):
        known[way] = where
        if way.count("/") == DEEPEST:
            yield source.fault(where, f"is more than {DEEPEST} classes deep: nobody finds it there")
    if len(known) > MOST_CLASSES:
        yield source.fault((*path, "classification"), f"has more than {MOST_CLASSES} classes: join some")
    seen: set[tuple[str | None, str | None]] = set()
    for index, written_rule in enumerate(items(department, "sla")):
        rule = piece(SlaSettings, written_rule)
        if rule is None:
            continue
        here: Path = (*path, "sla", index)
        yield from unknown(
            source,
            (*here, "classification"),
            "class of this department",
            rule.classification,
            known,
            "classification",
        )
        if (rule.classification, rule.priority) in seen:
            yield source.fault(here, "is for the same tickets as a rule before it: join the two")
        seen.add((rule.classification, rule.priority))


def _ways(classes: Mapping[str, ClassSettings], path: Path, above: str = "") -> Iterator[tuple[str, Path]]:
    for name, one in classes.items():
        here: Path = (*path, name)
        yield above + name, here
        yield from _ways(one.below, (*here, "below"), f"{above}{name}/")


def _reachable(source: Source, path: Path, department: Any) -> Iterator[Fault]:
    """Nothing may be due in so many years that no calendar goes so far."""
    hours = mapping(department).get("hours") or mapping(source.tree, "tickets").get("hours")
    found = piece(HoursSettings, hours)
    if found is None:
        return
    a_week = sum(end - begin for spans in found.spans() for begin, end in spans) / 60
    for index, written in enumerate(items(department, "sla")):
        rule = piece(SlaSettings, written)
        for key in ("reaction_hours", "resolution_hours"):
            wanted = getattr(rule, key, None)
            if wanted is not None and wanted > a_week * _WEEKS:
                yield source.fault(
                    (*path, index, key),
                    f"takes more than {_WEEKS // 50} years with {a_week:g} working hours a week: name fewer,"
                    " or more hours in hours:",
                )

"""Owns the form that a list of tickets is asked by: what it offers, the filter that it says, and back.

Whatever a saved filter asks for has its place in the form, also what the file has lost since: so a filter
that is looked at, changed and saved again loses nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.config.custom_fields import FieldType
from bridge.config.tickets import PRIORITIES, StatusKind
from bridge.crm import custom_fields
from bridge.crm.ticketing import filters
from bridge.crm.ticketing.filters import Filter
from bridge.crm.ticketing.rules import Rules
from bridge.errors import WrongFields
from bridge.store.ticket_query import TicketOrder
from bridge.web import labels
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.forms import query_of, words_of
from bridge.web.labels import N_
from bridge.web.own_fields import Asked, Option, sought_field, words_of_fault
from bridge.web.pages.calls import agent_names
from bridge.web.principal import person_of
from bridge.web.problems import bad_field
from bridge.web.ticket_form import OWN
from bridge.web.ticket_words import TicketWords

OPEN = tuple(kind for kind in StatusKind if kind is not StatusKind.CLOSED)
_ANY_OPEN, _KIND = "any-open", "kind:"
_ORDERS = {
    TicketOrder.NEWEST: N_("Newest first"),
    TicketOrder.OLDEST: N_("Oldest first"),
    TicketOrder.UPDATED: N_("Last changed first"),
    TicketOrder.PRIORITY: N_("By priority"),
    TicketOrder.DUE: N_("Due first"),
    TicketOrder.WAITING: N_("Longest without an answer first"),
}
_DUE = {"0": N_("Overdue"), "1": N_("Within an hour"), "8": N_("Within 8 hours"), "24": N_("Within a day")}
_WAITS = {
    "1": N_("1 h or longer"),
    "3": N_("3 h or longer"),
    "8": N_("8 h or longer"),
    "24": N_("A day or longer"),
}
_DAYS = {"1": N_("Last 24 hours"), "7": N_("Last 7 days"), "30": N_("Last 30 days")}
_KINDS: Mapping[str, str] = {
    "open": N_("Not begun"),
    "working": N_("Being worked on"),
    "waiting": N_("Waiting for the client"),
    "temporary": N_("Closes by itself"),
    "closed": N_("Closed"),
}
_LINES = ("1", "2", "3")
_SEVERAL = ("status", "assignee", "department", "line", "priority", "class")
_ONE = {
    "due": "due_within_hours",
    "waits": "no_reaction_hours",
    "created": "created_days",
    "updated": "updated_days",
}
_DAY = ("created_from", "created_to", "updated_from", "updated_to")
_NAMES = frozenset({"q", "tag", "order", "of", *_SEVERAL, *_ONE, *_DAY})


@dataclass(frozen=True, slots=True)
class Choice:
    """Some of several, or one of them."""

    name: str
    title: str  # a word of the catalogues
    options: tuple[Option, ...]

    @property
    def said(self) -> str:
        return ", ".join(option.title for option in self.options if option.chosen)


@dataclass(frozen=True, slots=True)
class Span:
    """Within the last so many days, and between two days."""

    days: Choice
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class OwnFields:
    asked: tuple[Asked, ...]
    others: tuple[Option, ...]
    new: str = ""  # the one that was chosen just now


@dataclass(frozen=True, slots=True)
class FilterForm:
    text: str
    tags: str
    several: tuple[Choice, ...]
    one: tuple[Choice, ...]
    spans: tuple[Span, Span]
    order: Choice
    own: OwnFields

    @property
    def has_days(self) -> bool:
        return any(span.first or span.last for span in self.spans)


def is_asked(request: web.Request) -> bool:
    return any(name in _NAMES or name.startswith(OWN) for name in request.query)


def said_again(request: web.Request) -> list[tuple[str, str]]:
    """What was asked, for another page of the same list."""
    return [
        (name, value)
        for name, value in request.query.items()
        if value and (name in _NAMES or name.startswith(OWN))
    ]


def filter_of(request: web.Request) -> Filter:
    """What the form says. Raises BadInput, Problem."""
    query = query_of(request)
    given: dict[str, Any] = {
        "text": query.text("q"),
        "departments": words_of(request, "department"),
        "assignees": words_of(request, "assignee"),
        "priorities": words_of(request, "priority"),
        "lines": [int(one) if one in _LINES else one for one in words_of(request, "line")],
        "classes": words_of(request, "class"),
        "tags": [
            tag for part in query.text("tag", longest=3_000).casefold().split(",") if (tag := part.strip())
        ],
        "order": query.choice("order", [one.value for one in TicketOrder], optional=True) or "newest",
        "fields": _own_values(request),
        **_statuses(words_of(request, "status"), parts_of(request).tickets.rules),
    }
    for name, asks in (*_ONE.items(), *((one, one) for one in _DAY)):
        if value := query.text(name, longest=40):
            given[asks] = value
    return filters.read(given)


def form_of(request: web.Request, chosen: Filter) -> FilterForm:
    rules, language = parts_of(request).tickets.rules, language_of(request)
    translated = renderer_of(request).languages[language].gettext
    departments = sorted(rules.names)
    states = {one.name: one.title.text(language) for one in rules.statuses.all}
    people = {filters.NOBODY: translated("Nobody"), **agent_names(request)}
    if person_of(request).agent:
        people = {filters.ME: translated("Me"), **people}
    words = TicketWords(lambda: rules, parts_of(request).plan)

    def several(name: str, title: str, options: Mapping[str, str], of: Iterable[str]) -> Choice:
        return Choice(name, title, _options(options, list(of)))

    def one(name: str, title: str, options: Mapping[str, str], of: float | None, more: str) -> Choice:
        value = "" if of is None else f"{of:g}"
        known = {key: translated(word) for key, word in options.items()}
        if value and value not in known:
            known[value] = translated(more) % {"count": value}
        return Choice(name, title, (Option("", translated("All"), not value), *_options(known, [value])))

    def span(name: str, title: str) -> Span:
        first, last = getattr(chosen, f"{name}_from"), getattr(chosen, f"{name}_to")
        days = one(name, title, _DAYS, getattr(chosen, f"{name}_days"), N_("Last %(count)s days"))
        return Span(days, first.isoformat() if first else "", last.isoformat() if last else "")

    return FilterForm(
        text=chosen.text,
        tags=", ".join(chosen.tags),
        several=(
            Choice("status", N_("Status"), _of_statuses(chosen, states, rules, translated)),
            several("assignee", N_("Assignee"), people, chosen.assignees),
            several(
                "department",
                N_("Department"),
                {one: words.department(one) for one in departments},
                chosen.departments,
            ),
            several("line", N_("Line"), {one: one for one in _LINES}, map(str, chosen.lines)),
            several(
                "priority",
                N_("Priority"),
                {one: translated(labels.PRIORITIES[one]) for one in PRIORITIES},
                chosen.priorities,
            ),
            several("class", N_("Class"), _classes(rules, departments, language), chosen.classes),
        ),
        one=(
            one("due", N_("Due"), _DUE, chosen.due_within_hours, N_("Within %(count)s h")),
            one(
                "waits", N_("No reaction for"), _WAITS, chosen.no_reaction_hours, N_("%(count)s h or longer")
            ),
        ),
        order=Choice(
            "order",
            N_("Order"),
            tuple(
                Option(order.value, translated(word), order is chosen.order)
                for order, word in _ORDERS.items()
            ),
        ),
        spans=(span("created", N_("Opened")), span("updated", N_("Changed"))),
        own=own_fields(request, chosen.fields),
    )


def own_fields(request: web.Request, values: Mapping[str, str], new: str = "") -> OwnFields:
    """Those that have a value, and a new one. A long text is looked for by its words."""
    known, language = parts_of(request).tickets.rules.fields_of_all(), language_of(request)
    keys = [*(key for key in values if key != new), *([new] if new in known else [])]
    return OwnFields(
        asked=tuple(
            sought_field(key, known.get(key, ()), values.get(key, ""), language, prefix=OWN) for key in keys
        ),
        others=tuple(
            Option(key, fields[0].title.text(language), chosen=False)
            for key, fields in known.items()
            if key not in keys and fields[0].type is not FieldType.LONG_TEXT
        ),
        new=OWN + new if new in known else "",
    )


def typed_fields(request: web.Request) -> dict[str, str]:
    """Of the form, right or not: to be drawn anew."""
    query = query_of(request)
    return {
        name.removeprefix(OWN): value
        for name in query.values
        if name.startswith(OWN) and (value := query.text(name, longest=500))
    }


def _own_values(request: web.Request) -> dict[str, str]:
    known = parts_of(request).tickets.rules.fields_of_all()
    found = {}
    for key, value in typed_fields(request).items():
        fields = known.get(key)
        try:
            found[key] = custom_fields.sought(fields[0], value) if fields else value
        except WrongFields as error:
            raise bad_field(
                OWN + key, words_of_fault(error.faults[key], fields[0] if fields else None, "")
            ) from error
    return found


def _statuses(given: Sequence[str], rules: Rules) -> dict[str, Any]:
    """One of these, or of these kinds: a filter's own two say that both must hold."""
    kinds = {one.removeprefix(_KIND) for one in given if one.startswith(_KIND)}
    if not kinds <= _KINDS.keys():
        raise bad_field("status", N_("choose one of: %(allowed)s."), allowed=", ".join(_KINDS))
    if _ANY_OPEN in given:
        kinds |= {kind.value for kind in OPEN}
    names = [one for one in given if one != _ANY_OPEN and not one.startswith(_KIND)]
    if not names or not kinds:
        return {"kinds": [kind.value for kind in StatusKind if kind.value in kinds], "statuses": names}
    more = rules.statuses.names(frozenset(StatusKind(kind) for kind in kinds))
    return {"statuses": [*names, *sorted(more - set(names))]}


def _of_statuses(
    chosen: Filter, states: Mapping[str, str], rules: Rules, translated: Callable[[str], str]
) -> tuple[Option, ...]:
    kinds, names = frozenset(chosen.kinds), frozenset(chosen.statuses)
    if kinds == frozenset(StatusKind):
        kinds = frozenset()
    if kinds and names:
        kinds, names = frozenset(), names & rules.statuses.names(kinds)
    is_open = kinds == frozenset(OPEN)
    some = () if is_open else tuple(kind.value for kind in StatusKind if kind in kinds)
    return (
        Option(_ANY_OPEN, translated("All open"), is_open),
        *_options(states, sorted(names)),
        *(Option(_KIND + kind, translated(_KINDS[kind]), chosen=True) for kind in some),
    )


def _classes(rules: Rules, departments: Iterable[str], language: str) -> dict[str, str]:
    """Of all departments; of a path that several have, as the first of them calls it."""
    found: dict[str, str] = {}
    for department in departments:
        classes = rules.classes(department)
        for node in classes.all():
            found.setdefault(node.path, classes.title(node.path, language))
    return found


def _options(known: Mapping[str, str], chosen: Sequence[str]) -> tuple[Option, ...]:
    """With what is chosen and not known any more, which is shown by its name."""
    lost = {value: value for value in chosen if value and value not in known}
    return tuple(Option(value, title, value in chosen) for value, title in {**known, **lost}.items())

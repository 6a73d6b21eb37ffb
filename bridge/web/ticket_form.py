"""Owns a ticket's form: what it asks of whom, what stands in it, and what its sender wishes by it.

One form for the ticket's page, for a new ticket and for the card. Fields of a department's own are named
``field_KEY`` in it. What somebody may not change is not asked for, and so not changed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

from bridge.config.rights import Action
from bridge.config.tickets import PRIORITIES, StatusKind
from bridge.crm import custom_fields as custom
from bridge.crm.ticketing.changing import Wish
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.statuses import FINAL
from bridge.store.rows import TicketRow
from bridge.web.edits import Edit, marks
from bridge.web.forms import Fields, clean
from bridge.web.labels import N_
from bridge.web.own_fields import Asked, Option, asked_fields, words_of_fault

OWN = "field_"
_TEXTS = ("subject", "solution")
_TO_CREATE = N_("Fill this in before the ticket is created.")
_ACTIONS: Mapping[str, Action] = {
    "subject": Action.EDIT,
    "client": Action.EDIT,
    "solution": Action.EDIT,
    "disposition": Action.EDIT,
    "priority": Action.PRIORITISE,
    "assignee": Action.ASSIGN,
    "department": Action.REDIRECT,
    "line": Action.REDIRECT,
    "classification": Action.CLASSIFY,
}


@dataclass(frozen=True, slots=True)
class Form:
    """What is drawn. ``values`` are as typed where somebody typed; ``faults``: name of a field → words."""

    values: Mapping[str, str]
    shown: Mapping[str, str]
    may: frozenset[str]  # names of fields that he may change
    statuses: tuple[Option, ...]
    priorities: tuple[str, ...]
    departments: tuple[str, ...]
    lines: tuple[int, ...]
    classes: tuple[Option, ...]
    class_required: str
    fields: tuple[Asked, ...]
    former: Mapping[str, str]
    faults: Mapping[str, str]

    @property
    def is_refused(self) -> bool:
        return bool(self.faults)

    @property
    def first_fault(self) -> str:
        """Where the eye goes first."""
        order = ("status", "classification", *(field.name for field in self.fields))
        return next((name for name in order if name in self.faults), next(iter(self.faults), ""))


def kept_of(rules: Rules, row: TicketRow, *departments: str) -> dict[str, object]:
    """The fields of the form as they are now; those of other departments as well, where it may go."""
    kept: dict[str, object] = {
        "subject": row.subject,
        "status": row.status,
        "priority": row.priority,
        "assignee": row.assignee,
        "solution": row.solution,
        "client": row.client,
        "disposition": row.disposition,
        "department": row.department,
        "line": row.line,
        "classification": row.classification,
    }
    for department in dict.fromkeys((row.department, *departments)):
        for field in rules.fields(department):
            kept[OWN + field.key] = row.fields.get(field.key, "")
    return kept


def given_of(
    rules: Rules,
    form: Fields,
    row: TicketRow,
    agents: Collection[str],
    dispositions: Collection[str],
) -> dict[str, object]:
    """What stands in a form that came; what it did not ask is as it was. Raises Problem."""
    given = kept_of(rules, row, department_in(form, row))
    if "subject" in form.values:
        given["subject"] = form.text("subject", longest=500, required=True)
    if "solution" in form.values:
        given["solution"] = form.text("solution", longest=20_000, multiline=True)
    if "status" in form.values:
        names = [status.name for status in rules.statuses.all]
        given["status"] = form.choice("status", [*names, row.status])
    if "priority" in form.values:
        given["priority"] = form.choice("priority", PRIORITIES)
    if "assignee" in form.values:
        given["assignee"] = form.choice("assignee", [*agents, row.assignee or ""], optional=True) or None
    if "client" in form.values:
        given["client"] = form.optional_number("client")
    if "department" in form.values:
        given["department"] = form.choice("department", sorted({*rules.names, row.department}))
    if "line" in form.values:
        given["line"] = int(form.choice("line", ("1", "2", "3")))
    if "classification" in form.values:
        given["classification"] = form.values["classification"][:1000]
    if "disposition" in form.values:
        given["disposition"] = form.choice("disposition", [*dispositions, row.disposition], optional=True)
    for name in given:
        if name.startswith(OWN) and (name in form.values or f"shown_{name}" in form.values):
            given[name] = clean(form.values.get(name, ""), multiline=True)  # an empty box sends nothing
    return given


def wish_of(rules: Rules, found: Collection[Edit], given: Mapping[str, object], *, asks_fields: bool) -> Wish:
    """Only what was changed; of fields, those that its department has, where the form asked for any."""
    changed = {edit.name for edit in found}
    wish: dict[str, Any] = {name: given[name] for name in changed if not name.startswith(OWN)}
    known = {field.key for field in rules.fields(str(given["department"]))}
    own = {name.removeprefix(OWN): given[name] for name in changed if name.startswith(OWN)}
    if found and asks_fields:
        # Also when none of them was changed: what a call's own ticket lacks is asked of who saves it.
        wish["fields"] = {key: value for key, value in own.items() if key in known}
    return cast("Wish", wish)


def department_in(form: Fields, row: TicketRow) -> str:
    """Which department's fields a form shows."""
    return clean(form.values.get("department", row.department))


def form_of_ticket(
    rules: Rules,
    row: TicketRow,
    may: Collection[Action],
    language: str,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
) -> Form:
    """``typed``: what came and is asked again; its marks stay, so that what others changed still meets."""
    department = department_in(Fields(typed or {}), row)
    kept = kept_of(rules, row, department)
    values = {name: "" if value is None else str(value) for name, value in kept.items()}
    shown = marks(kept)
    if typed is not None:
        for name in values:
            sent = name in typed or (name.startswith(OWN) and f"shown_{name}" in typed)
            values[name] = clean(typed.get(name, ""), multiline=True) if sent else values[name]
            shown[name] = typed.get(f"shown_{name}", shown[name])
    closed = row.closed_at is not None
    settings = rules.department(department)
    own = {name.removeprefix(OWN): value for name, value in values.items() if name.startswith(OWN)}
    allowed = {name for name, action in _ACTIONS.items() if action in may}
    if Action.EDIT in may:
        allowed |= {name for name in values if name.startswith(OWN)}
    asked = {OWN + field.key for field in settings.fields}
    return Form(
        values=values,
        shown={name: mark for name, mark in shown.items() if not name.startswith(OWN) or name in asked},
        may=frozenset(allowed),
        statuses=tuple(
            Option(one.name, one.title.text(language), one.name == values["status"])
            for one in rules.statuses.all
            if one.name == row.status or _may_have(one.kind, closed, may)
        )
        + (() if rules.statuses.get(row.status) else (Option(row.status, row.status, chosen=True),)),
        priorities=PRIORITIES,
        departments=tuple(sorted({*rules.names, row.department} - {""})) + (() if row.department else ("",)),
        lines=(1, 2, 3),
        classes=tuple(
            Option(
                node.path,
                node.titles[-1].text(language),
                node.path == values["classification"],
                node.usable,
                node.depth,
            )
            for node in rules.classes(department).all()
        ),
        class_required=settings.classification_required.value,
        fields=asked_fields(settings.fields, own, language, prefix=OWN, lost=typed is None),
        former=custom.former(settings.fields, row.fields),
        faults=faults or {},
    )


def faults_of(rules: Rules, department: str, faults: Mapping[str, str]) -> dict[str, str]:
    """What the rules say is wrong, by the form's names and in words of the catalogue."""
    fields = {field.key: field for field in rules.fields(department)}
    return {
        key if key == "classification" else OWN + key: words_of_fault(fault, fields.get(key), _TO_CREATE)
        for key, fault in faults.items()
    }


def _may_have(kind: StatusKind, closed: bool, may: Collection[Action]) -> bool:
    if closed and kind is not StatusKind.CLOSED:
        return Action.REOPEN in may
    return (Action.CLOSE if kind in FINAL else Action.EDIT) in may


def asks_fields(form: Fields) -> bool:
    return any(name.startswith(f"shown_{OWN}") for name in form.values)

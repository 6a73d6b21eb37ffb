"""What a wish to change a ticket comes to: pure. It checks what is wished and says which rights it takes.

Only what differs from what is there counts: a form sends all of its fields, and takes no right for what its
sender left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypedDict, cast

from bridge.config.custom_fields import Required
from bridge.config.rights import Action
from bridge.crm import custom_fields as custom
from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.statuses import Anew, Moves, Outcome, Stage
from bridge.errors import WrongFields
from bridge.store.rows import TicketRow
from bridge.store.tickets import TicketChange


class Wish(TypedDict, total=False):
    """What is not named stays. ``fields``: raw values by key; those that are not named stay."""

    subject: str
    client: int | None
    solution: str
    disposition: str
    priority: str
    assignee: str | None
    department: str
    line: int
    classification: str
    fields: Mapping[str, object]
    status: str


@dataclass(slots=True)
class Planned:
    """``anew``: it was closed too long ago; nothing of it changes, and a new ticket is linked to it."""

    change: TicketChange
    needs: set[Action] = field(default_factory=set)
    anew: Anew | None = None


_SIMPLE: Mapping[str, Action] = {
    "subject": Action.EDIT,
    "client": Action.EDIT,
    "solution": Action.EDIT,
    "disposition": Action.EDIT,
    "priority": Action.PRIORITISE,
    "assignee": Action.ASSIGN,
    "department": Action.REDIRECT,
    "line": Action.REDIRECT,
}


def stage_of(row: TicketRow) -> Stage:
    return Stage(row.status, row.closed_at, row.closes_at)


def planned(rules: Rules, row: TicketRow, wish: Wish, now: datetime) -> Planned:
    """Raises BadInput, WrongFields with everything that is wrong or missing."""
    plan = Planned({})
    outcome: Outcome | None = None
    if "status" in wish:
        outcome = rules.statuses.wish(stage_of(row), wish["status"], now)
        if isinstance(outcome, Anew):
            plan.anew = outcome
            if outcome.needs is not None:
                plan.needs.add(outcome.needs)
            return plan
    _simple(rules, row, wish, plan)
    _values(rules, row, wish, plan)
    if isinstance(outcome, Moves):
        plan.change |= moved(row, outcome, now)
        if outcome.needs is not None:
            plan.needs.add(outcome.needs)
    _demand(rules, row, wish, outcome, plan)
    return plan


def moved(row: TicketRow, moves: Moves, now: datetime) -> TicketChange:
    """A status with all that comes with it. The clocks are not its own."""
    change: TicketChange = {
        "status": moves.status,
        "closed_at": moves.closed_at,
        "closes_at": moves.closes_at,
        "clock_stopped_at": (row.clock_stopped_at or now) if moves.standing else None,
    }
    if moves.reopened:
        change["reopened"] = row.reopened + 1
    return change


def with_change(row: TicketRow, change: TicketChange) -> TicketRow:
    """The ticket as it will be."""
    return replace(row, **cast("dict[str, Any]", change))


def _simple(rules: Rules, row: TicketRow, wish: Wish, plan: Planned) -> None:
    for name, action in _SIMPLE.items():
        if name not in wish:
            continue
        value: Any = cast("dict[str, Any]", wish)[name]
        if name == "subject" and isinstance(value, str):
            value = " ".join(value.split())
        if value == getattr(row, name):
            continue
        if name == "department":
            value = rules.known_department(value)
            if "line" not in wish:
                plan.change["line"] = 1
        elif name == "assignee" and value is not None:
            value = rules.known_agent(value)
        cast("dict[str, Any]", plan.change)[name] = value
        plan.needs.add(action)


def _values(rules: Rules, row: TicketRow, wish: Wish, plan: Planned) -> None:
    """Class and custom fields, as the department has them that it is in, or comes to."""
    department = plan.change.get("department", row.department)
    classes = rules.classes(department)
    if "classification" in wish and wish["classification"] != row.classification:
        plan.change["classification"] = classes.checked(wish["classification"], row.classification)
        plan.needs.add(Action.CLASSIFY)
    elif department != row.department and classes.is_former(row.classification):
        plan.change["classification"] = ""  # it belongs to the department that it leaves
    if "fields" in wish:
        values = custom.changed(rules.fields(department), row.fields, wish["fields"])
        if values != row.fields:
            plan.change["fields"] = values
            plan.needs.add(Action.EDIT)


def _demand(rules: Rules, row: TicketRow, wish: Wish, outcome: Outcome | None, plan: Planned) -> None:
    """What a call's own ticket lacked when it was opened is asked of the first who fills in its form.

    What was asked for can be changed, not emptied: of a ticket that is closed, or closes by itself, what
    closing asks for too.
    """
    final = isinstance(outcome, Moves) and outcome.final
    department = plan.change.get("department", row.department)
    if department != row.department and not final:
        return  # its new department asks for what it needs
    classification = plan.change.get("classification", row.classification)
    fields = plan.change.get("fields", row.fields)
    if final or "fields" in wish:
        rules.demand(department, classification, fields, Required.CLOSE if final else Required.CREATE)
    stays = outcome if isinstance(outcome, Moves) else row
    done = stays.closed_at is not None or stays.closes_at is not None
    moment = Required.CLOSE if done else Required.CREATE
    before = rules.lacking(department, row.classification, row.fields, moment)
    after = rules.lacking(department, classification, fields, moment)
    if emptied := after.keys() - before.keys():
        raise WrongFields({key: after[key] for key in after if key in emptied})

"""The rights matrix, cell by cell, as it stands in rights_matrix.txt; and who has which role where."""

from pathlib import Path
from typing import Any

import pytest

from bridge.config import Settings
from bridge.config.rights import Action, Role
from bridge.crm.ticketing.rights import DEFAULTS, Rights, Who
from bridge.errors import NotAllowed

MATRIX = Path(__file__).parent / "rights_matrix.txt"
DEPARTMENTS: dict[str, Any] = {
    # All defaults.
    "support": {
        "title": "Support",
        "supervisors": ["1010"],
        "lines": {"1": ["1001"], "2": ["1002"], "3": ["1003"]},
    },
    # Line 1 may not close, and others may not even read.
    "billing": {
        "title": "Billing",
        "supervisors": ["1011"],
        "lines": {"1": ["1004"], "2": ["1005"], "3": ["1006"]},
        "rights": {
            "line1": {"deny": ["close", "prioritise"], "allow": ["export"]},
            "line3": ["read"],
            "supervisor": {"deny": ["reply"]},
            "others": [],
        },
    },
    # No lines: everybody is in the first.
    "reception": {"title": "Reception"},
}
SETTINGS = Settings.model_validate(
    {
        "company": {"name": "Daisy", "region": "RU"},
        "agents": {str(number): {"name": f"Agent {number}"} for number in range(1001, 1012)},
        "departments": DEPARTMENTS,
        "queues": {"night": {"title": "Night"}, "first": {"title": "First", "department": "support"}},
    }
)
RIGHTS = Rights(SETTINGS)
# One person of each role, in each department.
PEOPLE: dict[str, dict[Role, Who]] = {
    "support": {
        Role.LINE1: Who("1001"),
        Role.LINE2: Who("1002"),
        Role.LINE3: Who("1003"),
        Role.SUPERVISOR: Who("1010", supervisor=True),
        Role.OTHERS: Who("1011", supervisor=True),  # a supervisor of another department
    },
    "billing": {
        Role.LINE1: Who("1004"),
        Role.LINE2: Who("1005"),
        Role.LINE3: Who("1006"),
        Role.SUPERVISOR: Who("1011", supervisor=True),
        Role.OTHERS: Who("1010", supervisor=True),
    },
    "reception": {Role.LINE1: Who("1001"), Role.SUPERVISOR: Who("1009", supervisor=True), Role.OTHERS: Who()},
}


def table() -> dict[str, list[list[str]]]:
    """Department → its rows, the first of them roles."""
    found: dict[str, list[list[str]]] = {}
    for line in MATRIX.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if not line.startswith(" ") and line.endswith(":"):
            found[line[:-1]] = []
        else:
            found[list(found)[-1]].append(line.split())
    return found


@pytest.mark.parametrize("department", list(DEPARTMENTS))
def test_every_cell(department: str) -> None:
    roles, *rows = table()[department]
    assert roles == [role.value for role in Role]
    assert [row[0] for row in rows] == [action.value for action in Action], "a row for each action"
    for name, *cells in rows:
        for role, cell in zip(Role, cells, strict=True):
            assert cell in {"yes", "–"}
            action = Action(name)
            assert (action in RIGHTS.of_role(role, department)) == (cell == "yes"), (department, role, name)
            who = PEOPLE[department].get(role)
            if who is not None:
                assert RIGHTS.role(who, department) is role
                assert RIGHTS.may(who, department, action) == (cell == "yes"), (department, role, name)


def test_the_table_has_every_department() -> None:
    assert list(table()) == list(DEPARTMENTS)
    assert set(DEFAULTS) == set(Role)


@pytest.mark.parametrize(
    ("who", "department", "role"),
    [
        (Who("1001"), "billing", Role.OTHERS),
        (Who("1010"), "support", Role.OTHERS),  # named, but his log-in is no supervisor's
        (Who("1010", supervisor=True), "billing", Role.OTHERS),
        (Who("1010", supervisor=True), "reception", Role.LINE1),
        (Who("1009", supervisor=True), "support", Role.SUPERVISOR),  # named nowhere: of the whole centre
        (Who("1009", supervisor=True), "gone", Role.SUPERVISOR),
        (Who(None, supervisor=True), "billing", Role.SUPERVISOR),
        (Who(None), "support", Role.OTHERS),
        (Who("1001"), "night", Role.LINE1),  # a queue that is its own department
        (Who("1001"), "gone", Role.LINE1),
        (Who(None), "gone", Role.OTHERS),
        (Who("9999"), "support", Role.OTHERS),
    ],
)
def test_roles(who: Who, department: str, role: Role) -> None:
    assert RIGHTS.role(who, department) is role


@pytest.mark.parametrize("department", list(DEPARTMENTS))
def test_who_has_the_ticket_may_what_line_1_may(department: str) -> None:
    """A call that was passed on brings its ticket to an agent of another department."""
    stranger = Who("1008")
    line1 = RIGHTS.of_role(Role.LINE1, department)
    assert line1 <= RIGHTS.actions(stranger, department, involved=True)
    for role, who in PEOPLE[department].items():
        if role is not Role.OTHERS:
            assert RIGHTS.role(who, department, involved=True) is role
        assert RIGHTS.actions(who, department) <= RIGHTS.actions(who, department, involved=True)


def test_a_program_may_everything() -> None:
    for action in Action:
        assert RIGHTS.may(Who(program=True), "billing", action)
        RIGHTS.demand(Who(program=True), "billing", action)


@pytest.mark.parametrize(
    ("who", "department", "action", "words"),
    [
        (
            Who("1004"),
            "billing",
            Action.CLOSE,
            "tickets of Billing: line 1 may not close there; ask line 2 or a supervisor",
        ),
        (
            Who("1001"),
            "billing",
            Action.READ,
            "who is in none of its lines may not read there; ask line 1 or line 2",
        ),
        (
            Who("1001"),
            "support",
            Action.DELETE_ATTACHMENT,
            "may not delete attachment there; ask a supervisor",
        ),
        (Who("1001"), "gone" * 100, Action.EXPORT, f"tickets of {'gone' * 15}: line 1"),
    ],
)
def test_a_refusal_says_who_may(who: Who, department: str, action: Action, words: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        RIGHTS.demand(who, department, action)
    assert words in str(caught.value)


def test_who_may_not_read_may_hand_in_at_most() -> None:
    rights = {"others": {"deny": ["read"]}, "line1": ["create", "close"]}
    department = {"title": "x", "rights": rights}
    blind = Rights(
        SETTINGS.model_validate(
            {**SETTINGS.model_dump(exclude_unset=True), "departments": {"x1": department}}
        )
    )
    assert blind.of_role(Role.OTHERS, "x1") == frozenset()
    assert blind.of_role(Role.LINE1, "x1") == {Action.CREATE}


def test_where_nobody_may() -> None:
    roles = {role.value: {"deny": ["merge"]} for role in Role}
    department = {"title": "x", "rights": roles}
    nobody = Rights(
        SETTINGS.model_validate(
            {**SETTINGS.model_dump(exclude_unset=True), "departments": {"x1": department}}
        )
    )
    with pytest.raises(NotAllowed, match="nobody may, by the file"):
        nobody.demand(Who(None, supervisor=True), "x1", Action.MERGE)


@pytest.mark.parametrize(
    ("who", "departments"),
    [
        (Who("1001"), {"support", "reception", "night"}),
        (Who("1004"), None),
        (Who("1010", supervisor=True), {"support", "reception", "night"}),
        (Who(None, supervisor=True), None),
        (Who(program=True), None),
    ],
)
def test_what_may_be_listed(who: Who, departments: set[str] | None) -> None:
    assert RIGHTS.readable(who) == departments

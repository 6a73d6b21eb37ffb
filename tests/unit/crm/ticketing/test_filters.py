"""Saved filters: what they may ask, and the query that they are at one moment for one person."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import Settings
from bridge.config.tickets import StatusKind
from bridge.crm.ticketing import filters
from bridge.errors import BadInput
from bridge.store.ticket_query import FieldTest, TicketOrder, TicketQuery

SETTINGS = Settings.model_validate(
    {
        "company": {"name": "Daisy", "region": "RU", "timezone": "Europe/Moscow"},
        "tickets": {
            "statuses": {
                "waiting": {"title": "Waiting", "kind": "waiting"},
                "refused": {"title": "Refused", "kind": "closed"},
            },
            "no_reaction_hours": 5,
        },
        "departments": {
            "support": {
                "title": "Support",
                "fields": [
                    {"key": "parts", "title": "Parts", "type": "multi_select", "options": ["toner"]},
                    {"key": "make", "title": "Make", "type": "text"},
                ],
            }
        },
    }
)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def asked(
    given: dict[str, Any], *, me: str | None = "1001", readable: frozenset[str] | None = None
) -> TicketQuery:
    return filters.query(filters.read(given), SETTINGS, NOW, me=me, readable=readable)


def test_nothing_asks_nothing() -> None:
    assert asked({}) == TicketQuery()
    assert filters.read({}).as_json() == "{}"


def test_everything_at_once() -> None:
    given = {
        "departments": ["support", "gone"],
        "lines": [1, 3],
        "statuses": ["waiting"],
        "assignees": ["me", "1002", "none"],
        "tags": ["vip", "late"],
        "classes": ["hardware"],
        "priorities": ["urgent", "critical"],
        "text": "  broken   printer ",
        "due_within_hours": 2,
        "no_reaction_hours": 1.5,
        "created_from": "2026-02-01",
        "created_to": "2026-02-28",
        "updated_days": 7,
        "fields": {"parts": "toner", "make": "HP"},
        "order": "due",
    }
    wanted = TicketQuery(
        departments=frozenset({"support", "gone"}),
        lines=frozenset({1, 3}),
        statuses=frozenset({"waiting"}),
        assignees=frozenset({"1001", "1002"}),
        unassigned=True,
        tags=frozenset({"vip", "late"}),
        classes=frozenset({"hardware"}),
        priorities=frozenset({"urgent", "critical"}),
        text="broken printer",
        due_before=NOW + timedelta(hours=2),
        waits_since_before=NOW - timedelta(hours=1.5),
        created_from=datetime(2026, 1, 31, 21, tzinfo=UTC),  # midnight in Moscow
        created_before=datetime(2026, 2, 28, 21, tzinfo=UTC),
        updated_from=NOW - timedelta(days=7),
        fields=(FieldTest("make", "HP"), FieldTest("parts", "toner")),
        order=TicketOrder.DUE,
    )
    assert asked(given) == wanted
    kept = filters.read(given).as_json()
    assert filters.read(kept) == filters.read(given) == filters.read(kept.encode())
    assert json.loads(kept)["order"] == "due"


@pytest.mark.parametrize(
    ("given", "me", "assignees", "unassigned"),
    [
        ([], "1001", None, False),
        (["me"], "1001", {"1001"}, False),
        (["me"], None, set(), False),  # who is no agent has no ticket
        (["none"], "1001", set(), True),
        (["1002", "none"], None, {"1002"}, True),
    ],
)
def test_assignees(given: list[str], me: str | None, assignees: set[str] | None, unassigned: bool) -> None:
    query = asked({"assignees": given}, me=me)
    assert (query.assignees, query.unassigned) == (assignees, unassigned)


@pytest.mark.parametrize(
    ("kinds", "statuses", "closed", "names"),
    [
        ([], [], None, None),
        ([], ["done"], None, {"done"}),
        (["closed"], [], True, None),
        (["open", "working", "waiting", "temporary"], [], False, None),  # former statuses too
        (["open", "working", "waiting", "temporary", "closed"], [], None, None),
        (["open", "waiting"], [], False, {"open", "waiting"}),
        (["open", "closed"], [], None, {"open", "done", "refused"}),
        (["open"], ["open", "waiting"], False, {"open"}),
        (["closed"], ["refused"], True, {"refused"}),
        (["temporary"], [], False, set()),  # there is none of this kind
    ],
)
def test_kinds_and_statuses(
    kinds: list[str], statuses: list[str], closed: bool | None, names: set[str] | None
) -> None:
    query = asked({"kinds": kinds, "statuses": statuses})
    assert (query.closed, query.statuses) == (closed, names)
    assert {kind.value for kind in StatusKind} >= set(kinds)


@pytest.mark.parametrize(
    ("given", "readable", "departments"),
    [
        ([], None, None),
        (["support"], None, {"support"}),
        ([], {"support", "sales"}, {"support", "sales"}),
        (["support", "hidden"], {"support", "sales"}, {"support"}),
        (["hidden"], {"support"}, set()),
        ([], set(), set()),
    ],
)
def test_nobody_sees_more_than_he_may_read(
    given: list[str], readable: set[str] | None, departments: set[str] | None
) -> None:
    query = asked({"departments": given}, readable=None if readable is None else frozenset(readable))
    assert query.departments == departments


def test_overdue_and_the_later_of_two_beginnings() -> None:
    assert asked({"due_within_hours": 0}).due_before == NOW
    both = asked({"created_days": 1, "created_from": "2026-01-01"})
    assert both.created_from == NOW - timedelta(days=1)
    assert asked({"created_days": 400, "created_from": "2026-01-01"}).created_from == datetime(
        2025, 12, 31, 21, tzinfo=UTC
    )


def test_the_compulsory_filter() -> None:
    (one,) = filters.built_in(SETTINGS)
    assert (one.name, one.title.text("ru"), one.title.text("en")) == (
        "no_reaction",
        "Нет реакции 5 ч",
        "No reaction for 5 h",
    )
    query = filters.query(one.filter, SETTINGS, NOW, me=None, readable=None, client=7)
    assert query == TicketQuery(
        waits_since_before=NOW - timedelta(hours=5), client=7, order=TicketOrder.WAITING
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"department": "x"}, "department: there is none of this name; there are: departments, lines"),
        ({"lines": [4]}, "lines.0: "),
        ({"kinds": ["shut"]}, "kinds.0: "),
        ({"priorities": ["high"]}, "priorities.0: "),
        ({"order": "random"}, "order: "),
        ({"text": "x" * 201}, "text: "),
        ({"text": "a\x00b"}, "text: "),
        ({"tags": ["a\nb"]}, "tags.0: "),
        ({"tags": [""]}, "tags.0: "),
        ({"tags": ["x"] * 101}, "tags: "),
        ({"no_reaction_hours": -1}, "no_reaction_hours: "),
        ({"no_reaction_hours": float("nan")}, "no_reaction_hours: "),
        ({"due_within_hours": 1e300}, "due_within_hours: "),
        ({"created_days": 0}, "created_days: "),
        ({"created_from": "yesterday"}, "created_from: "),
        ({"created_from": "0001-01-01"}, "created_from: "),
        ({"created_to": "9999-12-31"}, "created_to: "),
        ({"created_from": "2026-03-02", "created_to": "2026-03-01"}, "created_from is after created_to"),
        ({"fields": {"make": ""}}, "fields.make: "),
        ({"fields": {str(number): "x" for number in range(21)}}, "fields: "),
        ({"departments": "support"}, "departments: "),
        ("[]", "it: "),
        ("{", "it: "),
        ('{"text": "\\ud800"}', "it: "),
        ("x" * 10_001, "longer than 10000 bytes"),
        (b"\xff", "it: "),
    ],
)
def test_what_is_refused_says_where(given: Any, words: str) -> None:
    with pytest.raises(BadInput, match="filter: ") as caught:
        filters.read(given)
    assert words in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(filters.Filter.model_fields)), _JSON, max_size=4))
def test_whatever_comes_is_a_filter_or_refused(given: dict[str, Any]) -> None:
    try:
        one = filters.read(given)
    except BadInput:
        return
    assert filters.read(one.as_json()) == one
    filters.query(one, SETTINGS, NOW, me=None, readable=None)

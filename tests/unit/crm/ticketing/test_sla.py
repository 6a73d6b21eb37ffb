"""When a ticket is due: by examples, and against a clock that counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import Settings
from bridge.crm.ticketing.sla import (
    Alarm,
    Clock,
    Deadlines,
    Due,
    Pause,
    Progress,
    Rule,
    Sla,
    Step,
    alarms,
    kept,
    next_alarm,
    pauses,
    told,
)
from bridge.crm.ticketing.statuses import Statuses

WEEK = {"week": {"mon-fri": "09:00-18:00"}}
SETTINGS = Settings.model_validate(
    {
        "company": {"name": "Daisy", "region": "RU", "timezone": "Europe/Moscow"},
        "agents": {number: {"name": number} for number in ("1001", "1002", "1010")},
        "tickets": {
            "statuses": {
                "waiting": {"title": "Waiting", "kind": "waiting"},
                "answered": {"title": "Answered", "kind": "temporary", "closes_after_hours": 1},
            }
        },
        "departments": {
            "support": {
                "title": "Support",
                "supervisors": ["1010"],
                "lines": {"1": ["1001", "1002"], "2": []},
                "hours": WEEK,
                "classification": {"hardware": {"title": "x", "below": {"printer": "x"}}, "access": "x"},
                "sla": [
                    {"reaction_hours": 3, "resolution_hours": 18},
                    {"classification": "hardware", "reaction_hours": 2},
                    {"classification": "hardware/printer", "resolution_hours": 9, "warn_at_percent": 50},
                    {"priority": "critical", "reaction_hours": 0.5},
                    {"priority": "critical", "classification": "hardware", "reaction_hours": 0.25},
                ],
            },
            "night": {"title": "Night", "sla": [{"resolution_hours": 4}]},
            "reception": {"title": "Reception"},
        },
    }
)
SLA = Sla(SETTINGS)
STATUSES = Statuses(SETTINGS.tickets)
MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)  # 9:00 in Moscow
HOUR = timedelta(hours=1)


def hours(number: float) -> datetime:
    return MONDAY + HOUR * number


def deadlines(classification: str = "", priority: str = "normal", **more: Any) -> Deadlines:
    return SLA.deadlines("support", classification, priority, MONDAY, **more)


def resolution_due(*these: Pause) -> Due:
    due = deadlines(pauses=these).resolution
    assert due is not None
    return due


@pytest.mark.parametrize(
    ("classification", "priority", "clock", "within", "why"),
    [
        ("", "normal", Clock.REACTION, 3, "sla[0] of support: all tickets"),
        ("access", "urgent", Clock.REACTION, 3, "sla[0] of support: all tickets"),
        ("hardware", "normal", Clock.REACTION, 2, "sla[1] of support: class hardware"),
        ("hardware/printer", "normal", Clock.REACTION, 2, "sla[1] of support: class hardware"),
        ("hardware/printer", "normal", Clock.RESOLUTION, 9, "sla[2] of support: class hardware/printer"),
        ("hardware", "normal", Clock.RESOLUTION, 18, "sla[0] of support: all tickets"),
        ("hardwares", "normal", Clock.REACTION, 3, "sla[0] of support: all tickets"),
        ("access", "critical", Clock.REACTION, 0.5, "sla[3] of support: priority critical"),
        ("access", "critical", Clock.RESOLUTION, 18, "sla[0] of support: all tickets"),
        (
            "hardware/printer",
            "critical",
            Clock.REACTION,
            0.25,
            "sla[4] of support: priority critical, class hardware",
        ),
    ],
)
def test_the_most_precise_rule_counts_and_says_so(
    classification: str, priority: str, clock: Clock, within: float, why: str
) -> None:
    found = deadlines(classification, priority)
    due = found.reaction if clock is Clock.REACTION else found.resolution
    assert due is not None
    assert (due.rule.within, due.rule.why) == (HOUR * within, why)


def test_due_in_working_hours() -> None:
    due = deadlines().resolution
    assert due == Due(
        Rule(18 * HOUR, 18 * HOUR * 0.8, "sla[0] of support: all tickets"),
        at=datetime(2026, 3, 3, 15, tzinfo=UTC),  # the second day's end, in Moscow
        warn_at=MONDAY + timedelta(days=1) + HOUR * 5.4,
    )
    printer = deadlines("hardware/printer").resolution
    assert printer is not None
    assert (printer.at, printer.warn_at) == (hours(9), hours(4.5))


def test_what_is_not_watched() -> None:
    night = SLA.deadlines("night", "", "normal", MONDAY)
    assert night.reaction is None
    assert night.resolution is not None
    assert night.resolution.at == hours(4)
    assert SLA.deadlines("reception", "", "critical", MONDAY) == Deadlines()
    assert SLA.deadlines("gone", "", "critical", MONDAY) == Deadlines()


# ── pauses ───────────────────────────────────────────────────────────────────


def test_the_resolution_waits_while_the_client_is_awaited() -> None:
    assert resolution_due(Pause(hours(1), hours(4))).at == MONDAY + timedelta(days=2) + HOUR * 3
    # A pause of a night costs nothing.
    assert resolution_due(Pause(hours(9), hours(23))).at == resolution_due().at
    lasting = resolution_due(Pause(hours(1), hours(2)), Pause(hours(3)))
    assert (lasting.at, lasting.warn_at, lasting.left) == (None, None, 16 * HOUR)
    reaction = deadlines(pauses=[Pause(hours(1))]).reaction
    assert reaction is not None
    assert reaction.at == hours(3)


def test_who_is_late_already_gains_nothing_by_a_pause() -> None:
    late = Pause(MONDAY + timedelta(days=7))
    assert resolution_due(late).at == resolution_due().at
    # It was warned before it was stopped.
    warned = resolution_due(Pause(MONDAY + timedelta(days=1) + HOUR * 6))
    assert warned.at is None
    assert warned.warn_at == resolution_due().warn_at


def test_pauses_from_the_history_of_statuses() -> None:
    history = [
        (hours(0), "open"),
        (hours(1), "in_progress"),
        (hours(2), "waiting"),
        (hours(3), "answered"),  # stands as well
        (hours(4), "in_progress"),
        (hours(5), "was"),
        (hours(6), "done"),  # and so does a closed one's
    ]
    assert pauses(history, STATUSES) == (Pause(hours(2), hours(4)), Pause(hours(6)))
    assert pauses([*history, (hours(8), "open")], STATUSES)[1:] == (Pause(hours(6), hours(8)),)
    assert pauses([], STATUSES) == ()


def test_priority_class_and_department_change_midway() -> None:
    stood = [Pause(hours(1), hours(2))]
    before = SLA.deadlines("support", "", "normal", MONDAY, stood).resolution
    printer = SLA.deadlines("support", "hardware/printer", "normal", MONDAY, stood).resolution
    night = SLA.deadlines("night", "", "normal", MONDAY, stood).resolution
    assert before is not None
    assert printer is not None
    assert night is not None
    assert printer.at == MONDAY + timedelta(days=1) + HOUR
    assert night.at == hours(5)
    assert SLA.deadlines("support", "", "normal", MONDAY, stood).resolution == before


# ── who is told, and when ────────────────────────────────────────────────────

OF_ALL = "sla[0] of support: all tickets"
WARNED = Alarm(Clock.REACTION, Step.WARN, hours(3), OF_ALL)
LATE = Alarm(Clock.REACTION, Step.ESCALATE, hours(3), OF_ALL)


@pytest.mark.parametrize(
    ("now", "progress", "told_now"),
    [
        (2.3, Progress(), ()),
        (2.4, Progress(), (WARNED,)),
        (2.5, Progress(warned_at=hours(2.4)), ()),
        (2.5, Progress(warned_at=hours(1)), (WARNED,)),  # of a time that was put off since
        (2.5, Progress(reacted_at=hours(1)), ()),
        (2.5, Progress(closed_at=hours(1)), ()),
        (3, Progress(), (LATE,)),  # not warned as well: it is too late for that
        (3, Progress(warned_at=hours(2.4)), (LATE,)),
        (5, Progress(escalated_at=hours(3)), ()),
        (5, Progress(reacted_at=hours(4)), ()),
    ],
)
def test_each_is_told_once(now: float, progress: Progress, told_now: tuple[Alarm, ...]) -> None:
    assert alarms(deadlines(), progress, hours(now)) == told_now


def test_both_clocks_and_one_that_stands() -> None:
    late = hours(24 * 7)
    assert {(one.clock, one.step) for one in alarms(deadlines(), Progress(), late)} == {
        (Clock.REACTION, Step.ESCALATE),
        (Clock.RESOLUTION, Step.ESCALATE),
    }
    standing = deadlines(pauses=[Pause(hours(1))])
    assert [one.clock for one in alarms(standing, Progress(), late)] == [Clock.REACTION]
    assert alarms(standing, Progress(reacted_at=hours(1)), late) == ()


def test_when_to_look_again() -> None:
    due = deadlines("hardware/printer")  # reaction after 2 hours, warned at 1.6; resolution after 9, at 4.5
    looks = []
    now: datetime | None = MONDAY
    while now is not None:
        looks.append((now - MONDAY) / HOUR)
        now = next_alarm(due, Progress(), now)
    assert looks == [0, 1.6, 2, 4.5, 9]
    assert next_alarm(due, Progress(reacted_at=MONDAY), MONDAY) == hours(4.5)
    assert next_alarm(due, Progress(closed_at=MONDAY), MONDAY) is None
    assert next_alarm(Deadlines(), Progress(), MONDAY) is None


@pytest.mark.parametrize(
    ("clock", "progress", "now", "in_time"),
    [
        (Clock.REACTION, Progress(), 1, None),
        (Clock.REACTION, Progress(), 3, False),
        (Clock.REACTION, Progress(reacted_at=hours(3)), 5, True),
        (Clock.REACTION, Progress(reacted_at=hours(3.1)), 5, False),
        (Clock.REACTION, Progress(closed_at=hours(1)), 5, True),
        (Clock.RESOLUTION, Progress(reacted_at=hours(1)), 5, None),
        (Clock.RESOLUTION, Progress(closed_at=hours(24 * 7)), 24 * 8, False),
    ],
)
def test_kept(clock: Clock, progress: Progress, now: float, in_time: bool | None) -> None:
    assert kept(deadlines(), progress, clock, hours(now)) is in_time


def test_kept_where_it_stands_or_is_not_watched() -> None:
    standing = deadlines(pauses=[Pause(hours(1))])
    assert kept(standing, Progress(), Clock.RESOLUTION, hours(900)) is None
    assert kept(standing, Progress(closed_at=hours(900)), Clock.RESOLUTION, hours(901)) is True
    assert kept(Deadlines(), Progress(), Clock.REACTION, hours(900)) is None


@pytest.mark.parametrize(
    ("step", "department", "assignee", "line", "agents"),
    [
        (Step.WARN, "support", "1001", 1, ("1001",)),
        (Step.WARN, "support", None, 1, ("1001", "1002")),
        (Step.WARN, "support", None, 2, ("1010",)),
        (Step.WARN, "support", None, 3, ("1010",)),
        (Step.WARN, "reception", None, 1, ()),
        (Step.ESCALATE, "support", "1001", 1, ("1010", "1001")),
        (Step.ESCALATE, "support", "1010", 1, ("1010",)),
        (Step.ESCALATE, "support", None, 1, ("1010",)),
        (Step.ESCALATE, "gone", "1001", 1, ("1001",)),
        (Step.ESCALATE, "gone", None, 1, ()),
    ],
)
def test_who_is_told(
    step: Step, department: str, assignee: str | None, line: int, agents: tuple[str, ...]
) -> None:
    assert told(step, SETTINGS.departments.get(department), assignee, line) == agents


# ── against a clock that counts ──────────────────────────────────────────────

GRAIN = timedelta(minutes=10)
_CUTS = st.lists(st.integers(0, 6 * 24 * 6), unique=True, max_size=6).map(sorted)


@given(st.integers(0, 6 * 24 * 7), _CUTS)
def test_as_a_clock_that_counts_each_ten_minutes(begin: int, cuts: list[int]) -> None:
    created = MONDAY + GRAIN * begin
    instants = [created + GRAIN * cut for cut in cuts]
    stood = [Pause(*instants[index : index + 2]) for index in range(0, len(instants), 2)]
    due = SLA.deadlines("support", "", "normal", created, stood).resolution
    assert due is not None
    calendar = SLA.calendar("support")
    counted, now = timedelta(0), created
    while counted < 18 * HOUR and now < created + timedelta(days=21):
        paused = any(one.start <= now and (one.end is None or now < one.end) for one in stood)
        if calendar.is_working(now) and not paused:
            counted += GRAIN
        now += GRAIN
    if due.at is None:
        assert due.left == 18 * HOUR - counted
    else:
        assert (due.at, due.left) == (now, timedelta(0))


@given(st.integers(0, 60 * 24 * 7), st.integers(0, 60 * 24 * 3), st.integers(0, 60 * 24 * 3))
def test_what_was_left_is_added_when_the_client_answers(begin: int, until: int, length: int) -> None:
    created = MONDAY + timedelta(minutes=begin)
    start = created + timedelta(minutes=until)
    end = start + timedelta(minutes=length)
    lasting = SLA.deadlines("support", "", "normal", created, [Pause(start)]).resolution
    over = SLA.deadlines("support", "", "normal", created, [Pause(start, end)]).resolution
    assert lasting is not None
    assert over is not None
    if lasting.at is None:
        assert over.at == SLA.calendar("support").add(end, lasting.left)
    else:
        assert over.at == lasting.at

"""Working time: by examples that a person can check, and by what must hold of every calendar."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.config.hours import HoursSettings
from bridge.crm.ticketing.calendar import Calendar
from bridge.errors import BadInput

OFFICE = {"mon-fri": "09:00-18:00"}
ALWAYS = {"mon-sun": "00:00-24:00"}
NOTHING = timedelta(0)


@cache
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def calendar(week: dict[str, Any], where: str = "Europe/Moscow", **holidays: Any) -> Calendar:
    return Calendar(HoursSettings.model_validate({"week": week, "holidays": holidays}), zone(where))


def at(text: str, where: str = "Europe/Moscow") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone(where))


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("start", "worked", "due"),
    [
        ("2026-03-02 10:00", 3, "2026-03-02 13:00"),  # a Monday
        ("2026-03-02 10:00", 8, "2026-03-02 18:00"),  # not the next morning: it is due when work ends
        ("2026-03-02 10:00", 8.5, "2026-03-03 09:30"),
        ("2026-03-02 07:00", 1, "2026-03-02 10:00"),
        ("2026-03-06 17:00", 2, "2026-03-09 10:00"),  # over the weekend
        ("2026-03-07 12:00", 1, "2026-03-09 10:00"),
        ("2026-03-02 10:00", 0, "2026-03-02 10:00"),
        ("2026-03-07 12:00", 0, "2026-03-07 12:00"),
        ("2026-12-31 17:00", 2, "2027-01-01 10:00"),  # a Friday, where no holiday is known
    ],
)
def test_so_many_hours_on(start: str, worked: float, due: str) -> None:
    assert calendar(OFFICE).add(at(start), hours(worked)) == at(due)


def test_a_break_at_noon() -> None:
    office = calendar({"mon-fri": ["14:00-18:00", "09:00-13:00"]})
    assert office.add(at("2026-03-02 12:00"), hours(2)) == at("2026-03-02 15:00")
    assert office.between(at("2026-03-02 12:30"), at("2026-03-02 14:30")) == hours(1)
    assert [
        office.is_working(at(f"2026-03-02 {when}")) for when in ("08:59", "09:00", "12:59", "13:00", "14:00")
    ] == [
        False,
        True,
        True,
        False,
        True,
    ]


def test_a_night_is_two_spans() -> None:
    shift = calendar({"mon": "22:00-24:00", "tue-fri": ["00:00-06:00", "22:00-24:00"], "sat": "00:00-06:00"})
    assert shift.add(at("2026-03-02 23:00"), hours(4)) == at("2026-03-03 03:00")
    assert shift.between(at("2026-03-02 00:00"), at("2026-03-09 00:00")) == hours(40)


def test_holidays_of_a_country_and_the_companys_own() -> None:
    office = calendar(OFFICE, country="RU", extra=["2026-03-02"], working=["2026-03-09", "2026-03-14"])
    assert not office.is_working(at("2026-02-23 10:00"))  # of the country's
    assert not office.is_working(at("2026-03-02 10:00"))  # its own
    assert office.is_working(at("2026-03-09 10:00"))  # the country's, but worked
    assert office.is_working(at("2026-03-14 10:00"))  # a Saturday, by the first worked weekday's hours
    assert not office.is_working(at("2026-03-21 10:00"))
    assert calendar(OFFICE).is_working(at("2026-02-23 10:00"))
    # The first days of the year: from the 31st of December, which is free in 2026, to the 11th of January.
    assert calendar(OFFICE, country="RU").add(at("2026-12-30 17:00"), hours(2)) == at("2027-01-11 10:00")


def test_a_part_of_a_country() -> None:
    epiphany = at("2026-01-06 10:00", "Europe/Berlin")
    assert calendar(OFFICE, "Europe/Berlin", country="DE").is_working(epiphany)
    assert not calendar(OFFICE, "Europe/Berlin", country="DE", part="BY").is_working(epiphany)


# ── the clock goes forward and back ──────────────────────────────────────────


def test_a_night_with_an_hour_more_or_less() -> None:
    berlin = calendar(ALWAYS, "Europe/Berlin")
    for day, length in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        midnight = at(f"{day} 00:00", "Europe/Berlin")
        next_midnight = at(f"{day + timedelta(days=1)} 00:00", "Europe/Berlin")
        assert berlin.between(midnight, next_midnight) == hours(length)
        assert berlin.add(midnight, hours(length)) == next_midnight


@pytest.mark.parametrize(
    ("span", "day", "worked"),
    [
        ("01:00-04:00", "2026-03-29", 2),  # 2:00 to 3:00 does not come
        ("01:00-02:30", "2026-03-29", 1),
        ("02:30-04:00", "2026-03-29", 1),
        ("02:10-02:50", "2026-03-29", 0),
        ("01:00-04:00", "2026-10-25", 4),  # 2:00 to 3:00 comes twice
        ("01:00-02:30", "2026-10-25", 2.5),
        ("02:30-04:00", "2026-10-25", 2.5),
        ("02:10-02:50", "2026-10-25", 100 / 60),
    ],
)
def test_spans_that_begin_or_end_in_that_hour(span: str, day: str, worked: float) -> None:
    berlin = calendar({"mon-sun": span}, "Europe/Berlin")
    begin = at(f"{day} 00:00", "Europe/Berlin")
    assert berlin.between(begin, begin.astimezone(UTC) + hours(20)) == hours(worked)


def test_spans_that_meet_in_an_hour_that_comes_twice_are_not_counted_twice() -> None:
    berlin = calendar({"mon-sun": ["00:00-02:30", "02:30-06:00"]}, "Europe/Berlin")
    begin = at("2026-10-25 00:00", "Europe/Berlin")
    assert berlin.between(begin, begin.astimezone(UTC) + hours(10)) == hours(7)


def test_a_midnight_that_comes_twice_and_a_day_that_does_not_come() -> None:
    azores = calendar(ALWAYS, "Atlantic/Azores")  # at 1:00 back to 0:00
    begin, end = at("2026-10-24 00:00", "Atlantic/Azores"), at("2026-10-27 00:00", "Atlantic/Azores")
    assert azores.between(begin, end) == end.astimezone(UTC) - begin.astimezone(UTC) == hours(73)
    apia = calendar({"mon-sun": "09:00-18:00"}, "Pacific/Apia")  # no 30th of December in 2011
    assert apia.between(
        at("2011-12-29 00:00", "Pacific/Apia"), at("2012-01-01 00:00", "Pacific/Apia")
    ) == hours(18)


# ── what cannot be ───────────────────────────────────────────────────────────


def test_an_empty_week_is_refused() -> None:
    empty = HoursSettings.model_construct(week={"mon": ()})
    with pytest.raises(BadInput, match="no hour of the week is worked"):
        Calendar(empty, zone("UTC"))


def test_what_is_too_far_is_refused() -> None:
    scarce = calendar({"mon": "09:00-09:01"})
    assert scarce.add(at("2026-03-02 09:00"), timedelta(minutes=3)) == at("2026-03-16 09:01")
    with pytest.raises(BadInput, match="more than 50 years"):
        scarce.add(at("2026-03-02 09:00"), hours(100))
    with pytest.raises(BadInput, match="1900 to 2026"):
        scarce.between(at("1900-01-01 00:00"), at("2026-01-01 00:00"))


def test_a_year_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    office = calendar(OFFICE, country="RU")
    worked_out: list[int] = []
    monkeypatch.setattr(
        office,
        "_worked_out",
        lambda number: worked_out.append(number) or Calendar._worked_out(office, number),
    )
    for day in range(1, 29):
        office.add(at(f"2026-02-{day:02} 12:00"), hours(2000))
        office.between(at(f"2026-02-{day:02} 12:00"), at("2027-02-01 12:00"))
    assert worked_out == [2026, 2027]


# ── what must hold of every calendar ─────────────────────────────────────────

CALENDARS = [
    Calendar(None, zone("Europe/Moscow")),
    calendar(OFFICE, country="RU"),
    calendar(ALWAYS, "Europe/Berlin"),
    calendar(
        {"mon-fri": ["00:00-02:30", "02:30-06:00", "22:00-24:00"], "sun": "01:00-03:00"}, "Europe/Berlin"
    ),
    calendar({"sat": "10:00-15:00"}, "America/New_York", country="US", extra=["2026-07-11"]),
    calendar(ALWAYS, "Atlantic/Azores", country="PT"),
    calendar({"mon-sun": "01:30-02:15"}, "Australia/Lord_Howe"),  # half an hour forward and back
]
_CALENDARS = st.sampled_from(CALENDARS)
_INSTANTS = st.timedeltas(NOTHING, timedelta(days=420)).map(
    lambda later: datetime(2025, 12, 1, tzinfo=UTC) + later
)
_DURATIONS = st.integers(0, 200 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@given(_CALENDARS, _INSTANTS, _DURATIONS, _DURATIONS)
def test_adding_in_two_steps_is_adding_at_once(
    one: Calendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    assert one.add(one.add(start, first), second) == one.add(start, first + second)


@given(_CALENDARS, _INSTANTS, _DURATIONS)
def test_what_is_added_lies_between(one: Calendar, start: datetime, duration: timedelta) -> None:
    due = one.add(start, duration)
    assert due >= start
    assert one.between(start, due) == duration
    if duration:  # and it is the first such instant
        assert one.between(start, due - timedelta(seconds=1)) == duration - timedelta(seconds=1)


@given(_CALENDARS, _INSTANTS, _INSTANTS, _INSTANTS)
def test_what_lies_between_adds_up(one: Calendar, a: datetime, b: datetime, c: datetime) -> None:
    a, b, c = sorted((a, b, c))
    assert NOTHING <= one.between(a, b) <= b - a
    assert one.between(a, b) + one.between(b, c) == one.between(a, c)
    assert one.between(c, a) == (NOTHING if a < c else one.between(a, c))
    worked = one.between(a, b)
    assume(worked)
    assert one.add(a, worked) <= b


@given(_CALENDARS, _INSTANTS, _INSTANTS, _DURATIONS, _DURATIONS)
def test_later_or_more_is_never_due_earlier(
    one: Calendar, a: datetime, b: datetime, short: timedelta, long: timedelta
) -> None:
    (a, b), (short, long) = sorted((a, b)), sorted((short, long))
    assert one.add(a, short) <= one.add(a, long)
    assert one.add(a, short) <= one.add(b, short)


@given(_INSTANTS, _DURATIONS)
def test_round_the_clock_is_plain_time(start: datetime, duration: timedelta) -> None:
    for one in (CALENDARS[0], CALENDARS[2]):
        assert one.add(start, duration) == start + duration
        assert one.between(start, start + duration) == duration
        assert one.is_working(start)


@given(_CALENDARS, _INSTANTS)
def test_it_is_worked_now_if_the_next_second_counts(one: Calendar, now: datetime) -> None:
    now = now.replace(microsecond=0)
    second = timedelta(seconds=1)
    assert one.is_working(now) == (one.between(now, now + second) == second)

"""Working time: from an instant so many working hours on, and how many lie between two instants.

Hours are written by the clock on the wall and counted as they pass: a night in which the clock goes back has
an hour more, one in which it goes forward an hour less. Instants are aware datetimes; answers are in UTC.

A year's spans are worked out once, with what was worked before each of them, so that a search within a year
is two bisections. Calendars are never empty: the file's check sees to it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

from bridge.config.hours import HoursSettings, Minutes
from bridge.errors import BadInput

MOST_YEARS = 50
_NONE = timedelta(0)
_DAY = 24 * 60
_ALWAYS: tuple[tuple[Minutes, ...], ...] = (((0, _DAY),),) * 7


@dataclass(frozen=True, slots=True)
class _Year:
    """The worked spans of one year, and what was worked of it before each span; the last is its whole."""

    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    before: tuple[timedelta, ...]

    @property
    def whole(self) -> timedelta:
        return self.before[-1]

    def until(self, at: datetime) -> timedelta:
        """What is worked of it before that instant."""
        index = bisect_right(self.starts, at)
        if index == 0:
            return _NONE
        return min(self.before[index], self.before[index - 1] + (at - self.starts[index - 1]))

    def when(self, worked: timedelta) -> datetime:
        """The first instant at which so much of it is worked: more than nothing, at most the whole."""
        index = bisect_left(self.before, worked) - 1
        return self.starts[index] + (worked - self.before[index])


class Calendar:
    """The working hours of a department, in the company's time zone. None: every hour there is."""

    def __init__(self, hours: HoursSettings | None, zone: ZoneInfo) -> None:
        self._zone = zone
        self._week = _ALWAYS if hours is None else hours.spans()
        if not any(self._week):
            raise BadInput("working hours: no hour of the week is worked; name one")
        self._hours = hours
        # A day that is worked although it is none of a worked weekday, as a Saturday for a Monday.
        self._instead = next(spans for spans in self._week if spans)
        self._years: dict[int, _Year] = {}

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The first instant at which so much is worked since ``start``; that itself for nothing.

        Raises BadInput when that is more than 50 years away.
        """
        if duration <= _NONE:
            return start.astimezone(UTC)
        first = start.astimezone(self._zone).year
        wanted = self._year(first).until(start) + duration
        for number in range(first, first + MOST_YEARS):
            year = self._year(number)
            if wanted <= year.whole:
                return year.when(wanted)
            wanted -= year.whole
        raise BadInput(
            f"working hours: {duration} of them take more than {MOST_YEARS} years; name more hours a week"
        )

    def between(self, start: datetime, end: datetime) -> timedelta:
        """What is worked from ``start`` until ``end``; nothing when that is not after it."""
        if end <= start:
            return _NONE
        first, last = (at.astimezone(self._zone).year for at in (start, end))
        if last - first > MOST_YEARS:
            raise BadInput(f"working hours: {start:%Y} to {end:%Y} is more than {MOST_YEARS} years")
        years = [self._year(number) for number in range(first, last + 1)]
        worked = sum((year.whole for year in years[:-1]), _NONE)
        return worked - years[0].until(start) + years[-1].until(end)

    def is_working(self, at: datetime) -> bool:
        year = self._year(at.astimezone(self._zone).year)
        index = bisect_right(year.starts, at)
        return index > 0 and at < year.ends[index - 1]

    def _year(self, number: int) -> _Year:
        found = self._years.get(number)
        if found is None:
            found = self._years[number] = self._worked_out(number)
        return found

    def _worked_out(self, number: int) -> _Year:
        starts: list[datetime] = []
        ends: list[datetime] = []
        for start, end in self._spans(number):
            if ends and start <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            elif start < end:
                starts.append(start)
                ends.append(end)
        before = [_NONE]
        for start, end in zip(starts, ends, strict=True):
            before.append(before[-1] + (end - start))
        return _Year(tuple(starts), tuple(ends), tuple(before))

    def _spans(self, number: int) -> Iterator[tuple[datetime, datetime]]:
        free, worked = self._dates(number)
        day = date(number, 1, 1)
        while day.year == number:
            spans = self._week[day.weekday()]
            if day in worked:
                spans = spans or self._instead
            elif day in free:
                spans = ()
            for begin, end in spans:
                yield _instant(day, begin, self._zone, end=False), _instant(day, end, self._zone, end=True)
            day += timedelta(days=1)

    def _dates(self, number: int) -> tuple[set[date], set[date]]:
        """Of one year: days that are free whatever their weekday, and days that are worked."""
        if self._hours is None:
            return set(), set()
        settings = self._hours.holidays
        free = {date.fromisoformat(day) for day in settings.extra}
        if settings.country is not None:
            free |= set(holidays.country_holidays(settings.country, settings.part, years=number))
        return free, {date.fromisoformat(day) for day in settings.working}


def _instant(day: date, minute: int, zone: ZoneInfo, *, end: bool) -> datetime:
    """When the clock on the wall shows it. Of an hour that comes twice, a span has both: it begins with the
    first and ends with the second. One that does not come at all begins and ends when it is left out."""
    local = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
    first = local.replace(fold=0).astimezone(UTC)
    second = local.replace(fold=1).astimezone(UTC)
    if first == second:
        return first
    if first < second:
        # The end of a day is the first midnight that comes, for there the next day begins.
        return second if end and minute < _DAY else first
    return _left_out(second, first, zone)


def _left_out(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant between these two, to the second, at which the clock is put forward."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)

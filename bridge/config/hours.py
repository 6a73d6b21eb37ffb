"""Working hours: which hours of which days are worked, and on which dates none or others are."""

import re
from datetime import date
from itertools import pairwise
from typing import Annotated, Any

import holidays
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from bridge.config.fields import Section

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Minutes = tuple[int, int]  # from, until; since midnight; until is at most 1440

_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_DAYS = re.compile(f"{_DAY}(?:-{_DAY})?")
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
_MOST_SPANS = 10


def _days(value: str) -> str:
    if _DAYS.fullmatch(value) is None:
        raise ValueError(f"“{value[:20]}” is not a day: write mon, or mon-fri for several")
    return value


def minutes_of(span: str) -> Minutes:
    """``09:00-18:00`` in minutes since midnight. Raises ValueError."""
    found = _SPAN.fullmatch(span)
    if found is None:
        raise ValueError(f"“{span[:40]}” is not a span of hours: write 09:00-18:00")
    first_hour, first_minute, last_hour, last_minute = found.groups()
    begin = int(first_hour) * 60 + int(first_minute)
    end = 24 * 60 if last_hour is None else int(last_hour) * 60 + int(last_minute)
    if end <= begin:
        raise ValueError(
            f"“{span}” ends before it begins: of a night write {span[:5]}-24:00 here,"
            f" and 00:00-{span[6:]} for the day after"
        )
    return begin, end


def _span(value: str) -> str:
    minutes_of(value)
    return value


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _apart(spans: tuple[str, ...]) -> tuple[str, ...]:
    ordered = sorted(spans, key=minutes_of)
    for before, after in pairwise(ordered):
        if minutes_of(after)[0] < minutes_of(before)[1]:
            raise ValueError(f"{after} overlaps {before}: join them, or part them")
    return tuple(ordered)


_SPAN_SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^{_SPAN.pattern}$"}
Spans = Annotated[
    tuple[Annotated[str, AfterValidator(_span)], ...],
    BeforeValidator(_one_or_several),
    Field(max_length=_MOST_SPANS),
    AfterValidator(_apart),
    WithJsonSchema(
        {"anyOf": [_SPAN_SCHEMA, {"type": "array", "items": _SPAN_SCHEMA, "maxItems": _MOST_SPANS}]}
    ),
]
Days = Annotated[str, AfterValidator(_days), Field(json_schema_extra={"pattern": f"^{_DAYS.pattern}$"})]


def _date(value: str) -> str:
    try:
        if date.fromisoformat(value).isoformat() != value:
            raise ValueError
    except ValueError:
        raise ValueError(f"“{value[:20]}” is not a date: write 2026-12-31") from None
    return value


Date = Annotated[str, AfterValidator(_date), Field(json_schema_extra={"format": "date"})]


def _check_country(country: str, part: str | None) -> None:
    countries = holidays.list_supported_countries()
    if country not in countries:
        raise ValueError(f"country: “{country[:20]}” is not known: write its two letters, as RU")
    if part is not None and part not in countries[country]:
        known = ", ".join(countries[country][:20]) or "none"
        raise ValueError(f"part: “{part[:20]}” is no part of {country} (known: {known})")


class HolidaySettings(Section):
    """By the library `holidays`, which knows the public holidays of countries and their parts."""

    country: str | None = Field(
        default=None, description="two letters; none are taken over if absent", examples=["RU", "DE"]
    )
    part: str | None = Field(
        default=None, description="of that country, where it has holidays of its own", examples=["BY"]
    )
    extra: tuple[Date, ...] = Field(default=(), max_length=1000, description="free as well")
    working: tuple[Date, ...] = Field(default=(), max_length=1000, description="worked although holidays")

    @model_validator(mode="after")
    def _is_known(self) -> "HolidaySettings":
        if self.country is not None:
            _check_country(self.country, self.part)
        elif self.part is not None:
            raise ValueError("part: means nothing without country: add it")
        both = set(self.extra) & set(self.working)
        if both:
            raise ValueError(f"{min(both)} stands in extra: and in working: remove it from one of them")
        return self


class HoursSettings(Section):
    week: dict[Days, Spans] = Field(
        min_length=1,
        description="day or days → when they are worked; a day that is not named is free",
        examples=[{"mon-fri": ["09:00-13:00", "14:00-18:00"], "sat": "10:00-15:00"}],
    )
    holidays: HolidaySettings = HolidaySettings()

    @model_validator(mode="after")
    def _is_a_week(self) -> "HoursSettings":
        seen: set[str] = set()
        for days in self.week:
            for day in days_of(days):
                if day in seen:
                    raise ValueError(f"week: {day} is named twice: let one line say its hours")
                seen.add(day)
        if not any(self.week.values()):
            raise ValueError("week: no hour is worked, so that nothing would ever be due; write one")
        return self

    def spans(self) -> tuple[tuple[Minutes, ...], ...]:
        """Of each weekday, Monday first."""
        found: dict[str, tuple[Minutes, ...]] = {}
        for days, spans in self.week.items():
            found |= {day: tuple(minutes_of(span) for span in spans) for day in days_of(days)}
        return tuple(found.get(day, ()) for day in DAYS)


def days_of(days: str) -> tuple[str, ...]:
    """``sat-mon`` goes round the week."""
    first, _, last = days.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return DAYS[begin : end + 1] if begin <= end else DAYS[begin:] + DAYS[: end + 1]

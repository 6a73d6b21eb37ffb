"""Saved filters of tickets: what people keep under a name, and the query that it is now.

A filter is kept as JSON and speaks of "me", "the last 7 days" and "for longer than 3 hours"; a TicketQuery,
which the store answers, names agents and instants. Nobody sees more by a filter than he may read: that is
decided when it is asked, not when it is saved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bridge.config.fields import LabelSettings
from bridge.config.settings import Settings
from bridge.config.tickets import StatusKind, TicketPriority
from bridge.crm.ticketing.statuses import Statuses
from bridge.errors import BadInput
from bridge.store.ticket_query import FieldTest, TicketOrder, TicketQuery

ME = "me"
NOBODY = "none"
MOST_BYTES = 10_000  # as much as the store keeps

Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Words = Annotated[tuple[Word, ...], Field(max_length=100)]
Hours = Annotated[float, Field(ge=0, le=24 * 3650, allow_inf_nan=False)]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2200, 1, 1))]
Days = Annotated[int, Field(ge=1, le=36500)]

_NOT_CLOSED = frozenset(StatusKind) - {StatusKind.CLOSED}


class Filter(BaseModel):
    """All that is given must hold; of a list, one of it (of tags, each)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    departments: Words = ()
    lines: Annotated[tuple[Literal[1, 2, 3], ...], Field(max_length=3)] = ()
    kinds: Annotated[tuple[StatusKind, ...], Field(max_length=5)] = ()
    statuses: Words = ()
    assignees: Words = Field(default=(), description="agents; me and none as well")
    tags: Words = ()
    classes: Words = Field(default=(), description="paths; those below them as well")
    priorities: Annotated[tuple[TicketPriority, ...], Field(max_length=4)] = ()
    text: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    due_within_hours: Hours | None = Field(default=None, description="by the clock; 0 is overdue")
    no_reaction_hours: Hours | None = Field(
        default=None, description="the client waits for us for longer, by the clock"
    )
    created_days: Days | None = Field(default=None, description="within the last so many days")
    created_from: Day | None = None
    created_to: Day | None = Field(default=None, description="that day included")
    updated_days: Days | None = None
    updated_from: Day | None = None
    updated_to: Day | None = None
    fields: Annotated[
        dict[Word, Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=20)
    ] = Field(default_factory=dict, description="custom field → its value, as it is stored")
    order: TicketOrder = TicketOrder.NEWEST

    @model_validator(mode="after")
    def _has_ends_in_order(self) -> "Filter":
        for name in ("created", "updated"):
            first, last = getattr(self, f"{name}_from"), getattr(self, f"{name}_to")
            if first is not None and last is not None and first > last:
                raise ValueError(f"{name}_from is after {name}_to: no ticket fits; swap them")
        return self

    def as_json(self) -> str:
        """As it is kept: without what asks nothing."""
        return self.model_dump_json(exclude_defaults=True)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A filter that everybody has, whatever he saved."""

    name: str
    title: LabelSettings
    filter: Filter


def built_in(settings: Settings) -> tuple[BuiltIn, ...]:
    """The compulsory ones. What waits longest for a reaction comes first."""
    hours = settings.tickets.no_reaction_hours
    return (
        BuiltIn(
            "no_reaction",
            LabelSettings(en=f"No reaction for {hours} h", ru=f"Нет реакции {hours} ч"),
            Filter(no_reaction_hours=hours, order=TicketOrder.WAITING),
        ),
    )


def read(given: str | bytes | Mapping[str, object]) -> Filter:
    """From JSON, kept or sent. Raises BadInput with the place of everything that is wrong."""
    try:
        if isinstance(given, str | bytes):
            if len(given) > MOST_BYTES:
                raise BadInput(f"filter: longer than {MOST_BYTES} bytes; no filter needs as many")
            return Filter.model_validate_json(given)
        return Filter.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:20]
        raise BadInput(
            "filter: " + "; ".join(_words(fault["loc"], fault["type"], fault["msg"]) for fault in faults)
        ) from None


def query(
    filter: Filter,
    settings: Settings,
    now: datetime,
    *,
    me: str | None,
    readable: frozenset[str] | None,
    client: int | None = None,
) -> TicketQuery:
    """What the store is asked for now. ``readable``: departments that whoever asks may read; None: all."""
    zone = ZoneInfo(settings.company.timezone)
    closed, statuses = _statuses(filter, Statuses(settings.tickets))
    departments = frozenset(filter.departments) or None
    if readable is not None:
        departments = readable if departments is None else departments & readable
    return TicketQuery(
        departments=departments,
        lines=frozenset(filter.lines) or None,
        statuses=statuses,
        closed=closed,
        assignees=_agents(filter.assignees, me),
        unassigned=NOBODY in filter.assignees,
        tags=frozenset(filter.tags),
        classes=frozenset(filter.classes) or None,
        priorities=frozenset(filter.priorities) or None,
        client=client,
        text=" ".join(filter.text.split()),
        due_before=_later(now, filter.due_within_hours),
        waits_since_before=_later(now, filter.no_reaction_hours, back=True),
        created_from=_latest(_midnight(filter.created_from, zone), _ago(now, filter.created_days)),
        created_before=_midnight(filter.created_to, zone, after=True),
        updated_from=_latest(_midnight(filter.updated_from, zone), _ago(now, filter.updated_days)),
        updated_before=_midnight(filter.updated_to, zone, after=True),
        fields=tuple(FieldTest(key, value) for key, value in sorted(filter.fields.items())),
        order=filter.order,
    )


def _statuses(filter: Filter, statuses: Statuses) -> tuple[bool | None, frozenset[str] | None]:
    """Whether closed ones are asked for, and which names. One that the file lost is found as not closed."""
    named = frozenset(filter.statuses) or None
    kinds = frozenset(filter.kinds)
    if not kinds or kinds == frozenset(StatusKind):
        return None, named
    closed = None if kinds - _NOT_CLOSED and kinds & _NOT_CLOSED else StatusKind.CLOSED in kinds
    if kinds in (_NOT_CLOSED, {StatusKind.CLOSED}):
        return closed, named
    names = statuses.names(kinds)
    return closed, names if named is None else names & named


def _agents(assignees: tuple[str, ...], me: str | None) -> frozenset[str] | None:
    if not assignees:
        return None
    found = {me if one == ME else one for one in assignees if one != NOBODY}
    return frozenset(one for one in found if one is not None)


def _later(now: datetime, hours: float | None, *, back: bool = False) -> datetime | None:
    if hours is None:
        return None
    length = timedelta(hours=hours)
    return now - length if back else now + length


def _ago(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now - timedelta(days=days)


def _latest(*times: datetime | None) -> datetime | None:
    return max((one for one in times if one is not None), default=None)


def _midnight(day: date | None, zone: ZoneInfo, *, after: bool = False) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1) if after else day, time(), zone).astimezone(UTC)


def _words(place: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(step)[:60] for step in place) or "it"
    if kind == "extra_forbidden":
        return f"{path}: there is none of this name; there are: {', '.join(Filter.model_fields)}"
    return f"{path}: {message}"

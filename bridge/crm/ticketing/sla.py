"""When a ticket's first reaction and its resolution are due, and who is told before and after.

Both run in the department's working time from when the ticket was created. The resolution's clock stands
while the ticket waits for its client, and while it is closed; the reaction's never does. Due times are worked
out anew from the beginning, with all its pauses, whenever priority, class or department change: so it does
not matter when they changed.

Of all rules that fit, the most precise one that watches a clock counts for that clock: one with the ticket's
priority before one without, then the one with the deepest class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from bridge.config.departments import DepartmentSettings, SlaSettings
from bridge.config.settings import Settings
from bridge.config.tickets import StatusKind
from bridge.crm.ticketing.calendar import Calendar
from bridge.crm.ticketing.classes import lineage
from bridge.crm.ticketing.statuses import STANDING, Statuses

_STANDING = STANDING | {StatusKind.CLOSED}


class Clock(Enum):
    REACTION = "reaction"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule that counts for one clock of one ticket."""

    within: timedelta
    warn_after: timedelta
    why: str  # "sla[1] of support: priority critical"
    index: int = 0  # its place in the department's ``sla``
    priority: str | None = None  # of the tickets that it is for; None: of any
    classification: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    start: datetime
    end: datetime | None = None  # None: it lasts


@dataclass(frozen=True, slots=True)
class Due:
    """Of one clock. Without ``at`` it stands, and ``left`` of its working time is to come."""

    rule: Rule
    at: datetime | None
    warn_at: datetime | None
    left: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Deadlines:
    reaction: Due | None = None  # None: no rule watches it
    resolution: Due | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What has happened to a ticket of all that its clocks wait for, and what was told of it."""

    reacted_at: datetime | None = None
    closed_at: datetime | None = None
    warned_at: datetime | None = None
    escalated_at: datetime | None = None

    def ended(self, clock: Clock) -> datetime | None:
        """When the clock stopped for good. Who closes a ticket has reacted to it."""
        if clock is Clock.REACTION:
            return self.reacted_at or self.closed_at
        return self.closed_at


class Step(Enum):
    WARN = "warn"  # soon due: the assignee is told
    ESCALATE = "escalate"  # overdue: the supervisors are told


@dataclass(frozen=True, slots=True)
class Alarm:
    clock: Clock
    step: Step
    due_at: datetime
    why: str


class Sla:
    """The rules of all departments, with their calendars."""

    def __init__(self, settings: Settings) -> None:
        self._departments = settings.departments
        zone = ZoneInfo(settings.company.timezone)
        common = Calendar(settings.tickets.hours, zone)
        self._common = common
        self._calendars = {
            name: common if one.hours is None else Calendar(one.hours, zone)
            for name, one in settings.departments.items()
        }

    def calendar(self, department: str) -> Calendar:
        return self._calendars.get(department, self._common)

    def deadlines(
        self,
        department: str,
        classification: str,
        priority: str,
        created_at: datetime,
        pauses: Sequence[Pause] = (),
    ) -> Deadlines:
        """``pauses``: in their order, apart, none before ``created_at``; only the last one may last."""
        settings = self._departments.get(department)
        if settings is None:
            return Deadlines()
        calendar = self.calendar(department)
        reaction, resolution = (
            _rule(department, settings, classification, priority, clock) for clock in Clock
        )
        return Deadlines(
            None if reaction is None else _due(calendar, reaction, created_at, ()),
            None if resolution is None else _due(calendar, resolution, created_at, pauses),
        )


def pauses(history: Iterable[tuple[datetime, str]], statuses: Statuses) -> tuple[Pause, ...]:
    """When a ticket's clock stood, from its statuses and since when it had each of them, the first one first.

    A status that is gone from the file stands for nothing: the clock runs.
    """
    found: list[Pause] = []
    since: datetime | None = None
    for at, name in history:
        status = statuses.get(name)
        stands = status is not None and status.kind in _STANDING
        if stands and since is None:
            since = at
        elif not stands and since is not None:
            found.append(Pause(since, at))
            since = None
    return (*found, Pause(since)) if since is not None else tuple(found)


def alarms(deadlines: Deadlines, progress: Progress, now: datetime) -> tuple[Alarm, ...]:
    """What is to be told now: each step of each clock once, unless its time was put off since."""
    found = []
    for clock, due in _clocks(deadlines):
        if due.at is None or progress.ended(clock) is not None:
            continue
        if due.at <= now:
            if _untold(due.at, progress.escalated_at):
                found.append(Alarm(clock, Step.ESCALATE, due.at, due.rule.why))
        elif due.warn_at is not None and due.warn_at <= now and _untold(due.warn_at, progress.warned_at):
            found.append(Alarm(clock, Step.WARN, due.at, due.rule.why))
    return tuple(found)


def next_alarm(deadlines: Deadlines, progress: Progress, now: datetime) -> datetime | None:
    """When to ask ``alarms`` again, after what is due now was told; None: not before something changes."""
    times = [
        at
        for clock, due in _clocks(deadlines)
        if progress.ended(clock) is None
        for at in (due.warn_at, due.at)
        if at is not None and at > now
    ]
    return min(times, default=None)


def kept(deadlines: Deadlines, progress: Progress, clock: Clock, now: datetime) -> bool | None:
    """Whether it was in time: None while that is open, or where nothing is watched."""
    due = dict(_clocks(deadlines)).get(clock)
    if due is None:
        return None
    ended = progress.ended(clock)
    if due.at is None:
        return True if ended is not None else None
    if ended is None:
        return False if due.at <= now else None
    return ended <= due.at


def told(
    step: Step, department: DepartmentSettings | None, assignee: str | None, line: int
) -> tuple[str, ...]:
    """The agents who are told. Of a ticket that nobody has, its line is warned; of any that is overdue, the
    department's supervisors."""
    if department is None:
        return () if assignee is None else (assignee,)
    if step is Step.WARN and assignee is not None:
        return (assignee,)
    of_line = department.lines.get(str(line), ())
    if step is Step.WARN and of_line:
        return of_line
    both = department.supervisors + (() if assignee is None else (assignee,))
    return tuple(dict.fromkeys(both))


def _clocks(deadlines: Deadlines) -> list[tuple[Clock, Due]]:
    both = ((Clock.REACTION, deadlines.reaction), (Clock.RESOLUTION, deadlines.resolution))
    return [(clock, due) for clock, due in both if due is not None]


def _untold(at: datetime, told_at: datetime | None) -> bool:
    return told_at is None or told_at < at


def _due(calendar: Calendar, rule: Rule, created_at: datetime, pauses: Sequence[Pause]) -> Due:
    at, left = _after(calendar, rule.within, created_at, pauses)
    warn_at, _ = _after(calendar, rule.warn_after, created_at, pauses)
    return Due(rule, at, warn_at, left)


def _after(
    calendar: Calendar, duration: timedelta, start: datetime, pauses: Sequence[Pause]
) -> tuple[datetime | None, timedelta]:
    """When so much is worked outside of the pauses; None, and what is left, while the last one lasts."""
    left = duration
    for pause in pauses:
        worked = calendar.between(start, pause.start)
        if worked >= left:
            break
        left -= worked
        if pause.end is None:
            return None, left
        start = max(start, pause.end)
    return calendar.add(start, left), timedelta(0)


# ── which rule counts ────────────────────────────────────────────────────────


def _rule(
    name: str, department: DepartmentSettings, classification: str, priority: str, clock: Clock
) -> Rule | None:
    above = lineage(classification)
    fitting = [
        (_precision(rule), index, rule)
        for index, rule in enumerate(department.sla)
        if _hours(rule, clock) is not None
        and rule.priority in (None, priority)
        and (rule.classification is None or rule.classification in above)
    ]
    if not fitting:
        return None
    _, index, rule = max(fitting, key=lambda one: one[0])
    within = timedelta(hours=_hours(rule, clock) or 0)
    return Rule(
        within,
        within * rule.warn_at_percent / 100,
        f"sla[{index}] of {name}: {_conditions(rule)}",
        index,
        rule.priority,
        rule.classification,
    )


def _hours(rule: SlaSettings, clock: Clock) -> float | None:
    return rule.reaction_hours if clock is Clock.REACTION else rule.resolution_hours


def _precision(rule: SlaSettings) -> tuple[bool, int]:
    return rule.priority is not None, len(lineage(rule.classification or ""))


def _conditions(rule: SlaSettings) -> str:
    said: Mapping[str, str | None] = {"priority": rule.priority, "class": rule.classification}
    return ", ".join(f"{name} {value}" for name, value in said.items() if value) or "all tickets"

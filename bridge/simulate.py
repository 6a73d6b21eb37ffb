"""A recorded day replayed with another strategy or number of agents: reads the log, runs it, compares.

A log is a day of the database, or a file of calls, one a line, as ``GET /api/v1/calls`` gives them. A day is
turned into such lines first: what is kept in a file and what is simulated are the same. How the figures are
printed is in ``simulation_report``; what is concluded from a log in ``centre/recorded``.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from bridge import config
from bridge.centre.figures import Figures, figures_of
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import LegKind, Outcome
from bridge.centre.plan import Plan
from bridge.centre.recorded import (
    Change,
    RecordedCall,
    RecordedLeg,
    Staffing,
    arrivals_of,
    changed,
    day_of,
    queues_of,
    staffing_of,
)
from bridge.centre.simulation import Day, Visit, simulate
from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.keys import MAX_LIMIT, time_cursor
from bridge.store.rows import CallRow

Progress = Callable[[str], None]

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_LONGEST_LINE = 1 << 20
_LONGEST_DAY = timedelta(hours=36)  # of a centre that is open round the clock, with some hours to spare
_YEARS = range(1970, 2200)
_HOW = (
    "each line must be one call as GET /api/v1/calls gives it in `items`, "
    "which `callbridge simulate --from DAY --save FILE` writes as well"
)


@dataclass(frozen=True, slots=True)
class Column:
    """The figures of one day, as it was or as it would be. ``queues`` are in the plan's order."""

    key: str
    title: str
    queues: dict[QueueName, Figures]
    all: Figures


@dataclass(frozen=True, slots=True)
class Report:
    log: str
    plan: Plan
    change: Change
    strategies: dict[QueueName, tuple[str, str]]  # before and after
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def replay(path: Path, log: str, change: Change, save: Path | None, progress: Progress) -> Report:
    """Raises BadInput, naming the place: the log cannot be replayed, or the change cannot be made."""
    settings = config.load(path)
    plan = config.plan_of(settings)
    if _DAY.fullmatch(log):
        lines = asyncio.run(_lines_of_day(settings, _day(log), progress))
        if save is not None:
            _write(save, lines)
        read = _read(lines, log)
    elif save is not None:
        raise BadInput(f"--save writes a day of the database to a file; {log} is a file already: copy it")
    else:
        read = _read(_lines_of_file(Path(log)), log)
    calls, notes = _planned(read, plan, log)
    return _compare(log, plan, calls, change, notes, progress)


# ── the log ──────────────────────────────────────────────────────────────────

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _Leg(msgspec.Struct):
    kind: LegKind
    agent: str | None
    created_at: _Moment
    ringing_at: _Moment | None = None
    answered_at: _Moment | None = None
    ended_at: _Moment | None = None


class _Line(msgspec.Struct):
    """What of a call matters here; without the first six there is no telling what became of it."""

    queue: str | None
    agent: str | None
    queued_at: _Moment | None
    answered_at: _Moment | None
    ended_at: _Moment | None
    outcome: Outcome | None
    id: str = ""
    dialled: str = ""
    legs: tuple[_Leg, ...] = ()


@dataclass(slots=True)
class _Read:
    calls: list[RecordedCall]
    alive: int = 0  # calls in queues that were not over when the log was written
    implausible: int = 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text}: there is no such day; give one as 2026-11-22, or a file") from error


async def _lines_of_day(settings: config.Settings, day: date, progress: Progress) -> list[bytes]:
    """The queues' calls from midnight to midnight where the company is, the earliest first."""
    zone = ZoneInfo(settings.company.timezone)
    begin = datetime.combine(day, time(), zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    store = await Store.open_to_look(settings.store.url)
    lines: list[bytes] = []
    try:
        # The list goes from the latest to the earliest: as if the day's end were the last one seen.
        cursor: str | None = time_cursor("calls", end, "")
        while cursor is not None:
            async with store.view() as unit:
                page = await unit.calls.page(cursor, MAX_LIMIT, since=begin)
            lines += [_line_of(row) for row in page.items if row.queue is not None]
            cursor = page.cursor
            progress(f"reading: {len(lines)} calls")
    finally:
        await store.close()
    return lines[::-1]


def _line_of(row: CallRow) -> bytes:
    """As the API gives it, but for who the client was: a log is made to be kept and passed on."""
    call: dict[str, Any] = msgspec.to_builtins(row)
    call |= {"number": None, "e164": None, "name": "", "client": None}
    del call["wrap_ups"]
    for leg in call["legs"]:
        del leg["call"]
    return msgspec.json.encode(call)


def _write(file: Path, lines: Iterable[bytes]) -> None:
    try:
        with file.open("xb") as out:
            out.writelines(line + b"\n" for line in lines)
    except FileExistsError as error:
        raise BadInput(f"{file} is there already; give another name") from error
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}; give a file that can be written") from error


def _lines_of_file(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as lines:
            while line := lines.readline(_LONGEST_LINE):
                yield line
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}; give a day as 2026-11-22, or a file of calls") from error


def _read(lines: Iterable[bytes], log: str) -> _Read:
    decoder = msgspec.json.Decoder(_Line)
    read = _Read([])
    places: dict[CallId, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            call = decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"{log}:{number}: {_plain(str(error))}; {_HOW}") from error
        if call.queue is None or call.queued_at is None:
            continue
        if call.ended_at is None:
            read.alive += 1
            continue
        id = CallId(call.id or f"line {number}")
        if id in places:
            raise BadInput(f"{log}:{number}: the call {_plain(id)} is in line {places[id]} already; keep one")
        places[id] = number
        recorded = _recorded(id, call, call.queue, call.queued_at, call.ended_at)
        if _is_plausible(recorded):
            read.calls.append(recorded)
        else:
            read.implausible += 1
    return read


def _recorded(id: CallId, call: _Line, queue: str, queued_at: datetime, ended_at: datetime) -> RecordedCall:
    return RecordedCall(
        id,
        QueueName(queue),
        queued_at,
        call.answered_at,
        ended_at,
        call.outcome,
        AgentId(call.agent) if call.agent else None,
        call.dialled,
        tuple(
            RecordedLeg(AgentId(leg.agent), leg.created_at, leg.ringing_at, leg.answered_at, leg.ended_at)
            for leg in call.legs
            if leg.kind is LegKind.AGENT and leg.agent
        ),
    )


def _is_plausible(call: RecordedCall) -> bool:
    """A clock may have been set back by a little; a time that is days off is no time of this call."""
    moments = [call.answered_at, call.ended_at]
    for leg in call.legs:
        moments += [leg.created_at, leg.ringing_at, leg.answered_at, leg.ended_at]
    return call.queued_at.year in _YEARS and all(
        moment is None or abs(moment - call.queued_at) <= _LONGEST_DAY for moment in moments
    )


def _planned(read: _Read, plan: Plan, log: str) -> tuple[list[RecordedCall], list[str]]:
    """The calls that can be replayed, and what was left out."""
    notes = []
    if read.alive:
        notes.append(f"left out: {read.alive} calls that were not over")
    if read.implausible:
        notes.append(
            f"left out: {read.implausible} calls with a time that is more than {_hours(_LONGEST_DAY)} "
            "from their entry into the queue"
        )
    calls = [call for call in read.calls if call.queue in plan.queues]
    unknown = Counter(call.queue for call in read.calls if call.queue not in plan.queues)
    if unknown:
        names = ", ".join(_plain(name[:60]) for name, _ in unknown.most_common(5))
        notes.append(f"left out: {unknown.total()} calls of queues that the plan does not have: {names}")
    if not calls:
        why = f" ({'; '.join(notes)})" if notes else ""
        raise BadInput(f"{log}: there is no call that came to a queue{why}; give another day or file")
    if all(call.answered_at is None for call in calls):
        raise BadInput(
            f"{log}: no call was answered, so how long one takes is not known; give a day on which some were"
        )
    first, last = min(call.queued_at for call in calls), max(call.queued_at for call in calls)
    if last - first > _LONGEST_DAY:
        raise BadInput(
            f"{log}: it goes from {first.isoformat()} to {last.isoformat()}; give one day, "
            f"{_hours(_LONGEST_DAY)} at most: who was there when is concluded from the day's calls"
        )
    return calls, notes


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.0f} h"


def _plain(text: str) -> str:
    """What somebody else wrote must not steer the terminal that shows it."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


# ── the comparison ───────────────────────────────────────────────────────────


def _compare(
    log: str,
    plan: Plan,
    calls: Sequence[RecordedCall],
    change: Change,
    notes: Sequence[str],
    progress: Progress,
) -> Report:
    counts = queues_of(calls)
    queues = [name for name in plan.queues if counts[name]]
    staffing = staffing_of(plan, calls)
    change = _sensible(change, queues, staffing, log)
    shown = [name for name in queues if change.queue in (None, name)]
    arrivals = arrivals_of(plan, calls)

    def run(staffing: Staffing, title: str) -> Day:
        def tell(done: int) -> None:
            progress(f"{title}: {done} of {len(arrivals)} calls")

        return simulate(staffing.plan, arrivals, staffing.shifts, tell)

    columns = [
        _column("recorded", "as recorded", day_of(staffing, calls), staffing, shown),
        _column("resimulated", "re-simulated", run(staffing, "re-simulated"), staffing, shown),
    ]
    after = staffing
    if change.strategy is not None or change.agents is not None:
        after = changed(staffing, change)
        columns.append(_column("changed", "changed", run(after, "changed"), after, shown))
    strategies = {
        name: (plan.queues[name].strategy.value, after.plan.queues[name].strategy.value) for name in shown
    }
    return Report(log, plan, change, strategies, tuple(columns), tuple(notes))


def _sensible(change: Change, queues: Sequence[QueueName], staffing: Staffing, log: str) -> Change:
    """Of a log with one queue ``--queue`` need not name it."""
    names = ", ".join(queues)
    if change.queue is not None and change.queue not in queues:
        raise BadInput(f"--queue {change.queue}: {log} has no call of it; it has calls of {names}")
    if change.agents is None:
        return change
    if change.queue is None and len(queues) > 1:
        raise BadInput(f"--agents: say of which queue with --queue; {log} has calls of {names}")
    queue = change.queue or queues[0]
    if not staffing.plan.queues[queue].members:
        raise BadInput(f"--agents: queue {queue} has no agent who could be copied, by {log} or by the plan")
    return Change(queue, change.strategy, change.agents)


def _column(key: str, title: str, day: Day, staffing: Staffing, queues: Sequence[QueueName]) -> Column:
    levels = {name: queue.service_level for name, queue in staffing.plan.queues.items()}
    visits: dict[QueueName, list[Visit]] = {}
    for visit in day.visits:
        visits.setdefault(visit.queue, []).append(visit)
    present = {shift.agent for shift in staffing.shifts}
    members = {
        name: [member.agent for member in staffing.plan.queues[name].members if member.agent in present]
        for name in queues
    }
    return Column(
        key,
        title,
        {name: figures_of(day, visits[name], members[name], levels) for name in queues},
        figures_of(day, day.visits, sorted(present), levels),
    )

"""A ticket's SLA clocks as they are kept on it: when each is due, when somebody is to be told next. Pure."""

from collections.abc import Iterable
from datetime import datetime

from bridge.crm.ticketing.rules import Rules
from bridge.crm.ticketing.sla import Alarm, Deadlines, Progress, Step, alarms, next_alarm, pauses
from bridge.store.rows import TicketRow
from bridge.store.tickets import TicketChange

# What moves a due time, or ends a clock.
_MOVES = frozenset({"department", "classification", "priority", "status", "closed_at", "reacted_at"})
History = Iterable[tuple[datetime, str]]  # since when it had which status, the first one first


def moves(change: TicketChange) -> bool:
    return not _MOVES.isdisjoint(change)


def deadlines_of(rules: Rules, row: TicketRow, history: History) -> Deadlines:
    return rules.sla.deadlines(
        row.department, row.classification, row.priority, row.created_at, pauses(history, rules.statuses)
    )


def kept(rules: Rules, row: TicketRow, history: History, now: datetime) -> TicketChange:
    """Of the ticket as it will be. What is due to be told already is told at the next tick."""
    deadlines, progress = deadlines_of(rules, row, history), progress_of(row)
    change = _due(deadlines)
    change["alarm_at"] = now if alarms(deadlines, progress, now) else next_alarm(deadlines, progress, now)
    return change


def told(
    rules: Rules, row: TicketRow, history: History, now: datetime
) -> tuple[tuple[Alarm, ...], TicketChange]:
    """What is to be told now, and what is kept of that it was."""
    deadlines, progress = deadlines_of(rules, row, history), progress_of(row)
    due = alarms(deadlines, progress, now)
    change = _due(deadlines)
    change["alarm_at"] = next_alarm(deadlines, progress, now)
    for alarm in due:
        change["warned_at" if alarm.step is Step.WARN else "escalated_at"] = now
    return due, change


def progress_of(row: TicketRow) -> Progress:
    return Progress(row.reacted_at, row.closed_at, row.warned_at, row.escalated_at)


def _due(deadlines: Deadlines) -> TicketChange:
    reaction, resolution = deadlines.reaction, deadlines.resolution
    return {
        "reaction_due_at": reaction.at if reaction is not None else None,
        "resolution_due_at": resolution.at if resolution is not None else None,
    }

"""What a call's ticket starts with: subject and department. Its life after that belongs to people.

Subjects are put together from names, numbers and signs only, so that they read alike in every language.
"""

from collections.abc import Callable

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, LegId, QueueName
from bridge.centre.orders import CallRecord, LegKind, LegRecord
from bridge.crm.numbers import pretty
from bridge.errors import InternalError
from bridge.store import SyncUnit
from bridge.store.rows import CalledTicket, CallRow

WITHHELD = "☎ •••"  # a caller without a number, in any language

DepartmentOf = Callable[[str | None], str]


def subject_of(record: CallRecord | CalledTicket, client: str) -> str:
    """ "Анна Смирнова · +7 916 123-45-67 → support": who, from where, to whom."""
    name = client or " ".join(record.name.split())[:100]
    number = pretty(record.e164) if record.e164 else (record.number or "")[:40]
    if record.withheld or name == number or name.lstrip("+") == number.lstrip("+"):
        name, number = client, "" if record.withheld else number
    who = " · ".join(part for part in (name, number) if part) or WITHHELD
    to = record.queue or record.dialled
    return f"{who} → {to}" if to else who


def open_ticket(unit: SyncUnit, record: CallRecord, department_of: DepartmentOf) -> int:
    """The call is kept, and its ticket opened or brought up to date: its id."""
    unit.calls.save(record)
    unit.tickets.open(record.id, subject_of(record, ""), department_of(record.queue))
    ticket = follow(unit, record.id, department_of)
    if ticket is None:
        raise InternalError(f"the ticket of call {record.id} was neither opened nor there")
    return ticket


def ticket_of(unit: SyncUnit, call: str, department_of: DepartmentOf) -> int | None:
    """The ticket of a call that is kept, opened now if it has none. None when no such call is kept."""
    ticket = unit.tickets.id_by_call(call)
    if ticket is not None or unit.calls.times(call) is None:
        return ticket
    unit.tickets.open(call, "", department_of(None))
    return follow(unit, call, department_of)


def follow(unit: SyncUnit, call: str, department_of: DepartmentOf) -> int | None:
    """News of the call for its ticket, if it has one: what people edited stays as it is."""
    # From the call as it is kept: the news may be late, older ones.
    kept = unit.tickets.with_call(call)
    if kept is None:
        return None
    subject, department = subject_of(kept, kept.client or ""), department_of(kept.queue)
    news = (subject, department, kept.client_id, kept.answered_by)
    if news != (kept.subject, kept.department, kept.ticket_client, kept.assignee):
        unit.tickets.follow_call(call, subject, department, department_of(None), before=kept)
    return kept.ticket


def record_of(call: CallRow) -> CallRecord:
    """A kept call as a record again."""
    return CallRecord(
        id=CallId(call.id),
        number=call.number,
        e164=call.e164,
        name=call.name,
        withheld=call.withheld,
        dialled=call.dialled,
        trunk=call.trunk,
        direction=call.direction,
        offered_at=call.offered_at,
        verdict=Verdict(call.verdict) if call.verdict else None,
        client=ClientId(call.client) if call.client is not None else None,
        queue=QueueName(call.queue) if call.queue else None,
        agent=AgentId(call.agent) if call.agent else None,
        queued_at=call.queued_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        legs=tuple(
            LegRecord(
                id=LegId(leg.id),
                kind=LegKind(leg.kind),
                agent=AgentId(leg.agent) if leg.agent else None,
                created_at=leg.created_at,
                ringing_at=leg.ringing_at,
                answered_at=leg.answered_at,
                ended_at=leg.ended_at,
                cause=leg.cause,
                tech_cause=leg.tech_cause,
            )
            for leg in call.legs
        ),
        segments=call.segments,
        transfers=call.transfers,
        pauses=call.pauses,
    )

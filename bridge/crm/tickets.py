"""What a call's ticket starts with, and whether it gets one. Its life after that belongs to people.

Subjects are put together from names, numbers and signs only, so that they read alike in every language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, LegId, QueueName
from bridge.centre.orders import CallRecord, LegKind, LegRecord, Outcome
from bridge.config.settings import Settings
from bridge.config.tickets import Policy
from bridge.crm.numbers import pretty
from bridge.crm.ticketing.policy import opens
from bridge.errors import InternalError
from bridge.store import SyncUnit
from bridge.store.rows import CallCase, CalledTicket, CallRow

WITHHELD = "☎ •••"  # a caller without a number, in any language
_LATE = timedelta(minutes=1)  # so much later than it could be at most a wrap-up comes no more


@dataclass(frozen=True, slots=True)
class CallTickets:
    """What the file says of calls' tickets. A queue that is not in it makes tickets of all its calls."""

    department_of: Callable[[str | None], str]
    policies: Mapping[str, Policy] = field(default_factory=dict)  # by queue
    resolved: frozenset[str] = frozenset()  # dispositions that leave nothing to do
    watched: frozenset[str] = frozenset()  # departments with due times
    wrap_ups: Mapping[str, timedelta] = field(default_factory=dict)  # by queue: how long at most

    @property
    def at_once(self) -> bool:
        """Every call gets its ticket, whatever becomes of it."""
        return all(policy is Policy.EVERY_CALL for policy in self.policies.values())

    @property
    def given_up_after(self) -> timedelta:
        """So long after a call's end nothing more is said of it."""
        return max(self.wrap_ups.values(), default=timedelta(0)) + _LATE

    def policy_of(self, queue: str) -> Policy:
        return self.policies.get(queue, Policy.EVERY_CALL)

    def watches(self, *departments: str) -> bool:
        return not self.watched.isdisjoint(departments)


TicketsNow = Callable[[], CallTickets]


def tickets_by(settings: Callable[[], Settings]) -> TicketsNow:
    """As the file is at each moment."""
    kept: list[tuple[Settings, CallTickets]] = []

    def now() -> CallTickets:
        current = settings()
        if not kept or kept[0][0] is not current:
            kept[:] = [(current, call_tickets(current))]
        return kept[0][1]

    return now


def call_tickets(settings: Settings) -> CallTickets:
    return CallTickets(
        settings.department_of,
        {name: queue.tickets for name, queue in settings.queues.items()},
        frozenset(settings.tickets.resolved),
        frozenset(name for name, department in settings.departments.items() if department.sla),
        {
            name: timedelta(seconds=queue.wrap_up_seconds + queue.wrap_up_extension_seconds)
            for name, queue in settings.queues.items()
            if queue.wrap_up_seconds
        },
    )


def subject_of(record: CallRecord | CalledTicket | CallCase, client: str) -> str:
    """ "Анна Смирнова · +7 916 123-45-67 → support": who, from where, to whom."""
    name = client or " ".join(record.name.split())[:100]
    number = pretty(record.e164) if record.e164 else (record.number or "")[:40]
    if record.withheld or name == number or name.lstrip("+") == number.lstrip("+"):
        name, number = client, "" if record.withheld else number
    who = " · ".join(part for part in (name, number) if part) or WITHHELD
    to = record.queue or record.dialled
    return f"{who} → {to}" if to else who


def open_ticket(unit: SyncUnit, record: CallRecord, tickets: CallTickets) -> int | None:
    """The call is kept, and its ticket opened or brought up to date: its id. None while it gets none."""
    unit.calls.save(record)
    if not tickets.at_once:
        ticket = follow(unit, record.id, tickets)
        if ticket is None:
            unit.cases.ask(record.id)
            ticket = settle(unit, record.id, tickets)
        return ticket
    department = tickets.department_of(record.queue)
    unit.tickets.open(record.id, subject_of(record, ""), department, watched=tickets.watches(department))
    ticket = follow(unit, record.id, tickets)
    if ticket is None:
        raise InternalError(f"the ticket of call {record.id} was neither opened nor there")
    return ticket


def save_call(unit: SyncUnit, record: CallRecord, tickets: CallTickets) -> int | None:
    """The call is kept, and its ticket brought up to date. The id of one that is opened by that."""
    unit.calls.save(record)
    return None if follow(unit, record.id, tickets) is not None else settle(unit, record.id, tickets)


def dispose(
    unit: SyncUnit, call: str, agent: str, disposition: str, tickets: CallTickets, *, again: bool
) -> tuple[bool, int | None]:
    """Whether the word is kept; and the id of a ticket that is opened by it.

    The call keeps the agent's own word; on its ticket people may change it.
    """
    if unit.tickets.dispose(call, agent, disposition, again=again) is not None:
        unit.cases.dispose(call, agent, disposition)
        return True, None
    if unit.cases.of(call) is None:
        return False, None
    unit.cases.dispose(call, agent, disposition)
    # Somebody may have opened the ticket by hand meanwhile; from here on he waits for us.
    if unit.tickets.dispose(call, agent, disposition, again=again) is not None:
        return True, None
    return True, settle(unit, call, tickets)


def settle(unit: SyncUnit, call: str, tickets: CallTickets, *, given_up: bool = False) -> int | None:
    """A call that has no ticket gets it if it is to have one by now: its id.

    ``given_up``: nothing more will be said of it, not even that a wrap-up is over.
    """
    case = unit.cases.of(call)
    if case is None or not case.wish:
        if given_up:
            unit.cases.decide(call)  # it has got one in another way
        return None
    gets = gets_ticket(case, tickets, given_up=given_up)
    if gets:
        return open_now(unit, case, tickets)
    if gets is not None:
        unit.cases.decide(call)
    return None


def gets_ticket(case: CallCase, tickets: CallTickets, *, given_up: bool) -> bool | None:
    """Whether it gets a ticket by itself; None while that is not known. ``given_up`` as ``settle`` has it."""
    ended = case.ended_at is not None
    if case.outcome == Outcome.VOICEMAIL.value:
        return True  # whoever leaves a message wants something
    if case.queue is None:
        # Only who calls us can still come to a queue.
        return True if ended or tickets.at_once or case.direction != "in" else None
    policy = tickets.policy_of(case.queue)
    over = ended and (given_up or case.wrapped_up or not _may_be_wrapped_up(case, tickets))
    if opens(policy, case.disposition, tickets.resolved, over=over):
        return True
    return False if over or (ended and policy is Policy.ON_REQUEST) else None


def case_of(record: CallRecord) -> CallCase:
    """A call that is kept nowhere, of which an agent has said nothing."""
    return CallCase(
        id=record.id,
        number=record.number,
        e164=record.e164,
        name=record.name,
        withheld=record.withheld,
        dialled=record.dialled,
        direction=record.direction,
        queue=record.queue,
        client=None,
        agent=record.agent,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        outcome=record.outcome.value if record.outcome is not None else None,
        fallback=record.fallback,
        disposition="",
        wish="",
        wrapped_up=False,
    )


def _may_be_wrapped_up(case: CallCase, tickets: CallTickets) -> bool:
    """Whether a wrap-up may follow. Not in Asterisk's own queue, nor when no agent of ours has answered."""
    answered = case.answered_at is not None and case.agent is not None
    return answered and not case.fallback and case.queue in tickets.wrap_ups


def open_now(unit: SyncUnit, case: CallCase, tickets: CallTickets, *, by: str = "") -> int:
    """The ticket of a call that has none, with all that there is of it: its id. ``by``: who opens it."""
    department = tickets.department_of(case.queue)
    unit.cases.decide(case.id)  # first: what is said of the call at this moment comes before, or behind
    subject = subject_of(case, case.client or "")
    unit.tickets.open(case.id, subject, department, watched=tickets.watches(department))
    ticket = unit.tickets.id_by_call(case.id)
    if ticket is None:
        raise InternalError(f"the ticket of call {case.id} was neither opened nor there")
    if by:
        unit.tickets.opened_by(ticket, by)
    unit.recordings.hang(case.id, ticket)
    return ticket


def recorded(unit: SyncUnit, call: str, tickets: CallTickets) -> int | None:
    """The ticket of a call that has a recording; opened if it was to have one at once and has none."""
    ticket = unit.tickets.id_by_call(call)
    case = unit.cases.of(call) if ticket is None else None
    if case is not None and (case.queue is None or tickets.policy_of(case.queue) is Policy.EVERY_CALL):
        return open_now(unit, case, tickets)
    return ticket


def follow(unit: SyncUnit, call: str, tickets: CallTickets) -> int | None:
    """News of the call for its ticket, if it has one: what people edited stays as it is."""
    # From the call as it is kept: the news may be late, older ones.
    kept = unit.tickets.with_call(call)
    if kept is None:
        return None
    subject, department = subject_of(kept, kept.client or ""), tickets.department_of(kept.queue)
    news = (subject, department, kept.client_id, kept.answered_by)
    known = (kept.subject, kept.department, kept.ticket_client, kept.assignee)
    if kept.reaction is not None or news != known:
        watched = tickets.watches(department, kept.department)
        provisional = tickets.department_of(None)
        unit.tickets.follow_call(call, subject, department, provisional, kept, watched=watched)
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

"""From an order of the centre to what a CRM is told: the call as it is kept, with names instead of ids."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.centre.ids import AgentId, QueueName
from bridge.centre.orders import CallEventKind, CallRecord, TellCrm
from bridge.centre.plan import Plan
from bridge.crm.numbers import to_e164
from bridge.crm.tickets import record_of
from bridge.crm.told import Person, Recording, Told, event_id
from bridge.errors import BadNumber
from bridge.store import SyncUnit
from bridge.store.rows import ClientName

K = CallEventKind


@dataclass(frozen=True, slots=True)
class People:
    """What of the moment is needed to say who is meant; it does not change while it is used."""

    plan: Plan
    logins: Mapping[str, str]  # agent → his log-in
    email_of: Callable[[str], str] = lambda _: ""

    def person(self, agent: AgentId | None) -> Person | None:
        if agent is None:
            return None
        planned = self.plan.agents.get(agent)
        name = planned.name if planned is not None else agent
        return Person(
            id=agent, name=name, extension=agent, login=self.logins.get(agent, ""), email=self.email_of(agent)
        )


def told_of(
    unit: SyncUnit,
    order: TellCrm,
    people: People,
    region_of_trunk: Callable[[str], str],
    public_url: str,
) -> Told | None:
    """None when nothing is kept of the call."""
    record = order.record
    if record is None:
        kept = unit.calls.get(order.call)
        if kept is None:
            return None
        record = record_of(kept)
    elif order.kind in (K.OFFERED, K.ENDED):
        _keep(unit, record)
    region = region_of_trunk(record.trunk)
    e164 = record.e164 or _e164(record.number, region)
    client = _client(record, unit.clients.names_by_e164(e164) if e164 else [])
    ticket = unit.tickets.id_by_call(order.call)
    answered_by = order.answered_by or (record.agent if record.answered_at is not None else None)
    queue = people.plan.queues.get(QueueName(record.queue)) if record.queue else None
    ringing = tuple(one for one in map(people.person, order.ringing) if one is not None)
    ended = order.kind in (K.ENDED, K.RECORDING_READY)
    return Told(
        id=event_id(order.call, order.event),
        type=order.kind.value,
        at=order.at,
        call_id=order.call,
        direction=record.direction,
        number=record.number,
        e164=e164,
        name=record.name,
        withheld=record.withheld,
        dialled=record.number or "" if record.direction == "out" else record.dialled,
        dialled_e164=e164 if record.direction == "out" else _e164(record.dialled, region),
        trunk=record.trunk,
        queue=record.queue,
        queue_title=queue.title if queue is not None else "",
        client_id=client.id if client is not None else None,
        client_name=client.name if client is not None else "",
        offered_at=record.offered_at,
        queued_at=record.queued_at,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        agent=people.person(order.agent),
        ringing=ringing,
        answered_by=people.person(answered_by),
        from_agent=people.person(order.from_agent),
        target=order.target,
        transfer=order.transfer,
        outcome=record.outcome.value if ended and record.outcome is not None else None,
        cause=order.cause,
        reason=order.reason.value if order.reason is not None else "",
        recording=_recording(unit, order, public_url),
        ticket_id=ticket,
    )


def _keep(unit: SyncUnit, record: CallRecord) -> None:
    """Who is told of a call's beginning or end may ask our API for it at once."""
    times = unit.calls.times(record.id)
    if times is None or (times.ended_at is None and record.ended_at is not None):
        unit.calls.save(record)


def _e164(number: str | None, region: str) -> str | None:
    try:
        return to_e164(number, region) if number else None
    except BadNumber:
        return None  # an extension, or what no plan knows


def _client(record: CallRecord, owners: list[ClientName]) -> ClientName | None:
    """Who it is known to be; of a number that several share nobody."""
    chosen = next((one for one in owners if one.id == record.client), None)
    return chosen or (owners[0] if len(owners) == 1 else None)


def _recording(unit: SyncUnit, order: TellCrm, public_url: str) -> Recording | None:
    row = unit.recordings.get(order.recording) if order.recording is not None else None
    if row is None:
        return None
    ending = row.file.removesuffix(".age").rpartition(".")[2] or "wav"
    return Recording(
        id=row.id,
        url=f"{public_url}/api/v1/recordings/{row.id}/file",
        file_name=f"{row.id}.{ending}",
        duration_ms=row.duration_ms or None,
    )

"""What a recorded AMI trace makes of its calls: who did what since when, who saw whose card, which ticket.

The trace goes through the same translation and the same floor as live. Whose phones and trunks those are, the
configuration says; without one it is guessed from the numbers. Owns no rule: it writes down what was decided.
A trace ends before a wrap-up does, and has no word of an agent in it: of who waits for either it is decided
as where nothing more is heard of the call.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.ami.headers import Headers, MissingHeader, read
from bridge.ami.phones import endpoint_of
from bridge.ami.trace import Entry, entries
from bridge.ami.translate import Translator
from bridge.centre.facts import PlanLoaded
from bridge.centre.floor import Floor
from bridge.centre.ids import AgentId, CallId, Endpoint
from bridge.centre.orders import CloseCard, OpenCard, OpenTicket, Order, SaveCall, StartRecording
from bridge.centre.plan import Agent, Plan
from bridge.centre.record import CallRecord
from bridge.crm.tickets import CallTickets, case_of, gets_ticket, subject_of
from bridge.errors import BadTrace

_EXTENSION = re.compile(r"[0-9]{1,6}")  # what is longer, or has a plus sign, is somebody outside
_TECHNOLOGIES = ("PJSIP/", "SIP/", "IAX2/")
EVERY_CALL = CallTickets(lambda _: "")  # becomes a ticket
_TICK = timedelta(milliseconds=1)  # between events of a trace that does not say when they were


@dataclass(slots=True)
class Traced:
    """One call, as it was saved last."""

    record: CallRecord
    asked: bool = False  # whether it gets a ticket
    has_ticket: bool = False
    cards: list[list[Any]] = field(default_factory=list)  # agent, opened, closed
    recorded: str | None = None  # the channel

    @property
    def ticket(self) -> str | None:
        """Its subject."""
        return subject_of(self.record, "") if self.has_ticket else None

    def settle(self, tickets: CallTickets, *, given_up: bool = False) -> None:
        if self.asked and not self.has_ticket:
            self.has_ticket = bool(gets_ticket(case_of(self.record), tickets, given_up=given_up))

    def to_dict(self) -> dict[str, Any]:
        record = self.record
        return {
            "type": "call",
            "call_id": record.id,
            "direction": record.direction,
            "number": record.number,
            "agent": record.agent,
            "queue": record.queue,
            "offered_at": _at(record.offered_at),
            "answered_at": _at(record.answered_at),
            "ended_at": _at(record.ended_at),
            "outcome": record.outcome.value if record.outcome else None,
            "ticket": self.ticket,
            "recorded": self.recorded,
            "cards": [
                {"agent": agent, "opened_at": _at(opened), "closed_at": _at(closed)}
                for agent, opened, closed in self.cards
            ],
            "segments": [
                {
                    "agent": one.agent,
                    "doing": one.doing.value,
                    "since": _at(one.since),
                    "until": _at(one.until),
                }
                for one in record.segments
            ],
            "transfers": [
                {
                    "kind": one.kind.value,
                    "by": one.by,
                    "target": one.target,
                    "to": one.to,
                    "end": one.end.value if one.end else None,
                    "begun_at": _at(one.begun_at),
                    "ended_at": _at(one.ended_at),
                }
                for one in record.transfers
            ],
        }


def calls_of(
    trace: bytes,
    plan: Plan | None = None,
    trunks: Collection[str] = (),
    tickets: CallTickets = EVERY_CALL,
) -> list[Traced]:
    """Every call that would be kept, in the order of their beginning; raises BadTrace."""
    events = list(_events(trace))
    if plan is None:
        plan, trunks = guessed(entry.headers for entry in events)
    floor, translator = Floor(), Translator(lambda: plan, lambda: trunks)
    traced: dict[CallId, Traced] = {}
    now = datetime.fromtimestamp(0, UTC)
    floor.decide(PlanLoaded(plan), now)
    for entry in events:
        message = read(entry.headers)
        now = max(_moment(entry.headers) or now + _TICK, now)
        for fact in translator.take(message) if message is not None else ():
            for order in floor.decide(fact, now):
                _note(order, traced, now, tickets)
    for call in traced.values():
        call.settle(tickets, given_up=True)
    return list(traced.values())


def guessed(events: Iterable[Headers]) -> tuple[Plan, set[str]]:
    """A phone whose every number is an extension is an agent's; any other one is a trunk."""
    numbers: dict[str, set[str]] = defaultdict(set)
    for headers in events:
        for prefix in ("", "dest"):
            channel, number = headers.get(f"{prefix}channel", ""), headers.get(f"{prefix}calleridnum", "")
            if channel.startswith(_TECHNOLOGIES):
                numbers[endpoint_of(channel)] |= {number} - {"", "<unknown>"}
    agents: dict[AgentId, Agent] = {}
    for endpoint, known in numbers.items():
        if known and all(_EXTENSION.fullmatch(number) for number in known):
            own = min(known)
            id_ = AgentId(own if len(known) == 1 and own not in agents else endpoint.partition("/")[2])
            agents[id_] = Agent(id_, id_, Endpoint(endpoint))
    phones = {agent.endpoint for agent in agents.values()}
    trunks = {endpoint.removeprefix("PJSIP/") for endpoint in numbers if endpoint not in phones}
    return Plan(agents=agents), trunks


def _events(trace: bytes) -> Iterator[Entry]:
    for entry in entries(trace):
        try:
            read(entry.headers)
        except MissingHeader as error:
            if entry.cut:
                return
            raise BadTrace(f"{entry.place}: {error}") from error
        yield entry


def _moment(headers: Headers) -> datetime | None:
    """With ``timestampevents = yes`` in manager.conf."""
    stamp = headers.get("timestamp", "")
    return datetime.fromtimestamp(float(stamp), UTC) if re.fullmatch(r"[0-9]{1,10}\.[0-9]+", stamp) else None


def _note(order: Order, traced: dict[CallId, Traced], now: datetime, tickets: CallTickets) -> None:
    match order:
        case SaveCall(call=call, record=record) | OpenTicket(call=call, record=record):
            kept = traced.setdefault(call, Traced(record))
            kept.record = record
            kept.asked |= isinstance(order, OpenTicket)
            kept.settle(tickets)
        case StartRecording(call=call, leg=leg):
            traced[call].recorded = leg
        case OpenCard(call=call, agent=agent):
            cards = traced[call].cards
            if not any(one[0] == agent and one[2] is None for one in cards):
                cards.append([agent, now, None])
        case CloseCard(call=call, agent=agent):
            for one in traced[call].cards:
                if one[0] == agent and one[2] is None:
                    one[2] = now
        case _:
            pass


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None

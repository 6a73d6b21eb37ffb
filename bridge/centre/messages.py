"""What calls, agents and the router say to each other. They know nothing else of one another.

This is the seam along which the router can move to a process of its own: nothing here refers to another
party's state, only to ids.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import Order


class OfferEnd(Enum):
    """How an offer ended; told apart because each has its own consequence for the agent."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # the caller left while the phone rang


# ── call → router ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """``since`` is the caller's place: a caller who comes back brings his old one."""

    call: CallId
    queue: QueueName
    since: datetime


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    call: CallId


@dataclass(frozen=True, slots=True)
class OfferResult:
    call: CallId
    agent: AgentId
    queue: QueueName
    end: OfferEnd


# ── router → call and agent ──────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Offer:
    call: CallId
    agent: AgentId
    queue: QueueName


# ── call → agent ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AgentReleased:
    """The agent's part in the conversation ended; his wrap-up begins."""

    call: CallId
    agent: AgentId
    queue: QueueName


@dataclass(frozen=True, slots=True)
class AgentBusyOutside:
    """The agent's phone is taken by a call that the router did not offer; freed when ``busy`` is False."""

    call: CallId
    agent: AgentId
    busy: bool


# ── agent → router ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """``free``: may be offered a call now. ``idle_since`` is when he last became so (or finished a call)."""

    agent: AgentId
    free: bool
    idle_since: datetime


Message = EnterQueue | LeaveQueue | OfferResult | Offer | AgentReleased | AgentBusyOutside | AgentChanged


class Rejected(Exception):
    """A fact that this state does not know. Nothing was changed; the floor counts it and goes on."""

    def __init__(self, machine: str, state: Enum, fact: Fact | Message) -> None:
        super().__init__(f"{machine} in state {state.value} does not know {type(fact).__name__}")


@dataclass(slots=True)
class Output:
    """What one step gives out, in order."""

    orders: list[Order] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

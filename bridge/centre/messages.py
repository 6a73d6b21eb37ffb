"""What calls, agents and the router say to each other. They know nothing else of one another.

This is the seam along which the router can move to a process of its own: nothing here refers to another
party's state, only to ids.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from bridge.centre.decision import Decision, Hindrance, OfferEnd
from bridge.centre.facts import Fact
from bridge.centre.ids import AgentId, CallId, QueueName
from bridge.centre.orders import Order
from bridge.centre.plan import Needs

# ── call → router ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """``place`` is the caller's number in the order of coming, floor-wide: who comes back brings his old one.

    Not a time: clocks step, and nobody may lose or gain a place by that. ``level`` counts the steps of the
    queue's widening that he has waited through. While ``preferred`` is set he waits for that agent alone,
    unless that agent is away. ``again``: he was in before, so no limit turns him away.
    """

    call: CallId
    queue: QueueName
    place: int
    needs: Needs = ()
    priority: int = 0
    level: int = 0
    preferred: AgentId | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class AmendWaiting:
    """What is known of a waiting caller has changed; his place has not."""

    call: CallId
    priority: int
    level: int
    preferred: AgentId | None


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    call: CallId


@dataclass(frozen=True, slots=True)
class AskPosition:
    call: CallId


@dataclass(frozen=True, slots=True)
class OfferResult:
    """``queue`` is None when the call asked for this agent itself."""

    call: CallId
    agent: AgentId
    queue: QueueName | None
    end: OfferEnd


# ── router → call and agent ──────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Offer:
    call: CallId
    agent: AgentId
    queue: QueueName
    decision: Decision


@dataclass(frozen=True, slots=True)
class PositionIs:
    """``position`` counts from 1. ``expected`` is None until this queue's service has been measured."""

    call: CallId
    queue: QueueName
    position: int
    expected: timedelta | None


class TurnedAwayWhy(Enum):
    FULL = "full"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """He may not join, or must leave: he is not in the queue any more."""

    call: CallId
    queue: QueueName
    why: TurnedAwayWhy


# ── call ↔ agent, past every queue ───────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AskAgent:
    """Ring him by name, if he is free. ``back``: in his wrap-up too, for he gets his own client back.

    ``wished``: by himself, so that a rest after a ring which he did not take is none.
    """

    call: CallId
    agent: AgentId
    back: bool = False
    wished: bool = False


@dataclass(frozen=True, slots=True)
class AgentAsked:
    """His answer. One who takes it counts as ringing from now on: an OfferResult must follow."""

    call: CallId
    agent: AgentId
    takes: bool


# ── call → agent, and to the router, which counts ────────────────────────────


@dataclass(frozen=True, slots=True)
class AgentReleased:
    """The agent's part in the conversation ended; his wrap-up begins. ``queue`` is None for none.

    ``as_in``: the queue whose wrap-up he has after a call that came by none.
    """

    call: CallId
    agent: AgentId
    queue: QueueName | None
    talked: timedelta = timedelta(0)
    as_in: QueueName | None = None


@dataclass(frozen=True, slots=True)
class AgentBusyOutside:
    """The agent's phone is taken by a call that the router did not offer; freed when ``busy`` is False.

    ``talked``: he has served somebody in it, so his idle time begins anew.
    """

    call: CallId
    agent: AgentId
    busy: bool
    talked: bool = False


@dataclass(frozen=True, slots=True)
class AgentTakesOver:
    """He has the client of this call from now on, whatever he was doing; an AgentReleased must follow."""

    call: CallId
    agent: AgentId


# ── agent → router ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """``hindrance`` is None when he may be offered a call now. ``idle_since``: the end of his last call."""

    agent: AgentId
    hindrance: Hindrance | None
    reason: str
    idle_since: datetime | None


# ── floor → router ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OffersResume:
    """Phones can ring again. Behind all that is known of agents by then."""


# What the router hears.
RouterEvent = (
    EnterQueue
    | AmendWaiting
    | LeaveQueue
    | AskPosition
    | OfferResult
    | AgentReleased
    | AgentChanged
    | OffersResume
)

Message = (
    EnterQueue
    | AmendWaiting
    | LeaveQueue
    | AskPosition
    | OfferResult
    | Offer
    | PositionIs
    | TurnedAway
    | AskAgent
    | AgentAsked
    | AgentReleased
    | AgentBusyOutside
    | AgentTakesOver
    | AgentChanged
    | OffersResume
)


class Rejected(Exception):
    """A fact that this state does not know. Nothing was changed; the floor counts it and goes on."""

    def __init__(self, machine: str, state: Enum, fact: Fact | Message) -> None:
        super().__init__(f"{machine} in state {state.value} does not know {type(fact).__name__}")


@dataclass(slots=True)
class Output:
    """What one step gives out, in order."""

    orders: list[Order] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

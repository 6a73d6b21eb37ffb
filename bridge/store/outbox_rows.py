"""What the store gives out about receivers of call events and what they are told, as rows.py does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A receiver of call events. What could be misused is in ``sealed``, and opened by crm/ alone."""

    id: int
    name: str
    format: str
    shown: str  # as much of its address as anybody may see
    sealed: str = field(repr=False)
    events: frozenset[str]  # CallEventKind values
    active: bool
    disabled_reason: str
    slow_until: datetime | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event for one subscription. ``next_at`` only where it is the next of its call to be told."""

    seq: int
    subscription: int
    call: str
    event: str  # constant within the call
    event_id: str  # what the receiver knows it by
    kind: str  # CallEventKind value
    body: str = field(repr=False)  # JSON
    state: str  # "waiting" | "delivered" | "dead" | "skipped"
    tries: int
    step: int  # of formats that need several requests: how many are done
    next_at: datetime | None
    last_status: int | None  # HTTP
    last_error: str
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueEvent:
    """``peer`` is what the receiver has said about this call so far."""

    row: OutboxRow
    peer: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    waiting: int
    dead: int
    oldest: datetime | None  # of those that wait

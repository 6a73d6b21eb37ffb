"""What a list of tickets may be asked for. Only the question: its SQL is in ticket_lists.py, and what people
save and may see is decided outside the store. All that is given must hold; None asks nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class TicketOrder(Enum):
    """Ties are broken by the id, so that a page's end is always one place."""

    NEWEST = "newest"  # by id, falling
    OLDEST = "oldest"  # by id
    UPDATED = "updated"  # the last changed first
    PRIORITY = "priority"  # critical first, of one priority the oldest first
    DUE = "due"  # what is due first comes first, as `due_before` means it; without a due time last
    WAITING = "waiting"  # who waits longest for us first, as `waits_since_before` means it; others last


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A custom field has this value, as it is stored; of several, one a line, it is one of them."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """Times are in UTC. An empty set lets nothing through, None everything."""

    id: int | None = None  # this one, if all else holds for it
    departments: frozenset[str] | None = None
    lines: frozenset[int] | None = None
    statuses: frozenset[str] | None = None
    closed: bool | None = None  # closed_at is there; holds whatever became of the statuses since
    assignees: frozenset[str] | None = None
    unassigned: bool = False  # together with assignees: those, or nobody
    tags: frozenset[str] = frozenset()  # it has each of them
    classes: frozenset[str] | None = (
        None  # one of these paths or below it: "hardware" finds "hardware/printer"
    )
    priorities: frozenset[str] | None = None
    client: int | None = None
    text: str = ""  # words in any of its texts, as the full-text search reads them
    due_before: datetime | None = None
    """Not closed, and reaction_due_at (while reacted_at is null) or resolution_due_at (while its clock runs:
    clock_stopped_at is null) is before this. With the present time: what is overdue."""
    waits_since_before: datetime | None = None
    """No reaction for longer than X: not closed, and its client waits for us since before this: since
    created_at while reacted_at is null, else since last_from_client_at while nothing came after it
    (last_entry_at = last_from_client_at)."""
    created_from: datetime | None = None  # inclusive
    created_before: datetime | None = None  # exclusive
    updated_from: datetime | None = None
    updated_before: datetime | None = None
    fields: tuple[FieldTest, ...] = ()
    merged: bool = False  # also those that were merged into another one
    order: TicketOrder = TicketOrder.NEWEST

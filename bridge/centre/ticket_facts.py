"""What time does to tickets, for those who listen: no call's business. Part of ``facts``; told by crm/."""

from dataclasses import dataclass
from datetime import datetime

from bridge.centre.ids import AgentId, TicketId


@dataclass(frozen=True, slots=True)
class TicketAlarmed:
    """One of a ticket's clocks is soon to run out, or has. ``told``: the agents whose business it is."""

    ticket: TicketId
    clock: str  # "reaction" | "resolution"
    step: str  # "warn": soon due | "escalate": overdue
    due_at: datetime
    told: tuple[AgentId, ...]

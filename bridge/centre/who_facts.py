"""Who is calling: what directories say of a number. Part of ``facts``; told by crm/."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bridge.centre.ids import AgentId, CallId, ClientId


class Verdict(Enum):
    """What the directory says of a caller. ``SEVERAL`` is a choice for the agent, never the first one."""

    KNOWN = "known"
    SEVERAL = "several"
    UNKNOWN = "unknown"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class ClientRef:
    id: ClientId
    name: str
    tier: str = ""


@dataclass(frozen=True, slots=True)
class ClientIdentified:
    """``e164`` is None for a withheld or unreadable number; ``clients`` has one entry when KNOWN.

    ``last_agent`` is who last talked with this number, at ``last_at``. With ``more`` external directories are
    still being asked: DirectoryAnswered follows.
    """

    call: CallId
    verdict: Verdict
    e164: str | None
    clients: tuple[ClientRef, ...] = ()
    last_agent: AgentId | None = None
    last_at: datetime | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryAnswered:
    """``directory``, an external one by its title, knows these clients by this number; they are kept by now.

    Without ``answered`` it said nothing of use in time. ``last``: no other one is being asked any more.
    """

    call: CallId
    e164: str
    directory: str
    clients: tuple[ClientRef, ...] = ()
    answered: bool = True
    last: bool = False

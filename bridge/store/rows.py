"""What the store gives out: plain frozen rows, detached from any session. Times are aware and in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar

from bridge.centre.orders import Outcome
from bridge.centre.record import PauseRecord, Segment, TransferRecord, WrapUp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``cursor`` asks for the next page; None on the last one."""

    items: tuple[T, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class NumberRow:
    e164: str  # "+79161234567"
    as_dialled: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ClientRow:
    id: int
    name: str
    company: str
    language: str
    tier: str
    notes: str
    numbers: tuple[NumberRow, ...]
    created_at: datetime
    updated_at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)  # the company's own: key → text
    emails: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientName:
    id: int
    name: str
    tier: str


@dataclass(frozen=True, slots=True)
class ClientSourceRow:
    """An external directory knows this client by ``external_id``; ``url`` is his page there, or ""."""

    client: int
    source: str
    external_id: str
    url: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class LegRow:
    id: str
    call: str
    kind: str  # LegKind value
    agent: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None
    tech_cause: int | None


@dataclass(frozen=True, slots=True)
class CallRow:
    id: str
    direction: str
    number: str | None
    e164: str | None
    name: str
    withheld: bool
    dialled: str
    trunk: str
    verdict: str | None  # Verdict value
    client: int | None
    queue: str | None
    agent: str | None
    offered_at: datetime
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    legs: tuple[LegRow, ...] = ()
    fallback: bool = False  # Asterisk's own queue served it
    segments: tuple[Segment, ...] = ()
    wrap_ups: tuple[WrapUp, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()
    pauses: tuple[PauseRecord, ...] = ()
    disposition: str = ""  # how it ended, in the word of who talked


@dataclass(frozen=True, slots=True)
class CallTimes:
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketRow:
    id: int
    call: str | None
    client: int | None
    subject: str
    status: str  # "open", "in_progress", "done", or one of the configured ones
    priority: str  # "normal" | "medium" | "urgent" | "critical"
    department: str
    assignee: str | None  # an agent's id
    solution: str
    created_at: datetime
    updated_at: datetime
    disposition: str = ""  # one of the plan's, set by an agent or on the ticket
    version: int = 1  # one more with every change
    line: int = 1
    classification: str = ""  # "hardware/printer"
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)  # values of the custom fields
    source: str = "call"  # "call" | "mail" | "web" | "api"
    token: str | None = None  # for the subjects of letters; None until there is one
    merged_into: int | None = None  # it lives on in that ticket
    closed_at: datetime | None = None
    reopened: int = 0
    reacted_at: datetime | None = None
    last_entry_at: datetime | None = None
    last_from_client_at: datetime | None = None
    reaction_due_at: datetime | None = None
    resolution_due_at: datetime | None = None
    clock_stopped_at: datetime | None = None
    warned_at: datetime | None = None
    escalated_at: datetime | None = None
    due_at: datetime | None = None  # of its two clocks the one that runs out first; None: none runs
    waiting_since: datetime | None = None  # its client waits for us; None: he does not
    alarm_at: datetime | None = None  # when the next warning or escalation is to be told
    closes_at: datetime | None = None  # when its temporary status closes by itself


@dataclass(frozen=True, slots=True)
class CalledTicket:
    """A call's ticket as far as the call has a say in it, and what that is made of: the call as it is kept,
    and its client's name.
    """

    ticket: int
    subject: str
    department: str
    assignee: str | None
    ticket_client: int | None
    number: str | None
    e164: str | None
    name: str
    withheld: bool
    dialled: str
    queue: str | None
    client: str | None
    client_id: int | None
    answered_by: str | None
    reaction: datetime | None = None  # when it was answered, if its ticket does not know


@dataclass(frozen=True, slots=True)
class CallCase:
    """A call without a ticket, as it is kept: what its ticket would be made of, and what decides on it."""

    id: str
    number: str | None
    e164: str | None
    name: str
    withheld: bool
    dialled: str
    direction: str
    queue: str | None
    client: str | None
    agent: str | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    fallback: bool
    disposition: str
    wish: str  # "", "undecided" or "decided"
    wrapped_up: bool  # its agent's wrap-up is over; there need not have been one


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """``rank`` counts from 1 among those who could be asked; None for who could not."""

    agent: str
    verdict: str  # Verdict value of bridge.centre.explain
    detail: str = ""
    rank: int | None = None
    metric: str = ""


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer with all who might have been asked: the chosen first, then those who were next."""

    leg: str
    call: str
    agent: str
    queue: str
    strategy: str  # Strategy value
    at: datetime
    end: str | None  # OfferEnd value; None while it rings
    ended_at: datetime | None
    needs: tuple[tuple[str, int], ...]
    highest_penalty: int | None  # None: any
    preferred: str | None
    candidates: tuple[CandidateRow, ...]


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A supervisor's live move: the agent's penalty in this queue; with None he is taken out of it."""

    agent: str
    queue: str
    penalty: int | None
    by: str  # log-in
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordingRow:
    id: str  # RecordingId
    call: str
    ticket: int | None
    state: str  # "pending" | "attached" | "faulty"
    file: str  # name below the recordings directory; "" while pending
    bytes: int
    duration_ms: int
    sample_rate: int
    channels: int
    sha256: str
    fault: str  # why it is not attached, in words
    created_at: datetime
    attached_at: datetime | None
    stored_bytes: int | None = None  # of the file as it lies there; None: as it was attached
    stored_sha256: str | None = None
    encrypted: bool = False
    compressed_at: datetime | None = None
    removed_at: datetime | None = None  # the file is gone on purpose
    stored_fault: str | None = None  # why its file stays as it is, in words
    begun_at: datetime | None = None  # its recorder did not run before; None: not attached, or long ago
    ended_at: datetime | None = None  # nor after


class Found(Enum):
    """What a pause was in its recording's file before that was kept. Afterwards it is silence either way."""

    SILENT = "silent"  # as Asterisk had said
    CUT = "cut"  # not, or not for certain: all of it was made silence


@dataclass(frozen=True, slots=True)
class PauseCheck:
    """``from_ms`` until ``until_ms``, from the file's beginning, is silence in every channel."""

    at: datetime
    found: Found
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class PauseRow:
    call: str
    pause: PauseRecord
    check: PauseCheck | None = None  # None until its recording is attached


@dataclass(frozen=True, slots=True)
class DueRow:
    """Recordings of one queue whose time is over."""

    queue: str | None
    recordings: int
    bytes: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class AgentRow:
    id: str
    name: str
    endpoint: str
    language: str


@dataclass(frozen=True, slots=True)
class UserRow:
    id: int
    login: str
    password_hash: str
    role: str  # "agent" | "supervisor"
    agent: str | None
    language: str  # "en" | "ru"


@dataclass(frozen=True, slots=True)
class SessionRow:
    user: UserRow
    csrf: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: int
    name: str
    scopes: tuple[str, ...]  # "calls:read", "tickets:write", …
    expires_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None = None  # to some minutes


@dataclass(frozen=True, slots=True)
class FactRow:
    id: int  # grows by one for every fact ever logged
    at: datetime
    call: str | None
    type: str  # the fact's class name
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRow:
    id: int
    at: datetime
    by: str
    action: str
    about: str
    call: str
    detail: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link to one recording. Of its token only the hash is kept, and not given out."""

    id: int
    recording: str
    created_by: str  # a login, or "token NAME"
    recipient: str  # a mail address; "" for a link that is passed on by hand
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    opened: int
    last_opened_at: datetime | None

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and at < self.expires_at

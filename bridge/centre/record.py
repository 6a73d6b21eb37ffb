"""A call as history keeps it: frozen snapshots of what the centre's own call is at one moment.

Owns what is told about a call to the store, to screens and to CRMs; how it came to be so is ``call``'s.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bridge.centre.facts import Verdict
from bridge.centre.ids import AgentId, CallId, ClientId, LegId, QueueName, RecordingId
from bridge.centre.outside_facts import TransferKind as TransferKind


class Outcome(Enum):
    ANSWERED = "answered"
    ABANDONED = "abandoned"  # the client hung up first while waiting
    TIMED_OUT = "timed_out"  # waited as long as the queue allows
    TURNED_AWAY = "turned_away"  # the queue was full, or nobody was there
    VOICEMAIL = "voicemail"  # left a message
    FORWARDED = "forwarded"  # talked with an outside number
    IVR = "ivr"  # ended before any queue
    FALLBACK = "fallback"  # given to the native queue
    REFUSED = "refused"  # a CRM did not want him
    FAILED = "failed"


class LegKind(Enum):
    CLIENT = "client"
    AGENT = "agent"
    OUTSIDE = "outside"  # a number that the call was forwarded to


@dataclass(frozen=True, slots=True)
class LegRecord:
    id: LegId
    kind: LegKind
    agent: AgentId | None
    created_at: datetime
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    tech_cause: int | None = None


class Doing(Enum):
    """What an agent, or an outside number, does in a call at one time."""

    TALK = "talk"  # with the client
    HOLD = "hold"  # the client hears music, and nobody else is there either
    CONSULT = "consult"  # with a colleague, about the client, who hears music
    HELD = "held"  # he hears music himself: the one who consults him talks with the client
    CONFERENCE = "conference"  # with the client and somebody else


@dataclass(frozen=True, slots=True)
class Segment:
    """From ``since`` until ``until`` (None: it goes on) this leg's side did one thing."""

    leg: LegId
    agent: AgentId | None  # None for an outside number
    doing: Doing
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WrapUp:
    """After his part of a call an agent did what was left to do, and was asked for no other one."""

    agent: AgentId
    since: datetime
    until: datetime


class TransferEnd(Enum):
    COMPLETED = "completed"
    CONFERENCE = "conference"  # all three talk
    GIVEN_UP = "given_up"  # by who wished it
    BUSY = "busy"  # he is not free, or nobody of several is
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    HUNG_UP = "hung_up"  # by who was consulted
    CLIENT_GONE = "client_gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """``target`` in words: "agent 1003", "queue sales", "number +74951112233", "supervisor"."""

    number: int  # 1, 2, … within the call
    by: AgentId
    kind: TransferKind
    target: str
    begun_at: datetime
    ended_at: datetime | None = None
    end: TransferEnd | None = None
    to: AgentId | None = None  # the agent who took him


@dataclass(frozen=True, slots=True)
class PauseRecord:
    """From ``begun_at`` until ``ended_at`` (None: it goes on) nothing of a recording may be heard.

    Begun is when it was wished, so that nothing said afterwards is kept, whatever Asterisk does. ``by`` and
    ``ended_by`` in the audit log's words: a login, "token crm", "agent 1001" for a phone; empty where the
    talk's end ended it. Without ``confirmed_at`` its recorder may have been stopped, and the next recording
    of the call goes on.
    """

    number: int  # 1, 2, … within the call
    recording: RecordingId
    by: str
    begun_at: datetime
    confirmed_at: datetime | None = None  # since then Asterisk says that its recorder writes silence
    ended_at: datetime | None = None
    ended_by: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call's whole state for history: an upsert by id, so that a later one replaces an earlier."""

    id: CallId
    number: str | None  # as signalled
    e164: str | None
    name: str
    withheld: bool
    dialled: str
    trunk: str
    direction: str  # "in" | "internal" | "out"
    offered_at: datetime
    verdict: Verdict | None = None
    client: ClientId | None = None  # only when exactly one is known
    queue: QueueName | None = None
    agent: AgentId | None = None
    queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None  # None while it lives
    legs: tuple[LegRecord, ...] = field(default=())
    fallback: bool = False  # Asterisk's own queue served it
    afterwards: bool = False  # read from what the dialplan wrote down: who heard the call knows better
    segments: tuple[Segment, ...] = ()  # in the order in which they began
    transfers: tuple[TransferRecord, ...] = ()
    pauses: tuple[PauseRecord, ...] = ()  # of its recordings

"""Orders that crm/ carries out: who is calling, and what is kept. Part of ``orders``."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar

from bridge.centre.decision import Decision, OfferEnd
from bridge.centre.ids import AgentId, CallId, LegId, QueueName, RecordingId
from bridge.centre.lane import Lane
from bridge.centre.record import CallRecord, WrapUp

# ── Lane.DIRECTORY and Lane.RECORDS, carried out by crm/ ─────────────────────


@dataclass(frozen=True, slots=True)
class LookUpClient:
    """ClientIdentified follows. ``number`` is as signalled, None when withheld."""

    lane: ClassVar[Lane] = Lane.DIRECTORY
    call: CallId
    number: str | None
    trunk: str


@dataclass(frozen=True, slots=True)
class SaveCall:
    """``awaited``: somebody waits to read it, so it waits for no later snapshot."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    record: CallRecord
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """One ticket per call, however often this is sent. TicketOpened follows, at once or with later news."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    record: CallRecord


@dataclass(frozen=True, slots=True)
class SaveOffer:
    """Keep why this agent was offered this call: all candidates as they were at that moment."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    leg: LegId  # the offer's identity
    agent: AgentId
    queue: QueueName
    at: datetime
    decision: Decision


@dataclass(frozen=True, slots=True)
class EndOffer:
    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    leg: LegId
    at: datetime
    end: OfferEnd


@dataclass(frozen=True, slots=True)
class SaveWrapUp:
    """It is over. The call may be so long since."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    wrap_up: WrapUp


@dataclass(frozen=True, slots=True)
class SetDisposition:
    """On the call's ticket, or on the call while it has none, by the agent who talked.

    ``again``: it may have been carried out long ago.
    """

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    agent: AgentId
    disposition: str
    again: bool = False


NOT_ANNOUNCED = "consent.failed"  # audit action: the call goes on and is not recorded


@dataclass(frozen=True, slots=True)
class NoteAudit:
    """An entry of the audit log; the same one twice is kept once. ``about``: an agent or a recording."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    at: datetime
    by: str
    action: str
    about: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AttachRecording:
    """Fetch, verify and attach what the recorder wrote. RecordingAttached follows."""

    lane: ClassVar[Lane] = Lane.FILES
    call: CallId
    recording: RecordingId


class CallEventKind(Enum):
    """What a CRM may want to be told of a call (see ``call_events``)."""

    OFFERED = "call.offered"  # it is there
    RINGING = "call.ringing"  # an agent's phone rings for it
    RING_ENDED = "call.ring_ended"  # that phone does not any more, and he has not had the client
    ANSWERED = "call.answered"  # he and the client hear each other
    TRANSFERRED = "call.transferred"  # who had the client is out: he has passed him on
    ENDED = "call.ended"
    RECORDING_READY = "recording.ready"  # can be fetched


@dataclass(frozen=True, slots=True)
class TellCrm:
    """Keep it for every CRM that wants to know. ``event`` names it within the call: the same is told once."""

    lane: ClassVar[Lane] = Lane.RECORDS
    call: CallId
    event: str  # "ringing:LEG", "answered:LEG", "transferred:1", "ended", …
    kind: CallEventKind
    at: datetime
    record: CallRecord | None  # None: as it is kept, for the call is over
    agent: AgentId | None = None  # whom it is about
    leg: LegId | None = None
    ringing: tuple[AgentId, ...] = ()  # all whose phones ring by now
    answered_by: AgentId | None = None  # who talks with the client, or talked last
    from_agent: AgentId | None = None  # transferred: by whom
    target: str = ""  # transferred: to an agent's id, a queue's name, a number
    transfer: str = ""  # transferred: "blind" | "attended"
    reason: OfferEnd | None = None  # ring_ended
    cause: int | None = None  # Q.850: ring_ended, ended
    recording: RecordingId | None = None

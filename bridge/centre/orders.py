"""What to do: every message out of the centre. The engine carries them out and reports back in facts.

Orders of one call and one lane are carried out one after another; different calls, and different lanes of
one call, run in parallel: a slow look-up never delays a ring. Every order may be sent twice.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import ClassVar

from bridge.centre.facts import ChangeFact, Timer
from bridge.centre.ids import (
    AgentId,
    CallId,
    ClientId,
    ConversationId,
    Endpoint,
    LegId,
    PromptId,
    QueueName,
    RecordingId,
)
from bridge.centre.lane import Lane as Lane
from bridge.centre.record import CallRecord as CallRecord
from bridge.centre.record import LegKind as LegKind
from bridge.centre.record import LegRecord as LegRecord
from bridge.centre.record import Outcome as Outcome
from bridge.centre.records_orders import NOT_ANNOUNCED as NOT_ANNOUNCED
from bridge.centre.records_orders import AttachRecording as AttachRecording
from bridge.centre.records_orders import CallEventKind as CallEventKind
from bridge.centre.records_orders import EndOffer as EndOffer
from bridge.centre.records_orders import LookUpClient as LookUpClient
from bridge.centre.records_orders import NoteAudit as NoteAudit
from bridge.centre.records_orders import OpenTicket as OpenTicket
from bridge.centre.records_orders import SaveCall as SaveCall
from bridge.centre.records_orders import SaveOffer as SaveOffer
from bridge.centre.records_orders import SaveWrapUp as SaveWrapUp
from bridge.centre.records_orders import SetDisposition as SetDisposition
from bridge.centre.records_orders import TellCrm as TellCrm
from bridge.centre.wish_facts import Supervise


class CancelReason(Enum):
    ANSWERED_ELSEWHERE = "answered_elsewhere"
    CALLER_GONE = "caller_gone"
    NO_ANSWER = "no_answer"


# ── Lane.MEDIA, carried out by ari/ ──────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Answer:
    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class Play:
    """Play sounds one after another to one leg; PromptEnded comes back once, after the last."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    prompt: PromptId
    sounds: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class StopPrompt:
    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    prompt: PromptId


@dataclass(frozen=True, slots=True)
class EnterWaitingRoom:
    """He waits: music of the given class, from now on and after each prompt."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    music: str
    queue: QueueName


@dataclass(frozen=True, slots=True)
class LeaveWaitingRoom:
    """He does not wait any more: no prompt, no music."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class RingAgent:
    """Create the leg and dial the phone. LegRinging, LegAnswered or LegEnded follow, or OrderFailed."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    originator: LegId
    agent: AgentId
    endpoint: Endpoint
    caller_number: str  # "" when withheld
    caller_name: str
    ring: timedelta


@dataclass(frozen=True, slots=True)
class MakeLeg:
    """Create a number's leg, for RingNumber to dial it later. LegMade follows, or OrderFailed."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    endpoint: Endpoint
    caller_number: str


@dataclass(frozen=True, slots=True)
class RingNumber:
    """As RingAgent, for a number outside: the leg goes out by a trunk. One that is made is only dialled."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    originator: LegId
    endpoint: Endpoint  # "PJSIP/+74951112233@lab"
    caller_number: str
    ring: timedelta


@dataclass(frozen=True, slots=True)
class CancelRing:
    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    reason: CancelReason


@dataclass(frozen=True, slots=True)
class Connect:
    """Both legs into the call's Conversation, whatever the client hears until then. LegJoined for each."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    client: LegId
    agent: LegId


@dataclass(frozen=True, slots=True)
class Join:
    """This leg into one of the call's Conversations, from wherever it is. LegJoined follows for its own."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    room: ConversationId


@dataclass(frozen=True, slots=True)
class Hold:
    """Out of every Conversation: he hears music of the given class, and nobody hears him."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    music: str


@dataclass(frozen=True, slots=True)
class RingBack:
    """Out of every Conversation: he hears that somebody's phone rings, until he joins one."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class Mute:
    """Nobody hears this leg while ``muted``, wherever it is."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    muted: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Bring this leg to what ``target`` says and hears, as its call's ``number``-th watch.

    LISTEN: nobody hears it. WHISPER: the target does. BARGE: everybody in ``room``, where the target sits;
    a whisper to who sits there alone is brought there too, for he would not hear it otherwise (#1966).
    """

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    number: int
    target: LegId
    how: Supervise
    room: ConversationId | None = None
    later: bool = False  # somebody else talks with the target from now on: once they hear each other


@dataclass(frozen=True, slots=True)
class EndWatch:
    """This leg hears ``target`` no longer; what becomes of the leg itself is said by other orders."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    number: int
    target: LegId


@dataclass(frozen=True, slots=True)
class HangUp:
    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    cause: int = 16


@dataclass(frozen=True, slots=True)
class ToFallback:
    """Give the client back to the dialplan, which serves him by Asterisk's native queue."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId
    queue: QueueName | None


@dataclass(frozen=True, slots=True)
class ToDialplan:
    """It is none of our affair: the channel goes on behind its Stasis()."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class ClearCall:
    """The call is over: end what Asterisk may still hold under ids derived from it (its bridges)."""

    lane: ClassVar[Lane] = Lane.MEDIA
    call: CallId


# ── Lane.RECORDER, carried out by ami/ ───────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StartRecording:
    """MixMonitor on the client's leg: what he says and what he hears in files of their own.

    ``anew``: one that runs is begun anew, behind what it has written (see ``sources``). ``muted``: what
    MuteRecording does follows at once, and what cannot be muted is not begun. ``just_answered``: who is heard
    from now on may be silent for a moment yet.
    """

    lane: ClassVar[Lane] = Lane.RECORDER
    call: CallId
    leg: LegId
    recording: RecordingId
    anew: bool = False
    muted: bool = False
    just_answered: bool = False


@dataclass(frozen=True, slots=True)
class MuteRecording:
    """Both sides of it are written as silence while ``muted``. RecordingPaused follows, or RecordingCut."""

    lane: ClassVar[Lane] = Lane.RECORDER
    call: CallId
    leg: LegId
    recording: RecordingId
    muted: bool


@dataclass(frozen=True, slots=True)
class StopRecording:
    """This recording of the client's leg ends; RecordingEnded follows. One that does not run is no fault."""

    lane: ClassVar[Lane] = Lane.RECORDER
    call: CallId
    leg: LegId
    recording: RecordingId


# ── Lane.SCREEN, carried out by web/ ─────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenCard:
    """Open the call's card on this agent's screen and on nobody else's; sent again when it changed."""

    lane: ClassVar[Lane] = Lane.SCREEN
    call: CallId
    agent: AgentId
    record: CallRecord
    candidates: tuple[ClientId, ...] = ()  # who it may be: several are a choice for the agent
    asking: bool = False  # somebody else may still know him
    unanswered: tuple[str, ...] = ()  # external directories that did not answer


@dataclass(frozen=True, slots=True)
class CloseCard:
    """The ring ended elsewhere: take the card off this agent's screen."""

    lane: ClassVar[Lane] = Lane.SCREEN
    call: CallId
    agent: AgentId


# ── Carried out by engine/ itself ────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StartTimer:
    timer: Timer
    after: timedelta


@dataclass(frozen=True, slots=True)
class StopTimer:
    timer: Timer


@dataclass(frozen=True, slots=True)
class Tell:
    """Say it back at once, as a fact of the same moment: what only was decided is in no log."""

    fact: ChangeFact


MediaOrder = (
    Answer
    | Play
    | StopPrompt
    | EnterWaitingRoom
    | LeaveWaitingRoom
    | RingAgent
    | MakeLeg
    | RingNumber
    | CancelRing
    | Connect
    | Join
    | Hold
    | RingBack
    | Mute
    | Watch
    | EndWatch
    | HangUp
    | ToFallback
    | ToDialplan
    | ClearCall
)
RecordsOrder = (
    SaveCall | OpenTicket | SaveOffer | EndOffer | SaveWrapUp | SetDisposition | NoteAudit | TellCrm
)
ScreenOrder = OpenCard | CloseCard
RecorderOrder = StartRecording | StopRecording | MuteRecording
CallOrder = MediaOrder | RecorderOrder | LookUpClient | RecordsOrder | AttachRecording | ScreenOrder
TimerOrder = StartTimer | StopTimer
Order = CallOrder | TimerOrder | Tell

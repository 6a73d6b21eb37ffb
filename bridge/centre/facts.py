"""What happened: every message into the centre. Frozen, comparable, serialisable to JSON by field name.

A fact's time is not in it: the engine stamps it once, when it takes it from the inbox, and the log keeps
that stamp, so that a replay decides the same. The owner of each kind is named in its section.
"""

from dataclasses import dataclass
from enum import Enum

from bridge.centre.agent_facts import AgentFact as AgentFact
from bridge.centre.agent_facts import AgentLoggedIn as AgentLoggedIn
from bridge.centre.agent_facts import AgentLoggedOut as AgentLoggedOut
from bridge.centre.agent_facts import AgentPaused as AgentPaused
from bridge.centre.agent_facts import AgentReady as AgentReady
from bridge.centre.agent_facts import CallDisposed as CallDisposed
from bridge.centre.agent_facts import MemberMoved as MemberMoved
from bridge.centre.agent_facts import MemberRestored as MemberRestored
from bridge.centre.agent_facts import WrapUpEnded as WrapUpEnded
from bridge.centre.agent_facts import WrapUpExtended as WrapUpExtended
from bridge.centre.change_facts import ChangeFact as ChangeFact
from bridge.centre.gap_facts import CallAdopted as CallAdopted
from bridge.centre.gap_facts import CallLost as CallLost
from bridge.centre.gap_facts import LegLost as LegLost
from bridge.centre.gap_facts import LinkDown as LinkDown
from bridge.centre.gap_facts import LinkUp as LinkUp
from bridge.centre.gap_facts import Resumed as Resumed
from bridge.centre.ids import (
    CallId,
    Endpoint,
    LegId,
    PromptId,
    RecordingId,
    TicketId,
)
from bridge.centre.outside_facts import CallMissed as CallMissed
from bridge.centre.outside_facts import FallbackEntered as FallbackEntered
from bridge.centre.outside_facts import OutsideAnswered as OutsideAnswered
from bridge.centre.outside_facts import OutsideConsulted as OutsideConsulted
from bridge.centre.outside_facts import OutsideConsultEnded as OutsideConsultEnded
from bridge.centre.outside_facts import OutsideConsulting as OutsideConsulting
from bridge.centre.outside_facts import OutsideDialled as OutsideDialled
from bridge.centre.outside_facts import OutsideEnded as OutsideEnded
from bridge.centre.outside_facts import OutsideHeld as OutsideHeld
from bridge.centre.outside_facts import OutsideNotTaken as OutsideNotTaken
from bridge.centre.outside_facts import OutsideReached as OutsideReached
from bridge.centre.outside_facts import OutsideResumed as OutsideResumed
from bridge.centre.outside_facts import OutsideRingEnded as OutsideRingEnded
from bridge.centre.outside_facts import OutsideRinging as OutsideRinging
from bridge.centre.outside_facts import OutsideTransferred as OutsideTransferred
from bridge.centre.outside_facts import PhoneTaken as PhoneTaken
from bridge.centre.outside_facts import TransferKind as TransferKind
from bridge.centre.plan import Plan
from bridge.centre.ticket_facts import TicketAlarmed as TicketAlarmed
from bridge.centre.who_facts import ClientIdentified as ClientIdentified
from bridge.centre.who_facts import ClientRef as ClientRef
from bridge.centre.who_facts import DirectoryAnswered as DirectoryAnswered
from bridge.centre.who_facts import Verdict as Verdict
from bridge.centre.wish_facts import AgentDialled as AgentDialled
from bridge.centre.wish_facts import AgentWished as AgentWished
from bridge.centre.wish_facts import CallSteered as CallSteered
from bridge.centre.wish_facts import CallWished as CallWished
from bridge.centre.wish_facts import CallWishFact as CallWishFact
from bridge.centre.wish_facts import LegHeld as LegHeld
from bridge.centre.wish_facts import LegResumed as LegResumed
from bridge.centre.wish_facts import PhoneJoined as PhoneJoined
from bridge.centre.wish_facts import PhonePassedOn as PhonePassedOn
from bridge.centre.wish_facts import RecordingPauseWished as RecordingPauseWished
from bridge.centre.wish_facts import Supervise as Supervise
from bridge.centre.wish_facts import SupervisionWished as SupervisionWished
from bridge.centre.wish_facts import TransferWished as TransferWished
from bridge.centre.wish_facts import Wish as Wish

# ── ARI: calls, legs, digits, prompts ────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CallOffered:
    """A client's channel entered our application. ``number`` is as signalled, None when withheld."""

    call: CallId
    leg: LegId
    number: str | None
    name: str
    dialled: str
    trunk: str


@dataclass(frozen=True, slots=True)
class LegMade:
    """The client's leg of a call that an agent wished is there, undialled."""

    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegRinging:
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegAnswered:
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The channel is gone, whoever ended it. ``cause`` is Q.850, ``tech_cause`` the SIP status or 0."""

    call: CallId
    leg: LegId
    cause: int = 0
    tech_cause: int = 0


@dataclass(frozen=True, slots=True)
class LegJoined:
    """The leg's media are in the call's Conversation."""

    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegLeft:
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class DigitReceived:
    call: CallId
    leg: LegId
    digit: str


class Feature(Enum):
    """What an agent asks for by dialling a code; the dialplan maps codes to these names."""

    LOG_IN = "log_in"
    LOG_OUT = "log_out"
    READY = "ready"
    PAUSE = "pause"  # the argument is the digit of a reason
    END_WRAP_UP = "end_wrap_up"
    EXTEND_WRAP_UP = "extend_wrap_up"
    DISPOSITION = "disposition"  # of his last call; the argument is its digit
    TRANSFER = "transfer"  # his client, at once; the argument is what he would dial for the target
    CONSULT = "consult"  # the same, and he talks with the target first
    COMPLETE = "complete"  # the transfer under way; and so on, as by Wish
    GIVE_UP = "give_up"
    SWAP = "swap"
    CONFERENCE = "conference"
    PAUSE_RECORDING = "pause_recording"
    RESUME_RECORDING = "resume_recording"
    SUPERVISE = "supervise"  # the argument is an agent


@dataclass(frozen=True, slots=True)
class FeatureDialled:
    """A phone dialled a feature code. ``endpoint`` is whose channel it is, not what it says it is."""

    call: CallId
    leg: LegId
    endpoint: Endpoint
    feature: Feature
    argument: str = ""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """``played`` is False when the sound could not be played (a missing file)."""

    call: CallId
    prompt: PromptId
    played: bool = True


# ── AMI: earliest caller ID, phones, recordings ──────────────────────────────


@dataclass(frozen=True, slots=True)
class CallerPresented:
    """A trunk's channel appeared, before its dialplan ran. ``number`` is None when none was sent."""

    call: CallId
    number: str | None
    name: str
    dialled: str
    trunk: str


@dataclass(frozen=True, slots=True)
class EndpointChanged:
    """A phone registered, answered its qualify, or stopped. ``detail`` is for people ("not registered").

    A phone that registers anew is told again, also while it counts as reachable: it has come back.
    """

    endpoint: Endpoint
    reachable: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    call: CallId
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """The recorder closed its files; they are still on Asterisk."""

    call: CallId
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class RecordingPaused:
    """Asterisk says that its recorder writes silence, as it was told to."""

    call: CallId
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class RecordingCut:
    """It could not be muted for certain, or not be made heard again: its recorder is stopped, for good."""

    call: CallId
    recording: RecordingId


# ── Store and CRM ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TicketOpened:
    call: CallId
    ticket: TicketId


@dataclass(frozen=True, slots=True)
class RecordingAttached:
    call: CallId
    recording: RecordingId
    ticket: TicketId  # 0: its call has none


# ── The engine itself ────────────────────────────────────────────────────────


class TimerKind(Enum):
    MENU = "menu"
    RING = "ring"
    MAX_WAIT = "max_wait"
    WIDEN = "widen"  # a caller has waited so long that more agents may be asked
    HOLD = "hold"  # he has waited long enough for one particular agent
    POSITION = "position"
    PERIODIC = "periodic"
    VOICEMAIL = "voicemail"
    CONSENT = "consent"  # an announcement that failed has not ended with a hang-up
    WRAP_UP = "wrap_up"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer's identity: starting one that runs replaces it. ``owner`` is a call's or an agent's id."""

    kind: TimerKind
    owner: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer: Timer


class FailureReason(Enum):
    GONE = "gone"  # the channel ended first: a normal race
    UNREACHABLE = "unreachable"  # Asterisk could not create a channel to this phone
    TIMEOUT = "timeout"  # no reply in time
    LINK_DOWN = "link_down"  # not connected to Asterisk, or to the database
    REFUSED = "refused"  # a reply that says no
    INTERNAL = "internal"  # our own fault


@dataclass(frozen=True, slots=True)
class OrderFailed:
    """An order could not be carried out. ``order`` is its class name, ``leg`` the leg it was about."""

    call: CallId
    order: str
    reason: FailureReason
    detail: str
    leg: LegId | None = None


@dataclass(frozen=True, slots=True)
class PlanLoaded:
    """The engineer's plan, at start and after each reload."""

    plan: Plan


CallFact = (
    CallOffered
    | LegMade
    | LegRinging
    | LegAnswered
    | LegEnded
    | LegJoined
    | LegLeft
    | LegHeld
    | LegResumed
    | AgentDialled
    | PhonePassedOn
    | PhoneJoined
    | DigitReceived
    | PromptEnded
    | FeatureDialled
    | PhoneTaken
    | CallerPresented
    | RecordingStarted
    | RecordingEnded
    | RecordingPaused
    | RecordingCut
    | OutsideRinging
    | OutsideAnswered
    | OutsideRingEnded
    | OutsideEnded
    | OutsideConsultEnded
    | OutsideConsulted
    | OutsideConsulting
    | OutsideDialled
    | OutsideHeld
    | OutsideNotTaken
    | OutsideReached
    | OutsideResumed
    | OutsideTransferred
    | FallbackEntered
    | CallMissed
    | CallAdopted
    | LegLost
    | CallLost
    | CallWishFact
    | ClientIdentified
    | DirectoryAnswered
    | TicketOpened
    | RecordingAttached
    | OrderFailed
)
WishFact = AgentWished | TransferWished | SupervisionWished  # about the call in which he is
MoveFact = MemberMoved | MemberRestored
Fact = (
    CallFact
    | AgentFact
    | WishFact
    | MoveFact
    | ChangeFact
    | TicketAlarmed
    | EndpointChanged
    | TimerFired
    | PlanLoaded
    | Resumed
    | LinkDown
    | LinkUp
)

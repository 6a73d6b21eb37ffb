"""Facts about the call that an agent talks in: what he wishes of it, and what his phone does by itself.

Page, API and feature code tell the same wish. Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass
from enum import Enum

from bridge.centre.ids import AgentId, CallId, Endpoint, LegId
from bridge.centre.plan import Target


class Wish(Enum):
    HOLD = "hold"
    RESUME = "resume"  # after a hold
    MUTE = "mute"
    UNMUTE = "unmute"
    COMPLETE = "complete"  # the transfer: the client and who is consulted talk, he is out
    SWAP = "swap"  # he talks with the one, the other hears music; and the other way round
    GIVE_UP = "give_up"  # the transfer: he and the client talk again
    CONFERENCE = "conference"  # all three talk
    PAUSE_RECORDING = "pause_recording"  # whoever of those in the call
    RESUME_RECORDING = "resume_recording"


@dataclass(frozen=True, slots=True)
class CallWished:
    """He wants to talk with a number outside; nothing rings unless he is free.

    ``call`` is a ``wished_call_id``.
    """

    call: CallId
    agent: AgentId
    number: str


@dataclass(frozen=True, slots=True)
class AgentWished:
    """One that does not fit what the call is in the middle of changes nothing."""

    agent: AgentId
    wish: Wish


@dataclass(frozen=True, slots=True)
class TransferWished:
    """``attended``: he talks with the target first."""

    agent: AgentId
    target: Target
    attended: bool


@dataclass(frozen=True, slots=True)
class RecordingPauseWished:
    """Nothing of the call's recording may be heard from now on; ``paused`` False: it may again.

    What is so already stays as it is. ``by`` in the audit log's words: a login, "token crm", "agent 1001".
    """

    call: CallId
    paused: bool
    by: str


class Supervise(Enum):
    """What a supervisor does beside an agent who talks. One leg of his for all of it."""

    LISTEN = "listen"  # he hears both, nobody hears him
    WHISPER = "whisper"  # the agent hears him too
    BARGE = "barge"  # all three talk
    TAKE_OVER = "take_over"  # the client is his, the agent is out
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class SupervisionWished:
    """Only over agents of his own groups. ``by``: who asked, for the audit log.

    ``trainee``: whose phone is rung in the supervisor's place; he only listens.
    """

    supervisor: AgentId
    agent: AgentId
    do: Supervise
    by: str
    trainee: AgentId | None = None


class Refusal(Enum):
    BUSY = "busy"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class CallSteered:
    """A CRM says where a caller whom nobody talks with is to go, or that he is refused. ``by``: its name."""

    call: CallId
    by: str
    to: Target | None = None
    refusal: Refusal | None = None  # one of the two


CallWishFact = CallWished | RecordingPauseWished | CallSteered


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The phone itself holds (RFC 3264, 8.4): Asterisk plays music to whom it talks with."""

    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegResumed:
    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class AgentDialled:
    """A phone whose agent talks dialled on another line; ``call`` and ``leg`` are that line's channel."""

    call: CallId
    leg: LegId
    endpoint: Endpoint
    dialled: str


@dataclass(frozen=True, slots=True)
class PhonePassedOn:
    """REFER (RFC 3515): this agent's leg is in no Conversation any more, and its phone will hang up."""

    call: CallId
    leg: LegId
    dialled: str


@dataclass(frozen=True, slots=True)
class PhoneJoined:
    """REFER with Replaces (RFC 3891): the phone is out of both its lines, and who was on them shall talk."""

    call: CallId
    leg: LegId
    other: LegId

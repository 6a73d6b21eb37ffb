"""Facts about calls that our application does not serve: AMI tells, or the dialplan wrote it down.

Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bridge.centre.ids import AgentId, CallId, LegId, QueueName


class TransferKind(Enum):
    BLIND = "blind"
    ATTENDED = "attended"
    BLONDE = "blonde"  # attended, and completed while it still rang
    TAKE_OVER = "take_over"  # a supervisor took him


@dataclass(frozen=True, slots=True)
class OutsideRinging:
    """An agent's phone rings for a call that never touched our application (a direct extension, …).

    ``about``: who calls has this call's client on another line. What is asked about him is shown there.
    """

    call: CallId
    agent: AgentId
    number: str | None
    name: str
    dialled: str
    about: CallId | None = None


@dataclass(frozen=True, slots=True)
class OutsideDialled:
    """An agent has dialled a number outside from his phone, and it rings there; ``leg`` is that side's."""

    call: CallId
    agent: AgentId
    leg: LegId
    number: str | None
    trunk: str
    about: CallId | None = None


@dataclass(frozen=True, slots=True)
class OutsideAnswered:
    """From now on this agent talks with the client."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class OutsideReached:
    """The client talks with somebody who is none of our agents: he was passed on, or sent on, to him."""

    call: CallId
    number: str | None


@dataclass(frozen=True, slots=True)
class OutsideRingEnded:
    call: CallId
    agent: AgentId
    reason: str


@dataclass(frozen=True, slots=True)
class OutsideHeld:
    """The agent's phone holds the client."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class OutsideResumed:
    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class OutsideConsulting:
    """``by``, who has the client, has dialled, and a phone rings: ``agent``'s, or a stranger's (None)."""

    call: CallId
    by: AgentId
    dialled: str
    agent: AgentId | None


@dataclass(frozen=True, slots=True)
class OutsideConsulted:
    """He talks with whom he asks; the client hears music."""

    call: CallId
    by: AgentId
    agent: AgentId | None


@dataclass(frozen=True, slots=True)
class OutsideConsultEnded:
    """Without a transfer. ``by_target``: who was asked hung up."""

    call: CallId
    by: AgentId
    reason: str
    by_target: bool = False


@dataclass(frozen=True, slots=True)
class OutsideTransferred:
    """The client is passed on, and ``by`` is out; None when the client himself did it.

    Attended, somebody talks with him at once, which is told next; otherwise phones may ring for him.
    """

    call: CallId
    by: AgentId | None
    kind: TransferKind
    dialled: str


@dataclass(frozen=True, slots=True)
class OutsideNotTaken:
    """No phone ever rang for a client who was passed on unseen. ``completed``: something there heard him."""

    call: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class PhoneTaken:
    """An agent dials from his phone: it is taken by that channel until ``taken`` is False."""

    call: CallId
    agent: AgentId
    taken: bool


@dataclass(frozen=True, slots=True)
class OutsideEnded:
    """AMI's end of a call: of every one that it presented, also when our application served it."""

    call: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class FallbackEntered:
    """A call that we do not serve waits in Asterisk's own queue."""

    call: CallId
    queue: QueueName


@dataclass(frozen=True, slots=True)
class CallMissed:
    """A whole call, or its end, that nobody of us heard: the dialplan wrote it down when its channel ended.

    ``queue`` is the native one that he waited in, ``agent`` who talked with him there, if anybody did.
    """

    call: CallId
    number: str | None
    name: str
    dialled: str
    trunk: str
    queue: QueueName | None
    agent: AgentId | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime

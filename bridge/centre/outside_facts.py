"""Facts about calls that our application does not serve: AMI tells, or the dialplan wrote it down.

Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass
from datetime import datetime

from bridge.centre.ids import AgentId, CallId, QueueName


@dataclass(frozen=True, slots=True)
class OutsideRinging:
    """An agent's phone rings for a call that never touched our application (a direct extension, …)."""

    call: CallId
    agent: AgentId
    number: str | None
    name: str
    dialled: str


@dataclass(frozen=True, slots=True)
class OutsideAnswered:
    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class OutsideRingEnded:
    call: CallId
    agent: AgentId
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

"""Facts about gaps: when Asterisk served calls without us, and what is found when we are back.

Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass
from datetime import datetime

from bridge.centre.ids import AgentId, CallId, LegId, QueueName

# ── AMI and the dialplan: calls that were served without us ──────────────────


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


# ── Adoption: told after a gap, by the comparison with what Asterisk has ─────


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier process is continued: what only its adapters remembered is gone (look-ups, open cards)."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Asterisk can be asked again: what failed because it could not is tried anew."""


@dataclass(frozen=True, slots=True)
class CallAdopted:
    """The client's leg lives in our application; what was said and pressed in the gap is not known."""

    call: CallId
    answered: bool  # the client's leg is up
    playing: bool  # what was last said to him is still being said
    joined: bool  # everybody who talks is in the Conversation


@dataclass(frozen=True, slots=True)
class LegLost:
    """A leg that was to ring is not there: whether it ever was, and how it ended, is not known."""

    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class CallLost:
    """Asterisk itself has ended or was restarted: all of the call's channels are gone, by nobody's wish."""

    call: CallId

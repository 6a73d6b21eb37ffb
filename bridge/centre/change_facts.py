"""Facts about what has become of a call by our own decision: who holds its client, and how he is passed on.

A wish is none: it may not fit, and then nothing becomes of it. They come of ``Tell``, change nothing on the
floor, and say to whom the log is read what AMI's own facts say of calls that we do not serve.
Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass

from bridge.centre.ids import AgentId, CallId
from bridge.centre.outside_facts import TransferKind


@dataclass(frozen=True, slots=True)
class ClientHeld:
    """He hears music, whether this agent's phone holds him, or the page, or a consultation has begun."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class ClientResumed:
    """He and this agent hear each other again, alone or in a conference."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class ConsultBegun:
    """``by``, who has the client, wants to talk with ``target`` first: ``agent``, if it is one by name.

    ``target`` in the words of the transfer's record, ``dialled`` as a phone would have it.
    """

    call: CallId
    by: AgentId
    dialled: str
    target: str
    agent: AgentId | None


@dataclass(frozen=True, slots=True)
class ConsultAnswered:
    """He talks with whom he asks: an agent, or a number outside (None)."""

    call: CallId
    by: AgentId
    agent: AgentId | None


@dataclass(frozen=True, slots=True)
class ConsultEnded:
    """Without a transfer. ``reason`` is a TransferEnd's value: "conference", too."""

    call: CallId
    by: AgentId
    reason: str


@dataclass(frozen=True, slots=True)
class ClientPassedOn:
    """``by`` is out; of a take-over ``by`` is who took him."""

    call: CallId
    by: AgentId
    kind: TransferKind
    dialled: str
    target: str


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """Of a client who was passed on, also in calls that we do not serve: a TransferEnd's value.

    ``agent`` has taken him; None for a queue, a number outside, and when nobody has.
    """

    call: CallId
    by: AgentId
    kind: TransferKind
    target: str
    reason: str
    agent: AgentId | None


ChangeFact = (
    ClientHeld
    | ClientResumed
    | ConsultBegun
    | ConsultAnswered
    | ConsultEnded
    | ClientPassedOn
    | TransferEnded
)

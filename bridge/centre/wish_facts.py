"""Facts about the call that an agent talks in: what he wishes of it, and what his phone does by itself.

Page, API and feature code tell the same wish. Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass
from enum import Enum

from bridge.centre.ids import AgentId, CallId, LegId
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
class LegHeld:
    """The phone itself holds (RFC 3264, 8.4): Asterisk plays music to whom it talks with."""

    call: CallId
    leg: LegId


@dataclass(frozen=True, slots=True)
class LegResumed:
    call: CallId
    leg: LegId

"""Facts of adoption: told after a gap, by the comparison with what Asterisk has.

Part of ``facts``, which has all of them.
"""

from dataclasses import dataclass

from bridge.centre.ids import CallId, LegId


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier process is continued: what only its adapters remembered is gone (look-ups, open cards)."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Asterisk cannot be asked, and what happens there is not heard: nobody is offered until ``LinkUp``."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Asterisk can be asked again, and what happened meanwhile has been told: offers go on."""


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

"""Each AMI event that we use, as a typed frozen message: neither how it is read nor what it means."""

from dataclasses import dataclass
from enum import IntEnum


class ChannelState(IntEnum):
    """Asterisk's ``AST_STATE_*``, as far as they decide something."""

    DOWN = 0
    RING = 4  # it calls us, and hears ringing
    RINGING = 5  # we call it, and it rings
    UP = 6
    BUSY = 7  # it was told that it cannot be helped: busy, or congestion


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as an event describes it. ``state`` is None when the event does not tell.

    ``withheld``: the dialplan found that the caller keeps his number back, which the event still has.
    """

    uniqueid: str
    name: str
    linkedid: str
    state: int | None
    number: str
    caller_name: str
    connected_number: str
    context: str
    exten: str
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Newchannel:
    channel: Channel


@dataclass(frozen=True, slots=True)
class Newstate:
    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    """NewCallerid, NewConnectedLine: only what the channel says of itself changed."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class HangupRequest:
    """The channel's own side wants to hang up: how we know who was first, and why before its Hangup."""

    channel: Channel
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Hangup:
    channel: Channel
    cause: int


@dataclass(frozen=True, slots=True)
class DialBegin:
    """``source`` is None when Originate or ARI dials: those have no calling channel."""

    source: Channel | None
    dest: Channel
    dial_string: str


@dataclass(frozen=True, slots=True)
class DialState:
    source: Channel | None
    dest: Channel
    status: str


@dataclass(frozen=True, slots=True)
class DialEnd:
    source: Channel | None
    dest: Channel
    status: str
    forward: str


@dataclass(frozen=True, slots=True)
class BridgeEnter:
    channel: Channel
    bridge: str
    holding: bool


@dataclass(frozen=True, slots=True)
class BridgeLeave:
    channel: Channel
    bridge: str


@dataclass(frozen=True, slots=True)
class LocalBridge:
    """The two halves of a Local channel were joined."""

    one: Channel
    two: Channel


@dataclass(frozen=True, slots=True)
class Hold:
    """The phone behind ``channel`` holds; many send Unhold without it as well, at every answer [run]."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Unhold:
    channel: Channel


@dataclass(frozen=True, slots=True)
class BlindTransfer:
    success: bool
    transferer: Channel
    transferee: Channel | None
    extension: str


@dataclass(frozen=True, slots=True)
class AttendedTransfer:
    """``dest_type`` is Bridge, App (the target still rings: a blonde transfer), Link, Threeway or Fail."""

    success: bool
    original: Channel
    second: Channel
    transferee: Channel | None
    target: Channel | None
    dest_type: str


@dataclass(frozen=True, slots=True)
class Pickup:
    """``channel`` takes the call that ``target`` rings for."""

    channel: Channel
    target: Channel


@dataclass(frozen=True, slots=True)
class QueueCallerJoin:
    channel: Channel
    queue: str


@dataclass(frozen=True, slots=True)
class QueueCallerLeave:
    channel: Channel


@dataclass(frozen=True, slots=True)
class QueueCallerAbandon:
    channel: Channel


@dataclass(frozen=True, slots=True)
class MixMonitorStart:
    channel: Channel


@dataclass(frozen=True, slots=True)
class MixMonitorStop:
    """Only for a recording that is stopped; one that ends with its channel has no event of its own [run]."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class MixMonitorMute:
    """Of which of a channel's recorders it does not say. ``direction``: "read", "write" or "both"."""

    channel: Channel
    direction: str
    muted: bool


@dataclass(frozen=True, slots=True)
class DeviceStateChange:
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class DeviceStateListComplete:
    pass


@dataclass(frozen=True, slots=True)
class ContactStatus:
    """What became of one place where a PJSIP endpoint registered. ``endpoint`` is without technology."""

    endpoint: str
    status: str


@dataclass(frozen=True, slots=True)
class ContactList:
    """One contact as it is, in a list that we asked for."""

    endpoint: str
    status: str


@dataclass(frozen=True, slots=True)
class QueueParams:
    """A queue of app_queue, in the list ``action_id`` that we asked for; its members follow."""

    action_id: str
    queue: str


@dataclass(frozen=True, slots=True)
class QueueMember:
    """``dynamic``: added while Asterisk runs, so it can be removed; others stand in queues.conf."""

    action_id: str
    queue: str
    interface: str
    penalty: int
    paused: bool
    reason: str
    dynamic: bool


@dataclass(frozen=True, slots=True)
class QueueStatusComplete:
    action_id: str


@dataclass(frozen=True, slots=True)
class CoreShowChannel:
    """``dialled``: Asterisk made it to call somebody; it may be False once that one was sent elsewhere.

    ``queue`` is the native one in which it is now. ``arrived`` is what our dialplan noted when it came from a
    trunk, ``talking`` since when an agent talks whom the dialplan called; "" for every other channel.
    """

    channel: Channel
    dialled: bool
    queue: str = ""
    bridge: str = ""
    arrived: str = ""
    talking: str = ""


@dataclass(frozen=True, slots=True)
class CoreShowChannelsComplete:
    pass


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """A row of Asterisk's own database, in the list ``action_id`` that we asked for."""

    action_id: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DatabaseRowsComplete:
    action_id: str


@dataclass(frozen=True, slots=True)
class FullyBooted:
    """We are logged in, or Asterisk has just finished starting: lists of what there is may follow."""


@dataclass(frozen=True, slots=True)
class Reload:
    """A module read its configuration again."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    pass


Message = (
    Newchannel
    | Newstate
    | ChannelChanged
    | HangupRequest
    | Hangup
    | DialBegin
    | DialState
    | DialEnd
    | BridgeEnter
    | BridgeLeave
    | LocalBridge
    | Hold
    | Unhold
    | BlindTransfer
    | AttendedTransfer
    | Pickup
    | QueueCallerJoin
    | QueueCallerLeave
    | QueueCallerAbandon
    | MixMonitorStart
    | MixMonitorStop
    | MixMonitorMute
    | DeviceStateChange
    | DeviceStateListComplete
    | ContactStatus
    | ContactList
    | QueueParams
    | QueueMember
    | QueueStatusComplete
    | CoreShowChannel
    | CoreShowChannelsComplete
    | DatabaseRow
    | DatabaseRowsComplete
    | FullyBooted
    | Reload
    | Shutdown
)

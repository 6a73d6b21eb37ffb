"""The only file that reads AMI headers: each event that we use as a typed frozen message; no meaning yet.

Headers arrive as a mapping with lower-case names. What Asterisk writes as ``<unknown>`` is an empty string
here. Unknown events give None, unknown headers are ignored, and a needed header that is missing raises
``MissingHeader``: the caller decides whether to skip the event or to refuse the whole trace. Of a header that
comes several times the mapping has the last value, but every one of ``ChanVariable`` (see ``joined``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from bridge.errors import BadInput

Headers = Mapping[str, str]


# "ChanVariable: NAME=value", once for each name in manager.conf's channelvars, with an empty value while
# it is not set, and with "Dest" and so on before it where an event has several channels [run]. Before
# Asterisk 12: "ChanVariable(CHANNEL): NAME=value".
_VARIABLE = "chanvariable"
_PRESENTATION = "CALLBRIDGE_PRESENTATION"


class MissingHeader(BadInput):
    """An event lacks what it must have."""


class ChannelState(IntEnum):
    """Asterisk's ``AST_STATE_*``, as far as they decide something."""

    DOWN = 0
    RING = 4  # it calls us, and hears ringing
    RINGING = 5  # we call it, and it rings
    UP = 6


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
    """The channel's own side wants to hang up: how we know who was first."""

    channel: Channel


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
class DeviceStateChange:
    device: str
    state: str


@dataclass(frozen=True, slots=True)
class DeviceStateListComplete:
    pass


@dataclass(frozen=True, slots=True)
class ContactStatus:
    endpoint: str
    status: str


@dataclass(frozen=True, slots=True)
class CoreShowChannel:
    channel: Channel
    application: str


@dataclass(frozen=True, slots=True)
class CoreShowChannelsComplete:
    pass


@dataclass(frozen=True, slots=True)
class FullyBooted:
    """We are logged in, or Asterisk has just finished starting: lists of what there is may follow."""


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
    | BlindTransfer
    | AttendedTransfer
    | Pickup
    | QueueCallerJoin
    | QueueCallerLeave
    | QueueCallerAbandon
    | MixMonitorStart
    | MixMonitorStop
    | DeviceStateChange
    | DeviceStateListComplete
    | ContactStatus
    | CoreShowChannel
    | CoreShowChannelsComplete
    | FullyBooted
    | Shutdown
)


def read(headers: Headers) -> Message | None:
    """The message that these headers are, or None for a response or an event that is not ours."""
    reader = _READERS.get(headers.get("event", "").lower())
    return None if reader is None else reader(headers)


def joined(name: str, values: Iterable[str]) -> str:
    """One value for a header (its name in lower case) that came several times."""
    every = list(values)
    if name.partition("(")[0].endswith(_VARIABLE):
        return "\n".join(every)
    return every[-1] if every else ""


def _withheld(headers: Headers, prefix: str, name: str) -> bool:
    names = (prefix + _VARIABLE, f"{prefix}{_VARIABLE}({name.lower()})")
    variables = (line.partition("=") for key in names for line in headers.get(key, "").split("\n"))
    return any(
        variable.strip() == _PRESENTATION and value.strip() == "withheld" for variable, _, value in variables
    )


def _text(headers: Headers, name: str) -> str:
    value = headers.get(name, "")
    return "" if value == "<unknown>" else value


def _need(headers: Headers, name: str) -> str:
    value = headers.get(name, "")
    if not value:
        event = headers.get("event", "?")
        raise MissingHeader(f"{event}: header {name} is missing; was it sent by Asterisk 13 or later?")
    return value


def _number(headers: Headers, name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _channel(headers: Headers, prefix: str = "") -> Channel:
    uniqueid = _need(headers, prefix + "uniqueid")
    name = _need(headers, prefix + "channel")
    return Channel(
        uniqueid=uniqueid,
        name=name,
        # Asterisk before 12 has no Linkedid in most events.
        linkedid=headers.get(prefix + "linkedid", "") or uniqueid,
        state=_number(headers, prefix + "channelstate"),
        number=_text(headers, prefix + "calleridnum"),
        caller_name=_text(headers, prefix + "calleridname"),
        connected_number=_text(headers, prefix + "connectedlinenum"),
        context=headers.get(prefix + "context", ""),
        exten=headers.get(prefix + "exten", ""),
        withheld=_withheld(headers, prefix, name),
    )


def _perhaps(headers: Headers, prefix: str) -> Channel | None:
    return _channel(headers, prefix) if headers.get(prefix + "uniqueid") else None


def _succeeded(headers: Headers) -> bool:
    return headers.get("result", "Success").lower() == "success"


_READERS: Mapping[str, Callable[[Headers], Message]] = {
    "newchannel": lambda h: Newchannel(_channel(h)),
    "newstate": lambda h: Newstate(_channel(h)),
    "newcallerid": lambda h: ChannelChanged(_channel(h)),
    "newconnectedline": lambda h: ChannelChanged(_channel(h)),
    "hanguprequest": lambda h: HangupRequest(_channel(h)),
    "hangup": lambda h: Hangup(_channel(h), _number(h, "cause") or 0),
    "dialbegin": lambda h: DialBegin(_perhaps(h, ""), _channel(h, "dest"), h.get("dialstring", "")),
    "dialstate": lambda h: DialState(_perhaps(h, ""), _channel(h, "dest"), h.get("dialstatus", "")),
    "dialend": lambda h: DialEnd(
        _perhaps(h, ""), _channel(h, "dest"), h.get("dialstatus", ""), h.get("forward", "")
    ),
    "bridgeenter": lambda h: BridgeEnter(
        _channel(h), _need(h, "bridgeuniqueid"), h.get("bridgetechnology", "") == "holding_bridge"
    ),
    "bridgeleave": lambda h: BridgeLeave(_channel(h), _need(h, "bridgeuniqueid")),
    "localbridge": lambda h: LocalBridge(_channel(h, "localone"), _channel(h, "localtwo")),
    "blindtransfer": lambda h: BlindTransfer(
        _succeeded(h), _channel(h, "transferer"), _perhaps(h, "transferee"), h.get("extension", "")
    ),
    "attendedtransfer": lambda h: AttendedTransfer(
        _succeeded(h),
        _channel(h, "origtransferer"),
        _channel(h, "secondtransferer"),
        _perhaps(h, "transferee"),
        _perhaps(h, "transfertarget"),
        h.get("desttype", ""),
    ),
    "pickup": lambda h: Pickup(_channel(h), _channel(h, "target")),
    "queuecallerjoin": lambda h: QueueCallerJoin(_channel(h)),
    "queuecallerleave": lambda h: QueueCallerLeave(_channel(h)),
    "queuecallerabandon": lambda h: QueueCallerAbandon(_channel(h)),
    "mixmonitorstart": lambda h: MixMonitorStart(_channel(h)),
    "mixmonitorstop": lambda h: MixMonitorStop(_channel(h)),
    "devicestatechange": lambda h: DeviceStateChange(_need(h, "device"), h.get("state", "").upper()),
    "devicestatelistcomplete": lambda _: DeviceStateListComplete(),
    "contactstatus": lambda h: ContactStatus(h.get("endpointname", ""), h.get("contactstatus", "")),
    "coreshowchannel": lambda h: CoreShowChannel(_channel(h), h.get("application", "")),
    "coreshowchannelscomplete": lambda _: CoreShowChannelsComplete(),
    "fullybooted": lambda _: FullyBooted(),
    "shutdown": lambda _: Shutdown(),
}

"""The only file that reads AMI headers: an event's headers as the message that they are; no meaning yet.

Headers arrive as a mapping with lower-case names. What Asterisk writes as ``<unknown>`` is an empty string
here. Unknown events give None, unknown headers are ignored, and a needed header that is missing raises
``MissingHeader``: the caller decides whether to skip the event or to refuse the whole trace. Of a header that
comes several times the mapping has the last value, but every one of ``ChanVariable`` (see ``joined``).
"""

from collections.abc import Callable, Iterable, Mapping

from bridge.ami.messages import (
    AttendedTransfer,
    BlindTransfer,
    BridgeEnter,
    BridgeLeave,
    Channel,
    ChannelChanged,
    ContactList,
    ContactStatus,
    CoreShowChannel,
    CoreShowChannelsComplete,
    DatabaseRow,
    DatabaseRowsComplete,
    DeviceStateChange,
    DeviceStateListComplete,
    DialBegin,
    DialEnd,
    DialState,
    FullyBooted,
    Hangup,
    HangupRequest,
    Hold,
    LocalBridge,
    Message,
    MixMonitorMute,
    MixMonitorStart,
    MixMonitorStop,
    Newchannel,
    Newstate,
    Pickup,
    QueueCallerAbandon,
    QueueCallerJoin,
    QueueCallerLeave,
    QueueMember,
    QueueParams,
    QueueStatusComplete,
    Reload,
    Shutdown,
    Unhold,
)
from bridge.errors import BadInput

Headers = Mapping[str, str]

# "ChanVariable: NAME=value", once for each name in manager.conf's channelvars, with an empty value while
# it is not set, and with "Dest" and so on before it where an event has several channels [run]. Before
# Asterisk 12: "ChanVariable(CHANNEL): NAME=value".
_VARIABLE = "chanvariable"
_PRESENTATION = "CALLBRIDGE_PRESENTATION"
_ARRIVED = "CALLBRIDGE_ARRIVED"
_TALKING = "CALLBRIDGE_TALKING"
# What Dial, Queue, Originate and the like give to a channel that they make [run]; one that calls in never
# has it.
_DIALLED = "(Outgoing Line)"


class MissingHeader(BadInput):
    """An event lacks what it must have."""


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


def _variable(headers: Headers, prefix: str, name: str, wanted: str) -> str:
    """Of the channel ``name``; "" when it is not set."""
    names = (prefix + _VARIABLE, f"{prefix}{_VARIABLE}({name.lower()})")
    variables = (line.partition("=") for key in names for line in headers.get(key, "").split("\n"))
    return next((value.strip() for variable, _, value in variables if variable.strip() == wanted), "")


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
        withheld=_variable(headers, prefix, name, _PRESENTATION) == "withheld",
    )


def _listed(headers: Headers) -> CoreShowChannel:
    application, data = headers.get("application", ""), headers.get("applicationdata", "")
    channel = _channel(headers)
    return CoreShowChannel(
        channel,
        dialled=data == _DIALLED,
        queue=data.partition(",")[0] if application == "Queue" else "",
        bridge=headers.get("bridgeid", ""),
        arrived=_variable(headers, "", channel.name, _ARRIVED),
        talking=_variable(headers, "", channel.name, _TALKING),
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
    "hanguprequest": lambda h: HangupRequest(_channel(h), _number(h, "cause") or 0),
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
    "hold": lambda h: Hold(_channel(h)),
    "unhold": lambda h: Unhold(_channel(h)),
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
    "queuecallerjoin": lambda h: QueueCallerJoin(_channel(h), h.get("queue", "")),
    "queuecallerleave": lambda h: QueueCallerLeave(_channel(h)),
    "queuecallerabandon": lambda h: QueueCallerAbandon(_channel(h)),
    "mixmonitorstart": lambda h: MixMonitorStart(_channel(h)),
    "mixmonitorstop": lambda h: MixMonitorStop(_channel(h)),
    "mixmonitormute": lambda h: MixMonitorMute(
        _channel(h), h.get("direction", "").lower(), h.get("state", "") == "1"
    ),
    "devicestatechange": lambda h: DeviceStateChange(_need(h, "device"), h.get("state", "").upper()),
    "devicestatelistcomplete": lambda _: DeviceStateListComplete(),
    "contactstatus": lambda h: ContactStatus(h.get("endpointname", ""), h.get("contactstatus", "")),
    "contactlist": lambda h: ContactList(h.get("endpoint", ""), h.get("status", "")),
    "queueparams": lambda h: QueueParams(h.get("actionid", ""), _need(h, "queue")),
    "queuemember": lambda h: QueueMember(
        h.get("actionid", ""),
        _need(h, "queue"),
        _need(h, "location"),
        _number(h, "penalty") or 0,
        h.get("paused", "") == "1",
        h.get("pausedreason", ""),
        h.get("membership", "") == "dynamic",
    ),
    "queuestatuscomplete": lambda h: QueueStatusComplete(h.get("actionid", "")),
    "coreshowchannel": _listed,
    "coreshowchannelscomplete": lambda _: CoreShowChannelsComplete(),
    "dbgettreeresponse": lambda h: DatabaseRow(h.get("actionid", ""), _need(h, "key"), h.get("val", "")),
    "dbgettreecomplete": lambda h: DatabaseRowsComplete(h.get("actionid", "")),
    "fullybooted": lambda _: FullyBooted(),
    "reload": lambda _: Reload(),
    "shutdown": lambda _: Shutdown(),
}

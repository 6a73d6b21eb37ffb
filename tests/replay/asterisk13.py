"""Writes traces as Asterisk 13 with chan_sip gave them, as JSON objects: the forms that Asterisk 22 has not.

Channels begin in state Down, every phone is dialled through a Local channel that is optimised away after the
answer, transfers name neither transferee nor target, and there is no HangupRequest, DialState or Pickup.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from bridge.ami import CallEvent, replay


@dataclass
class Channel13:
    name: str
    uniqueid: str
    linkedid: str
    number: str = ""
    caller_name: str = ""
    exten: str = "s"
    state: int = 0

    def headers(self, prefix: str = "") -> dict[str, str]:
        return {
            f"{prefix}Channel": self.name,
            f"{prefix}ChannelState": str(self.state),
            f"{prefix}CallerIDNum": self.number or "<unknown>",
            f"{prefix}CallerIDName": self.caller_name or "<unknown>",
            f"{prefix}Uniqueid": self.uniqueid,
            f"{prefix}Linkedid": self.linkedid,
            f"{prefix}Exten": self.exten,
            f"{prefix}Context": "phones",
        }


@dataclass
class Pbx13:
    """Each method is one thing that happens; ``events`` is the trace so far."""

    events: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def tell(self, event: str, *channels: tuple[str, Channel13], **headers: str) -> None:
        message: dict[str, Any] = {"Event": event, "Privilege": "call,all", "content": ""}
        for prefix, channel in channels:
            message |= channel.headers(prefix)
        self.events.append(message | headers)

    def _id(self) -> str:
        self.count += 1
        return f"pbx-1530000000.{self.count}"

    def caller(self, name: str, number: str, exten: str, caller_name: str = "") -> Channel13:
        uniqueid = self._id()
        channel = Channel13(f"SIP/{name}-{self.count:08x}", uniqueid, uniqueid, number, caller_name, exten)
        self.tell("Newchannel", ("", channel))
        self.state(channel, 4)
        return channel

    def state(self, channel: Channel13, state: int) -> None:
        channel.state = state
        self.tell("Newstate", ("", channel))

    def local(
        self, linkedid: str, exten: str = "route", originated: bool = False
    ) -> tuple[Channel13, Channel13]:
        one_id, two_id = self._id(), self._id()
        linkedid = one_id if originated else linkedid
        one = Channel13(f"Local/{exten}@route-{self.count:08x};1", one_id, linkedid, exten=exten)
        two = Channel13(f"Local/{exten}@route-{self.count:08x};2", two_id, linkedid, exten=exten, state=4)
        for half in (one, two):
            self.tell("Newchannel", ("", half))
        self.tell("LocalBridge", ("LocalOne", one), ("LocalTwo", two), LocalOptimization="Yes")
        return one, two

    def phone(self, name: str, number: str, linkedid: str) -> Channel13:
        channel = Channel13(f"SIP/{name}-{self.count:08x}", self._id(), linkedid, number)
        self.tell("Newchannel", ("", channel))
        return channel

    def dial(self, source: Channel13 | None, dest: Channel13, string: str = "x") -> None:
        sources = [("", source)] if source is not None else []
        self.tell("DialBegin", *sources, ("Dest", dest), DialString=string)

    def dial_end(self, source: Channel13 | None, dest: Channel13, status: str, **headers: str) -> None:
        sources = [("", source)] if source is not None else []
        self.tell("DialEnd", *sources, ("Dest", dest), DialStatus=status, **headers)

    def enter(self, bridge: str, channel: Channel13, **headers: str) -> None:
        self.tell(
            "BridgeEnter", ("", channel), BridgeUniqueid=bridge, BridgeTechnology="simple_bridge", **headers
        )

    def leave(self, bridge: str, channel: Channel13) -> None:
        self.tell("BridgeLeave", ("", channel), BridgeUniqueid=bridge)

    def hangup(self, channel: Channel13, cause: int = 16) -> None:
        self.tell("Hangup", ("", channel), Cause=str(cause))

    # ── whole stretches of a call ────────────────────────────────────────────

    def ring(self, caller: Channel13, name: str, number: str, *, string: str = "x") -> "Ring13":
        """``caller`` dials a Local channel, whose other half dials the phone."""
        one, two = self.local(caller.linkedid)
        self.dial(caller, one, string)
        phone = self.phone(name, number, caller.linkedid)
        self.dial(two, phone)
        self.state(phone, 5)
        self.state(one, 5)
        return Ring13(self, caller, one, two, phone)


@dataclass
class Ring13:
    pbx: Pbx13
    caller: Channel13
    one: Channel13
    two: Channel13
    phone: Channel13

    def answered(self, *, optimised: bool = True) -> str:
        """The phone answers; both are bridged, and the Local channel goes. Returns the last bridge's id."""
        pbx, first, second = self.pbx, f"b-{self.one.uniqueid}", f"b-{self.two.uniqueid}"
        pbx.state(self.phone, 6)
        pbx.dial_end(self.two, self.phone, "ANSWER")
        pbx.state(self.one, 6)
        pbx.dial_end(self.caller, self.one, "ANSWER")
        if self.caller.state != 6:
            pbx.state(self.caller, 6)
        pbx.enter(first, self.one)
        pbx.enter(first, self.caller)
        pbx.state(self.two, 6)
        pbx.enter(second, self.phone)
        pbx.enter(second, self.two)
        if optimised:
            pbx.leave(first, self.caller)
            pbx.leave(second, self.two)
            pbx.enter(second, self.caller, SwapUniqueid=self.two.uniqueid)
            pbx.hangup(self.two)
            pbx.leave(first, self.one)
            pbx.hangup(self.one)
        return second

    def ended(self, status: str, cause: int) -> None:
        """The phone's ringing ends without an answer, and so the Local channel's."""
        self.pbx.dial_end(self.two, self.phone, status)
        self.pbx.hangup(self.phone, cause)
        self.pbx.hangup(self.two, cause)
        self.pbx.dial_end(self.caller, self.one, status)
        self.pbx.hangup(self.one, cause)

    def cancelled(self) -> None:
        """The caller is gone: his own dial ends first, the other half follows in its own time."""
        self.pbx.dial_end(self.caller, self.one, "CANCEL")
        self.pbx.hangup(self.one, 0)
        self.pbx.dial_end(self.two, self.phone, "CANCEL")
        self.pbx.hangup(self.phone, 16)
        self.pbx.hangup(self.two, 0)


Line = tuple[object, ...]


def lines(pbx: Pbx13) -> list[Line]:
    """(type, call, caller's channel, targets' channels, transfer or reason), from JSON text."""
    return [_line(event) for event in replay(json.dumps(pbx.events))]


def _line(event: CallEvent) -> Line:
    as_json = event.to_dict()
    return (
        as_json["type"],
        as_json["call_id"],
        as_json["caller"]["channel"],
        [target["channel"] for target in as_json["targets"]],
        as_json["transfer"] or as_json["reason"],
    )

"""Recorded calls with a gap in them: what Asterisk would list at any moment, and what was told so far."""

from collections.abc import Iterable
from pathlib import Path

from bridge.ami import Remembered
from bridge.ami.headers import Headers
from bridge.ami.trace import entries
from bridge.centre.facts import (
    CallerPresented,
    Fact,
    FallbackEntered,
    OutsideAnswered,
    OutsideConsulted,
    OutsideConsultEnded,
    OutsideConsulting,
    OutsideDialled,
    OutsideEnded,
    OutsideHeld,
    OutsideNotTaken,
    OutsideReached,
    OutsideResumed,
    OutsideRingEnded,
    OutsideRinging,
    OutsideTransferred,
    PhoneTaken,
)
from bridge.centre.ids import AgentId, CallId

TRACES = Path(__file__).parents[2] / "replay" / "traces"
BOOTED, CHANNELS_END = {"event": "FullyBooted"}, {"event": "CoreShowChannelsComplete"}
_OF_A_CHANNEL = ("channel", "channelstate", "calleridnum", "calleridname", "exten", "context", "linkedid")


def recorded(scenario: str) -> list[Headers]:
    return [entry.headers for entry in entries((TRACES / f"{scenario}.ami").read_bytes())]


def listed(events: Iterable[Headers], trunk: str = "trunk1") -> list[Headers]:
    """The list of channels as Asterisk would give it after these events, with both of its ends."""
    channels: dict[str, dict[str, str]] = {}
    for headers in events:
        event, channel = headers.get("event"), headers.get("uniqueid", "")
        if event == "Newchannel":
            dialled = headers["channelstate"] != "4"
            arrived = headers["channel"].startswith(f"PJSIP/{trunk}-") and not dialled
            channels[channel] = {
                "event": "CoreShowChannel",
                "uniqueid": channel,
                "applicationdata": "(Outgoing Line)" if dialled else "",
            }
            if arrived:
                channels[channel]["chanvariable"] = f"CALLBRIDGE_ARRIVED=1.000|{headers['exten']}|{trunk}"
        if event == "Hangup":
            channels.pop(channel, None)
        if channel not in channels:
            continue
        now = channels[channel]
        now |= {name: headers[name] for name in _OF_A_CHANNEL if name in headers}
        match event:
            case "QueueCallerJoin":
                now |= {"application": "Queue", "applicationdata": f"{headers['queue']},,,,60"}
            case "BridgeEnter":
                now["bridgeid"] = headers["bridgeuniqueid"]
            case "BridgeLeave":
                now.pop("bridgeid", None)
            case _:
                pass
    return [BOOTED, *({**one} for one in channels.values()), CHANNELS_END]


class Fold:
    """What the centre makes of facts, as far as AMI alone tells it. Each end is told once, to be sure."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self.presented: dict[CallId, int] = {}
        self.outside: set[CallId] = set()
        self.ringing: set[tuple[CallId, AgentId]] = set()
        self.talking: dict[CallId, AgentId] = {}
        self.answered: set[CallId] = set()
        self.ends: dict[CallId, str] = {}
        self.taken: set[tuple[CallId, AgentId]] = set()
        self.then: dict[CallId, AgentId] = {}  # who talked at a moment that the test notes
        for fact in facts:
            self.take(fact)

    def take(self, fact: Fact) -> None:
        match fact:
            case CallerPresented(call=call):
                self.presented[call] = self.presented.get(call, 0) + 1
            case FallbackEntered(call=call):
                self.outside.add(call)
            case OutsideRinging(call=call, agent=agent):
                self.outside.add(call)
                self.ringing.add((call, agent))
            case OutsideDialled(call=call):
                self.outside.add(call)
            case OutsideReached(call=call) | OutsideNotTaken(call=call):
                assert call in self.outside, f"of a call that nobody knows: {fact}"
                self.talking.pop(call, None)
            case OutsideTransferred(call=call, by=by):
                assert call in self.outside, f"of a call that nobody knows: {fact}"
                if self.talking.get(call) == by:
                    self.talking.pop(call, None)
            case OutsideHeld(call=call) | OutsideResumed(call=call):
                assert call in self.outside, f"of a call that nobody knows: {fact}"
            case OutsideConsulting(call=call) | OutsideConsulted(call=call) | OutsideConsultEnded(call=call):
                assert call in self.outside, f"of a call that nobody knows: {fact}"
            case OutsideRingEnded(call=call, agent=agent):
                self.ringing.discard((call, agent))
            case OutsideAnswered(call=call, agent=agent):
                assert call in self.outside, f"answered and never rung: {fact}"
                self.answered.add(call)
                self.talking[call] = agent
                self.ringing = {one for one in self.ringing if one[0] != call}
            case OutsideEnded(call=call, reason=reason):
                assert call not in self.ends, f"ended twice: {fact}"
                self.ends[call] = reason
                self.talking.pop(call, None)
                self.ringing = {one for one in self.ringing if one[0] != call}
            case PhoneTaken(call=call, agent=agent, taken=taken):
                assert ((call, agent) in self.taken) is not taken, f"told twice: {fact}"
                (self.taken.add if taken else self.taken.discard)((call, agent))
            case _:
                raise AssertionError(f"not expected: {fact}")

    @property
    def told(self) -> set[CallId]:
        return self.presented.keys() | self.outside

    def remembered(self) -> Remembered:
        taken: dict[AgentId, frozenset[CallId]] = {}
        for call, agent in self.taken:
            taken[agent] = taken.get(agent, frozenset()) | {call}
        living = {call for call in self.told if call not in self.ends}
        return Remembered(frozenset(living - self.outside), frozenset(living & self.outside), taken)

"""Agents' phones: which can be reached, and why not; and from which of them somebody dials. Pure.

Calls are the follower's: what such a phone's call leads to, and who rings for it, is not known here.

Whether a phone can be reached is its device state. Contacts tell two things more: why it cannot, and that a
phone has just shown itself, which the centre must hear also of one that counts as reachable.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from bridge.ami.messages import (
    Channel,
    ChannelState,
    ContactList,
    ContactStatus,
    CoreShowChannel,
    CoreShowChannelsComplete,
    DeviceStateChange,
    DeviceStateListComplete,
    FullyBooted,
    Hangup,
    Message,
    Newchannel,
    Shutdown,
)
from bridge.centre.facts import EndpointChanged, PhoneTaken
from bridge.centre.ids import AgentId, CallId, Endpoint
from bridge.centre.plan import Plan

_GIVEN_ID = re.compile(r"(?:.*-)?[0-9]+\.[0-9]+")  # [SYSTEMNAME-]SECONDS.NUMBER
_NOT_REGISTERED = "not registered"
_SILENT = "registered, but does not answer"
_UNREACHABLE = {"UNAVAILABLE": _NOT_REGISTERED, "INVALID": "unknown to Asterisk", "UNKNOWN": "no state"}
_IN_WORDS = {
    "NOT_INUSE": "idle",
    "INUSE": "in use",
    "BUSY": "busy",
    "RINGING": "ringing",
    "RINGINUSE": "ringing while in use",
    "ONHOLD": "on hold",
}


def endpoint_of(channel_name: str) -> Endpoint:
    """``PJSIP/1001`` for ``PJSIP/1001-0000002a``; an endpoint's own name may have hyphens."""
    return Endpoint(channel_name.rpartition("-")[0])


class Phones:
    """``take`` every message in order; it returns the facts. ``refresh`` after the plan changed."""

    def __init__(self, plan: Callable[[], Plan]) -> None:
        self._plan = plan
        self._devices: dict[str, str] = {}
        self._heard: set[str] = set()  # devices, since the last complete list
        self._listed = False  # whether Asterisk has told all its devices
        self._silent: set[str] = set()  # registered, but their qualify is not answered
        self._qualified: set[str] = set()  # Asterisk asks these now and then whether they are there
        self._told: dict[str, tuple[bool, str]] = {}  # device → reachable and why not, as the centre was told
        self._dialling: dict[str, str] = {}  # channel → device, of everybody who calls in
        self._unseen: set[str] = set()  # channels, since we are connected again
        self._taken: dict[str, AgentId] = {}  # channel → agent, as the centre was told

    def take(self, message: Message, *, known: bool = True) -> list[EndpointChanged | PhoneTaken]:
        """``known``: the message's channel was followed before, from its first event."""
        match message:
            case DeviceStateChange(device, state):
                self._devices[device] = state
                self._heard.add(device)
                return [*self._reach([device])]
            case DeviceStateListComplete():
                self._listed = True
                self._devices = {device: self._devices[device] for device in self._heard}
                self._heard = set()
                return [*self._reach(self._agents())]
            case ContactStatus(endpoint, status):
                return [*self._contact(f"PJSIP/{endpoint}", status)]
            case ContactList(endpoint, status):
                self._note(f"PJSIP/{endpoint}", status)
            case Newchannel(channel) if channel.state == ChannelState.RING:
                return [*self._dials(channel)]
            case CoreShowChannel(channel, dialled):
                self._unseen.discard(channel.uniqueid)
                if not known and not dialled and _calls_in(channel):
                    return [*self._dials(channel)]
            case Hangup(channel):
                return [*self._ended([channel.uniqueid])]
            case FullyBooted():
                self._unseen = set(self._dialling)
                self._silent.clear()
            case CoreShowChannelsComplete():
                return [*self._ended([*self._unseen])]
            case Shutdown():
                return [*self._ended([*self._dialling])]
            case _:
                pass
        return []

    def refresh(self) -> list[EndpointChanged | PhoneTaken]:
        """What there is to say of agents' phones that was not said yet: after a new plan."""
        return [*self._reach(self._agents()), *self._settle([*self._taken, *self._dialling])]

    def resume(self, taken: Mapping[AgentId, Collection[CallId]]) -> None:
        """These were told before; the list of channels says whether they still are."""
        plan = self._plan()
        for agent, channels in taken.items():
            for channel in channels:
                if channel not in self._dialling and agent in plan.agents:
                    self._dialling[channel], self._taken[channel] = plan.agents[agent].endpoint, agent
                    self._unseen.add(channel)

    def _agents(self) -> list[str]:
        return [agent.endpoint for agent in self._plan().agents.values()]

    # ── reachable ────────────────────────────────────────────────────────────

    def _reach(self, devices: Iterable[str]) -> list[EndpointChanged]:
        facts: list[EndpointChanged] = []
        plan = self._plan()
        for device in devices:
            state = self._devices.get(device)
            if plan.agent_at(device) is None or (state is None and not self._listed):
                continue
            state = state or "INVALID"
            why = _UNREACHABLE.get(state, "")
            if why == _NOT_REGISTERED and device in self._silent:
                why = _SILENT
            if self._told.get(device) != (not why, why):
                self._told[device] = (not why, why)
                detail = why or _IN_WORDS.get(state, state.lower())
                facts.append(EndpointChanged(Endpoint(device), not why, detail))
        return facts

    def _contact(self, device: str, status: str) -> list[EndpointChanged]:
        """The device state comes along with it, before or after [run]."""
        known = device in self._qualified
        self._note(device, status)
        reachable = self._devices.get(device, "UNAVAILABLE") not in _UNREACHABLE
        match status:
            case "Reachable":
                if not reachable:
                    self._devices[device] = "NOT_INUSE"
            # A registration, which is all that tells of a phone without qualify. Of one with qualify
            # Reachable follows; and after a start Asterisk says the same of all that it remembers [run].
            # Asterisk before 16 says Created, and Updated when it registers again.
            case "NonQualified" | "Created" | "Updated" if reachable and not known:
                pass
            case _:
                return self._reach([device])
        self._told.pop(device, None)
        return self._reach([device])

    def _note(self, device: str, status: str) -> None:
        if status in ("Reachable", "Unreachable"):
            self._qualified.add(device)
        if status == "Unreachable":
            self._silent.add(device)
        else:
            self._silent.discard(device)

    # ── taken ────────────────────────────────────────────────────────────────

    def _dials(self, channel: Channel) -> list[PhoneTaken]:
        self._unseen.discard(channel.uniqueid)
        self._dialling[channel.uniqueid] = endpoint_of(channel.name)
        return self._settle([channel.uniqueid])

    def _ended(self, channels: Iterable[str]) -> list[PhoneTaken]:
        ended = [channel for channel in channels if self._dialling.pop(channel, None) is not None]
        self._unseen.difference_update(ended)
        return self._settle(ended)

    def _settle(self, channels: Iterable[str]) -> list[PhoneTaken]:
        """Tell whose phone each of these channels takes, if that is not what was told."""
        facts: list[PhoneTaken] = []
        plan = self._plan()
        for channel in dict.fromkeys(channels):
            agent = plan.agent_at(self._dialling.get(channel, ""))
            new, old = agent.id if agent is not None else None, self._taken.pop(channel, None)
            if old is not None and old != new:
                facts.append(PhoneTaken(CallId(channel), old, False))
            if new is not None:
                self._taken[channel] = new
                if old != new:
                    facts.append(PhoneTaken(CallId(channel), new, True))
        return facts


def _calls_in(channel: Channel) -> bool:
    """As far as a list of channels tells, which does not say how a channel began.

    Asterisk gives an id of its own to who calls in; one that a program chose is of a channel that it made.
    """
    given = _GIVEN_ID.fullmatch(channel.uniqueid) is not None
    return given and channel.state in (ChannelState.RING, ChannelState.UP, ChannelState.BUSY)

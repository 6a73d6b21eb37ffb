"""AMI messages → facts of the centre. Pure: a small state object, no I/O; the plan is handed in.

Three things come from AMI alone: the caller at the earliest moment, what phones are reachable, and calls
that never touch our application. For the last it asks the same follower that replays traces.
"""

from collections.abc import Callable, Collection, Iterable

from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason
from bridge.ami.follower import Follower
from bridge.ami.legs import plain_number
from bridge.ami.messages import (
    Channel,
    ChannelState,
    CoreShowChannelsComplete,
    DeviceStateChange,
    DeviceStateListComplete,
    Hangup,
    Message,
    MixMonitorStart,
    MixMonitorStop,
    Newchannel,
)
from bridge.centre.facts import (
    CallerPresented,
    EndpointChanged,
    Fact,
    OutsideAnswered,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
    RecordingEnded,
    RecordingStarted,
)
from bridge.centre.ids import AgentId, CallId, Endpoint, LegId, RecordingId, call_of, is_agent_leg
from bridge.centre.plan import Plan

_UNREACHABLE = {"UNAVAILABLE": "not registered", "INVALID": "unknown to Asterisk", "UNKNOWN": "no state"}
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


def _shown_name(number: str | None, name: str) -> str:
    """Who withholds his number withholds his name: it is "Anonymous" at best (RFC 3323, 4.1.1.3)."""
    return "" if number is None else name


class Translator:
    """``take`` every message in order; it returns the facts. ``refresh`` after the plan changed."""

    def __init__(self, plan: Callable[[], Plan], trunks: Callable[[], Collection[str]]) -> None:
        self._plan = plan
        self._trunks = trunks
        self._known_plan: Plan | None = None
        self._follower = Follower()
        self._presented: set[str] = set()  # calls that we announced, and must end
        self._outside: set[str] = set()  # calls that never touched the application
        self._devices: dict[str, str] = {}
        self._told: dict[str, bool] = {}  # endpoint → reachable, as the centre was told
        self._listed = False  # whether Asterisk has told all its devices
        self._recordings: dict[str, RecordingId] = {}  # channel → what we asked to be recorded

    # ── recordings ───────────────────────────────────────────────────────────

    def expect_recording(self, leg: LegId, recording: RecordingId) -> None:
        """MixMonitor's events name only the channel, so the recorder says beforehand what will be recorded.

        It must do so before it sends the action: the event may come before the reply.
        """
        self._recordings[leg] = recording

    def recording_on(self, leg: LegId) -> RecordingId | None:
        return self._recordings.get(leg)

    def forget_recording(self, leg: LegId, recording: RecordingId) -> None:
        if self._recordings.get(leg) == recording:
            del self._recordings[leg]

    # ── messages ─────────────────────────────────────────────────────────────

    def take(self, message: Message) -> list[Fact]:
        facts: list[Fact] = []
        match message:
            case Newchannel(channel):
                facts += self._caller(channel)
            case DeviceStateChange(device, state):
                self._devices[device] = state
                facts += self._endpoints([device])
            case DeviceStateListComplete():
                self._listed = True
                facts += self.refresh()
            case MixMonitorStart(channel):
                recording = self._recordings.get(channel.uniqueid)
                if recording is not None:
                    facts.append(RecordingStarted(call_of(recording), recording))
            case MixMonitorStop(channel):
                facts += self._recording_ended(channel.uniqueid)
            case _:
                pass
        for event in self._follower.take(message):
            facts += self._outside_facts(event)
        if isinstance(message, Hangup):
            # A recording that ends with its channel has no MixMonitorStop. Asterisk closes the files while it
            # hangs up, within a millisecond of this event [run]; whoever reads them still checks the header.
            facts += self._recording_ended(message.channel.uniqueid)
        elif isinstance(message, CoreShowChannelsComplete):
            for leg in [leg for leg in self._recordings if self._follower.legs.get(leg) is None]:
                facts += self._recording_ended(leg)  # it ended while we could not hear it
        return facts

    def refresh(self) -> list[Fact]:
        """What there is to say of agents' phones that was not said yet: after a list, or a new plan."""
        plan = self._plan()
        self._known_plan = plan
        return self._endpoints([agent.endpoint for agent in plan.agents.values()])

    def plan_changed(self) -> bool:
        return self._plan() is not self._known_plan

    def _recording_ended(self, leg: str) -> list[Fact]:
        recording = self._recordings.pop(leg, None)
        return [] if recording is None else [RecordingEnded(call_of(recording), recording)]

    def _caller(self, channel: Channel) -> list[Fact]:
        # A leg that Asterisk makes towards the trunk begins in state Down, and with the call's Linkedid.
        comes_in = channel.state == ChannelState.RING and channel.linkedid == channel.uniqueid
        technology, _, trunk = endpoint_of(channel.name).partition("/")
        if not comes_in or technology != "PJSIP" or trunk not in self._trunks():
            return []
        self._presented.add(channel.uniqueid)
        number = None if channel.withheld else plain_number(channel.number)
        return [
            CallerPresented(
                call=CallId(channel.uniqueid),
                number=number,
                name=_shown_name(number, channel.caller_name),
                dialled=channel.exten,
                trunk=trunk,
            )
        ]

    def _endpoints(self, devices: Iterable[str]) -> list[Fact]:
        facts: list[Fact] = []
        plan = self._plan()
        for device in devices:
            state = self._devices.get(device)
            if plan.agent_at(device) is None or (state is None and not self._listed):
                continue
            state = state or "INVALID"
            reachable = state not in _UNREACHABLE
            if self._told.get(device) != reachable:
                self._told[device] = reachable
                detail = _IN_WORDS.get(state, state.lower()) if reachable else _UNREACHABLE[state]
                facts.append(EndpointChanged(Endpoint(device), reachable, detail))
        return facts

    # ── calls outside the application ────────────────────────────────────────

    def _agent(self, target: Party) -> AgentId | None:
        """The agent whose phone this is, unless our own application dialled it."""
        if target.by_app or is_agent_leg(LegId(target.uniqueid)):
            return None
        agent = self._plan().agent_at(endpoint_of(target.channel))
        return agent.id if agent is not None else None

    def _outside_facts(self, event: CallEvent) -> list[Fact]:
        call = CallId(event.call_id)
        agents = [agent for agent in map(self._agent, event.targets) if agent is not None]
        facts: list[Fact] = []
        match event.type:
            case CallEventType.RINGING:
                facts += self._ringing(event, agents)
            case CallEventType.ANSWERED:
                if call not in self._outside:
                    facts += self._ringing(event, agents)  # a phone that picked the call up never rang
                facts += [OutsideAnswered(call, agent) for agent in agents]
            case CallEventType.RING_ENDED:
                reason = (event.reason or Reason.CANCELLED).value
                facts += [OutsideRingEnded(call, agent, reason) for agent in agents]
            case CallEventType.TRANSFERRED:
                facts += self._transferred(event, agents)
            case CallEventType.ENDED:
                if call in self._presented or call in self._outside:
                    self._presented.discard(call)
                    self._outside.discard(call)
                    facts.append(OutsideEnded(call, (event.reason or Reason.FAILED).value))
        return facts

    def _ringing(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        if agents:
            self._outside.add(event.call_id)
        caller = event.caller
        name = _shown_name(caller.number, caller.name)
        return [
            OutsideRinging(CallId(event.call_id), agent, caller.number, name, caller.dialled)
            for agent in agents
        ]

    def _transferred(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        """The target rang, or talks, under the consultation's id: from now on it is this call's.

        That call's own end follows, so nobody is free in between.
        """
        if event.transfer is None or event.transfer.value == "blind" or event.call_id not in self._outside:
            return []
        facts = self._ringing(event, agents)
        if event.transfer.value == "attended":
            facts += [OutsideAnswered(CallId(event.call_id), agent) for agent in agents]
        return facts

"""AMI messages → facts of the centre. Pure: a small state object, no I/O; the plan is handed in.

Three things come from AMI alone: the caller at the earliest moment, the state of agents' phones (``phones``
knows it), and calls that never touch our application. For the last it asks the same follower that replays
traces.
"""

from collections.abc import Callable, Collection

from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason
from bridge.ami.follower import Follower
from bridge.ami.legs import plain_number
from bridge.ami.messages import (
    Channel,
    ChannelState,
    CoreShowChannel,
    CoreShowChannelsComplete,
    Message,
    Newchannel,
)
from bridge.ami.phones import Phones, endpoint_of
from bridge.ami.recorder import Recordings
from bridge.centre.facts import (
    CallerPresented,
    Fact,
    OutsideAnswered,
    OutsideEnded,
    OutsideRingEnded,
    OutsideRinging,
)
from bridge.centre.ids import AgentId, CallId, LegId, is_agent_leg
from bridge.centre.plan import Plan


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
        self._phones = Phones(plan)
        self._presented: set[str] = set()  # calls that we announced, and must end
        self._outside: set[str] = set()  # calls that never touched the application
        self.recordings = Recordings()

    # ── messages ─────────────────────────────────────────────────────────────

    def take(self, message: Message) -> list[Fact]:
        facts: list[Fact] = []
        known = not isinstance(message, CoreShowChannel) or self._follows(message.channel)
        if isinstance(message, Newchannel):
            facts += self._caller(message.channel)
        for event in self._follower.take(message):
            facts += self._outside_facts(event)
        facts += self.recordings.take(message)
        if isinstance(message, CoreShowChannelsComplete):
            facts += self.recordings.compare({leg.uniqueid for leg in self._follower.legs})
        # Last: whoever is taken by a call in other ways as well is told so before his phone is let go.
        facts += self._phones.take(message, known=known)
        return facts

    def refresh(self) -> list[Fact]:
        """What there is to say of agents' phones that was not said yet: after a new plan."""
        self._known_plan = self._plan()
        return [*self._phones.refresh()]

    def plan_changed(self) -> bool:
        return self._plan() is not self._known_plan

    def _follows(self, channel: Channel) -> bool:
        return self._follower.legs.get(channel.uniqueid) is not None

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

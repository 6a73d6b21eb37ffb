"""AMI messages → facts of the centre. Pure: a small state object, no I/O; the plan is handed in.

Three things come from AMI alone: the caller at the earliest moment, the state of agents' phones (``phones``
knows it), and calls that never touch our application. For the last it asks the same follower that replays
traces. After a gap the list of channels tells which calls are over, which go on, and which came meanwhile.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import assert_never

from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason, Transfer
from bridge.ami.consulting import Consultations
from bridge.ami.ended import moment_of
from bridge.ami.legs import plain_number
from bridge.ami.messages import (
    Channel,
    ChannelState,
    CoreShowChannel,
    CoreShowChannelsComplete,
    FullyBooted,
    Hangup,
    Message,
    Newchannel,
    QueueCallerJoin,
)
from bridge.ami.phones import Phones, endpoint_of
from bridge.ami.recorder import Recordings
from bridge.ami.remembered import Remembered
from bridge.ami.resuming import ResumingFollower
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
    TransferKind,
)
from bridge.centre.ids import AgentId, CallId, LegId, QueueName, is_agent_leg, is_dialled_leg
from bridge.centre.plan import Plan


def _shown_name(number: str | None, name: str) -> str:
    """Who withholds his number withholds his name: it is "Anonymous" at best (RFC 3323, 4.1.1.3)."""
    return "" if number is None else name


class Translator:
    """``take`` every message in order; it returns the facts. ``refresh`` after the plan changed."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        trunks: Callable[[], Collection[str]],
        remembered: Callable[[], Remembered] = Remembered,
    ) -> None:
        self._plan = plan
        self._trunks = trunks
        self._remembered = remembered
        self._known_plan: Plan | None = None
        self._follower = ResumingFollower()
        self._phones = Phones(plan)
        self._presented: set[str] = set()  # calls that we announced, and must end
        self._outside: set[str] = set()  # calls that never touched the application
        self._queued: set[str] = set()  # of both, those that the list of channels found in a native queue
        self._merged: set[str] = set()  # calls that are over, whose callers go on in another one
        self._came: dict[str, datetime] = {}  # by call; this and the next of what the last list found
        self._talking: dict[str, datetime] = {}  # by the agent's channel
        self._answered: dict[tuple[CallId, AgentId], datetime] = {}
        self._consultations = Consultations()
        self.recordings = Recordings()

    # ── messages ─────────────────────────────────────────────────────────────

    def take(self, message: Message) -> list[Fact]:
        facts: list[Fact] = []
        known = not isinstance(message, CoreShowChannel) or self.follows(message.channel.uniqueid)
        match message:
            case Newchannel(channel):
                facts += self._caller(channel, channel.exten)
            case QueueCallerJoin(channel, queue):
                self._came.pop(channel.uniqueid, None)
                facts += self._waits(channel, queue)
            case Hangup(channel):
                self._merged.discard(channel.uniqueid)
            case FullyBooted():
                self._remember(self._remembered())
            case CoreShowChannel():
                facts += self._listed(message)
            case _:
                pass
        for event in self._follower.take(message):
            facts += self._outside_facts(event)
        facts += self.recordings.take(message)
        if isinstance(message, CoreShowChannelsComplete):
            facts += self._go_on()
            facts += self.recordings.compare({leg.uniqueid for leg in self._follower.legs})
        # Last: whoever is taken by a call in other ways as well is told so before his phone is let go.
        facts += self._phones.take(message, known=known)
        return facts

    def happened_at(self, fact: Fact) -> datetime | None:
        """Of what the list of channels found: when it was, as the dialplan noted it. None for what is now."""
        match fact:
            case CallerPresented(call=call) | FallbackEntered(call=call):
                return self._came.get(call)
            case OutsideAnswered(call=call, agent=agent):
                return self._answered.get((call, agent))
            case _:
                return None

    def refresh(self) -> list[Fact]:
        """What there is to say of agents' phones that was not said yet: after a new plan."""
        self._known_plan = self._plan()
        return [*self._phones.refresh()]

    def plan_changed(self) -> bool:
        return self._plan() is not self._known_plan

    def follows(self, uniqueid: str) -> bool:
        """Whether this channel is known, since its first event or the list of channels."""
        return self._follower.legs.get(uniqueid) is not None

    def _caller(self, channel: Channel, dialled: str) -> list[Fact]:
        # A leg that Asterisk makes towards the trunk begins in state Down, and with the call's Linkedid.
        comes_in = channel.state == ChannelState.RING and channel.linkedid == channel.uniqueid
        # The list of channels may have overtaken its first event: Asterisk answers before it goes on telling.
        return self._present(channel, dialled) if comes_in and not self._told(channel.uniqueid) else []

    def _present(self, channel: Channel, dialled: str) -> list[Fact]:
        trunk = self._trunk(channel.name)
        if trunk is None:
            return []
        self._presented.add(channel.uniqueid)
        number = None if channel.withheld else plain_number(channel.number)
        return [
            CallerPresented(
                call=CallId(channel.uniqueid),
                number=number,
                name=_shown_name(number, channel.caller_name),
                dialled=dialled,
                trunk=trunk,
            )
        ]

    def _trunk(self, channel: str) -> str | None:
        endpoint = endpoint_of(channel)
        trunks, trunk = self._trunks(), endpoint.removeprefix("PJSIP/")
        return trunk if trunk in trunks else None

    # ── after a gap ──────────────────────────────────────────────────────────

    def _remember(self, told: Remembered) -> None:
        self._presented |= told.presented
        self._outside |= told.outside
        self._queued.clear()
        self._came.clear()
        self._talking.clear()
        self._answered.clear()
        self._phones.resume(told.taken)

    def _listed(self, message: CoreShowChannel) -> list[Fact]:
        channel, facts = message.channel, list[Fact]()
        came, talking = moment_of(message.arrived.partition("|")[0]), moment_of(message.talking)
        if came is not None:
            self._came[channel.uniqueid] = came
        if talking is not None:
            self._talking[channel.uniqueid] = talking
        merged = channel.uniqueid in self._merged
        if channel.linkedid != channel.uniqueid:
            merged = merged or self._told(channel.linkedid)  # Asterisk says so itself
        if message.arrived and not merged and not self._told(channel.uniqueid):
            # It came while we were away; where it is by now its extension does not tell what was dialled.
            facts += self._present(channel, message.arrived.partition("|")[2].partition("|")[0])
        if message.queue:
            self._queued.add(channel.uniqueid)
            facts += self._waits(channel, message.queue)
        return facts

    def _told(self, call: str) -> bool:
        return call in self._presented or call in self._outside

    def _go_on(self) -> list[Fact]:
        told = self._presented | self._outside
        events, over = self._follower.resume({call: call in self._queued for call in told})
        self._merged = {call for call in self._merged if self.follows(call)}
        facts = [fact for event in events for fact in self._outside_facts(event)]
        self._presented.difference_update(over)
        self._outside.difference_update(over)
        return [*facts, *(OutsideEnded(CallId(call), Reason.CANCELLED.value) for call in sorted(over))]

    # ── calls outside the application ────────────────────────────────────────

    def _waits(self, channel: Channel, queue: str) -> list[Fact]:
        if not queue or not self._told(channel.uniqueid):
            return []
        return [FallbackEntered(CallId(channel.uniqueid), QueueName(queue))]

    def _agent(self, target: Party) -> AgentId | None:
        """The agent whose phone this is, unless our own application dialled it."""
        if target.by_app or is_agent_leg(LegId(target.uniqueid)):
            return None
        agent = self._plan().agent_at(endpoint_of(target.channel))
        return agent.id if agent is not None else None

    def _outside_facts(self, event: CallEvent) -> list[Fact]:
        call = CallId(event.call_id)
        agents = [agent for agent in map(self._agent, event.targets) if agent is not None]
        match event.type:
            case CallEventType.RINGING:
                return self._ringing(event, agents)
            case CallEventType.ANSWERED:
                return self._answered_by(event, agents)
            case CallEventType.RING_ENDED:
                return self._ring_ended(event, agents)
            case CallEventType.ENDED:
                return self._ended(event)
            case _ if call not in self._outside:
                return []
            case CallEventType.CONSULTED:
                asked = self._consultations.of(call)
                about = (asked.client, asked.by) if asked is not None else None
                return [OutsideConsulted(*about, agent) for agent in agents or (None,)] if about else []
            case CallEventType.HELD | CallEventType.RESUMED:
                agent = self._agent(event.by) if event.by is not None else None
                kind = OutsideHeld if event.type is CallEventType.HELD else OutsideResumed
                return [kind(call, agent)] if agent is not None else []
            case CallEventType.PASSED_ON:
                return self._passed_on(event, TransferKind.BLIND, event.dialled)
            case CallEventType.NOT_TAKEN:
                return [OutsideNotTaken(call, (event.reason or Reason.FAILED).value)]
            case CallEventType.TRANSFERRED:
                return self._transferred(event, agents)
            case _:
                assert_never(event.type)

    def _date(self, call: CallId, targets: Collection[Party]) -> None:
        for target in targets:
            agent, since = self._agent(target), self._talking.get(target.uniqueid)
            if agent is not None and since is not None:
                self._answered[call, agent] = since

    def _dialled(self, event: CallEvent) -> tuple[AgentId, Party] | None:
        """The agent who calls, and the number outside that he calls by a trunk."""
        agent = self._agent(event.caller)
        if agent is None:
            return None
        lines = (one for one in event.targets if not one.by_app and self._trunk(one.channel) is not None)
        line = next(lines, None)
        return (agent, line) if line is not None and not is_dialled_leg(LegId(line.uniqueid)) else None

    def _ringing(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        call, caller = CallId(event.call_id), event.caller
        by = self._agent(event.by) if event.by is not None else None
        asked = self._consultations.begun(call, self._agent(caller), by)
        dialled = self._dialled(event)
        facts: list[Fact] = []
        if asked is None or asked.client != call:
            facts += self._rings(event, agents, asked.client if asked is not None else None)
        if asked is not None and (agents or dialled is not None or asked.client == call):
            number = caller.dialled if asked.client != call else event.targets[0].number or ""
            about = (asked.client, asked.by, number)
            facts += [OutsideConsulting(*about, agent) for agent in agents or (None,)]
        return facts

    def _rings(self, event: CallEvent, agents: list[AgentId], about: CallId | None = None) -> list[Fact]:
        call, caller = CallId(event.call_id), event.caller
        dialled = self._dialled(event) if call not in self._outside else None
        if agents or dialled is not None:
            self._outside.add(call)
        if dialled is not None:
            agent, line = dialled
            trunk = self._trunk(line.channel) or ""
            number = line.number or caller.dialled or None
            return [OutsideDialled(call, agent, LegId(line.uniqueid), number, trunk, about)]
        name = _shown_name(caller.number, caller.name)
        return [OutsideRinging(call, agent, caller.number, name, caller.dialled, about) for agent in agents]

    def _answered_by(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        call = CallId(event.call_id)
        facts: list[Fact] = []
        if call not in self._outside:
            facts += self._rings(event, agents)  # a phone that picked the call up never rang
        dialled = self._dialled(event)
        facts += self._talks(event, [dialled[0]] if dialled is not None else agents)
        asked = self._consultations.of(call)
        if asked is not None:
            facts += [OutsideConsulted(asked.client, asked.by, agent) for agent in agents or (None,)]
        self._date(call, event.targets)
        return facts

    def _talks(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        call = CallId(event.call_id)
        if agents:
            self._consultations.talks(call, agents[0])
            return [OutsideAnswered(call, agent) for agent in agents]
        strangers = call in self._outside and not any(
            is_agent_leg(LegId(one.uniqueid)) for one in event.targets
        )
        return [OutsideReached(call, one.number) for one in event.targets[:1] if strangers and not one.by_app]

    def _ring_ended(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        call, reason = CallId(event.call_id), (event.reason or Reason.CANCELLED).value
        calls = [call]
        asked = self._consultations.of(call)
        if asked is not None and asked.client != call:
            calls.append(asked.client)
        facts: list[Fact] = [OutsideRingEnded(one, agent, reason) for one in calls for agent in agents]
        if asked is not None and asked.client == call:
            self._consultations.end(call)
            facts.append(OutsideConsultEnded(call, asked.by, reason))
        return facts

    def _ended(self, event: CallEvent) -> list[Fact]:
        call, reason = CallId(event.call_id), (event.reason or Reason.FAILED).value
        facts: list[Fact] = []
        asked = self._consultations.end(call)
        if asked is not None and asked.client in self._outside and asked.client != call:
            by_target = event.by is not None and self._agent(event.by) != asked.by
            facts.append(OutsideConsultEnded(asked.client, asked.by, reason, by_target))
        self._consultations.out(call)
        if call in self._presented or call in self._outside:
            if self.follows(call):
                self._merged.add(call)
            self._presented.discard(call)
            self._outside.discard(call)
            facts.append(OutsideEnded(call, reason))
        return facts

    def _passed_on(self, event: CallEvent, kind: TransferKind, dialled: str) -> list[Fact]:
        call = CallId(event.call_id)
        self._consultations.out(call)
        by = self._agent(event.by) if event.by is not None else None
        return [OutsideTransferred(call, by, kind, dialled)]

    def _transferred(self, event: CallEvent, agents: list[AgentId]) -> list[Fact]:
        """The target rang, or talks, under the consultation's id: from now on it is this call's.

        That call's own end follows, so nobody is free in between. A blind one was told before anybody rang.
        """
        if event.transfer is None or event.transfer is Transfer.BLIND:
            return []
        number = event.targets[0].number if event.targets else None
        kind = TransferKind(event.transfer.value)
        facts = self._passed_on(event, kind, event.dialled or (agents[0] if agents else number or ""))
        facts += self._rings(event, agents)
        if event.transfer is Transfer.ATTENDED:
            facts += self._talks(event, agents)
        return facts

"""The engineer's plan of the contact centre, as the centre sees it: plain frozen data.

``config/`` builds it from the YAML file; nothing here reads or validates a file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName, Skill

# What people write between the digits of a number is no part of it; a plus is its beginning only.
_NUMBER = re.compile(r"[^\s()./-]+")
_OUTSIDE = re.compile(r"\+?[0-9]{3,15}")

Needs = tuple[tuple[Skill, int], ...]  # (skill, the least level), sorted by skill


class Strategy(Enum):
    """Who is offered the next caller; named as in queues.conf where Asterisk has it."""

    RINGALL = "ringall"  # all free members of the lowest penalty at once
    LINEAR = "linear"  # in the order of the list
    RANDOM = "random"
    FEWESTCALLS = "fewestcalls"  # answered in this queue
    LEASTRECENT = "leastrecent"  # longest idle
    RRMEMORY = "rrmemory"  # round robin that remembers whose turn it was
    WRANDOM = "wrandom"  # random, the penalty is a weight and excludes nobody
    LEASTTALK = "leasttalk"  # lowest average talk time in this queue; Asterisk has no such one


@dataclass(frozen=True, slots=True)
class Agent:
    id: AgentId
    name: str
    endpoint: Endpoint
    language: str = "en"
    skills: Mapping[Skill, int] = field(default_factory=dict)  # skill → level, from 1 up


@dataclass(frozen=True, slots=True)
class Member:
    """An agent's membership of one queue. Lower penalties are offered first."""

    agent: AgentId
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class Widening:
    """Who may be asked once a caller has waited so long; a queue's steps only ever widen.

    ``penalty`` is the highest one that is asked, None for all. ``lower`` is taken off every level that the
    caller needs; a skill whose level falls to 0 is not needed any more.
    """

    after: timedelta
    penalty: int | None = None
    lower: int = 0


class Empty(Enum):
    """When a queue counts as empty, for who comes and for who waits."""

    NEVER = "never"
    NOBODY_LOGGED_IN = "nobody_logged_in"
    NOBODY_READY = "nobody_ready"  # logged in, and not in a pause


@dataclass(frozen=True, slots=True)
class Announcements:
    """What a waiting caller hears besides the music. ``every`` is None when nothing of that kind is said."""

    position: bool = False
    only_better: bool = True  # say the position only when it is better than the last one said
    expected_wait: bool = False
    first: timedelta = timedelta(seconds=15)  # from the entry to the first position
    every: timedelta = timedelta(seconds=45)
    sounds: tuple[str, ...] = ()  # the periodic announcement
    sounds_every: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ToQueue:
    """``needs`` and ``priority`` are added to what the queue and the client's tier give."""

    queue: QueueName
    needs: Needs = ()
    priority: int = 0
    kind: str = field(default="queue", init=False)


@dataclass(frozen=True, slots=True)
class ToAgent:
    """A named agent, for so long; then the queue, at the place that the caller has by then."""

    agent: AgentId
    queue: QueueName
    hold: timedelta
    kind: str = field(default="agent", init=False)


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: MenuName
    kind: str = field(default="menu", init=False)


@dataclass(frozen=True, slots=True)
class ToHangUp:
    """Play the sounds, then end the call."""

    sounds: tuple[str, ...] = ()
    kind: str = field(default="hang_up", init=False)


@dataclass(frozen=True, slots=True)
class ToVoicemail:
    """Play the sounds, then record what he says, for so long at most; ``#`` or his hang-up ends it."""

    sounds: tuple[str, ...]
    longest: timedelta = timedelta(minutes=3)
    kind: str = field(default="voicemail", init=False)


@dataclass(frozen=True, slots=True)
class ToNumber:
    """An outside number by a trunk; ``otherwise`` when nobody answers there within ``ring``."""

    number: str
    endpoint: Endpoint  # "PJSIP/+74951112233@lab"
    ring: timedelta
    otherwise: "Destination"
    kind: str = field(default="number", init=False)


Destination = ToQueue | ToAgent | ToMenu | ToHangUp | ToVoicemail | ToNumber
NO_AGENTS = ToHangUp(("callbridge/no-agents",))


class TargetKind(Enum):
    AGENT = "agent"  # his phone if he is free, and nobody in his place
    SUPERVISOR = "supervisor"  # the first free one of ``Plan.supervisors_for``
    QUEUE = "queue"
    NUMBER = "number"  # outside


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an agent passes a client on to. ``name``: an agent's id, a queue's name, a number; "" for none."""

    kind: TargetKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}".rstrip()


def outside_endpoint(number: str, trunk: str) -> Endpoint:
    return Endpoint(f"PJSIP/{number}@{trunk}")


@dataclass(frozen=True, slots=True)
class Outside:
    """Which numbers outside an agent may call, or pass a client on to, and how they are called."""

    trunk: str
    prefixes: tuple[str, ...]  # a number that begins with none of them is not called
    ring: timedelta = timedelta(seconds=30)
    caller_id: str = ""  # the company's number, which whom an agent calls is shown
    record: bool = False  # what an agent talks with whom he called, whom nothing tells that he is recorded
    region: str = ""  # of numbers without a country code by that trunk: "RU"


@dataclass(frozen=True, slots=True)
class Queue:
    name: QueueName
    title: str
    department: str
    members: tuple[Member, ...]
    strategy: Strategy = Strategy.LEASTRECENT
    weight: int = 0  # an agent of several queues serves the heavier one first
    needs: Needs = ()
    widening: tuple[Widening, ...] = ()  # by time; before the first step all members may be asked
    ring: timedelta = timedelta(seconds=20)
    pause_after: int = 0  # unanswered offers in a row, then he is paused; 0 is never
    wrap_up: timedelta = timedelta(seconds=15)
    wrap_up_extension: timedelta = timedelta(seconds=30)  # once for each wrap-up; 0 is none
    sticky: timedelta = timedelta(0)  # how long a caller waits for the agent who served him last
    sticky_within: timedelta = timedelta(days=30)  # how long ago that may be
    max_wait: timedelta | None = None
    max_waiting: int | None = None
    refuse_when: Empty = Empty.NEVER  # Asterisk's joinempty
    leave_when: Empty = Empty.NEVER  # Asterisk's leavewhenempty
    on_timeout: Destination = NO_AGENTS
    on_full: Destination = NO_AGENTS
    on_empty: Destination = NO_AGENTS
    breakout: Mapping[str, Destination] = field(default_factory=dict)  # digit → where a waiting caller goes
    service_level: timedelta = timedelta(seconds=20)
    record: bool = True
    music: str = "default"
    greeting: tuple[str, ...] = ()  # sounds, played once at entry: ("callbridge/please-wait",)
    announce: Announcements = Announcements()
    extension: str = ""  # what an agent dials who passes a client on to this queue
    supervisors: tuple[AgentId, ...] = ()  # of its department
    tells_watched: bool = False  # its agents see that a supervisor is with them
    consent: tuple[str, ...] = ()  # sounds, said in full before he comes in: once per call

    @property
    def level_at_entry(self) -> int:
        """How many steps of widening are in force for who has just come."""
        return sum(step.after <= timedelta(0) for step in self.widening)


@dataclass(frozen=True, slots=True)
class Menu:
    name: MenuName
    greeting: tuple[str, ...]
    options: Mapping[str, Destination]  # one DTMF digit → where to
    otherwise: Destination  # after ``retries`` wrong or missing answers
    timeout: timedelta = timedelta(seconds=5)
    retries: int = 2
    invalid: tuple[str, ...] = ()  # sounds after a wrong digit


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the centre needs to know; replaced as a whole on a reload."""

    numbers: Mapping[str, Destination] = field(default_factory=dict)  # dialled number → where to
    menus: Mapping[MenuName, Menu] = field(default_factory=dict)
    queues: Mapping[QueueName, Queue] = field(default_factory=dict)
    agents: Mapping[AgentId, Agent] = field(default_factory=dict)
    language: str = "en"
    language_of_prefix: Mapping[str, str] = field(default_factory=dict)  # "+7" → "ru"; the longest wins
    priority_of_tier: Mapping[str, int] = field(default_factory=dict)  # a client's tier → priority
    pause_reasons: Mapping[str, str] = field(default_factory=dict)  # feature code's digit → reason
    dispositions: Mapping[str, str] = field(default_factory=dict)  # feature code's digit → disposition
    outside: Outside | None = None  # None: no transfer leads outside, and no agent calls there
    record_direct: bool = False  # calls with clients that never touch our application
    supervisor_extension: str = ""  # what an agent dials who passes a client on to a supervisor
    # By dialled number: sounds that are said in full before anything else.
    number_consents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def language_for(self, number: str | None) -> str:
        """The language to speak to a caller, from his number; the plan's own for a withheld one."""
        if number:
            for length in range(len(number), 0, -1):
                language = self.language_of_prefix.get(number[:length])
                if language is not None:
                    return language
        return self.language

    def knows(self, destination: Destination) -> bool:
        """Whether it still leads somewhere: a call may bring one from an older plan."""
        match destination:
            case ToQueue(queue=queue):
                return queue in self.queues
            case ToAgent(queue=queue, agent=agent):
                return queue in self.queues and agent in self.agents
            case ToMenu(menu=menu):
                return menu in self.menus
            case _:
                return True

    def leads(self, target: Target) -> bool:
        """Whether a transfer's target is planned."""
        match target.kind:
            case TargetKind.AGENT:
                return target.name in self.agents
            case TargetKind.QUEUE:
                return target.name in self.queues
            case TargetKind.NUMBER:
                return self.outside_number(target.name) is not None
            case TargetKind.SUPERVISOR:
                return True

    def served_by(self, agent: AgentId) -> Iterator[Queue]:
        """As of now, in the plan's order."""
        return (queue for queue in self.queues.values() if any(m.agent == agent for m in queue.members))

    def supervises(self, supervisor: AgentId, agent: AgentId) -> bool:
        """Whether he supervises a group that the agent is in: serves one of its queues, as of now."""
        return any(True for _ in self.supervised_by(supervisor, agent))

    def supervised_by(self, supervisor: AgentId, agent: AgentId) -> Iterator[Queue]:
        """The queues by which he may be beside the agent."""
        return (queue for queue in self.served_by(agent) if supervisor in queue.supervisors)

    def supervisors_for(self, queue: QueueName | None, agent: AgentId) -> tuple[AgentId, ...]:
        """Whom he may pass a client of this queue on to; of a call that came by none, his own groups'."""
        own = self.queues.get(queue) if queue is not None else None
        groups = (own,) if own is not None else self.served_by(agent)
        return tuple(dict.fromkeys(one for group in groups for one in group.supervisors if one != agent))

    def target_of(self, dialled: str) -> Target | None:
        """Where what an agent dialled leads a client whom he passes on; None for nowhere."""
        if dialled in self.agents:
            return Target(TargetKind.AGENT, dialled)
        if dialled and dialled == self.supervisor_extension:
            return Target(TargetKind.SUPERVISOR)
        for queue in self.queues.values():
            if dialled and dialled == queue.extension:
                return Target(TargetKind.QUEUE, queue.name)
        match self.numbers.get("".join(_NUMBER.findall(dialled))):
            case ToQueue(queue=name):
                return Target(TargetKind.QUEUE, name)
            case ToAgent(agent=agent):
                return Target(TargetKind.AGENT, agent)
            case _:
                pass
        number = self.outside_number(dialled)
        return None if number is None else Target(TargetKind.NUMBER, number.number)

    def outside_number(self, written: str) -> ToNumber | None:
        """None for one that no agent may call, or pass a client on to.

        So are the company's own: the call would come in again, and be passed on again, without end.
        """
        number = "".join(_NUMBER.findall(written))
        if self.outside is None or not _OUTSIDE.fullmatch(number) or number in self.numbers:
            return None
        if not number.startswith(self.outside.prefixes):
            return None
        endpoint = outside_endpoint(number, self.outside.trunk)
        return ToNumber(number, endpoint, self.outside.ring, NO_AGENTS)

    def wrap_up_of(self, agent: AgentId) -> QueueName | None:
        """Whose wrap-up he has after a call that came by no queue: the first one's that he serves."""
        return next((queue.name for queue in self.served_by(agent)), None)

    def agent_at(self, endpoint: str) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.endpoint == endpoint), None)

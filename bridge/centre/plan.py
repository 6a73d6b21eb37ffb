"""The engineer's plan of the contact centre, as the centre sees it: plain frozen data.

``config/`` builds it from the YAML file; nothing here reads or validates a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName


class Strategy(Enum):
    """Who is offered the next caller; named as in queues.conf where Asterisk has it."""

    LEASTRECENT = "leastrecent"
    LINEAR = "linear"
    FEWESTCALLS = "fewestcalls"
    RRMEMORY = "rrmemory"


@dataclass(frozen=True, slots=True)
class Agent:
    id: AgentId
    name: str
    endpoint: Endpoint
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Member:
    """An agent's membership of one queue. Lower penalties are offered first."""

    agent: AgentId
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    name: QueueName
    title: str
    department: str
    members: tuple[Member, ...]
    strategy: Strategy = Strategy.LEASTRECENT
    ring: timedelta = timedelta(seconds=20)
    wrap_up: timedelta = timedelta(seconds=15)
    max_wait: timedelta | None = None
    service_level: timedelta = timedelta(seconds=20)
    record: bool = True
    music: str = "default"
    greeting: tuple[str, ...] = ()  # sounds, played once at entry: ("callbridge/please-wait",)


@dataclass(frozen=True, slots=True)
class ToQueue:
    queue: QueueName


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: MenuName


@dataclass(frozen=True, slots=True)
class ToHangUp:
    """Play the sounds, then end the call."""

    sounds: tuple[str, ...] = ()


Destination = ToQueue | ToMenu | ToHangUp


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

    def language_for(self, number: str | None) -> str:
        """The language to speak to a caller, from his number; the plan's own for a withheld one."""
        if number:
            for length in range(len(number), 0, -1):
                language = self.language_of_prefix.get(number[:length])
                if language is not None:
                    return language
        return self.language

    def agent_at(self, endpoint: str) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.endpoint == endpoint), None)

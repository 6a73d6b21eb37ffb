"""One choice of the router, as it was at that moment: every candidate, and what was asked of them.

Owns the words in which a choice is explained. A decision is taken in microseconds and judged later, off the
hot path, by ``explain``: the standings are immutable, so to keep them costs a copy of references.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from bridge.centre.ids import AgentId, CallId, QueueName, Skill
from bridge.centre.plan import Needs, Strategy


class OfferEnd(Enum):
    """How an offer ended; told apart because each has its own consequence for the agent."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # the caller left while the phone rang
    ANSWERED_ELSEWHERE = "answered_elsewhere"  # another one of those who rang was first


class Hindrance(Enum):
    """Why an agent cannot be offered a call now."""

    LOGGED_OUT = "logged_out"
    UNREACHABLE = "unreachable"  # his phone
    PAUSED = "paused"
    RINGING = "ringing"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    RESTING = "resting"  # a moment's peace after an offer that he did not take
    OUTSIDE = "outside"  # his phone is taken by a call that the router knows nothing of


# Tuples: an Enum's hash is computed in Python, and these are asked at each change of an agent.
AWAY = (Hindrance.LOGGED_OUT, Hindrance.UNREACHABLE, Hindrance.PAUSED)
OUT = (Hindrance.LOGGED_OUT, Hindrance.UNREACHABLE)


class Standing(NamedTuple):
    """A member as the strategies see him. ``idle`` orders agents by when they became idle: lowest, longest.

    A tuple and no dataclass: one is made for each of an agent's queues whenever his state changes.
    """

    agent: AgentId
    position: int  # in the engineer's list
    penalty: int
    skills: Mapping[Skill, int]
    hindrance: Hindrance | None = Hindrance.LOGGED_OUT
    reason: str = ""
    idle: int = 0
    idle_since: datetime | None = None
    calls: int = 0  # answered in this queue
    talked: timedelta = timedelta(0)  # in this queue, in all

    @property
    def average_talk(self) -> timedelta:
        return self.talked / self.calls if self.calls else timedelta(0)


class Decision(NamedTuple):
    """``chosen`` are those who are rung now: several for ringall, else one."""

    call: CallId
    queue: QueueName
    strategy: Strategy
    needs: Needs  # what he needs by now, after widening
    highest_penalty: int | None  # that may be asked by now; None: any
    preferred: AgentId | None  # whom he waits for, or was connected to before
    turn: int  # rrmemory: the position after which it looked
    draw: int  # random, wrandom: what stood for chance; the same call and attempt draw the same
    chosen: tuple[AgentId, ...]
    standings: tuple[Standing, ...]  # in the order of the engineer's list

"""The one way in. Bounded: a full inbox slows its peers down and raises an alarm; nothing is ever dropped.

``put`` is for the world outside and waits when the inbox is full. ``put_now`` is for the engine's own facts
(timers, results of orders): their number is bounded by the orders that are out, and if they waited, the loop
could wait for itself.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime

import structlog

from bridge.centre.facts import Fact

log = structlog.get_logger(__name__)

CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A fact on its way; ``decided`` is set once the floor has taken it. ``at``: None for now."""

    fact: Fact
    decided: asyncio.Event | None = None
    at: datetime | None = None


class BoundedInbox:
    """Implements ``ports.Inbox``."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.alarms = 0
        self._letters: deque[Letter] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._letters)

    async def put(self, fact: Fact, at: datetime | None = None) -> None:
        await self._wait_for_room()
        self._append(Letter(fact, at=at))

    async def put_and_wait(self, fact: Fact) -> None:
        """As ``put``, and returns when the floor has decided."""
        await self._wait_for_room()
        decided = asyncio.Event()
        self._append(Letter(fact, decided))
        await decided.wait()

    def put_now(self, fact: Fact) -> None:
        self._append(Letter(fact))

    async def take(self) -> Letter:
        while not self._letters:
            self._filled.clear()
            await self._filled.wait()
        letter = self._letters.popleft()
        if not self._room.is_set() and len(self._letters) <= self.capacity // 2:
            log.info("inbox has room again", action="inbox.drained", depth=len(self._letters))
            self._room.set()
        return letter

    def undecided(self) -> tuple[Fact, ...]:
        return tuple(letter.fact for letter in self._letters)

    async def _wait_for_room(self) -> None:
        while not self._room.is_set():
            await self._room.wait()

    def _append(self, letter: Letter) -> None:
        self._letters.append(letter)
        self._filled.set()
        if len(self._letters) >= self.capacity and self._room.is_set():
            self._room.clear()
            self.alarms += 1
            log.error("inbox is full: peers are slowed down", action="inbox.full", depth=len(self._letters))

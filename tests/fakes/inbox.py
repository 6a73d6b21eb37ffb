"""An inbox that keeps what it got, for tests that wait for facts with a deadline."""

import asyncio
from datetime import datetime
from typing import Any, TypeVar

from bridge.centre.facts import Fact

F = TypeVar("F")


class FactInbox:
    """Implements the port Inbox. ``gate`` closed: ``put`` waits, as a full inbox does."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Event()

    async def put(self, fact: Fact, at: datetime | None = None) -> None:
        await self.gate.wait()
        self.facts.append(fact)
        self._changed.set()

    def of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def wait(self, kind: type[F], *, seconds: float = 10, **fields: Any) -> F:
        """The first fact of this kind with these fields, past or future."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for fact in self.of(kind):
                        if all(getattr(fact, name) == value for name, value in fields.items()):
                            return fact
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} with {fields}; there were {self.facts}") from None


async def until(true: Any, *, seconds: float = 10) -> None:
    """Poll a condition (a function without arguments) with a deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "it never became true"
        await asyncio.sleep(0.005)

"""Fact logs in memory that can be away."""

import asyncio
from collections.abc import Sequence

from bridge.engine.ports import LoggedFact
from bridge.errors import LinkDown


class Log:
    """Away for so many attempts."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.batches: list[Sequence[LoggedFact]] = []

    @property
    def facts(self) -> list[LoggedFact]:
        return [fact for batch in self.batches for fact in batch]

    @property
    def seqs(self) -> list[int]:
        return [fact.seq for fact in self.facts]

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        if self.failures:
            self.failures -= 1
            raise LinkDown("database is away")
        self.batches.append(facts)


class AwayLog(Log):
    """Away until it is told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.back = asyncio.Event()
        self.asked = asyncio.Event()

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        self.asked.set()
        await self.back.wait()
        await super().append(facts)

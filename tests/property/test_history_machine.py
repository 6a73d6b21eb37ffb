"""The history against a model: whatever database, disk and process do, the log has what it must have.

That is: each fact that was noted and not counted as lost, once, in order. After a kill: each one that the
journal had kept or the database had taken.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.centre.facts import AgentPaused
from bridge.centre.ids import AgentId
from bridge.engine import history as module
from bridge.engine.history import History
from bridge.engine.ports import JournalPlace, LoggedFact, StampedFact
from bridge.errors import LinkDown
from bridge.store import FileJournal

AT = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
ROOM = 1 << 30


class Database:
    """Takes each fact once. ``replies`` False: what it took is not confirmed."""

    run = ""  # the present one: what earlier ones left may come again

    def __init__(self) -> None:
        self.confirmed: set[tuple[str, int]] = set()
        self.is_up = True
        self.replies = True
        self.facts: dict[tuple[str, int], LoggedFact] = {}

    async def append(self, facts: Sequence[LoggedFact]) -> None:
        await asyncio.sleep(0)
        if not self.is_up:
            raise LinkDown("away")
        names = [(fact.run, fact.seq) for fact in facts]
        assert not [name for name in names if name[0] == self.run and name in self.confirmed]
        for name, fact in zip(names, facts, strict=True):
            self.facts.setdefault(name, fact)
        if not self.replies:
            raise LinkDown("the reply was lost")
        self.confirmed.update(names)


class Recording(FileJournal):
    kept: set[tuple[str, int]]

    def append(self, fact: LoggedFact) -> JournalPlace | None:
        place = super().append(fact)
        if place is not None:
            self.kept.add((fact.run, fact.seq))
        return place


class House:
    """One process after another, on one database and one directory."""

    def __init__(self, directory: Path, most_in_memory: int) -> None:
        self.directory = directory
        self.most_in_memory = most_in_memory
        self.database = Database()
        self.kept: set[tuple[str, int]] = set()
        self.wanted: set[tuple[str, int]] = set()
        self.runs = 0
        self.start()

    def start(self) -> None:
        self.runs += 1
        self.run = self.database.run = f"run{self.runs:03d}"
        self.seq = 0
        self.now = 0.0
        self.journal = Recording.open(self.directory, clock=lambda: self.now)
        self.journal.kept = self.kept
        self.history = History(
            self.database,
            self.journal,
            run=self.run,
            gather_seconds=0.0005,
            most_in_memory=self.most_in_memory,
        )
        self.history.begin(self.journal.start)
        assert self.journal.checkpoint(b"{}")
        self.task = asyncio.create_task(self.history.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.journal.close()
        self.wanted &= self.kept | self.database.facts.keys()
        self.start()

    def note(self) -> None:
        self.seq += 1
        lost = self.history.lost
        self.history.note(StampedFact(self.seq, AT, AgentPaused(AgentId("1001"), "x" * (self.seq % 50))))
        if self.history.lost == lost:
            self.wanted.add((self.run, self.seq))
        assert self.history._backlog._in_memory <= self.most_in_memory

    async def do(self, step: str, number: int) -> None:
        match step:
            case "note":
                for _ in range(number):
                    self.note()
            case "wait":
                for _ in range(number):
                    await asyncio.sleep(0.0005)
            case "database":
                self.database.is_up, self.database.replies = number % 2 == 0, number % 3 != 0
            case "disk":
                self.journal._most_bytes = ROOM if number % 2 else 0
                self.now += number % 3
            case "checkpoint":
                if self.journal.checkpoint(b"{}"):
                    self.journal.release(self.history.needed())
            case "kill":
                await self.kill()

    async def check(self) -> None:
        self.database.is_up = self.database.replies = True
        async with asyncio.timeout(20):
            await self.history.flushed()
        assert len(self.history) == 0
        assert self.history.needed() == self.journal.end
        assert self.history.refused == 0
        there = list(self.database.facts)
        assert there == sorted(there), "in their order"
        assert set(there) == self.wanted
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.journal.close()


STEPS = st.one_of(
    st.tuples(st.just("note"), st.integers(1, 12)),
    st.tuples(st.just("wait"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["database", "disk"]), st.integers(0, 5)),
    st.tuples(st.just("checkpoint"), st.just(0)),
    st.tuples(st.just("kill"), st.just(0)),
)


@pytest.fixture(autouse=True, scope="module")
def impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FIRST_RETRY_SECONDS", 0.0005)
        patch.setattr(module, "_LONGEST_RETRY_SECONDS", 0.001)
        patch.setattr(module, "_BATCH", 7)
        yield


@given(st.lists(STEPS, max_size=40), st.integers(0, 10))
@settings(max_examples=100, deadline=None)
def test_the_log_has_what_it_must_have(steps: list[tuple[str, int]], most_in_memory: int) -> None:
    async def play(directory: Path) -> None:
        house = House(directory, most_in_memory)
        for step, number in steps:
            await house.do(step, number)
        await house.check()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory)))

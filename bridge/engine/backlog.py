"""The facts that the database does not have yet, in their order. Owns where each of them waits.

So many wait in memory. When there is no more room, what the journal kept waits there alone, and is read back
when its turn comes; what it could not keep either is lost, which is counted and said.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import structlog

from bridge.engine.ports import Journal, JournalPlace, LoggedFact
from bridge.errors import InternalError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _InMemory:
    """Each with its place in the journal, if that kept it: until it is written, it must stay there too."""

    facts: deque[tuple[LoggedFact, JournalPlace | None]] = field(default_factory=deque)


@dataclass(slots=True)
class _OnDisk:
    """So many facts from ``place`` on, up to the one that has the number ``last``."""

    place: JournalPlace
    last: int
    left: int


@dataclass(slots=True)
class _Earlier:
    """What earlier runs left, and nobody has counted."""

    place: JournalPlace
    end: JournalPlace


_Span = _InMemory | _OnDisk | _Earlier


@dataclass(frozen=True, slots=True)
class Batch:
    """``behind`` is the place after them where they were read from the journal; ``is_last`` of their span."""

    facts: Sequence[LoggedFact]
    behind: JournalPlace | None = None
    is_last: bool = False


class Backlog:
    def __init__(self, journal: Journal, run: str, most_in_memory: int) -> None:
        self.lost = 0
        self._journal = journal
        self._run = run
        self._most_in_memory = most_in_memory
        self._spans: deque[_Span] = deque()
        self._count = 0
        self._in_memory = 0
        self._lost_before: int | None = None  # when the present loss began

    def __len__(self) -> int:
        """Of this run; what earlier ones left is not counted."""
        return self._count

    @property
    def is_empty(self) -> bool:
        return not self._spans

    @property
    def is_on_disk(self) -> bool:
        """Whose turn it is."""
        return bool(self._spans) and not isinstance(self._spans[0], _InMemory)

    def begin(self, place: JournalPlace) -> None:
        """From ``place`` on, earlier runs left something that comes before all of this run."""
        if self._spans:
            raise InternalError("what earlier runs left comes before the first fact of this one")
        if place < self._journal.end:
            self._spans.append(_Earlier(place, self._journal.end))

    def add(self, fact: LoggedFact, place: JournalPlace | None) -> None:
        last = self._spans[-1] if self._spans else None
        if self._in_memory < self._most_in_memory:
            if not isinstance(last, _InMemory):
                last = _InMemory()
                self._spans.append(last)
            last.facts.append((fact, place))
            self._in_memory += 1
        elif place is None:
            self._lose()
            return
        elif isinstance(last, _OnDisk):
            last.last = fact.seq
            last.left += 1
        else:
            self._spans.append(_OnDisk(place, fact.seq, 1))
        self._count += 1
        if self._lost_before is not None:
            self._loses_no_more()

    async def first(self, most: int) -> Batch:
        """Those whose turn it is, until they are ``done``. Raises what hinders the journal's reading."""
        span = self._spans[0]
        match span:
            case _InMemory():
                return Batch([fact for fact, _ in islice(span.facts, most)])
            case _OnDisk(last=last):
                facts, behind = await self._read(span.place, min(most, span.left))
                # While that was read, this span may have become longer: so it is compared as it is now.
                ours = [fact for fact in facts if fact.run == self._run and fact.seq <= span.last]
                ends = len(ours) < len(facts) or (not facts and span.last == last)
                return Batch(ours, behind, ends)
            case _Earlier():
                facts, behind = await self._read(span.place, most)
                earlier = [fact for fact in facts if fact.run != self._run]
                ends = behind >= span.end or not facts
                return Batch(earlier, behind, ends)

    def done(self, batch: Batch) -> None:
        """They are in the database."""
        span = self._spans[0]
        match span:
            case _InMemory():
                for _ in batch.facts:
                    span.facts.popleft()
                self._in_memory -= len(batch.facts)
                self._count -= len(batch.facts)
                is_over = not span.facts
            case _OnDisk():
                span.place = batch.behind or span.place
                span.left -= len(batch.facts)
                self._count -= len(batch.facts)
                is_over = batch.is_last or (bool(batch.facts) and batch.facts[-1].seq == span.last)
                if is_over and span.left:
                    self._unreadable(span.left)
            case _Earlier():
                span.place = batch.behind or span.place
                is_over = batch.is_last
        if is_over:
            self._spans.popleft()

    def needed(self) -> JournalPlace:
        """The oldest place of the journal that the database does not have yet."""
        for span in self._spans:
            if not isinstance(span, _InMemory):
                return span.place
            place = next((place for _, place in span.facts if place is not None), None)
            if place is not None:
                return place
        return self._journal.end

    async def _read(self, place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        return await asyncio.to_thread(self._journal.read, place, most)

    def _lose(self) -> None:
        if self._lost_before is None:
            self._lost_before = self.lost
            log.error(
                "facts are lost: no database takes them, no journal keeps them, and memory is full",
                action="history.losing",
                in_memory=self._in_memory,
            )
        self.lost += 1

    def _loses_no_more(self) -> None:
        log.error(
            "facts were lost; those that come now are kept",
            action="history.lost",
            facts=self.lost - (self._lost_before or 0),
        )
        self._lost_before = None

    def _unreadable(self, facts: int) -> None:
        self.lost += facts
        self._count -= facts
        log.error("facts were lost: the journal cannot be read", action="history.lost", facts=facts)

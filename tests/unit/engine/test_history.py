"""The history: everything noted gets into the log once and in order, from memory or from the journal."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bridge.centre import facts as f
from bridge.engine import history as module
from bridge.engine.history import History
from bridge.engine.logged import logged
from bridge.engine.ports import FactLog, JournalPlace, LoggedFact, StampedFact
from bridge.errors import InternalError, LinkDown
from tests.fakes.fact_log import AwayLog, Log
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import ANNA, START, plan


def ready(seq: int) -> StampedFact:
    return StampedFact(seq, START, f.AgentReady(ANNA))


def note(history: History, first: int, last: int) -> None:
    for seq in range(first, last + 1):
        history.note(ready(seq))


def make(
    log: FactLog, journal: MemoryJournal, most_in_memory: int = 20_000, gather_seconds: float = 0.1
) -> History:
    return History(log, journal, run="run", most_in_memory=most_in_memory, gather_seconds=gather_seconds)


@asynccontextmanager
async def running(history: History) -> AsyncIterator[History]:
    task = asyncio.create_task(history.run())
    try:
        async with asyncio.timeout(10):
            yield history
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_RETRY_SECONDS", 0.001)


# ── batches ──────────────────────────────────────────────────────────────────


async def test_history_is_kept_while_the_database_is_away(journal: MemoryJournal) -> None:
    log = Log(failures=2)
    history = make(log, journal)
    note(history, 1, 1201)
    assert len(history) == 1201
    async with running(history):
        await history.flushed()
    assert log.facts == [logged("run", ready(seq)) for seq in range(1, 1202)]
    assert [len(batch) for batch in log.batches] == [500, 500, 201]
    assert (len(history), history.lost, history.refused) == (0, 0, 0)


async def test_facts_that_come_within_a_moment_are_written_together(journal: MemoryJournal) -> None:
    log = Log()
    async with running(make(log, journal, gather_seconds=0.05)) as history:
        for seq in (1, 2, 3):
            note(history, seq, seq)
            await asyncio.sleep(0)
        await until(lambda: len(log.batches) == 1)
        assert log.seqs == [1, 2, 3]
        note(history, 4, 4)
        await until(lambda: len(log.batches) == 2)
        assert len(history) == 0


async def test_who_waits_for_the_facts_does_not_wait_for_others(journal: MemoryJournal) -> None:
    async with running(make(Log(), journal, gather_seconds=3600)) as history:
        for seq in (1, 2, 3):
            note(history, seq, seq)
            await asyncio.sleep(0)
        await history.flushed()
        assert len(history) == 0
        # And once nobody waits any more, they are gathered again.
        note(history, 4, 4)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(history) == 1
        await asyncio.gather(history.flushed(), history.flushed())
        assert len(history) == 0


async def test_a_burst_is_written_at_once(journal: MemoryJournal) -> None:
    async with running(make(Log(), journal, gather_seconds=3600)) as history:
        for seq in range(1, 500):
            note(history, seq, seq)
            await asyncio.sleep(0)
        assert len(history) == 499
        note(history, 500, 500)
        await until(lambda: len(history) == 0)


async def test_a_fact_that_the_log_refuses_does_not_hold_up_the_others(journal: MemoryJournal) -> None:
    class Picky(Log):
        async def append(self, facts: Sequence[LoggedFact]) -> None:
            if any(fact.seq == 2 for fact in facts):
                raise InternalError("not writable")
            await super().append(facts)

    log = Picky(failures=1)
    async with running(make(log, journal)) as history:
        note(history, 1, 3)
        with capture_logs() as logs:
            await history.flushed()
    assert log.seqs == [1, 3]
    assert history.refused == 1
    assert [(entry["fact"], entry["seq"]) for entry in logs if entry["action"] == "history.lost"] == [
        ("AgentReady", 2)
    ]
    assert history.needed() == journal.end


async def test_a_fact_that_cannot_be_logged_ends_no_call(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    log = Log()
    async with running(make(log, journal)) as history:
        with monkeypatch.context() as patch:
            patch.setattr(module, "logged", fail)
            note(history, 1, 1)
        note(history, 2, 2)
        await history.flushed()
    assert log.seqs == [2]
    assert history.refused == 1


# ── the journal ──────────────────────────────────────────────────────────────


async def test_a_fact_is_in_the_journal_when_it_is_noted(journal: MemoryJournal) -> None:
    history = make(Log(), journal)
    history.note(ready(1))
    history.note(StampedFact(2, START, f.PlanLoaded(plan())))
    assert [(fact.run, fact.seq, fact.type) for fact in journal.facts] == [
        ("run", 1, "AgentReady"),
        ("run", 2, "PlanLoaded"),
    ]


async def test_the_journal_is_needed_from_the_first_fact_that_is_not_written(journal: MemoryJournal) -> None:
    log = AwayLog()
    assert journal.checkpoint(b"0")
    history = make(log, journal, most_in_memory=2)
    assert history.needed() == journal.end == JournalPlace(1, 0)
    async with running(history):
        note(history, 1, 3)
        assert journal.checkpoint(b"1")
        note(history, 4, 5)
        await log.asked.wait()
        assert history.needed() == JournalPlace(1, 0), "also while it is being written"
        log.back.set()
        await history.flushed()
    assert history.needed() == journal.end == JournalPlace(2, 2)
    assert log.seqs == [1, 2, 3, 4, 5]
    assert [len(batch) for batch in log.batches] == [2, 3], "the second one from the journal"


async def test_memory_is_bounded_and_the_rest_is_read_back_in_its_turn(journal: MemoryJournal) -> None:
    log = AwayLog()
    history = make(log, journal, most_in_memory=1000)
    async with running(history):
        note(history, 1, 5000)
        await log.asked.wait()
        assert history._backlog._in_memory == 1000
        assert len(history) == 5000
        log.back.set()
        await until(lambda: len(history) < 4600)
        note(history, 5001, 5600)
        assert history._backlog._in_memory <= 1000
        await history.flushed()
    assert log.seqs == list(range(1, 5601))
    assert all(len(batch) <= 500 for batch in log.batches)
    assert (len(history), history.lost, history._backlog._in_memory) == (0, 0, 0)


async def test_what_nobody_can_keep_is_counted_and_said(journal: MemoryJournal) -> None:
    log = AwayLog()
    history = make(log, journal, most_in_memory=3)
    async with running(history):
        with capture_logs() as logs:
            note(history, 1, 2)
            journal.full = True
            note(history, 3, 7)  # one in memory, four nowhere
            assert history.lost == 4
            journal.full = False
            note(history, 8, 9)
            journal.full = True
            note(history, 10, 11)
            journal.full = False
            note(history, 12, 12)
        assert [(entry["action"], entry.get("facts")) for entry in logs] == [
            ("history.losing", None),
            ("history.lost", 4),
            ("history.losing", None),
            ("history.lost", 2),
        ]
        assert {entry["log_level"] for entry in logs} == {"error"}
        assert len(history) == 6
        log.back.set()
        await history.flushed()
    assert log.seqs == [1, 2, 3, 8, 9, 12]
    assert history.lost == 6


async def test_what_the_journal_cannot_give_back_is_counted(journal: MemoryJournal) -> None:
    log = AwayLog()
    history = make(log, journal, most_in_memory=1)
    note(history, 1, 5)
    journal.full = True
    note(history, 6, 6)
    journal.full = False
    note(history, 7, 8)
    journal.damage(3, 8)
    log.back.set()
    async with running(history):
        await history.flushed()
    assert log.seqs == [1, 2, 4, 5, 7]
    assert history.lost == 3
    assert len(history) == 0


class SlowReader:
    """Reads the journal when it may, and before or after what is noted meanwhile."""

    def __init__(self, journal: MemoryJournal, *, first: bool) -> None:
        self.asked, self.may = threading.Event(), threading.Event()
        self._read, self._first = journal.read, first
        journal.read = self  # type: ignore[method-assign]

    def __call__(self, place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        found = self._read(place, most)
        self.asked.set()
        assert self.may.wait(10)
        return found if self._first else self._read(place, most)


@pytest.mark.parametrize("damaged", [2, 3, 4])
async def test_damage_is_not_made_good_with_what_comes_later(journal: MemoryJournal, damaged: int) -> None:
    log, reader = Log(), SlowReader(journal, first=False)
    history = make(log, journal, most_in_memory=1)
    note(history, 1, 4)  # the first one in memory
    journal.damage(damaged)
    async with running(history):
        await asyncio.to_thread(reader.asked.wait, 10)
        note(history, 5, 6)  # again
        reader.may.set()
        await history.flushed()
    assert log.seqs == [seq for seq in range(1, 7) if seq != damaged]
    assert history.lost == 1


async def test_what_is_noted_while_the_journal_is_read_is_not_forgotten(journal: MemoryJournal) -> None:
    log, reader = Log(), SlowReader(journal, first=True)
    history = make(log, journal, most_in_memory=0)
    note(history, 1, 2)
    journal.damage(1, 2)
    async with running(history):
        await asyncio.to_thread(reader.asked.wait, 10)
        note(history, 3, 3)
        reader.may.set()
        await history.flushed()
    assert log.seqs == [3]
    assert history.lost == 2


async def test_a_journal_that_cannot_be_read_for_now_is_asked_again(journal: MemoryJournal) -> None:
    read, failures = journal.read, [LinkDown("too many open files"), ValueError("our own fault")]

    def failing(place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        if failures:
            raise failures.pop()
        return read(place, most)

    journal.read = failing  # type: ignore[method-assign]
    log = Log()
    history = make(log, journal, most_in_memory=1)
    note(history, 1, 3)
    async with running(history):
        await history.flushed()
    assert log.seqs == [1, 2, 3]


# ── what earlier runs left ───────────────────────────────────────────────────


def earlier(journal: MemoryJournal, facts: int) -> None:
    for seq in range(1, facts + 1):
        journal.append(logged("earlier", ready(seq)))


async def test_what_an_earlier_run_left_is_written_first(journal: MemoryJournal) -> None:
    earlier(journal, 700)
    log = Log()
    history = make(log, journal)
    history.begin(journal.start)
    assert history.needed() == journal.start
    assert journal.checkpoint(b"")
    note(history, 1, 3)
    async with running(history):
        await history.flushed()
    assert [(fact.run, fact.seq) for fact in log.facts] == [
        *(("earlier", seq) for seq in range(1, 701)),
        *(("run", seq) for seq in (1, 2, 3)),
    ]
    assert history.needed() == journal.end


async def test_what_an_earlier_run_left_is_written_when_nothing_happens(journal: MemoryJournal) -> None:
    earlier(journal, 3)
    log = Log()
    history = make(log, journal)
    history.begin(journal.start)
    async with running(history):
        await history.flushed()
    assert log.seqs == [1, 2, 3]


async def test_only_from_the_place_that_is_given(journal: MemoryJournal) -> None:
    earlier(journal, 5)
    log = Log()
    history = make(log, journal, most_in_memory=0)
    history.begin(JournalPlace(0, 3))
    note(history, 1, 2)
    async with running(history):
        await history.flushed()
    assert log.seqs == [4, 5, 1, 2]


@pytest.mark.parametrize("place", [JournalPlace(0, 0), JournalPlace(0, 9)])
async def test_nothing_was_left(journal: MemoryJournal, place: JournalPlace) -> None:
    history = make(Log(), journal)
    history.begin(place)
    async with running(history):
        await history.flushed()
    assert history.needed() == journal.end


async def test_it_must_begin_at_the_beginning(journal: MemoryJournal) -> None:
    history = make(Log(), journal)
    note(history, 1, 1)
    with pytest.raises(InternalError, match="before the first fact"):
        history.begin(journal.start)

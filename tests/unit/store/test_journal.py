"""The journal as files: what is appended can be read, by this process and by the next one."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.engine.ports import JournalPlace, LoggedFact
from bridge.errors import ConfigurationError, InternalError, JournalBusy
from bridge.store.journal import FileJournal
from tests.unit.store.journals import MEMORY, everything, fact, keep


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "some" / "journal"


@pytest.fixture
def journal(directory: Path) -> Iterator[FileJournal]:
    opened = FileJournal.open(directory)
    yield opened
    opened.close()


# ── what is kept ─────────────────────────────────────────────────────────────


def test_it_is_for_its_owner_alone_and_readable_by_people(directory: Path, journal: FileJournal) -> None:
    assert journal.checkpoint(b'{\n "calls": []\n}')
    journal.append(fact(1))
    file = directory / "00000001.journal"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {
        "lock": 0o600,
        "owner": 0o600,
        "00000001.journal": 0o600,
    }
    header, line = file.read_text().splitlines()
    assert header == '{"format":1,"checkpoint":{  "calls": [] }}'
    assert msgspec.json.decode(line) == {
        "run": "run",
        "seq": 1,
        "at": "2025-03-01T09:00:00.000001Z",
        "call": "1.1",
        "type": "CallOffered",
        "body": {"name": "Иван\n", "none": None},
    }


def test_who_is_started_in_its_place_has_its_name_and_nobody_else(directory: Path, tmp_path: Path) -> None:
    names = []
    for place in (directory, directory, tmp_path / "another"):
        journal = FileJournal.open(place)
        names.append(journal.owner)
        journal.close()
    assert names[0] == names[1] != names[2]
    assert names[0]


def test_places_lie_between_facts(journal: FileJournal) -> None:
    assert journal.start == journal.end == JournalPlace(0, 0)
    assert journal.read(journal.start, 10) == ([], journal.end)
    assert journal.checkpoint(MEMORY)
    places = [keep(journal, seq) for seq in (1, 2, 3)]
    assert journal.since_checkpoint == 3
    assert journal.checkpoint(MEMORY)
    assert journal.since_checkpoint == 0
    places += [keep(journal, seq) for seq in (4, 5)]
    assert places == sorted(places)
    for number, place in enumerate(places, start=1):
        assert [one.seq for one in journal.read(place, 99)[0]] == list(range(number, 6))
        (first,), behind = journal.read(place, 1)
        assert first == fact(number)
        assert behind >= (places[number] if number < 3 else behind)
    assert journal.read(journal.end, 99) == ([], journal.end)
    assert journal.read(JournalPlace(99, 0), 99) == ([], journal.end)
    assert everything(journal) == [fact(seq) for seq in range(1, 6)]


def test_the_next_process_finds_each_segment_with_its_checkpoint(directory: Path) -> None:
    first = FileJournal.open(directory)
    assert first.segments() == []
    for number in (1, 2):
        assert first.checkpoint(b"%d" % number)
        first.append(fact(number))
    assert first.segments() == [], "they are this process's"
    first.close()
    second = FileJournal.open(directory)
    for _ in range(2):
        assert [segment.checkpoint for segment in second.segments()] == [b"1", b"2"]
        assert [list(segment.facts()) for segment in second.segments()] == [[fact(1)], [fact(2)]]
        assert second.checkpoint(b"3")
        second.append(fact(1, run="second"))
    assert everything(second) == [fact(1), fact(2), *[fact(1, run="second")] * 2]
    second.release(second.end)
    assert second.segments() == []
    second.close()


def test_nothing_is_kept_before_the_first_checkpoint_and_what_was_there_is_not_touched(
    directory: Path,
) -> None:
    first = FileJournal.open(directory)
    first.checkpoint(MEMORY)
    first.append(fact(1))
    first.close()
    before = (directory / "00000001.journal").read_bytes()
    second = FileJournal.open(directory)
    assert second.broken
    with capture_logs() as logs:
        assert [second.append(fact(seq)) for seq in (1, 2)] == [None, None]
    assert [entry["reason"] for entry in logs] == ["there is no checkpoint of this process yet"]
    assert second.lost_count == 2
    second.release(JournalPlace(99, 0))
    assert (directory / "00000001.journal").read_bytes() == before
    assert second.checkpoint(MEMORY)
    assert [second.broken, second.append(fact(3)) is None] == [False, False]
    assert (directory / "00000001.journal").read_bytes() == before
    second.close()


def test_released_are_whole_segments_before_what_is_needed(directory: Path, journal: FileJournal) -> None:
    places = []
    for seq in (1, 2, 3):
        assert journal.checkpoint(MEMORY)
        places.append(keep(journal, seq))
    size = journal.size
    journal.release(places[1])
    assert [one.seq for one in everything(journal)] == [2, 3]
    assert journal.start == JournalPlace(2, 0)
    journal.release(JournalPlace(99, 99))
    assert [one.seq for one in everything(journal)] == [3]
    assert journal.start == JournalPlace(3, 0)
    assert journal.size * 3 == size
    assert journal.size == (directory / "00000003.journal").stat().st_size


def test_what_others_put_there_is_left_alone(directory: Path, journal: FileJournal) -> None:
    names = ("notes.txt", "1.journal", "00000001.journal.bak", "x00000001.journal", "00000007.journal.old")
    for name in names:
        (directory / name).write_text("mine")
    (directory / "00000009.journal").mkdir()
    (directory / "00000003.journal.new").write_text("half a checkpoi")
    journal.close()
    again = FileJournal.open(directory)
    assert again.segments() == []
    assert again.checkpoint(MEMORY)
    again.append(fact(1))
    again.checkpoint(MEMORY)
    again.release(again.end)
    again.close()
    assert {path.name for path in directory.iterdir()} == {
        *names,
        "lock",
        "owner",
        "00000009.journal",
        "00000002.journal",
    }
    assert {(directory / name).read_text() for name in names} == {"mine"}


STEPS = st.one_of(
    st.integers(1, 5).map(lambda facts: ("append", facts)),
    st.tuples(st.just("checkpoint"), st.integers(0, 2000)),
    st.tuples(st.just("reopen"), st.just(0)),
    st.tuples(st.just("release"), st.integers(0, 30)),
)


@given(st.lists(STEPS, max_size=30))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal = FileJournal.open(directory)
    kept: list[tuple[JournalPlace, LoggedFact]] = []
    seq = 0
    for step, number in steps:
        match step:
            case "append":
                for _ in range(number):
                    seq += 1
                    place = journal.append(fact(seq))
                    assert (place is None) == journal.broken
                    if place is not None:
                        kept.append((place, fact(seq)))
            case "checkpoint":
                assert journal.checkpoint(b'"%s"' % (b"x" * number))
            case "reopen":
                journal.close()
                journal = FileJournal.open(directory)
            case "release" if not journal.broken:
                needed = kept[number][0] if number < len(kept) else journal.end
                journal.release(needed)
                kept = [(place, one) for place, one in kept if place.segment >= needed.segment]
        assert everything(journal) == [one for _, one in kept]
        assert journal.size == sum(path.stat().st_size for path in directory.glob("*.journal"))
    for place, one in kept:
        assert journal.read(place, 1)[0] == [one]
    journal.close()


def test_one_reads_while_another_writes(journal: FileJournal) -> None:
    """As the history does: its reader has a thread of its own."""
    most, found = 6000, list[LoggedFact]()
    assert journal.checkpoint(MEMORY)

    def read() -> None:
        place = journal.start
        while len(found) < most:
            some, place = journal.read(place, 50)
            found.extend(some)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for seq in range(1, most + 1):
        assert journal.append(fact(seq)) is not None
        if seq % 500 == 0:
            assert journal.checkpoint(MEMORY)
    reader.join(60)
    assert [one.seq for one in found] == list(range(1, most + 1))


# ── whose it is ──────────────────────────────────────────────────────────────


def test_two_at_once_are_refused_and_the_message_says_who_has_it(
    directory: Path, journal: FileJournal
) -> None:
    with pytest.raises(JournalBusy, match=f"pid {os.getpid()} on host {socket.gethostname()}") as caught:
        FileJournal.open(directory)
    assert caught.value.retryable
    assert journal.checkpoint(MEMORY)
    journal.close()
    with pytest.raises(InternalError, match="closed"):
        journal.checkpoint(MEMORY)
    assert journal.append(fact(1)) is None
    journal.close()
    FileJournal.open(directory).close()


def test_a_program_that_it_starts_does_not_keep_it(directory: Path, journal: FileJournal) -> None:
    program = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False) as child:
        assert child.stdout is not None
        child.stdout.readline()
        journal.close()
        FileJournal.open(directory).close()
        child.communicate(b"\n")


async def test_who_takes_over_waits_until_it_is_free(directory: Path, journal: FileJournal) -> None:
    asyncio.get_running_loop().call_later(0.15, journal.close)
    async with asyncio.timeout(10):
        taken = await FileJournal.open_when_free(directory, 5.0)
    taken.close()


async def test_who_takes_over_does_not_wait_for_ever(directory: Path, journal: FileJournal) -> None:
    with pytest.raises(JournalBusy):
        await FileJournal.open_when_free(directory, 0.1)
    assert journal.checkpoint(MEMORY)


def test_a_directory_that_cannot_be_used_is_said_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "journal", "/proc/journal"):
        with pytest.raises(ConfigurationError, match=r"store\.journal: .* name a directory"):
            FileJournal.open(wrong)

"""The journal on a disk that is full or failing: calls go on, and what is kept stays readable."""

import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.engine.ports import JournalPlace
from bridge.store import journal_segments
from bridge.store.journal import FileJournal
from tests.unit.store.journals import MEMORY, everything, fact, keep, seqs


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[FileJournal]:
    opened = FileJournal.open(tmp_path, clock=clock)
    assert opened.checkpoint(MEMORY)
    yield opened
    opened.close()


class Disk:
    """Writes as ``os.write`` until it is told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None  # bytes
        self.error = errno.ENOSPC
        self.attempts = 0
        self.cuts_back = True
        write, truncate = os.write, os.ftruncate

        def limited(descriptor: int, data: Any) -> int:
            self.attempts += 1
            if self.room is None:
                return write(descriptor, data)
            if not self.room:
                raise OSError(self.error, os.strerror(self.error))
            written = write(descriptor, bytes(data)[: self.room])
            self.room -= written
            return written

        def cut(descriptor: int, length: int) -> None:
            if not self.cuts_back:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            truncate(descriptor, length)

        monkeypatch.setattr(os, "write", limited)
        monkeypatch.setattr(os, "ftruncate", cut)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("room", [0, 1, 50])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_it_is_said_once_and_tried_again_each_second(
    journal: FileJournal, clock: Clock, disk: Disk, room: int, error: int
) -> None:
    keep(journal, 1)
    disk.room, disk.error = room, error
    with capture_logs() as logs:
        for seq in range(2, 12):
            assert journal.append(fact(seq)) is None
        attempts = disk.attempts
        for _ in range(3):
            clock.now += 0.9
            assert journal.append(fact(12)) is None
    assert disk.attempts - attempts == 1, "in 2.7 s"
    (entry,) = logs
    assert entry["event"].startswith("journal cannot be written")
    assert (entry["log_level"], entry["reason"]) == ("error", os.strerror(error))
    assert "room" in entry["remedy"]
    assert entry["directory"] == str(journal._directory)
    assert (journal.broken, journal.lost_count, journal.faults) == (True, 13, 1)
    disk.room = None
    clock.now += 1.0
    with capture_logs() as logs:
        keep(journal, 13)
    assert [(entry["event"], entry["lost"]) for entry in logs] == [("journal is written again", 13)]
    assert journal.broken, "until there is a new checkpoint"
    assert journal.checkpoint(MEMORY)
    assert not journal.broken
    keep(journal, 14)
    assert seqs(everything(journal)) == [1, 13, 14]


def test_a_second_episode_is_said_again(journal: FileJournal, clock: Clock, disk: Disk) -> None:
    with capture_logs() as logs:
        for seq in (1, 3):
            disk.room = 0
            assert journal.append(fact(seq)) is None
            disk.room = None
            clock.now += 1.0
            keep(journal, seq + 1)
    assert [entry["log_level"] for entry in logs] == ["error", "warning"] * 2
    assert journal.faults == 2


def test_where_a_torn_line_cannot_be_cut_off_nothing_is_written_behind_it(
    journal: FileJournal, clock: Clock, disk: Disk, tmp_path: Path
) -> None:
    keep(journal, 1)
    disk.room, disk.cuts_back = 10, False
    assert journal.append(fact(2)) is None
    disk.room = None
    size = (tmp_path / "00000001.journal").stat().st_size
    clock.now += 1.0
    assert journal.append(fact(3)) is None
    assert (tmp_path / "00000001.journal").stat().st_size == size
    assert seqs(everything(journal)) == [1]
    assert journal.checkpoint(MEMORY), "another segment"
    assert not journal.broken
    keep(journal, 4)
    with capture_logs() as logs:
        assert seqs(everything(journal)) == seqs(everything(journal)) == [1, 4]
    assert [entry["action"] for entry in logs] == ["journal.cut_off"]
    disk.room, disk.cuts_back = 10, False
    assert journal.append(fact(5)) is None
    disk.room, disk.cuts_back = None, True
    clock.now += 1.0
    keep(journal, 6)
    assert seqs(everything(journal)) == [1, 4, 6]
    assert journal.damaged == 0


def test_without_room_for_a_checkpoint_the_segment_before_goes_on(
    journal: FileJournal, disk: Disk, tmp_path: Path
) -> None:
    keep(journal, 1)
    with capture_logs() as logs:
        for _ in range(3):
            disk.room = 20
            assert not journal.checkpoint(MEMORY * 100)
            disk.room = None
            keep(journal, 2)
    assert [entry["event"] for entry in logs] == ["journal cannot be written: it has no new checkpoint"]
    assert not journal.broken
    assert journal.since_checkpoint == 4
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "owner", "00000001.journal"}
    assert journal.checkpoint(MEMORY)
    assert seqs(everything(journal)) == [1, 2, 2, 2]


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_crash_while_a_checkpoint_is_written_leaves_the_older_one_valid(
    journal: FileJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    keep(journal, 1)
    with monkeypatch.context() as patch:
        patch.setattr(Path if step == "rename" else os, step, crash)
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(Crash):
            journal.checkpoint(b"[]")
    assert (tmp_path / "00000002.journal.new").exists()
    journal.close()
    again = FileJournal.open(tmp_path)
    assert [segment.checkpoint for segment in again.segments()] == [MEMORY]
    assert seqs(everything(again)) == [1]
    assert not (tmp_path / "00000002.journal.new").exists()
    assert again.checkpoint(b"[]")
    again.close()


def test_a_directory_that_cannot_be_synced_is_said_and_the_segment_counts(
    journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(journal_segments, "_sync_directory", fail)
    with capture_logs() as logs:
        assert journal.checkpoint(MEMORY)
    assert [entry["action"] for entry in logs] == ["journal.unsynced"]
    assert keep(journal, 1).segment == 2


def test_it_is_bounded_and_goes_on_when_room_was_given_back(tmp_path: Path, clock: Clock) -> None:
    journal = FileJournal.open(tmp_path / "small", most_bytes=20_000, clock=clock)
    assert journal.checkpoint(MEMORY)
    seq, kept = 0, 0
    with capture_logs() as logs:
        while journal.append(fact(seq := seq + 1)) is not None:
            kept = seq
            if seq == 50:
                assert journal.checkpoint(MEMORY)
        clock.now += 1.0
        assert journal.append(fact(seq)) is None
        assert not journal.checkpoint(MEMORY * 100)
        assert journal.size <= 20_000
    assert "journal_limit_mib" in logs[0]["remedy"]
    assert len(logs) == 2
    journal.release(JournalPlace(2, 0))
    assert journal.append(fact(seq)) is None, "not tried at every fact"
    clock.now += 1.0
    keep(journal, seq)
    assert seqs(everything(journal)) == [*range(51, kept + 1), seq]
    journal.close()


def test_a_fact_that_is_no_text_is_lost_alone(journal: FileJournal) -> None:
    with capture_logs() as logs:
        assert journal.append(fact(1, name=object())) is None  # type: ignore[arg-type]
    assert [entry["action"] for entry in logs] == ["journal.unwritable"]
    assert (journal.broken, journal.lost_count) == (True, 1)
    keep(journal, 2)


def test_what_cannot_be_removed_stays_counted(journal: FileJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    assert journal.checkpoint(MEMORY)
    size = journal.size
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Path, "unlink", refuse)
        journal.release(journal.end)
    assert [entry["action"] for entry in logs] == ["journal.release"]
    assert journal.size == size
    journal.release(journal.end)
    assert journal.size == size // 2


@pytest.fixture(params=["tmpfs", "file size limit"])
def scarce(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A directory with little room, and how to make more. Where nothing may be mounted, a limit."""
    directory = tmp_path / "scarce"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "callbridge-test", str(directory)]
    mounted = (
        request.param == "tmpfs" and os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if mounted:
        yield directory, lambda: (directory / "filler").unlink()
        subprocess.run(["umount", "-l", str(directory)], check=True)
    else:
        yield directory, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_really_full(scarce: tuple[Path, Callable[[], None]], clock: Clock) -> None:
    directory, make_room = scarce
    journal = FileJournal.open(directory, clock=clock)
    assert journal.checkpoint(MEMORY)
    keep(journal, 1)
    if directory.is_mount():
        (directory / "filler").write_bytes(b"x" * 64 * 1024)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with capture_logs() as logs:
        seq = 1
        while journal.append(fact(seq := seq + 1)) is not None:
            assert seq < 10_000
        last = seq - 1
        for _ in range(5):
            clock.now += 1.0
            assert journal.append(fact(seq, name="x" * 1000)) is None
        assert not journal.checkpoint(b'"%s"' % (b"x" * 100_000))
    assert last > 100
    assert len(logs) == 2
    file = directory / "00000001.journal"
    assert file.read_bytes().endswith(b"\n"), "cut back to the last whole line"
    assert seqs(everything(journal)) == list(range(1, last + 1))
    make_room()
    clock.now += 1.0
    keep(journal, seq)
    assert journal.checkpoint(MEMORY)
    assert not journal.broken
    journal.close()
    again = FileJournal.open(directory)
    assert [seqs(list(segment.facts())) for segment in again.segments()] == [[*range(1, last + 1), seq], []]
    again.close()

"""The journal after a crash or on a damaged disk: whatever is whole is read, the rest is counted and said."""

import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.errors import LinkDown
from bridge.store.journal import FileJournal
from tests.unit.store.journals import MEMORY, everything, keep, seqs


def left_by_an_earlier_process(directory: Path, facts: int = 5) -> Path:
    earlier = FileJournal.open(directory)
    assert earlier.checkpoint(MEMORY)
    for seq in range(1, facts + 1):
        keep(earlier, seq)
    earlier.close()
    return directory / "00000001.journal"


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    file = left_by_an_earlier_process(tmp_path)
    whole = file.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in (start + 1, start + 20, len(whole) - 1):
        file.write_bytes(whole[:length])
        journal = FileJournal.open(tmp_path)
        with capture_logs() as logs:
            assert seqs(list(journal.segments()[0].facts())) == [1, 2, 3, 4]
            assert seqs(everything(journal)) == [1, 2, 3, 4]
        assert [entry["action"] for entry in logs] == ["journal.cut_off"]
        assert journal.damaged == 0
        journal.close()


@pytest.mark.parametrize(
    "damage",
    [
        b"\0" * 30,
        b"{}",
        b"\xff\xfe",
        b'{"run":"run","seq":3}',
        b"",
        b'{"run":"r","seq":3,"at":"2025-03-01T09:00:00","call":null,"type":"x","body":{}}',
    ],
)
def test_a_damaged_line_is_counted_and_said_with_its_number(tmp_path: Path, damage: bytes) -> None:
    file = left_by_an_earlier_process(tmp_path)
    lines = file.read_bytes().splitlines()
    lines[3] = damage
    file.write_bytes(b"\n".join(lines) + b"\n")
    journal = FileJournal.open(tmp_path)
    with capture_logs() as logs:
        for _ in range(2):
            assert seqs(list(journal.segments()[0].facts())) == [1, 2, 4, 5]
            assert seqs(everything(journal)) == [1, 2, 4, 5]
    assert [(entry["action"], entry["file"], entry["line"]) for entry in logs] == [
        ("journal.damage", str(file), 4)
    ]
    assert journal.damaged == 1
    journal.close()


@pytest.mark.parametrize(
    "header",
    [b"", b"{}", b"\0\0\0", b'{"format":2,"checkpoint":{}}', b'{"format":1,"checkpoint":{"a"', MEMORY],
)
def test_a_header_that_cannot_be_read_costs_the_checkpoint_alone(tmp_path: Path, header: bytes) -> None:
    file = left_by_an_earlier_process(tmp_path)
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([header, *lines[1:]]) + b"\n")
    journal = FileJournal.open(tmp_path)
    (segment,) = journal.segments()
    with capture_logs() as logs:
        for _ in range(2):
            assert segment.checkpoint is None
    assert [(entry["event"], entry["line"]) for entry in logs] == [("a checkpoint cannot be read", 1)]
    assert seqs(list(segment.facts())) == seqs(everything(journal)) == [1, 2, 3, 4, 5]
    journal.close()


@pytest.mark.parametrize("content", [b"", b"x", b"\n", MEMORY])
def test_a_file_of_nothing_does_not_hinder_the_others(tmp_path: Path, content: bytes) -> None:
    left_by_an_earlier_process(tmp_path)
    (tmp_path / "00000002.journal").write_bytes(content)
    journal = FileJournal.open(tmp_path)
    assert [segment.checkpoint for segment in journal.segments()] == [MEMORY, None]
    assert journal.checkpoint(MEMORY)
    keep(journal, 6)
    assert seqs(everything(journal)) == [1, 2, 3, 4, 5, 6]
    journal.close()


def test_a_segment_that_vanished_is_passed_over(tmp_path: Path) -> None:
    left_by_an_earlier_process(tmp_path).rename(tmp_path / "00000003.journal")
    left_by_an_earlier_process(tmp_path)
    journal = FileJournal.open(tmp_path)
    (tmp_path / "00000003.journal").unlink()
    with capture_logs() as logs:
        assert [segment.checkpoint for segment in journal.segments()] == [None, MEMORY]
        assert [seqs(list(segment.facts())) for segment in journal.segments()] == [[], [1, 2, 3, 4, 5]]
        assert seqs(everything(journal)) == [1, 2, 3, 4, 5]
    assert {entry["action"] for entry in logs} == {"journal.damage"}
    journal.close()


def test_what_may_be_readable_later_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_an_earlier_process(tmp_path)
    journal = FileJournal.open(tmp_path)

    def too_many(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", too_many)
        with pytest.raises(LinkDown, match="Too many open files"):
            journal.read(journal.start, 10)
    assert seqs(everything(journal)) == [1, 2, 3, 4, 5]
    assert journal.damaged == 0
    journal.close()

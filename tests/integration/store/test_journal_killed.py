"""A process that is killed in the middle of its work: whatever it was told is kept is there afterwards."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.errors import JournalBusy
from bridge.store import FileJournal

ROOT = Path(__file__).resolve().parents[3]
# It says what it has kept only when that is kept; what it says last may be torn by the kill.
KEEPER = """
import os, sys
from datetime import UTC, datetime
from bridge.engine.ports import LoggedFact
from bridge.store import FileJournal

run = sys.argv[2]
journal = FileJournal.open(sys.argv[1])
assert journal.checkpoint(b'"%s"' % run.encode())
os.write(1, b"ready\\n")
for seq in range(1, 10**9):
    body = {"name": "x" * (seq % 700)}
    fact = LoggedFact(run, seq, datetime.now(UTC), None, "CallOffered", body)
    assert journal.append(fact) is not None
    os.write(1, b"%d\\n" % seq)
    if seq % 300 == 0:
        assert journal.checkpoint(b'"%s %d"' % (run.encode(), seq))
"""


def killed_after(seconds: float, directory: Path, run: str) -> int:
    """The number of the last fact that was kept for certain."""
    keeper = subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(directory), run], stdout=subprocess.PIPE, bufsize=0, cwd=ROOT
    )
    with keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"ready\n"
        with pytest.raises(JournalBusy, match=f"pid {keeper.pid} on host"):
            FileJournal.open(directory)
        until = time.monotonic() + seconds
        said = b""
        while time.monotonic() < until:
            said = said[-100:] + keeper.stdout.read(65_536)
        keeper.kill()
        while some := keeper.stdout.read(65_536):
            said += some
    return max((int(line) for line in said.split(b"\n")[:-1][1:]), default=0)


def test_nothing_is_lost_however_often_it_is_killed(tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    kept: dict[str, int] = {}
    for number in range(8):
        run = f"run{number}"
        kept[run] = killed_after(random.uniform(0.0, 0.4), directory, run)
        journal = FileJournal.open(directory)
        found: dict[str, list[int]] = {}
        for segment in journal.segments():
            assert segment.checkpoint is not None
            name, *after = segment.checkpoint.decode().strip('"').split()
            facts = list(segment.facts())
            first = int(after[0]) + 1 if after else 1
            assert [fact.seq for fact in facts] == list(range(first, first + len(facts)))
            assert {fact.run for fact in facts} <= {name}
            assert all(fact.body["name"] == "x" * (fact.seq % 700) for fact in facts)
            found.setdefault(name, []).extend(fact.seq for fact in facts)
        for earlier, last in kept.items():
            # At most the one fact that it was about to say.
            assert len(found[earlier]) in (last, last + 1), earlier
        assert journal.damaged == 0
        journal.close()
    assert max(kept.values()) > 300, "no segment but the first was ever begun"

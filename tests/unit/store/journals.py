"""What the journal's tests share: facts, and how to keep and read them."""

from datetime import UTC, datetime, timedelta

from bridge.engine.ports import Journal, JournalPlace, LoggedFact
from bridge.store.journal import FileJournal

AT = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
MEMORY = b'{"calls":[1,"\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd"]}'


def fact(seq: int, run: str = "run", name: str = "Иван\n") -> LoggedFact:
    return LoggedFact(
        run, seq, AT + timedelta(microseconds=seq), "1.1", "CallOffered", {"name": name, "none": None}
    )


def keep(journal: FileJournal, seq: int) -> JournalPlace:
    place = journal.append(fact(seq))
    assert place is not None
    return place


def everything(journal: Journal, most: int = 3) -> list[LoggedFact]:
    found: list[LoggedFact] = []
    place = JournalPlace(0, 0)
    while place < journal.end:
        some, place = journal.read(place, most)
        assert len(some) <= most
        found += some
    return found


def seqs(facts: list[LoggedFact]) -> list[int]:
    return [one.seq for one in facts]

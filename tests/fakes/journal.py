"""A journal in memory, which can be full; offsets count facts instead of bytes."""

from bridge.engine.ports import JournalPlace, LoggedFact


class MemoryJournal:
    def __init__(self) -> None:
        self.segments: dict[int, list[LoggedFact | None]] = {0: []}  # None for a damaged one
        self.checkpoints: list[bytes] = []
        self.released: list[JournalPlace] = []
        self.broken = False
        self.full = False
        self.lost_count = 0

    @property
    def facts(self) -> list[LoggedFact]:
        return [fact for facts in self.segments.values() for fact in facts if fact is not None]

    def damage(self, *seqs: int) -> None:
        for facts in self.segments.values():
            facts[:] = [None if fact is None or fact.seq in seqs else fact for fact in facts]

    @property
    def start(self) -> JournalPlace:
        return JournalPlace(min(self.segments), 0)

    @property
    def end(self) -> JournalPlace:
        last = max(self.segments)
        return JournalPlace(last, len(self.segments[last]))

    @property
    def since_checkpoint(self) -> int:
        return self.end.offset

    def append(self, fact: LoggedFact) -> JournalPlace | None:
        if self.full:
            self.broken = True
            self.lost_count += 1
            return None
        place = self.end
        self.segments[place.segment].append(fact)
        return place

    def checkpoint(self, memory: bytes) -> bool:
        if self.full:
            return False
        self.checkpoints.append(memory)
        self.segments[max(self.segments) + 1] = []
        self.broken = False
        return True

    def read(self, place: JournalPlace, most: int) -> tuple[list[LoggedFact], JournalPlace]:
        found: list[LoggedFact] = []
        for number, facts in list(self.segments.items()):
            if number < place.segment:
                continue
            first = place.offset if number == place.segment else 0
            for offset, fact in enumerate(facts[first:], start=first + 1):
                if len(found) == most:
                    return found, place
                place = JournalPlace(number, offset)
                if fact is not None:
                    found.append(fact)
        return found, max(place, self.end)

    def release(self, needed: JournalPlace) -> None:
        self.released.append(needed)
        for number in [number for number in self.segments if number < min(needed.segment, self.end.segment)]:
            del self.segments[number]

"""Who waits in one queue, in order. Owns places; knows nothing of agents.

A caller who is being offered keeps his place and is passed over; when the offer fails he is where he was.
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from datetime import datetime

from bridge.centre.ids import CallId

Place = tuple[datetime, int, CallId]


@dataclass(slots=True)
class WaitingLine:
    places: list[Place] = field(default_factory=list)
    _place_of: dict[CallId, Place] = field(default_factory=dict)
    _offered: set[CallId] = field(default_factory=set)
    _next: int = 0

    def __len__(self) -> int:
        return len(self._place_of)

    def __contains__(self, call: CallId) -> bool:
        return call in self._place_of

    def enter(self, call: CallId, since: datetime) -> None:
        """``_next`` keeps callers of the same instant in the order of their coming."""
        self._next += 1
        place = (since, self._next, call)
        self._place_of[call] = place
        insort(self.places, place)

    def leave(self, call: CallId) -> bool:
        place = self._place_of.pop(call, None)
        if place is None:
            return False
        if call in self._offered:
            self._offered.discard(call)
        else:
            del self.places[bisect_left(self.places, place)]
        return True

    def head(self) -> Place | None:
        """The first caller who is not being offered."""
        return self.places[0] if self.places else None

    def offered(self, call: CallId) -> None:
        del self.places[bisect_left(self.places, self._place_of[call])]
        self._offered.add(call)

    def offer_failed(self, call: CallId) -> None:
        if call in self._offered:
            self._offered.discard(call)
            insort(self.places, self._place_of[call])

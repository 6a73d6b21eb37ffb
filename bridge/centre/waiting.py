"""Who waits in one queue, in order. Owns places; knows nothing of agents but who rings for whom.

Callers who can go to the same agents stand in one bucket, so only the head of each is ever compared: a
decision costs by the kinds of callers, not by their number. A caller who is being offered keeps his place.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.centre.ids import AgentId, CallId
from bridge.centre.plan import Needs

Rank = tuple[int, int, CallId]  # -priority, place, call: the lowest is served first
Kind = tuple[Needs, int | None]  # what callers of one bucket need by now, and the highest penalty asked


@dataclass(slots=True)
class Waiting:
    """One caller. ``needs`` as he came, ``kind`` what of it still counts. ``ringing``: who rings for him."""

    call: CallId
    place: int
    priority: int
    needs: Needs
    level: int
    kind: Kind
    preferred: AgentId | None = None
    brought: Needs = ()  # without the queue's own
    ringing: tuple[AgentId, ...] = ()
    ringing_penalty: int = 0

    @property
    def rank(self) -> Rank:
        return (-self.priority, self.place, self.call)


@dataclass(slots=True)
class WaitingLine:
    callers: dict[CallId, Waiting] = field(default_factory=dict)
    buckets: dict[Kind, list[Rank]] = field(default_factory=dict)  # for whom nobody rings, and anybody may
    joinable: list[Rank] = field(default_factory=list)  # ringall: for whom some ring, and others may join
    _ranks: list[Rank] = field(default_factory=list)  # all, also who is being offered or held

    def __len__(self) -> int:
        return len(self.callers)

    def __iter__(self) -> Iterator[CallId]:
        """In the order of service."""
        return (call for _, _, call in self._ranks)

    def enter(self, caller: Waiting) -> None:
        self.callers[caller.call] = caller
        insort(self._ranks, caller.rank)

    def leave(self, call: CallId) -> Waiting | None:
        caller = self.callers.pop(call, None)
        if caller is not None:
            self.close(caller)
            self.finish(caller)
            del self._ranks[bisect_left(self._ranks, caller.rank)]
        return caller

    def open(self, caller: Waiting) -> bool:
        """Nobody rings for him, and an agent may be offered. True when he is the first of his kind."""
        bucket = self.buckets.setdefault(caller.kind, [])
        rank = caller.rank
        index = bisect_left(bucket, rank)
        if index == len(bucket) or bucket[index] != rank:
            bucket.insert(index, rank)
        return index == 0

    def close(self, caller: Waiting) -> None:
        """He is being offered one, or is held for a particular one."""
        bucket = self.buckets.get(caller.kind)
        if bucket is None:
            return
        rank = caller.rank
        index = bisect_left(bucket, rank)
        if index < len(bucket) and bucket[index] == rank:
            del bucket[index]
            if not bucket:
                del self.buckets[caller.kind]

    def gather(self, caller: Waiting) -> None:
        """Ringall: phones ring for him, and those of who becomes free may join them."""
        rank = caller.rank
        index = bisect_left(self.joinable, rank)
        if index == len(self.joinable) or self.joinable[index] != rank:
            self.joinable.insert(index, rank)

    def finish(self, caller: Waiting) -> None:
        rank = caller.rank
        index = bisect_left(self.joinable, rank)
        if index < len(self.joinable) and self.joinable[index] == rank:
            del self.joinable[index]

    def head(self, kind: Kind) -> Waiting | None:
        bucket = self.buckets.get(kind)
        return self.callers[bucket[0][2]] if bucket else None

    def position(self, caller: Waiting) -> int:
        """From 1."""
        return bisect_left(self._ranks, caller.rank) + 1

    @property
    def first(self) -> Waiting | None:
        return self.callers[self._ranks[0][2]] if self._ranks else None

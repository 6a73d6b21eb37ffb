"""The one loop: take a fact, stamp it, decide, log it, send the orders, tell who watches.

Owns the floor: nobody else changes it. Knows no adapter, only what it was given.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import structlog

from bridge.centre.facts import ChangeFact, Fact, PlanLoaded, TimerFired
from bridge.centre.floor import Floor
from bridge.centre.orders import Order, RingAgent, StartTimer, StopTimer, Tell
from bridge.engine.checkpoint import CheckpointWriter
from bridge.engine.dispatch import Dispatch
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.ports import Journal, StampedFact
from bridge.engine.recovery import decide
from bridge.engine.timers import Timers

log = structlog.get_logger(__name__)

Watcher = Callable[[StampedFact], None]

_CHECKPOINT_EVERY = 5_000  # facts: to decide so many again takes about half a second
_RETRY_SECONDS = 1.0  # between attempts at a checkpoint that cannot be written


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """``start`` before anything else."""

    def __init__(
        self,
        *,
        floor: Floor,
        inbox: BoundedInbox,
        dispatch: Dispatch,
        timers: Timers,
        history: History,
        journal: Journal,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.floor = floor
        self.inbox = inbox
        self.dispatch = dispatch
        self.timers = timers
        self.history = history
        self.journal = journal
        self.faults = 0  # facts that our own code could not take; each ended one call at most
        self._clock = clock
        self._seq = 0
        self._watchers: list[Watcher] = []
        self._writer = CheckpointWriter()
        self._checkpoint_tried = float("-inf")

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` for every fact once it is decided; returns its unsubscribe."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def start(self, untold: Iterable[tuple[ChangeFact, datetime]] = ()) -> None:
        """From now on facts are kept, beginning with the floor as it is, and with what its last one lacks."""
        self.checkpoint()
        for fact, at in untold:
            self.take(fact, at)

    def stop(self, *, everything_done: bool) -> None:
        """Write down what the next process goes on with. ``run`` has ended before."""
        fired = [fact for fact in self.inbox.undecided() if isinstance(fact, TimerFired)]
        now = self._clock()
        self.timers.hold({fact.timer: now for fact in fired})
        kept = self.journal.checkpoint(self._writer.write(self.floor, self.timers.due(now)))
        if kept and everything_done:
            self.release()
        self.timers.close()

    async def run(self) -> None:
        taken = 0
        while True:
            letter = await self.inbox.take()
            self.take(letter.fact, letter.at)
            if letter.decided is not None:
                letter.decided.set()
            taken += 1
            if taken % 100 == 0:
                # A process that is started again reads all that is kept.
                self.release()
                # A burst must not keep the sockets and the timers from their turn.
                await asyncio.sleep(0)

    def take(self, fact: Fact, at: datetime | None = None) -> None:
        """``at``: when it happened, if that is known; else now."""
        if self.floor.knows(fact):
            return  # the log tells everything once
        now = self._clock()
        self._seq += 1
        stamped = StampedFact(self._seq, at or now, fact)
        place = self.journal.end
        self.history.note(stamped)  # before it has any effect: a killed process has decided nothing unknown
        orders, fault = decide(self.floor, fact, stamped.at)
        self.faults += fault is not None
        late = now - stamped.at
        # An agent's phone rings before anything else is asked for: lanes need no order among each other.
        for order in sorted(orders, key=_is_later):
            if isinstance(order, StartTimer | StopTimer):
                self.timers.carry_out(order, max(late, timedelta(0)))
            elif not isinstance(order, Tell):
                self.dispatch.send(order, place)
        for watcher in tuple(self._watchers):
            watcher(stamped)
        for order in orders:
            if isinstance(order, Tell):
                self.take(order.fact, stamped.at)
        # Behind all that follows from the fact: what a kill leaves untold is found before a checkpoint only.
        if isinstance(fact, PlanLoaded) or self._checkpoint_is_due():
            self.checkpoint()

    # ── checkpoints ──────────────────────────────────────────────────────────

    def checkpoint(self) -> None:
        """Write the floor down, so that the facts before it are needed only until the store has them."""
        self._checkpoint_tried = asyncio.get_running_loop().time()
        if self.journal.checkpoint(self._writer.write(self.floor, self.timers.due(self._clock()))):
            self.release()

    def release(self) -> None:
        """Give the journal's room back, as far as the store has everything."""
        needed = self.dispatch.needed()
        written = self.history.needed()
        self.journal.release(written if needed is None else min(written, needed))

    def _checkpoint_is_due(self) -> bool:
        if not self.journal.broken:
            return self.journal.since_checkpoint >= _CHECKPOINT_EVERY
        # What the journal lacks, a new checkpoint makes good.
        return asyncio.get_running_loop().time() - self._checkpoint_tried >= _RETRY_SECONDS


def _is_later(order: Order) -> bool:
    return not isinstance(order, RingAgent)

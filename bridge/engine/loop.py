"""The one loop: take a fact, stamp it, decide, log it, send the orders, tell who watches.

Owns the floor: nobody else changes it. Knows no adapter, only what it was given.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from bridge.centre.facts import Fact, TimerFired
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, call_of
from bridge.centre.orders import Order, RingAgent, StartTimer, StopTimer
from bridge.engine.dispatch import Dispatch
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.ports import StampedFact
from bridge.engine.timers import Timers

log = structlog.get_logger(__name__)

Watcher = Callable[[StampedFact], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    def __init__(
        self,
        *,
        floor: Floor,
        inbox: BoundedInbox,
        dispatch: Dispatch,
        timers: Timers,
        history: History,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.floor = floor
        self.inbox = inbox
        self.dispatch = dispatch
        self.timers = timers
        self.history = history
        self.faults = 0  # facts that our own code could not take; each ended one call at most
        self._clock = clock
        self._seq = 0
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` for every fact once it is decided; returns its unsubscribe."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    async def run(self) -> None:
        taken = 0
        while True:
            letter = await self.inbox.take()
            self.take(letter.fact)
            if letter.decided is not None:
                letter.decided.set()
            taken += 1
            if taken % 100 == 0:
                # A burst must not keep the sockets and the timers from their turn.
                await asyncio.sleep(0)

    def take(self, fact: Fact) -> None:
        self._seq += 1
        stamped = StampedFact(self._seq, self._clock(), fact)
        self.history.note(stamped)
        # An agent's phone rings before anything else is asked for: lanes need no order among each other.
        for order in sorted(self._decide(stamped), key=_is_later):
            if isinstance(order, StartTimer | StopTimer):
                self.timers.carry_out(order)
            else:
                self.dispatch.send(order)
        for watcher in tuple(self._watchers):
            watcher(stamped)

    def _decide(self, stamped: StampedFact) -> Sequence[Order]:
        try:
            return self.floor.decide(stamped.fact, stamped.at)
        except Exception:
            # Our own fault must not take the other calls down: this one goes back to the dialplan.
            self.faults += 1
            log.exception("a fact could not be taken", action="loop.fault", fact=type(stamped.fact).__name__)
            return self.floor.give_up(_call_of(stamped.fact), stamped.at)


def _is_later(order: Order) -> bool:
    return not isinstance(order, RingAgent)


def _call_of(fact: Fact) -> CallId | None:
    """The call that a fact is about, if it is about one."""
    if isinstance(fact, TimerFired):
        return call_of(fact.timer.owner)
    call: CallId | None = getattr(fact, "call", None)
    return call

"""Orders out: in order within a lane, lanes in parallel; every result comes back as a fact.

A lane is (call, kind of work), and for media also the leg: ringing an agent does not wait until the caller's
music plays. What concerns the client goes by his leg, so that it cannot overtake what was ordered before.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

import structlog

from bridge.centre.facts import Fact, FailureReason, OrderFailed
from bridge.centre.ids import LegId
from bridge.centre.orders import (
    Answer,
    AttachRecording,
    CallEventKind,
    CallOrder,
    CancelRing,
    ClearCall,
    Connect,
    EndOffer,
    EnterWaitingRoom,
    HangUp,
    Hold,
    Join,
    Lane,
    LeaveWaitingRoom,
    OpenTicket,
    RingBack,
    SaveCall,
    TellCrm,
)
from bridge.engine.backoff import Backoff
from bridge.engine.ports import JournalPlace
from bridge.errors import CallbridgeError, Gone, LinkDown, Refused, RequestTimeout, Unreachable

log = structlog.get_logger(__name__)

Handler = Callable[[CallOrder], Awaitable[Fact | None]]
Together = Callable[[Sequence[CallOrder]], Awaitable[Sequence[Fact]]]
"""Carries out all of them, in their order, or none."""
LaneKey = tuple[str, Lane, str]

# What must happen is tried until it does, or cannot any more (Gone); the lane waits, so the order stays:
# what is remembered, what is recorded, and what ends, for nobody else would end a channel or the music.
_PERSISTENT_LANES = frozenset({Lane.RECORDS, Lane.FILES, Lane.RECORDER})
_PERSISTENT_ORDERS = (HangUp, CancelRing, ClearCall, LeaveWaitingRoom)
# What brings a client to where he belongs is not given up because Asterisk cannot be reached: nor could he be
# given back to the dialplan then, and he would lose his place, or his agent.
_PATIENT_ORDERS = (Answer, Connect, EnterWaitingRoom, Join, Hold, RingBack)
_UNANSWERED = 2  # tries, after which one more is not made
_LOUD_TRIES = 5  # after some three seconds
_CEILING, _PATIENT_CEILING = 10.0, 1.0  # seconds between tries: a client hears nothing meanwhile
# Seconds. A call changes several times within a moment, and each snapshot of it costs a transaction; only
# history reads them, for the live call is the floor's. At a call's end its agent's next one is urgent, also
# before CRMs are told of it.
_SNAPSHOT_PATIENCE = 1.0
_END_PATIENCE = 0.2
_FILE_PATIENCE = 0.4  # before the call's end is kept, a recording would be looked at for nothing
_MOST_TOGETHER = 20


def lane_of(order: CallOrder) -> LaneKey:
    if order.lane is not Lane.MEDIA:
        return order.call, order.lane, ""
    leg = order.client if isinstance(order, Connect) else getattr(order, "leg", LegId(order.call))
    return order.call, order.lane, leg


def reason_of(error: Exception) -> FailureReason:
    match error:
        case Gone():
            return FailureReason.GONE
        case Unreachable():
            return FailureReason.UNREACHABLE
        case Refused():
            return FailureReason.REFUSED
        case RequestTimeout():
            return FailureReason.TIMEOUT
        case LinkDown():
            return FailureReason.LINK_DOWN
        case _:
            return FailureReason.INTERNAL


@dataclass(frozen=True, slots=True)
class Handlers:
    """What carries out each lane's orders: one at a time, or those that wait together at once."""

    alone: Mapping[Lane, Handler]
    together: Mapping[Lane, Together] = field(default_factory=dict)


@dataclass(slots=True)
class _LaneWork:
    orders: deque[CallOrder] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    gathering: asyncio.Event | None = None  # its orders wait for later ones
    begun: int = 0  # so many of its first orders are being carried out
    due: float = inf  # when they must not wait any more
    since: JournalPlace | None = None  # its oldest order's fact

    @property
    def pending_snapshot(self) -> int | None:
        """Where a snapshot stands that is still to be carried out."""
        found = (i for i in range(self.begun, len(self.orders)) if isinstance(self.orders[i], SaveCall))
        return next(found, None)


class Dispatch:
    """``report`` takes the handlers' results, and failures, as facts.

    ``wanted``: whether anybody wants to be told this by now; else it costs nothing.
    """

    def __init__(
        self,
        handlers: Handlers,
        report: Callable[[Fact], None],
        wanted: Callable[[TellCrm], bool] = lambda _: True,
    ) -> None:
        self._handlers = handlers
        self._report = report
        self._wanted = wanted
        self._patient = True
        self._again = asyncio.Event()
        self._lanes: dict[LaneKey, _LaneWork] = {}

    def __len__(self) -> int:
        return sum(len(work.orders) for work in self._lanes.values())

    def needed(self) -> JournalPlace | None:
        """From where on facts would have to be decided again for what the store has not taken yet."""
        places = (work.since for (_, lane, _), work in self._lanes.items() if lane is Lane.RECORDS)
        return min((place for place in places if place is not None), default=None)

    def send(self, order: CallOrder, place: JournalPlace | None = None) -> None:
        """``place``: of the fact that the order follows from."""
        if isinstance(order, TellCrm) and not self._wanted(order):
            return
        key = lane_of(order)
        work = self._lanes.get(key)
        if work is None:
            work = self._lanes[key] = _LaneWork(since=place)
            work.orders.append(order)
            work.task = asyncio.create_task(self._run(key, work), name=order.call)
            return
        pending = work.pending_snapshot
        if pending is not None and isinstance(order, SaveCall | OpenTicket):
            work.orders[pending] = order  # the later snapshot says all that the earlier one would
        elif pending is not None and pending == len(work.orders) - 1 and _says_nothing_of_it(order):
            work.orders.insert(pending, order)  # nothing of the snapshot: that may go on waiting
        else:
            work.orders.append(order)
        if work.gathering is not None:
            asyncio.get_running_loop().call_later(patience_of(order), work.gathering.set)

    def try_again(self) -> None:
        """What failed may succeed by now: it does not wait any longer."""
        self._again.set()
        self._again = asyncio.Event()  # those whose try goes on have the former one

    async def drain(self, seconds: float) -> int:
        """Let what is out finish, for so long at most; returns how many orders were left undone."""
        self._patient = False
        tasks = [work.task for work in self._lanes.values() if work.task is not None]
        for work in self._lanes.values():
            if work.gathering is not None:
                work.gathering.set()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        left = len(self)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

    async def _run(self, key: LaneKey, work: _LaneWork) -> None:
        try:
            while work.orders:
                patience = min(map(patience_of, work.orders))
                told_only = isinstance(work.orders[0], TellCrm)  # its patience is for a snapshot before it
                if patience and self._patient and not told_only:
                    await self._gather(work, patience)
                orders = self._ready(work)
                work.begun = len(orders)
                await self._carry_out(orders)
                work.begun = 0
                for _ in orders:
                    work.orders.popleft()
                if not any(isinstance(order, SaveCall) for order in work.orders):
                    work.due = inf
        finally:
            del self._lanes[key]

    def _ready(self, work: _LaneWork) -> list[CallOrder]:
        """The first one, and what may go along: up to the last one that has no patience."""
        if work.orders[0].lane not in self._handlers.together:
            return [work.orders[0]]
        orders = list(work.orders)[:_MOST_TOGETHER]
        urgent = [place for place, order in enumerate(orders, 1) if not patience_of(order)]
        return orders[: urgent[-1]] if urgent else orders

    async def _gather(self, work: _LaneWork, seconds: float) -> None:
        """Give later orders of the lane a moment to come; one with less patience shortens it."""
        loop = asyncio.get_running_loop()
        work.due = min(work.due, loop.time() + seconds)
        work.gathering = asyncio.Event()
        moment = loop.call_at(work.due, work.gathering.set)
        try:
            await work.gathering.wait()
        finally:
            moment.cancel()
            work.gathering = None

    async def _carry_out(self, orders: Sequence[CallOrder]) -> None:
        """What fails together is tried one by one: one's fault is not the others'."""
        order = orders[0]
        patient = isinstance(order, _PATIENT_ORDERS)
        backoff = Backoff(first=0.2, ceiling=_PATIENT_CEILING if patient else _CEILING)
        for tries in itertools.count(1):
            again = self._again
            try:
                facts = await self._handle(orders)
            except Exception as error:  # a fault in one call stays in that call
                if _is_tried_again(order, error, tries):
                    delay = backoff.next_delay()
                    # While a link comes back this is so for many orders, and nobody need be woken by it.
                    tell = log.info if tries < _LOUD_TRIES else log.error
                    tell("order is tried again", **_fields(order), retry_seconds=delay, error=str(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(delay):
                            await again.wait()
                    continue
                if len(orders) == 1:
                    self._failed(order, error)
                    return
                for one in orders:
                    await self._carry_out([one])
                return
            for fact in facts:
                self._report(fact)
            return

    async def _handle(self, orders: Sequence[CallOrder]) -> Sequence[Fact]:
        lane = orders[0].lane
        together = self._handlers.together.get(lane)
        if together is not None:
            return await together(orders)
        fact = await self._handlers.alone[lane](orders[0])
        return () if fact is None else (fact,)

    def _failed(self, order: CallOrder, error: Exception) -> None:
        reason = reason_of(error)
        if reason is FailureReason.GONE:
            log.info("too late for this order", **_fields(order), error=str(error))
        elif reason is FailureReason.INTERNAL:
            log.error("order failed by our own fault", **_fields(order), exc_info=error)
        else:
            log.warning("order failed", **_fields(order), reason=reason.value, error=str(error))
        leg = getattr(order, "leg", None)
        self._report(OrderFailed(order.call, type(order).__name__, reason, str(error)[:500], leg))


def _says_nothing_of_it(order: CallOrder) -> bool:
    """Whether the call's snapshot need not be kept before: who is told of its end may ask for it at once."""
    match order:
        case TellCrm(kind=kind):
            return kind is not CallEventKind.ENDED
        case _:
            return isinstance(order, EndOffer)


def patience_of(order: CallOrder) -> float:
    """Seconds for which it may wait for others."""
    match order:
        case TellCrm(kind=CallEventKind.ENDED):
            return _END_PATIENCE
        case SaveCall(awaited=True):
            return 0.0
        case SaveCall(record=record):
            return _SNAPSHOT_PATIENCE if record.ended_at is None else _END_PATIENCE
        case AttachRecording():
            return _FILE_PATIENCE
        case _:
            return 0.0


def _is_tried_again(order: CallOrder, error: Exception, tries: int) -> bool:
    if isinstance(order, _PATIENT_ORDERS):
        # No reply while the link is up: this process stood still, or that one channel does.
        return isinstance(error, LinkDown) or (isinstance(error, RequestTimeout) and tries <= _UNANSWERED)
    persistent = order.lane in _PERSISTENT_LANES or isinstance(order, _PERSISTENT_ORDERS)
    return persistent and isinstance(error, CallbridgeError) and error.retryable


def _fields(order: CallOrder) -> dict[str, str]:
    return {"action": f"order.{type(order).__name__}", "call_id": order.call}

"""From the journal to a floor: what an earlier process knew and decided, up to its last fact.

Owns the replay. The floor decides each fact again at the time at which it happened, so the same comes out;
what was ordered of the store meanwhile is ordered once more, for it may not have been carried out. What was
ordered of Asterisk is not: the comparison with what it has (``adopt``) finds what is missing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from bridge.centre.facts import (
    ChangeFact,
    Fact,
    PlanLoaded,
    RecordingAttached,
    TicketOpened,
    Timer,
    TimerFired,
)
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, RecordingId, call_of
from bridge.centre.orders import (
    AttachRecording,
    CallOrder,
    Lane,
    OpenTicket,
    Order,
    SaveCall,
    SetDisposition,
    StartTimer,
    StopTimer,
    Tell,
)
from bridge.engine.checkpoint import BadCheckpoint, read_checkpoint
from bridge.engine.logged import fact_of
from bridge.engine.ports import LoggedFact

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Recovered:
    """``timers``: when they fire by the wall clock. ``orders``: of the store's records, in their order."""

    floor: Floor = field(default_factory=Floor)
    timers: dict[Timer, datetime] = field(default_factory=dict)
    orders: list[CallOrder] = field(default_factory=list)
    files: dict[RecordingId, AttachRecording] = field(default_factory=dict)  # of which nothing was told
    opened: set[CallId] = field(default_factory=set)  # whose ticket was
    untold: list[tuple[ChangeFact, datetime]] = field(default_factory=list)  # of the last fact, and when
    facts: int = 0
    unknown: int = 0  # of another version, or damaged
    faults: int = 0

    def replay(self, facts: Iterable[LoggedFact], read: Callable[[LoggedFact], Fact | None]) -> None:
        for logged in facts:
            fact = read(logged)
            self.facts += 1
            if fact is None:
                # After a plan comes a checkpoint, which has it.
                self.unknown += logged.type != PlanLoaded.__name__
                continue
            self.take(fact, logged.at)

    def take(self, fact: Fact, at: datetime) -> None:
        if isinstance(fact, ChangeFact):
            self.untold = [one for one in self.untold if one[0] != fact]
            return
        match fact:
            case TimerFired(timer=timer):
                self.timers.pop(timer, None)
            case TicketOpened(call=call):
                self.opened.add(call)
            case RecordingAttached(recording=recording):
                self.files.pop(recording, None)
            case _:
                pass
        orders, fault = decide(self.floor, fact, at)
        self.faults += fault is not None
        # What follows from a fact is logged behind it: only a kill between the two leaves some of it untold.
        self.untold = [(order.fact, at) for order in orders if isinstance(order, Tell)]
        for order in orders:
            match order:
                case Tell():
                    pass
                case StartTimer(timer=timer, after=after):
                    self.timers[timer] = at + after
                case StopTimer(timer=timer):
                    self.timers.pop(timer, None)
                case AttachRecording(recording=recording):
                    self.files[recording] = order
                case _ if order.lane is Lane.RECORDS:
                    self.orders.append(order)
                case _:
                    pass

    def latest_orders(self) -> list[CallOrder]:
        """Without those that were carried out for certain; the last of a call's snapshots says it all."""
        last = {order.call: place for place, order in enumerate(self.orders) if isinstance(order, SaveCall)}
        latest = [
            replace(order, again=True) if isinstance(order, SetDisposition) else order
            for place, order in enumerate(self.orders)
            if not (isinstance(order, SaveCall) and last[order.call] != place)
            and not (isinstance(order, OpenTicket) and order.call in self.opened)
        ]
        return [*latest, *self.files.values()]


class KeptSegment(Protocol):
    """As much of a segment of the journal as is needed here."""

    @property
    def checkpoint(self) -> bytes | None: ...

    def facts(self) -> Iterable[LoggedFact]: ...


def recover(segments: Iterable[KeptSegment]) -> Recovered:
    """Each segment begins with the floor as it was then, so a gap before it does no harm.

    Of older segments, kept because the store had not taken everything, only the store's orders count.
    """
    recovered = Recovered()
    for segment in segments:
        text = segment.checkpoint
        if text is None:
            continue
        try:
            checkpoint = read_checkpoint(text)
        except BadCheckpoint as error:
            log.error("a checkpoint is not used", action="recovery.checkpoint", error=str(error))
            continue
        recovered.floor, recovered.timers = checkpoint.floor, checkpoint.timers
        recovered.replay(segment.facts(), fact_of)
    return recovered


def decide(floor: Floor, fact: Fact, at: datetime) -> tuple[Sequence[Order], Exception | None]:
    """The floor's orders. Our own fault must not take other calls down: the call goes to the dialplan."""
    try:
        return floor.decide(fact, at), None
    except Exception as error:
        log.exception("a fact could not be taken", action="loop.fault", fact=type(fact).__name__)
        return floor.give_up(_call_of(fact), at), error


def _call_of(fact: Fact) -> CallId | None:
    """The call that a fact is about, if it is about one."""
    if isinstance(fact, TimerFired):
        return call_of(fact.timer.owner)
    call: CallId | None = getattr(fact, "call", None)
    return call

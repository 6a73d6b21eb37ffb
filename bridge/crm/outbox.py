"""Tells CRMs what happens to calls: kept first, then delivered, in order for each call and receiver.

The rows of the store are the truth; what is here can end at any moment. An event that is written is handed
on at once; the store is only asked what is due when something waited: for its turn, for another try, for a
receiver that is slow. Each receiver has so many calls at a time, and one while it does not answer, so a dead
one keeps nobody from his turn.

A dead letter does not hold up the call's later events: the receiver has had three days, and what comes after
is worth more than the order.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from bridge.centre.orders import TellCrm
from bridge.centre.plan import Plan
from bridge.crm.delivery import (
    Attempt,
    Delivery,
    Limits,
    ReadRecording,
    Sender,
    SteerWish,
    no_recording,
)
from bridge.crm.formats import Steer
from bridge.crm.subscribers import Receiver, Subscribers
from bridge.crm.telling import People, told_of
from bridge.crm.writes import Write
from bridge.errors import BadInput, RemoteError
from bridge.store import Store, SyncUnit
from bridge.store.outbox import NewEvent
from bridge.store.outbox_rows import DueEvent, OutboxCounts, SubscriptionRow

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0  # for subscriptions that another process (the command line) has changed
_LONGEST_REST = 60.0
_STORE_SECONDS = 1.0  # until the store is asked again after it failed
_PRUNE_EVERY = timedelta(hours=1)
_PRUNE_AT_ONCE = 500
_SILENT = 3  # tries in a row without any reply, and it is one call at a time


@dataclass(slots=True)
class Line:
    """One receiver, and the calls of which it is being told."""

    receiver: Receiver
    flying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    slow_until: datetime | None = None
    behind: bool = True  # there may be more that is due, or will be
    again: set[str] = field(default_factory=set)  # calls with an event that came while they flew
    landed: set[str] = field(default_factory=set)  # since the last look began: what it saw of them is old
    silent: int = 0
    heard: bool = False  # since it began here: what was tried before may have met silence
    server: asyncio.Task[None] | None = None
    off: bool = False

    def room(self, most: int) -> int:
        return (most if self.silent < _SILENT else 1) - len(self.flying)


@dataclass(frozen=True, slots=True)
class Numbers:
    """For the metrics: of the last look, and what was told since the start."""

    counts: OutboxCounts
    told: int


def no_steering(call: str, steer: Steer, by: str) -> None:
    log.info("a receiver's wish for a call is not obeyed", action="callback.steer", call_id=call)


class Outbox:
    """``steer``: obeys what a receiver wishes for a call that has just come. ``limits``: of one try."""

    def __init__(
        self,
        store: Store,
        subscribers: Subscribers,
        sender: Sender,
        *,
        plan: Callable[[], Plan],
        region_of_trunk: Callable[[str], str],
        email_of: Callable[[str], str] = lambda _: "",
        public_url: str = "",
        limits: Callable[[], Limits] = Limits,
        at_once: Callable[[], int] = lambda: 8,
        at_once_in_all: int = 64,
        keep: Callable[[], timedelta] = lambda: timedelta(days=7),
        steer: SteerWish = no_steering,
        recording: ReadRecording = no_recording,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = lambda: 0.5,
    ) -> None:
        self._store = store
        self._subscribers = subscribers
        self._delivery = Delivery(
            store,
            subscribers,
            sender,
            limits=limits,
            steer=steer,
            clock=clock,
            random=random,
            recording=recording,
        )
        self._plan = plan
        self._region_of_trunk = region_of_trunk
        self._email_of = email_of
        self._public_url = public_url
        self._at_once = at_once
        self._all = asyncio.Semaphore(at_once_in_all)
        self._keep = keep
        self._clock = clock
        self._rows: list[SubscriptionRow] | None = None  # None: not looked at yet
        self._logins: Mapping[str, str] = {}
        self._lines: dict[int, Line] = {}
        self._unreadable: dict[int, str] = {}  # sealed text that is known to be so
        self._told = 0
        self._counts = OutboxCounts(0, 0, None)
        self._runs = False
        self._looking = asyncio.Lock()

    @property
    def numbers(self) -> Numbers:
        return Numbers(self._counts, self._told)

    @property
    def unreadable(self) -> int:
        """Subscriptions that the key does not open."""
        return len(self._unreadable)

    # ── the order ────────────────────────────────────────────────────────────

    def wants(self, order: TellCrm) -> bool:
        """Whether it is worth ``telling``: also while it is not known who wants what."""
        return self._rows is None or bool(self._who_wants(order))

    async def telling(self, order: TellCrm) -> Write[list[DueEvent]]:
        """How it is kept for all who want to know. Raises LinkDown."""
        if self._rows is None:
            await self.look()
        wanted = self._who_wants(order)
        people, now = People(self._plan(), self._logins, self._email_of), self._clock()

        def keep(unit: SyncUnit) -> list[DueEvent]:
            told = told_of(unit, order, people, self._region_of_trunk, self._public_url) if wanted else None
            if told is None:
                return []
            body = told.as_json().decode()
            new = NewEvent(wanted, order.call, order.event, told.id, told.type, body)
            return unit.outbox.add(new, now)

        def then(due: list[DueEvent]) -> None:
            for one in due:
                self._offer(one)

        return Write(keep, then)

    def _who_wants(self, order: TellCrm) -> list[int]:
        return [row.id for row in self._rows or () if row.active and order.kind.value in row.events]

    def _offer(self, due: DueEvent) -> None:
        line = self._lines.get(due.row.subscription)
        if line is None or not self._runs:
            return
        free = due.row.call not in line.flying and line.room(self._at_once()) > 0
        if free and not self._is_slow(line) and not line.off:
            self._start(line, due)
            return
        line.behind = True
        if due.row.call in line.flying:
            line.again.add(due.row.call)
        elif line.room(self._at_once()) > 0:
            line.wake.set()

    # ── delivering ───────────────────────────────────────────────────────────

    async def run(self) -> None:
        self._runs = True
        pruned_at: datetime | None = None
        try:
            while True:
                try:
                    await self.look()
                    self._counts = await self._store.read(lambda unit: unit.outbox.counts())
                    if pruned_at is None or self._clock() - pruned_at >= _PRUNE_EVERY:
                        await self._prune()
                        pruned_at = self._clock()
                except RemoteError as error:
                    log.warning("the outbox cannot be read", action="callback.look", error=str(error))
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._runs = False
            await self._stop([*self._lines.values()])
            self._lines.clear()

    async def look(self) -> None:
        """Who is to be told by now. Called as well when somebody has changed it here."""
        async with self._looking:
            rows = await self._store.read(lambda unit: unit.subscriptions.all())
            if rows:
                async with self._store.view() as unit:
                    self._logins = {
                        user.agent: user.login for user in await unit.users.all() if user.agent is not None
                    }
            self._rows = rows
            if not self._runs:
                return
            known = {row.id: row for row in rows if row.active}
            gone = [
                self._lines.pop(id)
                for id, line in list(self._lines.items())
                if id not in known or _differs(line.receiver.row, known[id])
            ]
            await self._stop(gone)
            for id, row in known.items():
                line = self._lines.get(id)
                if line is None:
                    self._begin(row)
                else:
                    line.slow_until = row.slow_until
                    line.wake.set()  # the command line may have replayed something

    def _begin(self, row: SubscriptionRow) -> None:
        try:
            receiver = self._subscribers.opened(row)
        except BadInput as error:
            if self._unreadable.get(row.id) != row.sealed:
                self._unreadable[row.id] = row.sealed
                log.error("a receiver cannot be told", action="callback.open", error=str(error))
            return
        self._unreadable.pop(row.id, None)
        line = self._lines[row.id] = Line(receiver, slow_until=row.slow_until)
        line.server = asyncio.create_task(self._serve(line), name=f"callbacks {row.name}")

    async def _stop(self, lines: list[Line]) -> None:
        tasks = [task for line in lines for task in (line.server, *line.flying.values()) if task is not None]
        for line in lines:
            line.off = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, line: Line) -> None:
        """Start what is due, then rest until something changes or the next one is."""
        while True:
            line.wake.clear()
            try:
                rest = await self._fill(line)
            except RemoteError as error:
                log.warning("the outbox cannot be read", action="callback.due", error=str(error))
                rest = _STORE_SECONDS
            except Exception:  # our own fault with one receiver must not end the others, nor this one
                log.exception("a receiver's turn failed", action="callback.due")
                rest = _LOOK_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await line.wake.wait()

    async def _fill(self, line: Line) -> float:
        """Seconds until it is worth to look again."""
        now, room = self._clock(), line.room(self._at_once())
        if line.off or room <= 0:
            return _LONGEST_REST
        line.behind = False
        if line.slow_until is not None and line.slow_until > now:
            return min((line.slow_until - now).total_seconds(), _LONGEST_REST)
        id, flying = line.receiver.row.id, list(line.flying)
        line.landed.clear()

        def look(unit: SyncUnit) -> tuple[list[DueEvent], datetime | None]:
            due = unit.outbox.due(id, now, room, flying)
            if len(due) == room:
                return due, None
            return due, unit.outbox.next_due(id, [*flying, *(one.row.call for one in due)])

        found, next_due = await self._store.read(look)
        line.behind |= len(found) == room
        for due in found:
            call = due.row.call
            if call in line.landed:
                line.wake.set()
            elif call not in line.flying and line.room(self._at_once()) > 0:
                self._start(line, due)
            else:
                line.behind = True
        if next_due is None:
            return _LONGEST_REST
        return min(max((next_due - self._clock()).total_seconds(), 0.0), _LONGEST_REST)

    def _start(self, line: Line, due: DueEvent) -> None:
        name = f"callback {due.row.call}"
        line.flying[due.row.call] = asyncio.create_task(self._tell_of_call(line, due), name=name)

    async def _tell_of_call(self, line: Line, due: DueEvent) -> None:
        """One event after another, as long as there is one whose turn it is."""
        following: DueEvent | None = due
        try:
            while following is not None and not line.off:
                async with self._all:
                    attempt = await self._delivery.attempt(line.receiver, following)
                await self._took(line, attempt)
                following = attempt.following
                line.behind |= not attempt.is_told  # it is tried again some time
                if following is not None and self._waits(line, following):
                    line.behind, following = True, None
        except RemoteError as error:
            log.warning("what became of an event is not kept yet", action="callback.keep", error=str(error))
            line.behind = True
            await asyncio.sleep(_STORE_SECONDS)
        except Exception:  # the row says what is left to be done
            log.exception("telling of a call failed", action="callback.keep", call_id=due.row.call)
            line.behind = True
            await asyncio.sleep(_LOOK_SECONDS)
        finally:
            line.flying.pop(due.row.call, None)
            line.landed.add(due.row.call)
            if line.behind or due.row.call in line.again:
                line.again.discard(due.row.call)
                line.wake.set()

    def _waits(self, line: Line, due: DueEvent) -> bool:
        return self._is_slow(line) or due.row.next_at is None or due.row.next_at > self._clock()

    def _is_slow(self, line: Line) -> bool:
        return line.slow_until is not None and line.slow_until > self._clock()

    async def _took(self, line: Line, attempt: Attempt) -> None:
        self._told += attempt.is_told
        if attempt.receiver is not None:
            line.receiver = attempt.receiver
        if attempt.slow_until is not None:
            line.slow_until = attempt.slow_until
        if attempt.disabled:
            line.off = True
        if not attempt.answered:
            line.silent += attempt.tried
        elif attempt.is_told and (line.silent or not line.heard):
            is_back = line.silent >= _SILENT or not line.heard
            line.silent, line.heard = 0, True
            if is_back:
                log.info(
                    "a receiver takes events",
                    action="callback.back",
                    receiver=line.receiver.row.name,
                    subscription=line.receiver.row.id,
                )
                id, now = line.receiver.row.id, self._clock()
                await self._store.write(lambda unit: unit.outbox.hurry(id, now))
                line.wake.set()

    async def _prune(self) -> None:
        before = self._clock() - self._keep()
        removed = 1
        while removed:
            removed = await self._store.write(lambda unit: unit.outbox.prune(before, _PRUNE_AT_ONCE))
            await asyncio.sleep(0)  # calls come first
        left = True
        while left:
            left = await self._forget(before)

    async def _forget(self, before: datetime) -> bool:
        """Whether there were expected calls of which nothing was ever told."""
        # They are looked for where nobody waits to write: all lines are gone through.
        found = await self._store.read(lambda unit: unit.outbox.never_told(before, _PRUNE_AT_ONCE))
        if found:
            await self._store.write(lambda unit: unit.outbox.forget(found, before))
        return bool(found)


def _differs(one: SubscriptionRow, other: SubscriptionRow) -> bool:
    """In what matters to who is being told: a pause that it asked for does not end what flies."""
    return (one.format, one.sealed, one.created_at) != (other.format, other.sealed, other.created_at)

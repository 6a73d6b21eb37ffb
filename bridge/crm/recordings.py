"""When recordings are worked on: what is pending, what an interrupted run left behind on Asterisk or untold.

How one is fetched, checked and attached is the keeper's.
"""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from bridge.centre.ids import CallId, RecordingId, call_of
from bridge.crm.keeper import RecordingKeeper, Stage, attached
from bridge.engine.ports import Inbox
from bridge.errors import CallbridgeError

log = structlog.get_logger(__name__)

_ORIGINAL = re.compile(r"^(?P<recording>[A-Za-z0-9_][A-Za-z0-9._@-]*-rec-\d+)(?:-snoop)?-(?:in|out)$")
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 300.0
# From a recording that is attached until it is told: a few requests to Asterisk, of which each may time out.
_LAST = timedelta(minutes=1)
_LAST_FEW = 500


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to, as ids of recordings."""

    attached: tuple[str, ...] = ()
    not_yet: tuple[str, ...] = ()
    faulty: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # originals of calls that nobody knows: kept


@dataclass(slots=True)
class _Wait:
    attempts: int = 0
    due: float = 0.0


class Reconciler:
    """Until every recording is attached or known to be faulty. ``run`` it as a task beside the engine."""

    def __init__(
        self,
        keeper: RecordingKeeper,
        inbox: Inbox | None = None,
        *,
        every: timedelta = timedelta(seconds=30),
        look_through: timedelta = timedelta(hours=1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keeper = keeper
        self._inbox = inbox
        self._every = every.total_seconds()
        self._look_through = look_through.total_seconds()
        self._clock = clock
        self._waits: dict[str, _Wait] = {}
        self._look_at: float = clock()  # when to look through the spool next

    def wake(self) -> None:
        """Work at once, and look through Asterisk's spool: after a start or a reconnect."""
        self._look_at = self._clock()
        for wait in self._waits.values():
            wait.due = 0.0
        self._keeper.unfinished.set()

    async def run(self) -> None:
        """Rounds until cancelled. A peer that cannot be reached is tried again."""
        swept = await self._keeper.sweep()
        if swept:
            log.info("temporary files of an interrupted run removed", action="sweep", files=swept)
        failures, begun, told = 0, datetime.now(UTC), False
        while True:
            self._keeper.unfinished.clear()
            try:
                if not told:
                    await self.tell_again(begun)
                    told = True
                await self.run_once()
                failures, delay = 0, self._until_next()
            except CallbridgeError as error:
                log.warning("recordings wait for the peer", action="reconcile", reason=str(error))
                delay = min(self._every, _FIRST_DELAY * 2 ** min(failures, 20))
                failures += 1
            try:
                async with asyncio.timeout(delay):
                    await self._keeper.unfinished.wait()
            except TimeoutError:
                continue

    async def tell_again(self, before: datetime) -> None:
        """What was attached last before this process began: its end may have come before it was told.

        The floor leaves out what it was told. Raises RemoteError when the store cannot be asked.
        """
        if self._inbox is None:
            return
        async with self._keeper.store.view() as unit:
            rows = await unit.recordings.attached_before(before, _LAST_FEW)
        times = [row.attached_at for row in rows if row.attached_at is not None]
        for row in reversed(rows):
            if row.attached_at is not None and row.attached_at >= times[0] - _LAST:
                await self._inbox.put(attached(row))

    async def run_once(self) -> Round:
        """One round over what is due. Raises RemoteError when the store or Asterisk cannot be asked."""
        async with self._keeper.store.view() as unit:
            due = {RecordingId(row.id): CallId(row.call) for row in await unit.recordings.pending()}
        ripe = self._keeper.take_ripe()
        due |= {recording: call_of(recording) for recording in ripe & self._keeper.unknown}
        if self._clock() >= self._look_at:
            due = await self._left_behind() | due
            self._look_at = self._clock() + self._look_through
        for gone in self._waits.keys() - due.keys() | ripe:
            self._waits.pop(gone, None)
        now = self._clock()
        at_work = [recording for recording in due if self._waits.setdefault(recording, _Wait()).due <= now]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(due[recording], recording)) for recording in at_work]
        stages = list(zip(at_work, (task.result() for task in tasks), strict=True))
        result = Round(*(_of(stages, stage) for stage in _ORDER))
        if result.unknown:
            log.warning(
                "recordings of unknown calls are kept on Asterisk",
                action="reconcile",
                count=len(result.unknown),
                recordings=result.unknown[:20],
            )
        return result

    async def _left_behind(self) -> dict[RecordingId, CallId]:
        """What lies in the spool, except what is known to be faulty. Other people's files are not ours."""
        found = {
            RecordingId(match["recording"])
            for name in await self._keeper.files.list_recordings()
            if (match := _ORIGINAL.match(name)) is not None
        }
        left = {}
        async with self._keeper.store.view() as unit:
            for recording in sorted(found):
                row = await unit.recordings.get(recording)
                if row is None or row.state != "faulty":
                    left[recording] = call_of(recording)
        return left

    async def _one(self, call: CallId, recording: RecordingId) -> Stage:
        try:
            result = await self._keeper.work(call, recording)
        except CallbridgeError as error:
            log.warning(
                "recording not attached",
                action="attach_recording",
                call_id=call,
                recording_id=recording,
                reason=str(error),
            )
            self._put_off(recording)
            return Stage.NOT_YET
        except Exception:
            # A fault of ours with one recording must not keep the others from their tickets.
            log.exception(
                "recording not attached", action="attach_recording", call_id=call, recording_id=recording
            )
            self._put_off(recording)
            return Stage.NOT_YET
        if result.stage is Stage.NOT_YET:
            self._put_off(recording)
        elif result.stage is Stage.CALL_GOES_ON:
            self._waits.setdefault(recording, _Wait()).due = self._clock() + _LONGEST_DELAY
        else:
            self._waits.pop(recording, None)
        if result.new and result.attached is not None and self._inbox is not None:
            await self._inbox.put(result.attached)
        return result.stage

    def _put_off(self, recording: str) -> None:
        wait = self._waits.setdefault(recording, _Wait())
        wait.due = self._clock() + min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(wait.attempts, 20))
        wait.attempts += 1

    def _until_next(self) -> float:
        now = self._clock()
        dues = [wait.due - now for wait in self._waits.values()]
        return max(0.05, min([self._every, self._look_at - now, *dues]))


# Of what waits for the end of its call nothing is said.
_ORDER = (Stage.ATTACHED, Stage.NOT_YET, Stage.FAULTY, Stage.UNKNOWN_CALL)


def _of(stages: Sequence[tuple[RecordingId, Stage]], stage: Stage) -> tuple[str, ...]:
    return tuple(recording for recording, reached in stages if reached is stage)

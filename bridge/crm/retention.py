"""How long recordings are kept, by queue: what is due, and its removal. Each removal is in the audit log.

First the file goes, then the row says so: cut off between, the next round finds the recording due again and
its file gone, and ends the same. The row itself stays for ever.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from bridge.crm.vault import Vault
from bridge.errors import CallbridgeError
from bridge.store import Store, SyncUnit
from bridge.store.rows import DueRow, RecordingRow
from bridge.store.stored import Place

log = structlog.get_logger(__name__)

BY, ACTION = "retention", "recording.removed"
_BATCH = 200


@dataclass(frozen=True, slots=True)
class KeepRules:
    """None is for ever. A queue without a word of its own, and calls without a queue, go by ``otherwise``."""

    otherwise: timedelta | None = None
    queues: Mapping[str, timedelta | None] = field(default_factory=dict)

    def each(self) -> Iterator[tuple[timedelta, str | None]]:
        """How long, and of which queue; None: of all that have no word of their own."""
        for queue, keep in self.queues.items():
            if keep is not None:
                yield keep, queue
        if self.otherwise is not None:
            yield self.otherwise, None


@dataclass(slots=True)
class Removed:
    recordings: int = 0
    bytes: int = 0
    failed: list[str] = field(default_factory=list)  # in words


def _now() -> datetime:
    return datetime.now(UTC)


class Retention:
    """``run`` it as a task; a command beside the service calls ``due`` and ``run_once``."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        rules: Callable[[], KeepRules],
        *,
        every: timedelta = timedelta(days=1),
        after_failure: timedelta = timedelta(hours=1),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._vault = vault
        self._rules = rules
        self._every = every
        self._after_failure = after_failure
        self._clock = clock

    async def run(self) -> None:
        """Rounds until cancelled. What could not be removed is told, and tried again."""
        while True:
            pause = self._after_failure
            try:
                if not (await self.run_once()).failed:
                    pause = self._every
            except CallbridgeError as error:
                log.warning("recordings are kept for now", action="retention", reason=str(error))
            except Exception:
                log.exception("recordings are kept for now", action="retention")
            await asyncio.sleep(pause.total_seconds())

    async def due(self) -> Sequence[DueRow]:
        """What ``run_once`` would remove now, by queue. Changes nothing."""
        found: list[DueRow] = []
        rules = self._rules()
        async with self._store.view() as unit:
            for keep, queue in rules.each():
                before = self._clock() - keep
                found += await unit.stored.due_by_queue(before, queue=queue, not_of=rules.queues.keys())
        return sorted(found, key=lambda row: row.queue or "")

    async def run_once(self) -> Removed:
        removed, rules = Removed(), self._rules()
        for keep, queue in rules.each():
            await self._of(removed, rules, keep, queue)
        if removed.recordings or removed.failed:
            log.info(
                "recordings removed",
                action="retention",
                done=removed.recordings,
                bytes=removed.bytes,
                failed=len(removed.failed),
            )
        return removed

    async def _of(self, removed: Removed, rules: KeepRules, keep: timedelta, queue: str | None) -> None:
        before, after = self._clock() - keep, None
        while True:
            async with self._store.view() as unit:
                rows = await unit.stored.due(
                    before, queue=queue, not_of=rules.queues.keys(), after=after, limit=_BATCH
                )
            for row, of in rows:
                kept = f"kept {keep.days} days" + (f", queue {of}" if of is not None else "")
                await self._remove(row.id, kept, removed)
            if len(rows) < _BATCH:
                return
            last: Place = (rows[-1][0].created_at, rows[-1][0].id)
            after = last

    async def _remove(self, id: str, kept: str, removed: Removed) -> None:
        async with self._vault.turn():
            async with self._store.view() as unit:
                row = await unit.recordings.get(id)
            if row is None or row.state != "attached" or row.removed_at is not None:
                return
            try:
                await asyncio.to_thread(self._vault.remove, row.file)
            except (CallbridgeError, OSError) as error:
                reason = f"{self._vault.directory / row.file}: cannot be removed: {error}"
                removed.failed.append(reason)
                log.error(
                    "recording not removed: it is tried again",
                    action="retention",
                    call_id=row.call,
                    recording_id=row.id,
                    reason=reason,
                )
                return
            if await self._store.write(lambda unit: _removed(unit, row, kept)):
                removed.recordings += 1
                removed.bytes += row.stored_bytes or row.bytes


def _removed(unit: SyncUnit, row: RecordingRow, kept: str) -> bool:
    if not unit.stored.removed(row.id, row.file):
        return False
    unit.audit.note(by=BY, action=ACTION, about=row.id, call=row.call, detail=kept)
    return True

"""What time does to tickets: beside the calls, one at a time.

Temporary statuses close, what is soon due or overdue is told; a call of which nobody has said anything, and
will not any more, gets its ticket. All of it stands in the database, so a restart
loses nothing; a ticket that cannot be dealt with delays no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog

from bridge.crm.ticketing.desk import TicketDesk
from bridge.crm.ticketing.sla import told
from bridge.errors import CallbridgeError
from bridge.store import Store

log = structlog.get_logger(__name__)

Id = TypeVar("Id", int, str)  # a ticket's, or a call's

_BATCH = 100
_AGAIN_AFTER = timedelta(minutes=10)


def _now() -> datetime:
    return datetime.now(UTC)


class TicketUpkeep:
    """``run`` it as a task."""

    def __init__(
        self,
        store: Store,
        desk: TicketDesk,
        *,
        every: timedelta = timedelta(seconds=2),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store = store
        self._desk = desk
        self._every = every.total_seconds()
        self._clock = clock
        self._put_off: dict[int | str, datetime] = {}

    async def run(self) -> None:
        """Passes until cancelled. What is out of order is told, and tried again."""
        while True:
            try:
                done = await self.run_once()
            except CallbridgeError as error:
                log.warning("tickets wait as they are", action="ticket_upkeep", reason=str(error))
                done = 0
            except Exception:
                # A fault of ours with tickets must not end the calls.
                log.exception("tickets wait as they are", action="ticket_upkeep")
                done = 0
            await asyncio.sleep(0 if done >= _BATCH else self._every)

    async def run_once(self) -> int:
        """How much was done; as much as a batch: there is more."""
        now = self._clock()
        self._put_off = {id: at for id, at in self._put_off.items() if at > now}
        async with self._store.view() as unit:
            closing = await unit.ticket_lists.to_close(now, _BATCH)
            due = await unit.ticket_lists.due(now, _BATCH)
        ended_before = now - self._desk.of_calls().given_up_after
        calls = await self._store.read(lambda unit: unit.cases.overdue(ended_before, _BATCH))
        return (
            await self._each([row.id for row in closing], self._close)
            + await self._each([row.id for row in due], self._alarm)
            + await self._each(calls, self._desk.give_up_call)
        )

    async def _close(self, ticket: int) -> None:
        closed = await self._desk.close_by_itself(ticket)
        if closed is not None:
            log.info("ticket closed by itself", action="ticket_upkeep", ticket=ticket, status=closed.status)

    async def _alarm(self, ticket: int) -> None:
        row, alarms = await self._desk.sound_alarms(ticket)
        department = self._desk.rules.department_or_none(row.department)
        for alarm in alarms:
            agents = told(alarm.step, department, row.assignee, row.line)
            log.info(
                "ticket soon due" if alarm.step.value == "warn" else "ticket overdue",
                action="ticket_upkeep",
                ticket=ticket,
                clock=alarm.clock.value,
                rule=alarm.why,
                told=agents,
            )

    async def _each(self, ids: Collection[Id], do: Callable[[Id], Awaitable[None]]) -> int:
        done = 0
        for id in ids:
            if id in self._put_off:
                continue
            try:
                await do(id)
                done += 1
            except CallbridgeError as error:
                self._put_off[id] = self._clock() + _AGAIN_AFTER
                about = {"ticket": id} if isinstance(id, int) else {"call_id": id}
                log.error("ticket waits as it is", action="ticket_upkeep", reason=str(error), **about)
        return done

"""The port ``Records`` over the store: calls and offers saved, tickets opened, recordings attached."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog

from bridge.centre.facts import Fact, RecordingAttached, TicketOpened
from bridge.centre.ids import CallId, TicketId
from bridge.centre.orders import (
    AttachRecording,
    EndOffer,
    NoteAudit,
    OpenTicket,
    RecordsOrder,
    SaveCall,
    SaveOffer,
    SaveWrapUp,
    SetDisposition,
    TellCrm,
)
from bridge.crm.keeper import RecordingKeeper
from bridge.crm.tickets import TicketsNow, dispose, open_ticket, save_call, settle
from bridge.crm.vault import Vault
from bridge.crm.writes import Write, nothing
from bridge.engine.ports import RecordingFiles
from bridge.store import Store, SyncUnit

log = structlog.get_logger(__name__)

Telling = Callable[[TellCrm], Awaitable[Write[Any]]]
"""What the outbox writes for this order. Raises LinkDown."""


async def to_nobody(order: TellCrm) -> Write[None]:
    return Write(nothing)


class CallRecords:
    """Implements the engine's ``Records``. Everything may come twice, late, or out of order."""

    def __init__(
        self,
        store: Store,
        files: RecordingFiles,
        vault: Vault,
        tickets: TicketsNow,
        telling: Telling = to_nobody,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._telling = telling
        self.recordings = RecordingKeeper(store, files, vault, tickets)

    async def over(self, calls: Sequence[CallId]) -> frozenset[CallId]:
        """Which of them the books have the end of. Raises LinkDown."""
        return frozenset(map(CallId, await self._store.read(lambda unit: unit.calls.over(calls))))

    async def keep(self, orders: Sequence[RecordsOrder]) -> list[Fact]:
        writes = [await self._write_of(order) for order in orders]
        results = await self._store.write(lambda unit: [write.do(unit) for write in writes], quick=True)
        facts = [write.then(result) for write, result in zip(writes, results, strict=True)]
        return [fact for fact in facts if fact is not None]

    async def _write_of(self, order: RecordsOrder) -> Write[Any]:
        match order:
            case SaveCall():
                return self._save_call(order)
            case OpenTicket(call, record):
                tickets = self._tickets()
                return Write(lambda unit: open_ticket(unit, record, tickets), partial(_opened, call))
            case SaveOffer():
                return Write(lambda unit: unit.offers.save(order))
            case EndOffer():
                return Write(lambda unit: unit.offers.end(order))
            case SaveWrapUp():
                return self._save_wrap_up(order)
            case SetDisposition():
                return self._set_disposition(order)
            case NoteAudit():
                return Write(partial(_note_audit, order))
            case TellCrm():
                return await self._telling(order)

    def _save_call(self, order: SaveCall) -> Write[int | None]:
        record, tickets = order.record, self._tickets()

        def then(opened: int | None) -> TicketOpened | None:
            if record.ended_at is not None:
                self.recordings.over(record.id)
            return _opened(record.id, opened)

        return Write(lambda unit: save_call(unit, record, tickets), then)

    def _save_wrap_up(self, order: SaveWrapUp) -> Write[int | None]:
        tickets = self._tickets()

        def save(unit: SyncUnit) -> int | None:
            unit.talks.save_wrap_up(order.call, order.wrap_up)
            return None if tickets.at_once else settle(unit, order.call, tickets)

        return Write(save, partial(_opened, order.call))

    def _set_disposition(self, order: SetDisposition) -> Write[tuple[bool, int | None]]:
        call, agent, word, tickets = order.call, order.agent, order.disposition, self._tickets()

        def then(done: tuple[bool, int | None]) -> TicketOpened | None:
            kept, opened = done
            if not kept and not order.again:
                # The call could not be saved, and that has been told as an error of its own.
                log.warning(
                    "no call for this disposition", action="set_disposition", call_id=call, agent=agent
                )
            return _opened(call, opened)

        return Write(lambda unit: dispose(unit, call, agent, word, tickets, again=order.again), then)

    async def attach_recording(self, order: AttachRecording) -> RecordingAttached | None:
        return await self.recordings.attach(order.call, order.recording)


def _opened(call: CallId, ticket: int | None) -> TicketOpened | None:
    return None if ticket is None else TicketOpened(call, TicketId(ticket))


def _note_audit(order: NoteAudit, unit: SyncUnit) -> None:
    unit.audit.note(
        by=order.by,
        action=order.action,
        about=order.about,
        call=order.call,
        detail=order.detail,
        at=order.at,
    )

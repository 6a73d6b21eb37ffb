"""The port ``Records`` over the store: calls and offers saved, tickets opened, recordings attached."""

from collections.abc import Sequence

import structlog

from bridge.centre.facts import RecordingAttached, TicketOpened
from bridge.centre.ids import CallId, TicketId
from bridge.centre.orders import (
    AttachRecording,
    EndOffer,
    NoteAudit,
    OpenTicket,
    SaveCall,
    SaveOffer,
    SaveWrapUp,
    SetDisposition,
)
from bridge.crm.keeper import RecordingKeeper
from bridge.crm.tickets import TicketsNow, dispose, open_ticket, save_call, settle
from bridge.crm.vault import Vault
from bridge.engine.ports import RecordingFiles
from bridge.store import Store, SyncUnit

log = structlog.get_logger(__name__)


class CallRecords:
    """Implements the engine's ``Records``. Everything may come twice, late, or out of order."""

    def __init__(self, store: Store, files: RecordingFiles, vault: Vault, tickets: TicketsNow) -> None:
        self._store = store
        self._tickets = tickets
        self.recordings = RecordingKeeper(store, files, vault, tickets)

    async def save_call(self, order: SaveCall) -> TicketOpened | None:
        tickets = self._tickets()
        opened = await self._store.write(lambda unit: save_call(unit, order.record, tickets))
        if order.record.ended_at is not None:
            self.recordings.over(order.record.id)
        return _opened(order.record.id, opened)

    async def over(self, calls: Sequence[CallId]) -> frozenset[CallId]:
        """Which of them the books have the end of. Raises LinkDown."""
        return frozenset(map(CallId, await self._store.read(lambda unit: unit.calls.over(calls))))

    async def open_ticket(self, order: OpenTicket) -> TicketOpened | None:
        tickets = self._tickets()
        ticket = await self._store.write(lambda unit: open_ticket(unit, order.record, tickets))
        return _opened(order.call, ticket)

    async def save_offer(self, order: SaveOffer) -> None:
        await self._store.write(lambda unit: unit.offers.save(order))

    async def end_offer(self, order: EndOffer) -> None:
        await self._store.write(lambda unit: unit.offers.end(order))

    async def save_wrap_up(self, order: SaveWrapUp) -> TicketOpened | None:
        tickets = self._tickets()

        def save(unit: SyncUnit) -> int | None:
            unit.talks.save_wrap_up(order.call, order.wrap_up)
            return None if tickets.at_once else settle(unit, order.call, tickets)

        return _opened(order.call, await self._store.write(save))

    async def set_disposition(self, order: SetDisposition) -> TicketOpened | None:
        call, agent, word, tickets = order.call, order.agent, order.disposition, self._tickets()
        kept, opened = await self._store.write(
            lambda unit: dispose(unit, call, agent, word, tickets, again=order.again)
        )
        if not kept and not order.again:
            # The call could not be saved, and that has been told as an error of its own.
            log.warning("no call for this disposition", action="set_disposition", call_id=call, agent=agent)
        return _opened(call, opened)

    async def note_audit(self, order: NoteAudit) -> None:
        def note(unit: SyncUnit) -> None:
            unit.audit.note(
                by=order.by,
                action=order.action,
                about=order.about,
                call=order.call,
                detail=order.detail,
                at=order.at,
            )

        await self._store.write(note)

    async def attach_recording(self, order: AttachRecording) -> RecordingAttached | None:
        return await self.recordings.attach(order.call, order.recording)


def _opened(call: CallId, ticket: int | None) -> TicketOpened | None:
    return None if ticket is None else TicketOpened(call, TicketId(ticket))

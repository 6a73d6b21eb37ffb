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
from bridge.crm.tickets import DepartmentOf, follow, open_ticket
from bridge.crm.vault import Vault
from bridge.engine.ports import RecordingFiles
from bridge.store import Store, SyncUnit

log = structlog.get_logger(__name__)


class CallRecords:
    """Implements the engine's ``Records``. Everything may come twice, late, or out of order."""

    def __init__(
        self, store: Store, files: RecordingFiles, vault: Vault, department_of: DepartmentOf
    ) -> None:
        self._store = store
        self._department_of = department_of
        self.recordings = RecordingKeeper(store, files, vault, department_of)

    async def save_call(self, order: SaveCall) -> None:
        def save(unit: SyncUnit) -> None:
            unit.calls.save(order.record)
            follow(unit, order.record.id, self._department_of)

        await self._store.write(save)
        if order.record.ended_at is not None:
            self.recordings.over(order.record.id)

    async def over(self, calls: Sequence[CallId]) -> frozenset[CallId]:
        """Which of them the books have the end of. Raises LinkDown."""
        return frozenset(map(CallId, await self._store.read(lambda unit: unit.calls.over(calls))))

    async def open_ticket(self, order: OpenTicket) -> TicketOpened:
        ticket = await self._store.write(lambda unit: open_ticket(unit, order.record, self._department_of))
        return TicketOpened(order.call, TicketId(ticket))

    async def save_offer(self, order: SaveOffer) -> None:
        await self._store.write(lambda unit: unit.offers.save(order))

    async def end_offer(self, order: EndOffer) -> None:
        await self._store.write(lambda unit: unit.offers.end(order))

    async def save_wrap_up(self, order: SaveWrapUp) -> None:
        await self._store.write(lambda unit: unit.talks.save_wrap_up(order.call, order.wrap_up))

    async def set_disposition(self, order: SetDisposition) -> None:
        ticket = await self._store.write(
            lambda unit: unit.tickets.dispose(order.call, order.agent, order.disposition, again=order.again)
        )
        if ticket is None and not order.again:
            # Its ticket could not be opened, and that has been told as an error of its own.
            log.warning(
                "no ticket for this disposition",
                action="set_disposition",
                call_id=order.call,
                agent=order.agent,
            )

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

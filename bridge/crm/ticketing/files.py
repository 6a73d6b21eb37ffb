"""Files of tickets, whole: rights by the desk, bytes on disk, a row for each.

A file goes with the last row that names it. That nobody names it anew meanwhile is seen to by one lock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import BinaryIO

from bridge.config.rights import Action
from bridge.config.tickets import AttachmentSettings
from bridge.crm import private
from bridge.crm.attachment_files import AttachmentFiles, Upload
from bridge.crm.attachments import BadAttachment, Kept, Limits
from bridge.crm.letters import file_name
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.errors import N_
from bridge.store import Store
from bridge.store.ticket_rows import AttachmentRow

# Several names of one kind; and nobody tells a CSV file from a text by what is in it.
_SAME = {
    "text/csv": "text/plain",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "application/ogg": "audio/ogg",
}
_ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "wav": "audio/wav",
    "txt": "text/plain",
    "csv": "text/plain",
}


class TicketFiles:
    def __init__(
        self,
        store: Store,
        desk: TicketDesk,
        files: AttachmentFiles,
        settings: Callable[[], AttachmentSettings],
    ) -> None:
        self._store = store
        self._desk = desk
        self._files = files
        self._settings = settings
        self._lock = asyncio.Lock()

    @property
    def largest(self) -> int:
        """Bytes of one file."""
        return self._settings().largest_mb * 2**20

    async def receive(
        self, actor: Actor, ticket: int, name: str, pieces: AsyncIterator[bytes], entry: int | None = None
    ) -> AttachmentRow:
        """Sent again it is the same one. Raises BadAttachment (its message names the file), NotAllowed,
        NoSuchTicket, KeyUnusable, OSError; then nothing of it is kept.
        """
        await self._desk.demand(actor, ticket, Action.ATTACH)
        name = file_name(name) or "file"
        limits = Limits(file_bytes=self.largest)
        with ExitStack() as stack:
            upload = await asyncio.to_thread(stack.enter_context, self._files.upload(name, limits))
            async for piece in pieces:
                await private.in_thread(partial(_write, upload, piece))
            async with self._lock:
                kept = await private.in_thread(upload.finish)
                return await self._noted(actor, ticket, kept, limits, entry)

    async def _noted(
        self, actor: Actor, ticket: int, kept: Kept, limits: Limits, entry: int | None
    ) -> AttachmentRow:
        try:
            demand_type(kept, self._settings().types)
            return await self._desk.attach(
                actor, ticket, kept, most=self._settings().most, most_bytes=limits.ticket_bytes, entry=entry
            )
        except BaseException:
            await self._drop(kept.file)
            raise

    async def remove(self, actor: Actor, ticket: int, attachment: int) -> AttachmentRow:
        """Raises NoSuchAttachment, NoSuchTicket, NotAllowed."""
        async with self._lock:
            row = await self._desk.remove_attachment(actor, ticket, attachment)
            await self._drop(row.file)
        return row

    @contextmanager
    def opened(self, row: AttachmentRow) -> Iterator[BinaryIO]:
        """In a thread. Raises BadInput where it is not there or not what was kept, KeyUnusable, OSError."""
        with self._files.opened(Kept(row.name, row.media_type, row.bytes, row.sha256, row.file)) as stream:
            yield stream

    async def _drop(self, file: str) -> None:
        async with self._store.view() as unit:
            named = await unit.attachments.named(file)
        if not named:
            await asyncio.to_thread(self._files.remove, file)


def _write(upload: Upload, piece: bytes, _: private.CalledOff) -> None:
    upload.write(piece)


def demand_type(kept: Kept, types: Collection[str]) -> None:
    """By what is in it, which must be what its name says, where it says it. Raises BadAttachment."""
    kind = _SAME.get(kept.media_type, kept.media_type)
    if kind not in {_SAME.get(one, one) for one in types}:
        raise BadAttachment(
            N_("%(file)s: is %(kind)s, which is not taken here; send it as another kind of file"),
            file=kept.name,
            kind=kind,
        )
    if _ENDINGS.get(kept.name.rpartition(".")[2].lower(), kind) != kind:
        raise BadAttachment(
            N_("%(file)s: is %(kind)s, and not what its name says; name it as what it is"),
            file=kept.name,
            kind=kind,
        )

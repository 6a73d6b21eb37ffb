"""Files of tickets and of templates, whole: rights by the desk, bytes on disk, a row for each.

A file goes with the last row that names it. That nobody names it anew meanwhile is seen to by the lock that
all who keep files share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import BinaryIO

from bridge.config.rights import Action
from bridge.config.tickets import AttachmentSettings
from bridge.crm import private
from bridge.crm.attachment_files import AttachmentFiles, Upload
from bridge.crm.attachments import BadAttachment, Kept, Limits, Unfit
from bridge.crm.letters import file_name
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.sets import TicketSets
from bridge.errors import N_, BadInput
from bridge.store import Store
from bridge.store.ticket_rows import AttachmentRow, EntryRow, NewEntry, TemplateConflict, TemplateRow

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
        self.sets = TicketSets(store, desk)

    @property
    def largest(self) -> int:
        """Bytes of one file."""
        return self._settings().largest_mb * 2**20

    @property
    def most(self) -> int:
        """Files of one entry."""
        return self._settings().most

    async def receive(
        self, actor: Actor, ticket: int, name: str, pieces: AsyncIterator[bytes], entry: int | None = None
    ) -> AttachmentRow:
        """Sent again it is the same one. Raises BadAttachment (its message names the file), NotAllowed,
        NoSuchTicket, KeyUnusable, OSError; then nothing of it is kept.
        """
        await self._desk.demand(actor, ticket, Action.ATTACH)
        most, most_bytes = self._settings().most, Limits().ticket_bytes
        with ExitStack() as stack:
            upload = await self._uploaded(stack, name, pieces)
            async with self._placed([upload]) as (kept,):
                return await self._desk.attach(
                    actor, ticket, kept, most=most, most_bytes=most_bytes, entry=entry
                )

    async def receive_for_template(
        self, actor: Actor, template: int, name: str, pieces: AsyncIterator[bytes]
    ) -> AttachmentRow:
        """As ``receive``. Raises NoSuchTemplate."""
        await self.sets.kept_template(actor, template)
        most, most_bytes = self._settings().most, Limits().ticket_bytes
        with ExitStack() as stack:
            upload = await self._uploaded(stack, name, pieces)
            async with self._placed([upload]) as (kept,):
                return await self.sets.attach(actor, template, kept, most=most, most_bytes=most_bytes)

    @asynccontextmanager
    async def parcel(self, actor: Actor, ticket: int) -> AsyncIterator["Parcel"]:
        """Files that come one by one and go with one entry; what it is not written with is gone again."""
        with ExitStack() as stack:
            yield Parcel(self, actor, ticket, stack)

    async def remove(self, actor: Actor, ticket: int, attachment: int) -> AttachmentRow:
        """Raises NoSuchAttachment, NoSuchTicket, NotAllowed, BadInput for one of a letter on its way."""
        async with self._files.settling:
            row = await self._desk.remove_attachment(actor, ticket, attachment)
            await self._drop(row.file)
        return row

    async def remove_of_template(self, actor: Actor, template: int, attachment: int) -> AttachmentRow:
        """Raises NoSuchAttachment, NoSuchTemplate, NotAllowed."""
        async with self._files.settling:
            row = await self.sets.remove_file(actor, template, attachment)
            await self._drop(row.file)
        return row

    async def remove_template(
        self, actor: Actor, template: int, if_version: int | None = None
    ) -> TemplateRow | TemplateConflict | None:
        """As ``TicketSets.remove_template``, and its files with it."""
        async with self._files.settling:
            row = await self.sets.remove_template(actor, template, if_version)
            if isinstance(row, TemplateRow):
                for file in {one.file for one in row.attachments}:
                    await self._drop(file)
        return row

    @contextmanager
    def opened(self, row: AttachmentRow) -> Iterator[BinaryIO]:
        """In a thread. Raises BadInput where it is not there or not what was kept, KeyUnusable, OSError."""
        with self._files.opened(Kept(row.name, row.media_type, row.bytes, row.sha256, row.file)) as stream:
            yield stream

    async def _uploaded(self, stack: ExitStack, name: str, pieces: AsyncIterator[bytes]) -> Upload:
        limits = Limits(file_bytes=self.largest)
        upload = await asyncio.to_thread(
            stack.enter_context, self._files.upload(file_name(name) or "file", limits)
        )
        async for piece in pieces:
            await private.in_thread(partial(_write, upload, piece))
        return upload

    @asynccontextmanager
    async def _placed(self, uploads: Sequence[Upload]) -> AsyncIterator[Sequence[Kept]]:
        """At their names, to be told to the store within; if that fails they are gone again."""
        kept: list[Kept] = []
        async with self._files.settling:
            try:
                for upload in uploads:
                    kept.append(await private.in_thread(upload.finish))
                    demand_type(kept[-1], self._settings().types)
                yield kept
            except BaseException:
                for one in kept:
                    await self._drop(one.file)
                raise

    async def _drop(self, file: str) -> None:
        async with self._store.view() as unit:
            named = await unit.attachments.named(file)
        if not named:
            await asyncio.to_thread(self._files.remove, file)


class Parcel:
    def __init__(self, files: TicketFiles, actor: Actor, ticket: int, stack: ExitStack) -> None:
        self._files, self._actor, self._ticket, self._stack = files, actor, ticket, stack
        self._uploads: list[Upload] = []

    async def add(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Raises BadInput, BadAttachment, NotAllowed, NoSuchTicket, OSError."""
        if not self._uploads:
            await self._files._desk.demand(self._actor, self._ticket, Action.ATTACH)
        if len(self._uploads) >= self._files.most:
            words = N_("attachments: at most %(most)s go with one message")
            raise BadInput(words, most=self._files.most)
        self._uploads.append(await self._files._uploaded(self._stack, name, pieces))

    async def write(self, entry: NewEntry, attached: Collection[int] = ()) -> EntryRow:
        """With all of its files, or not at all. Raises what ``add`` and TicketDesk.write raise."""
        desk = self._files._desk
        if not self._uploads:
            return await desk.write(self._actor, self._ticket, entry, attached)
        async with self._files._placed(self._uploads) as kept:
            return await desk.write(self._actor, self._ticket, entry, attached, kept)


def _write(upload: Upload, piece: bytes, _: private.CalledOff) -> None:
    upload.write(piece)


def demand_type(kept: Kept, types: Collection[str]) -> None:
    """By what is in it, which must be what its name says, where it says it. Raises BadAttachment."""
    kind = _SAME.get(kept.media_type, kept.media_type)
    if kind not in {_SAME.get(one, one) for one in types}:
        raise BadAttachment(
            Unfit.KIND,
            N_("%(file)s: is %(kind)s, which is not taken here; send it as another kind of file"),
            file=kept.name,
            kind=kind,
        )
    if _ENDINGS.get(kept.name.rpartition(".")[2].lower(), kind) != kind:
        raise BadAttachment(
            Unfit.MISNAMED,
            N_("%(file)s: is %(kind)s, and not what its name says; name it as what it is"),
            file=kept.name,
            kind=kind,
        )

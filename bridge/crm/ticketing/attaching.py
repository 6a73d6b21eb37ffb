"""Rows of files on tickets and their entries: how many there may be, how large, and which go with a letter.

Rights are the desk's; the bytes lie on disk already, see files.py.
"""

from collections.abc import Collection
from datetime import datetime

from bridge.crm.attachments import Kept
from bridge.errors import N_, BadInput
from bridge.store import Unit
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import AttachmentRow, EntryRow

LETTER_BYTES = 25 * 2**20  # of all files of one letter; in base64 it is what most mail servers take
_ON_THE_WAY = ("waiting", "sending")


async def attach(
    unit: Unit,
    ticket: int,
    kept: Kept,
    *,
    entry: int | None,
    most: int,
    most_bytes: int,
    by: str,
    at: datetime,
) -> AttachmentRow:
    """To the ticket, or to one entry of it, which has at most ``most``. The same one is noted once."""
    if entry is not None:
        written = await unit.entries.get(entry)
        if written is None or written.ticket != ticket:
            raise BadInput(f"ticket {ticket}: it has no entry {entry}")
        if written.delivery:
            raise BadInput(
                N_("ticket %(ticket)s: entry %(entry)s is a letter; its files are sent along with it"),
                ticket=ticket,
                entry=entry,
            )
    there = await unit.attachments.of_ticket(ticket)
    for one in there:
        if (one.sha256, one.name, one.entry) == (kept.sha256, kept.name, entry):
            return one
    if entry is not None and sum(one.entry == entry for one in there) >= most:
        raise BadInput(
            N_("ticket %(ticket)s: entry %(entry)s has %(most)s files already, no more are kept"),
            ticket=ticket,
            entry=entry,
            most=most,
        )
    demand_room(ticket, sum(one.bytes for one in there) + kept.bytes, most_bytes)
    return await add(unit, ticket, kept, entry=entry, by=by, at=at)


def demand_room(ticket: int, bytes: int, most_bytes: int) -> None:
    if bytes > most_bytes:
        words = N_("ticket %(ticket)s: its files would be larger than %(most)s MB together")
        raise BadInput(words, ticket=ticket, most=most_bytes // 2**20)


async def add(
    unit: Unit, ticket: int, kept: Kept, *, entry: int | None, by: str, at: datetime
) -> AttachmentRow:
    return await unit.attachments.add(
        name=kept.name,
        media_type=kept.media_type,
        bytes=kept.bytes,
        sha256=kept.sha256,
        file=kept.file,
        by=by,
        at=at,
        ticket=ticket,
        entry=entry,
    )


async def send_along(
    unit: Unit,
    ticket: TicketRow,
    entry: EntryRow,
    attached: Collection[int],
    files: Collection[Kept] = (),
    *,
    most: int,
    most_bytes: int,
    by: str,
) -> None:
    """Files that the ticket has, those of templates that its department uses, and new ones.

    What came with another entry, or lies with a template, stays there as well.
    """
    ids = sorted(set(attached))  # in one order: two letters with the same files would wait for each other
    if len(ids) + len(files) > most:
        words = N_("attachments: %(count)s; at most %(most)s go with one message")
        raise BadInput(words, count=len(ids) + len(files), most=most)
    rows = [await _that_may_go(unit, ticket, id) for id in ids]
    bytes = sum(one.bytes for one in rows) + sum(one.bytes for one in files)
    if entry.delivery and bytes > LETTER_BYTES:
        words = N_("attachments: %(size)s MB; a letter takes %(most)s MB, send a link")
        raise BadInput(words, size=bytes // 2**20 + 1, most=LETTER_BYTES // 2**20)
    if files:
        there = sum(one.bytes for one in await unit.attachments.of_ticket(entry.ticket))
        demand_room(entry.ticket, there + sum(one.bytes for one in files), most_bytes)
    for row in rows:
        if row.ticket is not None and row.entry is None:
            await unit.attachments.give(row.id, entry.id)
        else:
            kept = Kept(row.name, row.media_type, row.bytes, row.sha256, row.file)
            await add(unit, entry.ticket, kept, entry=entry.id, by=by, at=entry.at)
    for kept in files:
        await add(unit, entry.ticket, kept, entry=entry.id, by=by, at=entry.at)


async def may_go_along(unit: Unit, file: AttachmentRow, ticket: TicketRow) -> bool:
    """With what is written to this ticket."""
    if file.template is None:
        return file.ticket == ticket.id
    template = await unit.templates.get(file.template)
    return template is not None and template.department in ("", ticket.department)


async def _that_may_go(unit: Unit, ticket: TicketRow, id: int) -> AttachmentRow:
    """Nobody removes it before this transaction has named it once more."""
    row = await unit.attachments.get(id, hold=True)
    if row is None or not await may_go_along(unit, row, ticket):
        raise BadInput(
            N_("attachment %(id)s: ticket %(ticket)s has none of this number"), id=id, ticket=ticket.id
        )
    return row


async def demand_removable(unit: Unit, row: AttachmentRow) -> None:
    """A letter that is on its way leaves with all of its files."""
    entry = await unit.entries.get(row.entry, hold=True) if row.entry is not None else None
    if entry is not None and entry.delivery in _ON_THE_WAY:
        words = N_("%(file)s: goes with a letter that is being sent; remove it when that is done")
        raise BadInput(words, file=row.name)

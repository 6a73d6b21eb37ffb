"""What makes a letter of what somebody writes to a client or a supplier: to whom, in which thread, under
which id. All of it is kept with the entry before anything is sent; see postman.py for the sending.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from bridge.config.mail import MailSettings
from bridge.crm.attachments import Kept
from bridge.crm.letter_headers import Party
from bridge.crm.parties import kept, listed, recipients
from bridge.crm.replies import new_message_id, recipients_of, subject_of
from bridge.errors import N_, BadInput, InternalError
from bridge.store import Unit
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import EntryRow, NewEntry

NO_ID = "@no-message-id.invalid>"  # of mails that came without one: nobody else knows it
_MOST_REFERENCES = 50
_LATEST = 10
_MOST_FILES = 20
_OF_CLIENT, _OF_PARTNER = ("mail_in", "mail_out"), ("partner",)


def is_letter(entry: NewEntry) -> bool:
    """A word of a supplier's that is only noted down has nobody whom it goes to."""
    return entry.kind == "mail_out" or (entry.kind == "partner" and bool(entry.to.strip()))


async def letter(unit: Unit, mail: MailSettings | None, row: TicketRow, entry: NewEntry) -> NewEntry:
    """It answers the mail that ``in_reply_to`` names, else the last one of its thread.

    Raises BadInput where it cannot be sent to anybody.
    """
    if mail is None:
        raise BadInput(N_("mail: no mail server is configured; name one under mail in the configuration"))
    kinds = _OF_PARTNER if entry.kind == "partner" else _OF_CLIENT
    latest = await unit.entries.page(row.id, None, _LATEST, newest_first=True, kinds=kinds)
    wanted = recipients(entry.to) or await _client(unit, row, latest.items)
    to, cc = recipients_of(wanted, recipients(entry.cc), mail.own_addresses)
    named = await unit.entries.by_message_ids([entry.in_reply_to])
    chosen = [one for one in named if one.ticket == row.id and one.kind in kinds]
    answered = next((one for one in (*chosen, *latest.items) if _is_answered(one)), None)
    token = await unit.tickets.token_of(row.id)
    if token is None:
        raise InternalError(f"ticket {row.id} got no token")
    return replace(
        entry,
        subject=subject_of(entry.subject.strip() or row.subject, token, answers=answered is not None),
        to=listed(to),
        cc=listed(cc),
        message_id=new_message_id(mail.sender),
        in_reply_to=(answered.message_id or "") if answered is not None else "",
        references=" ".join(references_of(answered)) if answered is not None else "",
        delivery="waiting",
    )


async def attach(unit: Unit, entry: EntryRow, files: Collection[Kept], *, by: str) -> None:
    for file in files:
        await unit.attachments.add(
            name=file.name,
            media_type=file.media_type,
            bytes=file.bytes,
            sha256=file.sha256,
            file=file.file,
            by=by,
            at=entry.at,
            ticket=entry.ticket,
            entry=entry.id,
        )


async def send_along(unit: Unit, entry: EntryRow, attached: Collection[int], *, by: str) -> None:
    """Files that the ticket has already. What came with another entry stays with that as well."""
    if len(attached) > _MOST_FILES:
        raise BadInput(f"attachments: {len(attached)}; at most {_MOST_FILES} go with one message")
    for id in dict.fromkeys(attached):
        row = await unit.attachments.get(id)
        if row is None or row.ticket != entry.ticket:
            raise BadInput(f"attachment {id}: ticket {entry.ticket} has none of this number")
        if row.entry is None:
            await unit.attachments.give(id, entry.id)
        else:
            file = Kept(row.name, row.media_type, row.bytes, row.sha256, row.file)
            await attach(unit, entry, [file], by=by)


def references_of(answered: EntryRow) -> Sequence[str]:
    """The mails before the one that is answered (RFC 5322, 3.6.4)."""
    ids = [*answered.references.split(), *answered.in_reply_to.split()]
    return within(dict.fromkeys(id for id in ids if id and not id.endswith(NO_ID)))


def within(ids: Iterable[str]) -> tuple[str, ...]:
    """The first one and the last ones of a long list."""
    found = tuple(ids)
    return found if len(found) <= _MOST_REFERENCES else (found[0], *found[1 - _MOST_REFERENCES :])


def _is_answered(entry: EntryRow) -> bool:
    """No machine's mail, and none of somebody whom the answer does not go to."""
    id = entry.message_id
    return id is not None and not id.endswith(NO_ID) and not entry.automatic and not _is_stranger(entry)


def _is_stranger(entry: EntryRow) -> bool:
    return bool(entry.marks.get("stranger"))


async def _client(unit: Unit, row: TicketRow, latest: Iterable[EntryRow]) -> tuple[Party, ...]:
    """Who wrote last, and was in this thread before; else whom we wrote to; else the client's own address."""
    entries = [one for one in latest if not one.automatic and not _is_stranger(one)]
    senders = [str(one.marks.get("sender") or one.author) for one in entries if one.kind == "mail_in"]
    for words in (*senders, *(one.to for one in entries if one.kind == "mail_out")):
        if found := kept(words):
            return found
    if row.client is not None:
        return recipients(", ".join((await unit.emails.of(row.client))[:1]))
    return ()

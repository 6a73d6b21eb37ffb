"""Which ticket a mail belongs to, and what it may set going there. Pure: what is known is handed in.

Whoever knows a message id of a thread, or a ticket's token (12 random letters: not guessed), gets into that
ticket; agents read his mail there, and nothing of the ticket goes to him by it. If he has not been
in that thread before he is marked as a stranger: it was passed on to him, or he has seen a mail of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from bridge.crm.letter_headers import Automatic
from bridge.crm.letters import Received

FLOOD_WINDOW = timedelta(hours=1)


class Way(Enum):
    """How a mail came to its ticket."""

    REFERENCE = "reference"  # it answers a mail of that ticket
    TOKEN = "token"  # noqa: S105  by the token in its subject
    NEW = "new"
    FLOOD = "flood"  # too many new ones of this sender: held together in the newest of them
    REPORT = "report"  # a mail server's, on a mail of ours: told on that entry, no entry of its own
    IGNORED = "ignored"  # nobody's request; it stays in the mailbox


@dataclass(frozen=True, slots=True)
class KnownTicket:
    """``addresses``: of the client, and of all who wrote or were written to in that thread."""

    id: int
    addresses: frozenset[str] = frozenset()
    files_bytes: int = 0  # of its attachments

    def knows(self, address: str) -> bool:
        return bool(address) and address.casefold() in {one.casefold() for one in self.addresses}


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of what a mail names. A ticket that was merged into another one is that other one."""

    by_message: Mapping[str, KnownTicket] = field(default_factory=dict)  # mails that we sent or received
    by_token: KnownTicket | None = None
    opened: int = 0  # tickets that this sender's mails opened within FLOOD_WINDOW
    newest: KnownTicket | None = None  # of those


@dataclass(frozen=True, slots=True)
class Thread:
    way: Way
    ticket: int | None = None  # None: a new one, or none at all
    stranger: bool = False  # the sender was not in that thread before
    files_bytes: int = 0  # that the ticket has already
    quiet: bool = False  # sets nothing going: no answer by itself, no reopening, no reaction of the client


def asked_for(mail: Received) -> tuple[str, ...]:
    """The message ids that say which thread it is, the nearest one first."""
    report = mail.undelivered.message_id if mail.undelivered is not None else None
    ids = (report, *mail.in_reply_to, *reversed(mail.references))
    return tuple(dict.fromkeys(one for one in ids if one is not None))


def thread_of(mail: Received, known: Known, *, own: frozenset[str], most_new: int) -> Thread:
    """``own``: our own addresses. ``most_new``: tickets that one sender may open within FLOOD_WINDOW."""
    if mail.automatic is Automatic.OWN:
        return Thread(Way.IGNORED, quiet=True)
    quiet = mail.automatic is not None or mail.sender.address.casefold() in {one.casefold() for one in own}
    found = next(_found(mail, known), None)
    if mail.undelivered is not None:
        ours = known.by_message.get(mail.undelivered.message_id or "")
        if ours is None or not mail.undelivered.failed:
            return Thread(Way.IGNORED, quiet=True)
        return Thread(Way.REPORT, ours.id, quiet=True)
    if mail.automatic is Automatic.RECEIPT:
        return Thread(Way.IGNORED, quiet=True)
    if found is not None:
        way, ticket = found
        # A bounce without a report comes from a mail server's own address.
        stranger = mail.automatic is not Automatic.REPORT and not ticket.knows(mail.sender.address)
        return Thread(way, ticket.id, stranger=stranger, files_bytes=ticket.files_bytes, quiet=quiet)
    if mail.automatic in {Automatic.REPLY, Automatic.REPORT}:
        return Thread(Way.IGNORED, quiet=True)  # an answer to nothing of ours
    if known.opened >= most_new and known.newest is not None:
        return Thread(Way.FLOOD, known.newest.id, files_bytes=known.newest.files_bytes, quiet=True)
    return Thread(Way.NEW, quiet=quiet)


def _found(mail: Received, known: Known) -> Iterator[tuple[Way, KnownTicket]]:
    for one in asked_for(mail):
        if (ticket := known.by_message.get(one)) is not None:
            yield Way.REFERENCE, ticket
    if mail.token is not None and known.by_token is not None:
        yield Way.TOKEN, known.by_token

"""What mail in and out asks of the ticket store: the port between them. Owns no rule and no table.

Each method is one transaction, and once it has returned what it says is on disk. All raise what the store
raises while it is away (``retryable``); then the mail stays where it is and is tried again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from bridge.crm.attachments import Kept, Unfit
from bridge.crm.letter_headers import Party
from bridge.crm.letters import Received
from bridge.crm.threads import Known, Thread


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail lies. ``mailbox`` is USER@HOST/FOLDER; a UID means nothing without the validity."""

    mailbox: str
    validity: int
    uid: int

    def __str__(self) -> str:
        return f"{self.mailbox}, UID {self.uid} (UIDVALIDITY {self.validity})"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a mailbox was taken. Up to ``horizon``, what lay there at first, only unread mail is."""

    validity: int
    horizon: int
    uid: int = 0  # the last one that was settled, by ``take`` or ``unreadable``


@dataclass(frozen=True, slots=True)
class NotKept:
    """A file that came with a mail and was refused; the mail in the mailbox still has it."""

    name: str
    unfit: Unfit
    reason: str  # the same in words


@dataclass(frozen=True, slots=True)
class Incoming:
    mail: Received
    thread: Thread
    place: Place
    files: tuple[Kept, ...] = ()
    refused: tuple[NotKept, ...] = ()


class TicketMail(Protocol):
    async def cursor(self, mailbox: str) -> Cursor | None:
        """None for a mailbox that is new."""

    async def begin(self, mailbox: str, cursor: Cursor) -> None:
        """It is new, or was made anew: what was remembered of it is replaced."""

    async def known(self, ids: Sequence[str], token: str | None, sender: str, since: datetime) -> Known:
        """Tickets of these message ids and of this token; what ``sender`` opened by mail after ``since``."""

    async def take(self, incoming: Incoming, at: datetime) -> bool:
        """Do what its thread says and remember its place, all or nothing.

        False if this very mail (``mail.key``) was taken before: only its place is remembered.
        Way.REPORT: the entry whose message id is ``mail.undelivered.message_id`` becomes ``failed``.
        Way.IGNORED: only the place, and the key.
        """

    async def named(self, file: str) -> bool:
        """Has anybody the file that lies by this name?"""

    async def unreadable(self, place: Place, reason: str, at: datetime) -> None:
        """What lies there is no mail, or cannot be had: told to the engineer, and not read again."""


class Delivery(Enum):
    """What has become of a mail of ours; ``value`` is kept on its entry."""

    WAITING = "waiting"  # also: to be tried again
    SENDING = "sending"  # found so at start: nobody knows
    SENT = "sent"  # taken by the mail server
    FAILED = "failed"  # for good: refused, or reported as not delivered
    UNCERTAIN = "uncertain"  # handed over, and the reply was lost: not sent again by itself


@dataclass(frozen=True, slots=True)
class Outgoing:
    """``message_id`` is kept with the entry before anything is sent: answers are known by it."""

    entry: int
    message_id: str
    subject: str  # without token, as the ticket has it
    token: str
    text: str = field(repr=False)
    to: tuple[Party, ...]
    cc: tuple[Party, ...] = ()
    from_name: str = ""  # the department's
    answers: str | None = None  # the message id of the mail that it answers
    references: tuple[str, ...] = ()  # of that mail
    files: tuple[Kept, ...] = ()
    automatic: bool = False  # no agent wrote it
    attempts: int = 0  # that have failed


class MailOut(Protocol):
    async def due(self, now: datetime, most: int) -> Sequence[Outgoing]:
        """Entries that are WAITING and whose time has come, the oldest first."""

    async def sending(self, entry: int) -> bool:
        """From WAITING to SENDING; False if it is not WAITING any more (withdrawn, or another has it)."""

    async def settled(self, entry: int, delivery: Delivery, fault: str, at: datetime) -> None:
        """SENT, FAILED or UNCERTAIN. ``fault`` for people; of a SENT one: who does not get it."""

    async def again(self, entry: int, fault: str, due: datetime) -> None:
        """Back to WAITING, with one more attempt."""

    async def interrupted(self, at: datetime) -> int:
        """At start: what was SENDING when the last run ended becomes UNCERTAIN; how many."""

"""What the store gives out about tickets beside the ticket itself, as rows.py does for all else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bridge.store.rows import TicketRow


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else has changed the ticket meanwhile: nothing was written. This is how it is now."""

    current: TicketRow


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One contribution to a ticket's thread. ``kind`` is one of bridge.store.entries.KINDS."""

    id: int
    ticket: int
    kind: str
    at: datetime
    author: str  # a login, an agent's id, "client", or a mail address
    subject: str = ""
    body: str = ""
    call: str | None = None
    message_id: str | None = None
    in_reply_to: str = ""
    to: str = ""
    cc: str = ""
    delivery: str = ""  # "" | "waiting" | "sending" | "sent" | "failed" | "uncertain"
    fault: str = ""  # why it could not be delivered, in words
    attempts: int = 0  # to deliver it, that have failed
    due_at: datetime | None = None  # not delivered before
    automatic: bool = False  # nobody wrote it
    references: str = ""  # message ids of its thread, the oldest first
    marks: Mapping[str, Any] = field(default_factory=dict)  # see bridge.crm.entry_marks


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A letter or message as part of a client's history: without its words, with the ticket it belongs to."""

    id: int
    kind: str
    at: datetime
    author: str
    subject: str
    ticket: TicketRow


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be added to a thread; see ``EntryRow``."""

    kind: str
    author: str
    at: datetime
    subject: str = ""
    body: str = ""
    call: str | None = None
    message_id: str | None = None
    in_reply_to: str = ""
    to: str = ""
    cc: str = ""
    delivery: str = ""
    automatic: bool = False
    references: str = ""
    marks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    id: int
    ticket: int
    at: datetime
    by: str  # a login; "" for the call's own news
    action: str
    field: str  # "status", "fields.serial", …
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class TicketLinkRow:
    """As seen from one ticket. ``kind``: "related" | "duplicate" | "duplicated_by" | "parent" | "child"."""

    kind: str
    ticket: TicketRow


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file of a ticket or a template, by its contents: several may share one ``file``."""

    id: int
    ticket: int | None
    entry: int | None
    template: int | None
    name: str
    media_type: str
    bytes: int
    sha256: str
    file: str  # name below the attachments' directory
    created_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class FilterRow:
    """Of a person (``owner``, a login) or of a role; the other is ""."""

    id: int
    owner: str
    role: str
    name: str
    query: str  # JSON; what it means is decided outside the store
    position: int


@dataclass(frozen=True, slots=True)
class TemplateRow:
    id: int
    set_name: str
    department: str  # "" for all
    name: str
    subject: str
    body: str
    language: str
    version: int = 1
    attachments: tuple[AttachmentRow, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """What somebody was told of one of a ticket's clocks, and has not put away."""

    ticket: TicketRow
    clock: str  # "reaction" | "resolution"
    step: str  # "warn": soon due | "escalate": overdue
    due_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateConflict:
    """Somebody else has changed the template meanwhile: nothing was written. This is how it is now."""

    current: TemplateRow


@dataclass(frozen=True, slots=True)
class Counted:
    """``more``: there are more than that, and they were not counted."""

    count: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.count}+" if self.more else str(self.count)

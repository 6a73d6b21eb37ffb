"""The tables of tickets: the ticket itself, its calls, thread, log, tags, links, and files. No query.

Full text is not here: SQLite and PostgreSQL keep it in tables of their own kinds, see ticket_search.py.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.tables import Base, OrderedText, clean

_FILTERS = ("department", "status", "assignee", "line", "priority", "classification")
_BY_PRIORITY = tuple(one for one in _FILTERS if one != "priority")
# SQLite reads a row to see what its index is about, unless the column is in there.
_OPEN_BY = (*_FILTERS, "closed_at")
_BIG_ID = BigInteger().with_variant(Integer(), "sqlite")
# A list of what is open is found in one of these alone, without its tickets; they hold few of all.
OPEN, CLOSED = "closed_at IS NULL", "closed_at IS NOT NULL"


class FieldsText(TypeDecorator[dict[str, Any]]):
    """A JSON object as text, alike on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(msgspec.json.encode(value).decode())

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:
        if value is None or value == "{}":
            return None if value is None else {}
        decoded: dict[str, Any] = msgspec.json.decode(value, type=dict[str, Any])
        return decoded


def _index(name: str, *columns: str, where: str, too: str = "") -> Index:
    """``too``: for SQLite alone, which takes one of several by guess unless what is asked says which."""
    more = f"{where} AND {too}" if too else where
    return Index(name, *columns, sqlite_where=text(more), postgresql_where=text(where))


class TicketTable(Base):
    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint("priority IN ('normal', 'medium', 'urgent', 'critical')", name="priority"),
        Index(None, "client_id", "status", "id"),
        Index(None, "assignee", "id"),
        Index("ix_tickets_department_id", "department", "id"),
        _index("ix_tickets_closed_status", "status", "id", where=CLOSED),
        _index("ix_tickets_closed_department", "department", "status", "id", where=CLOSED),
        Index(None, "assignee", "department", "id"),
        Index(None, "assignee", "updated_at", "id"),
        Index("ix_tickets_updated_at_id", "updated_at", "id"),
        Index("ix_tickets_created_at_id", "created_at", "id"),
        Index("ix_tickets_token", "token", unique=True),
        _index("ix_tickets_open", "id", *_OPEN_BY, where=OPEN),
        _index(
            "ix_tickets_open_priority",
            "priority",
            "id",
            *_BY_PRIORITY,
            "closed_at",
            where=OPEN,
            too="priority > ''",
        ),
        _index(
            "ix_tickets_open_updated",
            "updated_at",
            "id",
            *_FILTERS,
            "closed_at",
            where=OPEN,
            too="updated_at > ''",
        ),
        _index("ix_tickets_priority", "priority", "id", *_BY_PRIORITY, where="priority <> 'normal'"),
        _index("ix_tickets_due", "due_at", "id", *_OPEN_BY, where="due_at IS NOT NULL"),
        _index(
            "ix_tickets_waiting",
            "waiting_since",
            "id",
            *_FILTERS,
            "closed_at",
            where="waiting_since IS NOT NULL",
        ),
        _index("ix_tickets_class", "classification", "id", where="classification <> ''"),
        _index("ix_tickets_merged", "merged_into", where="merged_into IS NOT NULL"),
        _index("ix_tickets_alarm", "alarm_at", "id", where="alarm_at IS NOT NULL"),
        _index("ix_tickets_closes", "closes_at", "id", where="closes_at IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id"), unique=True)  # that opened it
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id", ondelete="SET NULL"))
    client_edited: Mapped[bool]
    subject: Mapped[str]
    subject_edited: Mapped[bool]
    status: Mapped[str]
    priority: Mapped[str]
    department: Mapped[str]
    department_edited: Mapped[bool]
    assignee: Mapped[str | None]
    assignee_edited: Mapped[bool] = mapped_column(server_default=false())
    solution: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    disposition: Mapped[str] = mapped_column(server_default=text("''"))
    disposed_by: Mapped[str | None]  # the agent who said so himself; null when it was set on the ticket
    version: Mapped[int] = mapped_column(server_default=text("1"))  # one more with every change
    line: Mapped[int] = mapped_column(server_default=text("1"))
    classification: Mapped[str] = mapped_column(server_default=text("''"))
    fields: Mapped[dict[str, Any]] = mapped_column(FieldsText, server_default=text("'{}'"))
    source: Mapped[str] = mapped_column(server_default=text("'call'"))
    token: Mapped[str | None]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    closed_at: Mapped[datetime | None]  # whatever becomes of the statuses, this is what closed means
    reopened: Mapped[int] = mapped_column(server_default=text("0"))
    reacted_at: Mapped[datetime | None]
    last_entry_at: Mapped[datetime | None]
    last_from_client_at: Mapped[datetime | None]
    reaction_due_at: Mapped[datetime | None]
    resolution_due_at: Mapped[datetime | None]
    clock_stopped_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # of the two clocks the one that runs out first; null: none runs
    waiting_since: Mapped[datetime | None]  # the client waits for us; null: he does not
    alarm_at: Mapped[datetime | None]  # when the next warning or escalation is to be told
    closes_at: Mapped[datetime | None]  # when its temporary status closes by itself


class TicketCallTable(Base):
    """Which ticket a call belongs to. A trigger adds the call that opens a ticket."""

    __tablename__ = "ticket_calls"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)


class StaleTable(Base):
    """Tickets whose full text is to be indexed anew, as often as that was said. Triggers say it."""

    __tablename__ = "ticket_stale"

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    ticket_id: Mapped[int]


class EntryTable(Base):
    __tablename__ = "ticket_entries"
    __table_args__ = (
        CheckConstraint(
            "delivery IN ('', 'waiting', 'sending', 'sent', 'failed', 'uncertain')", name="delivery"
        ),
        Index(None, "ticket_id", "id"),
        _index("ix_ticket_entries_waiting", "id", where="delivery = 'waiting'"),
        _index("ix_ticket_entries_sending", "id", where="delivery = 'sending'"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    kind: Mapped[str]
    at: Mapped[datetime]
    author: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    call_id: Mapped[str | None]
    message_id: Mapped[str | None] = mapped_column(index=True)
    in_reply_to: Mapped[str]
    to: Mapped[str]
    cc: Mapped[str]
    delivery: Mapped[str]
    fault: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))  # to send it, that have failed
    due_at: Mapped[datetime | None]  # not to be sent before
    automatic: Mapped[bool] = mapped_column(server_default=false())  # nobody wrote it
    references: Mapped[str] = mapped_column(server_default=text("''"))  # message ids, the oldest first
    marks: Mapped[dict[str, Any]] = mapped_column(FieldsText, server_default=text("'{}'"))


class ChangeTable(Base):
    __tablename__ = "ticket_changes"
    __table_args__ = (Index(None, "ticket_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(_BIG_ID, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    by: Mapped[str]
    action: Mapped[str]
    field: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]


class TagTable(Base):
    __tablename__ = "ticket_tags"
    __table_args__ = (
        Index(None, "tag", "ticket_id"),
        _index("ix_ticket_tags_open", "tag", "ticket_id", where="open"),
    )

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    open: Mapped[bool] = mapped_column(server_default=false())  # its ticket is; a trigger says so


class FieldValueTable(Base):
    """Where an index finds what own fields hold: each line of a value. Triggers write it: see v0020."""

    __tablename__ = "ticket_field_values"
    __table_args__ = (
        Index(None, "key", "value", "ticket_id"),
        _index("ix_ticket_field_values_open", "key", "value", "ticket_id", where="open"),
    )

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    value: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    open: Mapped[bool]  # its ticket is


class TicketLinkTable(Base):
    """``a`` is the parent of ``b``, or its duplicate; with "related" ``a`` is the lower id."""

    __tablename__ = "ticket_links"
    __table_args__ = (
        CheckConstraint("kind IN ('related', 'duplicate', 'parent')", name="kind"),
        CheckConstraint("a <> b", name="two"),
    )

    a: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    b: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(primary_key=True)


class TemplateTable(Base):
    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("set_name", "name", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    set_name: Mapped[str]
    department: Mapped[str]  # "" for all
    name: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    language: Mapped[str]
    version: Mapped[int] = mapped_column(server_default=text("1"))  # one more with every change


class AttachmentTable(Base):
    """Of a ticket, perhaps of one entry of it, or of a template. The file is found by its contents."""

    __tablename__ = "attachments"
    __table_args__ = (
        CheckConstraint("(ticket_id IS NULL) <> (template_id IS NULL)", name="owner"),
        Index(None, "ticket_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    entry_id: Mapped[int | None] = mapped_column(
        ForeignKey("ticket_entries.id", ondelete="CASCADE"), index=True
    )
    template_id: Mapped[int | None] = mapped_column(
        ForeignKey("templates.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    media_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    file: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    by: Mapped[str]


class NoticeTable(Base):
    """What of a ticket's clocks somebody was told, until he puts it away."""

    __tablename__ = "ticket_notices"
    __table_args__ = (
        CheckConstraint("clock IN ('reaction', 'resolution')", name="clock"),
        CheckConstraint("step IN ('warn', 'escalate')", name="step"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    clock: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[str]
    due_at: Mapped[datetime]
    at: Mapped[datetime] = mapped_column(index=True)


class FilterTable(Base):
    """A person's (``owner_login``) or a role's."""

    __tablename__ = "saved_filters"
    __table_args__ = (
        CheckConstraint("(owner_login = '') <> (role = '')", name="owner"),
        UniqueConstraint("owner_login", "role", "name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_login: Mapped[str]
    role: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    position: Mapped[int]


TICKETS = TicketTable.__table__.c
TICKET = (
    TICKETS.id,
    TICKETS.call_id,
    TICKETS.client_id,
    TICKETS.subject,
    TICKETS.status,
    TICKETS.priority,
    TICKETS.department,
    TICKETS.assignee,
    TICKETS.solution,
    TICKETS.created_at,
    TICKETS.updated_at,
    TICKETS.disposition,
    TICKETS.version,
    TICKETS.line,
    TICKETS.classification,
    TICKETS.fields,
    TICKETS.source,
    TICKETS.token,
    TICKETS.merged_into,
    TICKETS.closed_at,
    TICKETS.reopened,
    TICKETS.reacted_at,
    TICKETS.last_entry_at,
    TICKETS.last_from_client_at,
    TICKETS.reaction_due_at,
    TICKETS.resolution_due_at,
    TICKETS.clock_stopped_at,
    TICKETS.warned_at,
    TICKETS.escalated_at,
    TICKETS.due_at,
    TICKETS.waiting_since,
    TICKETS.alarm_at,
    TICKETS.closes_at,
)

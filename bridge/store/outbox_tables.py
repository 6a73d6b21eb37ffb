"""The tables of what receivers are told: an event for each of them, and a line for each call and receiver."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.facts import BigId
from bridge.store.tables import Base

IS_NEXT = text("next_at IS NOT NULL")
# By the words of its index: with a parameter in it SQLite would not use that.
WAITS = text("state = 'waiting'")


class OutboxTable(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("call_id", "subscription_id", "event"),
        Index(None, "subscription_id", "next_at", sqlite_where=IS_NEXT, postgresql_where=IS_NEXT),
        Index(None, "call_id", "subscription_id", "seq", sqlite_where=WAITS, postgresql_where=WAITS),
        Index(None, "state", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"))
    call_id: Mapped[str]
    event: Mapped[str]
    event_id: Mapped[str]
    kind: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    step: Mapped[int]
    next_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class OutboxLineTable(Base):
    __tablename__ = "outbox_lines"

    call_id: Mapped[str] = mapped_column(Text, primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscriptions.id", ondelete="CASCADE"), primary_key=True
    )
    peer: Mapped[dict[str, str]] = mapped_column(JSON)
    touched_at: Mapped[datetime]

"""The table of calls: each call's latest snapshot, and what of it has a table of its own. No query."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bridge.store.legs import LegTable
from bridge.store.pauses import PauseTable
from bridge.store.tables import Base
from bridge.store.talks import SegmentTable, TransferTable, WrapUpTable

TALKED = text("answered_at IS NOT NULL AND agent IS NOT NULL")
UNDECIDED = text("ticket_wish = 'undecided'")


class CallTable(Base):
    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'internal', 'out')", name="direction"),
        Index(None, "offered_at", "id"),
        Index(None, "client_id", "offered_at", "id"),
        Index(None, "agent", "offered_at", "id"),
        Index(None, "queue", "offered_at", "id"),
        Index(None, "e164", "answered_at", postgresql_where=TALKED, sqlite_where=TALKED),
        Index("ix_calls_undecided", "ended_at", "id", postgresql_where=UNDECIDED, sqlite_where=UNDECIDED),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str]
    number: Mapped[str | None]
    e164: Mapped[str | None] = mapped_column(index=True)
    name: Mapped[str]
    withheld: Mapped[bool]
    dialled: Mapped[str]
    trunk: Mapped[str]
    verdict: Mapped[str | None]
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id", ondelete="SET NULL"))
    client_chosen: Mapped[bool]  # by an agent: no snapshot changes it any more
    queue: Mapped[str | None]
    agent: Mapped[str | None]
    offered_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    as_of: Mapped[datetime]  # the latest moment the snapshot knows of: tells an older one from a newer
    fallback: Mapped[bool] = mapped_column(server_default=false())  # Asterisk's own queue served it
    # The word of who talked. Its ticket has it as well, and there people may change it.
    disposition: Mapped[str] = mapped_column(server_default=text("''"))
    disposed_by: Mapped[str | None]
    # "": nobody asked for a ticket, or it got one at once. "undecided". "decided": it has one or needs none.
    ticket_wish: Mapped[str] = mapped_column(server_default=text("''"))
    legs: Mapped[list[LegTable]] = relationship(order_by=(LegTable.created_at, LegTable.id), viewonly=True)
    segments: Mapped[list[SegmentTable]] = relationship(viewonly=True)
    wrap_ups: Mapped[list[WrapUpTable]] = relationship(viewonly=True)
    transfers: Mapped[list[TransferTable]] = relationship(viewonly=True)
    pauses: Mapped[list[PauseTable]] = relationship(viewonly=True)

"""The legs of calls, as history keeps them."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CheckConstraint, Connection, ForeignKey, Insert, func
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.record import CallRecord, LegRecord
from bridge.store.rows import LegRow
from bridge.store.tables import Base, upsert_of


class LegTable(Base):
    __tablename__ = "legs"
    __table_args__ = (CheckConstraint("kind IN ('client', 'agent', 'outside')", name="kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    agent: Mapped[str | None]
    created_at: Mapped[datetime]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    cause: Mapped[int | None]
    tech_cause: Mapped[int | None]


def save_legs(connection: Connection, record: CallRecord) -> None:
    """Of a snapshot, which may come twice or late."""
    if record.legs:
        # In one order for everyone: two writers that lock rows crosswise would block each other.
        legs = sorted(record.legs, key=lambda leg: leg.id)
        connection.execute(_save(connection.dialect.name), [_values(record.id, leg) for leg in legs])


def leg_row(leg: LegTable) -> LegRow:
    return LegRow(
        id=leg.id,
        call=leg.call_id,
        kind=leg.kind,
        agent=leg.agent,
        created_at=leg.created_at,
        ringing_at=leg.ringing_at,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        cause=leg.cause,
        tech_cause=leg.tech_cause,
    )


@cache
def _save(dialect: str) -> Insert:
    statement = upsert_of(dialect, LegTable)
    ours, new = LegTable.__table__.c, statement.excluded
    # Each of these becomes known once and then stays: what is there already wins.
    fields = "agent ringing_at answered_at ended_at cause tech_cause"
    return statement.on_conflict_do_update(
        index_elements=["id"],
        set_={field: func.coalesce(ours[field], new[field]) for field in fields.split()},
    )


def _values(call: str, leg: LegRecord) -> dict[str, Any]:
    return {
        "id": leg.id,
        "call_id": call,
        "kind": leg.kind.value,
        "agent": leg.agent,
        "created_at": leg.created_at,
        "ringing_at": leg.ringing_at,
        "answered_at": leg.answered_at,
        "ended_at": leg.ended_at,
        "cause": leg.cause,
        "tech_cause": leg.tech_cause,
    }

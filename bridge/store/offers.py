"""Offers: whom the router asked for each call, why him, and how it ended. What to judge by is the centre's.

An offer and its end come as two orders, each perhaps twice or alone. Each writes its own columns of the one
row, so that neither needs to know of the other.
"""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, Connection, Index, Insert, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.explain import Judged, explain
from bridge.centre.orders import EndOffer, SaveOffer
from bridge.store.rows import CandidateRow, OfferRow
from bridge.store.tables import Base, clean, in_one_go, upsert_of


class OfferTable(Base):
    """No foreign key to the call: its row may be saved later than its offers."""

    __tablename__ = "offers"
    __table_args__ = (Index(None, "agent", "at"),)

    leg: Mapped[str] = mapped_column(primary_key=True)
    call: Mapped[str] = mapped_column(index=True)
    # What the offer itself tells; all of it is null while only its end is known.
    agent: Mapped[str | None]
    queue: Mapped[str | None]
    strategy: Mapped[str | None]
    at: Mapped[datetime | None]
    needs: Mapped[list[tuple[str, int]] | None] = mapped_column(JSON)
    highest_penalty: Mapped[int | None]
    preferred: Mapped[str | None]
    body: Mapped[list[list[Any]] | None] = mapped_column(JSON)  # see _compact
    # What its end tells.
    end: Mapped[str | None]
    ended_at: Mapped[datetime | None]


_OFFER = (
    OfferTable.leg,
    OfferTable.call,
    OfferTable.agent,
    OfferTable.queue,
    OfferTable.strategy,
    OfferTable.at,
    OfferTable.end,
    OfferTable.ended_at,
    OfferTable.needs,
    OfferTable.highest_penalty,
    OfferTable.preferred,
    OfferTable.body,
)


class SyncOffers:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, order: SaveOffer) -> None:
        """Judge all candidates, and keep the judgement with the offer. Its end stays if it is known."""
        decision = order.decision
        self._connection.execute(
            _save(self._connection.dialect.name),
            {
                "leg": order.leg,
                "call": order.call,
                "agent": order.agent,
                "queue": order.queue,
                "strategy": decision.strategy.value,
                "at": order.at,
                "needs": [[clean(skill), level] for skill, level in decision.needs],
                "highest_penalty": decision.highest_penalty,
                "preferred": decision.preferred,
                "body": [_compact(judged) for judged in explain(decision)],
            },
        )

    def end(self, order: EndOffer) -> None:
        """An offer ends once: what was told first stays."""
        self._connection.execute(
            _end(self._connection.dialect.name),
            {"leg": order.leg, "call": order.call, "end": order.end.value, "ended_at": order.at},
        )


class Offers:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def save(self, order: SaveOffer) -> None:
        await in_one_go(self._session, lambda sync: SyncOffers(sync).save(order))

    async def end(self, order: EndOffer) -> None:
        await in_one_go(self._session, lambda sync: SyncOffers(sync).end(order))

    async def of_call(self, call: str) -> list[OfferRow]:
        """In the order in which they were made."""
        found = await self._session.execute(
            select(*_OFFER)
            .where(OfferTable.call == call, OfferTable.strategy.is_not(None))
            # Of those made at once by their number, which is the end of the leg's id.
            .order_by(OfferTable.at, func.length(OfferTable.leg), OfferTable.leg)
        )
        return [_offer_row(*row) for row in found]


@cache
def _save(dialect: str) -> Insert:
    statement = upsert_of(dialect, OfferTable)
    told = "call agent queue strategy at needs highest_penalty preferred body"
    return statement.on_conflict_do_update(
        index_elements=["leg"], set_={field: statement.excluded[field] for field in told.split()}
    )


@cache
def _end(dialect: str) -> Insert:
    statement = upsert_of(dialect, OfferTable)
    ours, new = OfferTable.__table__.c, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["leg"],
        set_={
            "end": func.coalesce(ours.end, new.end),
            "ended_at": func.coalesce(ours.ended_at, new.ended_at),
        },
    )


def _compact(judged: Judged) -> list[Any]:
    """As CandidateRow's fields, in their order, without those at the end that say nothing."""
    # Of these only the detail can hold what somebody typed: the reason of a pause.
    detail = clean(judged.detail) if judged.detail else ""
    fields: list[Any] = [judged.agent, judged.verdict.value, detail, judged.rank, judged.metric]
    while not fields[-1]:
        fields.pop()
    return fields


def _offer_row(
    leg: str,
    call: str,
    agent: str,
    queue: str,
    strategy: str,
    at: datetime,
    end: str | None,
    ended_at: datetime | None,
    needs: list[list[Any]],
    highest_penalty: int | None,
    preferred: str | None,
    body: list[list[Any]],
) -> OfferRow:
    return OfferRow(
        leg=leg,
        call=call,
        agent=agent,
        queue=queue,
        strategy=strategy,
        at=at,
        end=end,
        ended_at=ended_at,
        needs=tuple((skill, level) for skill, level in needs),
        highest_penalty=highest_penalty,
        preferred=preferred,
        candidates=tuple(CandidateRow(*fields) for fields in body),
    )

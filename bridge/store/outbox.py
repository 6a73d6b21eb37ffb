"""Events of calls on their way to subscriptions: one row for each of both, and who is next.

Of each call's rows for one subscription exactly one, the first that waits, has ``next_at``: what is due is
found by an index that holds nothing else, however many rows are done. Who is next is decided under a lock on
the call's *line* (its row in ``outbox_lines``, which also keeps what the receiver has said about the call),
because the command line is a process of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Connection,
    ForeignKey,
    Index,
    Insert,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.facts import BigId
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.outbox_rows import DueEvent, OutboxCounts, OutboxRow
from bridge.store.rows import Page
from bridge.store.tables import Base, UtcDateTime, upsert_of

WAITING, DELIVERED, DEAD, SKIPPED = "waiting", "delivered", "dead", "skipped"
STATES = (WAITING, DELIVERED, DEAD, SKIPPED)
_IS_NEXT = text("next_at IS NOT NULL")
_WAITS = text("state = 'waiting'")
_MOST_ERROR = 500


class OutboxTable(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("call_id", "subscription_id", "event"),
        Index(None, "subscription_id", "next_at", sqlite_where=_IS_NEXT, postgresql_where=_IS_NEXT),
        Index(None, "call_id", "subscription_id", "seq", sqlite_where=_WAITS, postgresql_where=_WAITS),
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


_TABLE = cast("Table", OutboxTable.__table__)
_LINES = cast("Table", OutboxLineTable.__table__)
_C, _L = _TABLE.c, _LINES.c
_ROW = tuple(_TABLE.columns)
_SAME_LINE = and_(_L.call_id == _C.call_id, _L.subscription_id == _C.subscription_id)
_IN_LINE = and_(_C.call_id == bindparam("a_call"), _C.subscription_id == bindparam("a_subscription"))

Line = tuple[str, int]  # call, subscription


@dataclass(frozen=True, slots=True)
class NewEvent:
    subscriptions: Collection[int]
    call: str
    event: str
    event_id: str
    kind: str
    body: str = field(repr=False)


class SyncOutbox:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ── what is to be told ───────────────────────────────────────────────────

    def add(self, new: NewEvent, at: datetime) -> list[DueEvent]:
        """Once for each subscription, however often it is told; those that are the next of their call."""
        due = []
        for subscription in sorted(new.subscriptions):
            peer = self._lock(new.call, subscription, at)
            first = self._first(new.call, subscription) is None
            values = {
                "subscription_id": subscription,
                "call_id": new.call,
                "event": new.event,
                "event_id": new.event_id,
                "kind": new.kind,
                "body": new.body,
                "state": WAITING,
                "tries": 0,
                "step": 0,
                "next_at": at if first else None,
                "last_status": None,
                "last_error": "",
                "created_at": at,
                "done_at": None,
            }
            added = self._connection.execute(_add(self._connection.dialect.name), values).one_or_none()
            if added is not None and first:
                due.append(DueEvent(OutboxRow(*added), peer))
        return due

    def expect(self, call: str, subscription: int, peer: Mapping[str, str], at: datetime) -> None:
        """The receiver knows a call that is only about to be made: what it has said about it."""
        self._lock(call, subscription, at, peer)

    def due(self, subscription: int, at: datetime, limit: int, without: Collection[str]) -> list[DueEvent]:
        """The next ones of their calls whose time has come. ``without``: calls that are being told of."""
        statement = (
            select(*_ROW, _L.peer)
            .join(_LINES, _SAME_LINE)
            .where(_C.subscription_id == subscription, _C.next_at <= at)
            .order_by(_C.next_at, _C.seq)
            .limit(limit)
        )
        if without:
            statement = statement.where(_C.call_id.not_in(list(without)))
        return [DueEvent(OutboxRow(*row[:-1]), row.peer) for row in self._connection.execute(statement)]

    def next_due(self, subscription: int, without: Collection[str]) -> datetime | None:
        statement = select(func.min(_C.next_at)).where(
            _C.subscription_id == subscription, _C.next_at.is_not(None)
        )
        if without:
            statement = statement.where(_C.call_id.not_in(list(without)))
        found: datetime | None = self._connection.scalar(statement)
        return found

    def hurry(self, subscription: int, at: datetime) -> None:
        """What waits because nobody answered need wait no longer: its receiver is there again."""
        unanswered = (_C.next_at > at) & _C.last_status.is_(None)
        self._connection.execute(
            update(_TABLE).where(_C.subscription_id == subscription, unanswered).values(next_at=at)
        )

    # ── what has become of it ────────────────────────────────────────────────

    def step_done(self, row: OutboxRow, step: int, peer: Mapping[str, str], at: datetime) -> None:
        """One of several requests was accepted: it is not sent again."""
        self._lock(row.call, row.subscription, at, peer)
        self._change(row, step=step)

    def failed(
        self,
        row: OutboxRow,
        *,
        next_at: datetime,
        status: int | None,
        error: str,
        at: datetime,
        peer: Mapping[str, str] | None = None,
        counts: bool = True,
    ) -> None:
        """It will be tried again. ``counts``: this was one of its tries."""
        if peer is not None:
            self._lock(row.call, row.subscription, at, peer)
        self._change(
            row,
            tries=row.tries + (1 if counts else 0),
            next_at=next_at,
            last_status=status,
            last_error=error[:_MOST_ERROR],
        )

    def finish(
        self,
        row: OutboxRow,
        state: str,
        at: datetime,
        *,
        status: int | None = None,
        error: str = "",
        peer: Mapping[str, str] | None = None,
        tried: bool = True,
    ) -> DueEvent | None:
        """It is done, one way or another; the call's next event, whose turn it is now."""
        kept = self._lock(row.call, row.subscription, at, peer)
        self._change(
            row,
            state=state,
            next_at=None,
            done_at=at,
            tries=row.tries + (1 if tried else 0),
            last_status=status,
            last_error=error[:_MOST_ERROR],
        )
        following = self._promote(row.call, row.subscription, at)
        return DueEvent(following, kept) if following is not None else None

    # ── by people ────────────────────────────────────────────────────────────

    def get(self, seq: int) -> OutboxRow | None:
        if not is_id(seq):
            return None
        row = self._connection.execute(select(*_ROW).where(_C.seq == seq)).one_or_none()
        return None if row is None else OutboxRow(*row)

    def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        state: str | None = None,
        call: str | None = None,
        subscription: int | None = None,
    ) -> Page[OutboxRow]:
        """The latest first. Raises BadInput for an unknown state or cursor."""
        if state is not None and state not in STATES:
            raise BadInput(f"state {state[:40]!r}: it must be one of {', '.join(STATES)}")
        before = read_id_cursor("outbox", cursor)
        statement = select(*_ROW).order_by(_C.seq.desc()).limit(limit_of(limit) + 1)
        if before is not None:
            statement = statement.where(_C.seq < before)
        if state is not None:
            statement = statement.where(_C.state == state)
        if call is not None:
            statement = statement.where(_C.call_id == call)
        if subscription is not None:
            statement = statement.where(_C.subscription_id == (subscription if is_id(subscription) else -1))
        found = self._connection.execute(statement).all()
        return page_of(
            found, limit, lambda row: OutboxRow(*row), lambda row: id_cursor("outbox", int(row[0]))
        )

    def replay(self, seq: int, at: datetime) -> OutboxRow:
        """A dead or dropped one from its beginning, before what waits for the same call. Raises BadInput."""
        row = self._dead(seq, (DEAD, SKIPPED), "only what is dead or was dropped can be told again")
        self._lock(row.call, row.subscription, at)
        first = self._first(row.call, row.subscription)
        self._change(
            row,
            state=WAITING,
            tries=0,
            step=0,
            next_at=at if first is None else None,
            done_at=None,
            last_error="",
        )
        return self._again(seq)

    def drop(self, seq: int, at: datetime) -> OutboxRow:
        """It will not be told; the call's later events go on. Raises BadInput."""
        row = self._dead(seq, (DEAD, WAITING), "only what waits or is dead can be dropped")
        self.finish(row, SKIPPED, at, status=row.last_status, error=row.last_error, tried=False)
        return self._again(seq)

    def counts(self) -> OutboxCounts:
        numbers = {
            state: self._connection.scalar(select(func.count()).where(_C.state == state)) or 0
            for state in (WAITING, DEAD)
        }
        oldest = self._connection.scalar(
            select(_C.created_at).where(_C.state == WAITING).order_by(_C.seq).limit(1)
        )
        return OutboxCounts(numbers[WAITING], numbers[DEAD], oldest)

    def prune(self, before: datetime, limit: int) -> int:
        """Remove what was told or dropped before then, so many at a time; how many. Dead ones stay."""
        removed = 0
        for state in (DELIVERED, SKIPPED):
            oldest = (
                select(_C.seq, _C.done_at).where(_C.state == state).order_by(_C.seq).limit(limit).subquery()
            )
            gone = self._connection.execute(
                delete(_TABLE)
                .where(_C.seq.in_(select(oldest.c.seq).where(oldest.c.done_at < before)))
                .returning(_C.call_id, _C.subscription_id)
            ).all()
            removed += len(gone)
            for call, subscription in sorted(set(gone)):
                left = select(_C.seq).where(_C.call_id == call, _C.subscription_id == subscription)
                self._connection.execute(
                    delete(_LINES).where(
                        _L.call_id == call, _L.subscription_id == subscription, ~left.exists()
                    )
                )
        return removed

    def never_told(self, before: datetime, limit: int) -> list[Line]:
        """Calls that were expected before then and of which there is nothing to be told, nor was."""
        found = self._connection.execute(_NEVER_TOLD.limit(limit), {"before": before})
        return [(row.call_id, row.subscription_id) for row in found]

    def forget(self, lines: Collection[Line], before: datetime) -> None:
        """What receivers said of calls that are still never told of, and long expected."""
        for call, subscription in lines:
            self._connection.execute(
                _FORGET, {"before": before, "a_call": call, "a_subscription": subscription}
            )

    # ── within a transaction ─────────────────────────────────────────────────

    def _lock(
        self, call: str, subscription: int, at: datetime, peer: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Until the transaction's end nobody else changes who is next there. What the receiver said."""
        statement = _touch(self._connection.dialect.name, kept=peer is None)
        found: Mapping[str, str] = self._connection.execute(
            statement,
            {
                "call_id": call,
                "subscription_id": subscription,
                "peer": dict(peer or {}),
                "touched_at": at,
            },
        ).scalar_one()
        return found

    def _first(self, call: str, subscription: int) -> OutboxRow | None:
        row = self._connection.execute(_FIRST, {"a_call": call, "a_subscription": subscription}).one_or_none()
        return None if row is None else OutboxRow(*row)

    def _promote(self, call: str, subscription: int, at: datetime) -> OutboxRow | None:
        first = self._first(call, subscription)
        if first is None or first.next_at is not None:
            return first
        self._change(first, next_at=at)
        return self._again(first.seq)

    def _change(self, row: OutboxRow, **values: Any) -> None:
        """Of one that was dropped meanwhile, by somebody else, nothing changes any more."""
        self._connection.execute(
            update(_TABLE).where(_C.seq == row.seq, _C.state == row.state).values(**values)
        )

    def _again(self, seq: int) -> OutboxRow:
        return OutboxRow(*self._connection.execute(select(*_ROW).where(_C.seq == seq)).one())

    def _dead(self, seq: int, states: Sequence[str], words: str) -> OutboxRow:
        row = self.get(seq)
        if row is None:
            raise BadInput(f"event {seq}: there is no such event in the outbox")
        if row.state not in states:
            raise BadInput(f"event {seq} is {row.state}: {words}")
        return row


_IS_NEVER_TOLD = and_(
    _L.touched_at < bindparam("before", type_=UtcDateTime()), ~select(_C.seq).where(_SAME_LINE).exists()
)
_NEVER_TOLD = select(_L.call_id, _L.subscription_id).where(_IS_NEVER_TOLD)
_FORGET = delete(_LINES).where(
    _L.call_id == bindparam("a_call"), _L.subscription_id == bindparam("a_subscription"), _IS_NEVER_TOLD
)
_FIRST = select(*_ROW).where(_IN_LINE, _C.state == WAITING).order_by(_C.seq).limit(1)


@cache
def _add(dialect: str) -> Any:
    return (
        upsert_of(dialect, OutboxTable)
        .on_conflict_do_nothing(index_elements=["call_id", "subscription_id", "event"])
        .returning(*_ROW)
    )


@cache
def _touch(dialect: str, *, kept: bool) -> Any:
    statement: Insert = upsert_of(dialect, OutboxLineTable)
    new = statement.excluded  # type: ignore[attr-defined]
    changed = {"touched_at": new.touched_at} if kept else {"touched_at": new.touched_at, "peer": new.peer}
    return statement.on_conflict_do_update(  # type: ignore[attr-defined]
        index_elements=["call_id", "subscription_id"], set_=changed
    ).returning(_L.peer)

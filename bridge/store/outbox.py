"""Events of calls on their way to subscriptions: one row for each of both, and who is next.

Of each call's rows for one subscription exactly one, the first that waits, has ``next_at``: what is due is
found by an index that holds nothing else, however many rows are done. A call's *line* (its row in
``outbox_lines``) keeps what the receiver has said about the call. On PostgreSQL who is next is decided under
a lock on it, because the command line is a process of its own; on SQLite whoever writes has all of it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Connection,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.dialects import postgresql

from bridge.errors import BadInput
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.outbox_rows import DueEvent, OutboxCounts, OutboxRow
from bridge.store.outbox_tables import WAITS, OutboxLineTable, OutboxTable
from bridge.store.rows import Page
from bridge.store.subscriptions import SubscriptionTable
from bridge.store.tables import CleanText, UtcDateTime, upsert_of

WAITING, DELIVERED, DEAD, SKIPPED = "waiting", "delivered", "dead", "skipped"
STATES = (WAITING, DELIVERED, DEAD, SKIPPED)
_MOST_ERROR = 500

_TABLE = cast("Table", OutboxTable.__table__)
_LINES = cast("Table", OutboxLineTable.__table__)
_C, _L, _SUBSCRIPTIONS = _TABLE.c, _LINES.c, cast("Table", SubscriptionTable.__table__).c
_ROW = tuple(_TABLE.columns)
_SAME_LINE = and_(_L.call_id == _C.call_id, _L.subscription_id == _C.subscription_id)
_IN_LINE = and_(_C.call_id == bindparam("a_call"), _C.subscription_id == bindparam("a_subscription"))

_IS_TOLD = and_(_SUBSCRIPTIONS.id == bindparam("a_subscription"), _SUBSCRIPTIONS.active)
_AT = bindparam("at", type_=UtcDateTime())

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
        self._dialect = connection.dialect.name
        self._locks = self._dialect == "postgresql"  # SQLite has one writer, of whatever process

    # ── what is to be told ───────────────────────────────────────────────────

    def add(self, new: NewEvent, at: datetime) -> list[DueEvent]:
        """Once for each active subscription, however often it is told; those that are next of their call."""
        due = []
        for subscription in sorted(new.subscriptions):
            line = {"a_call": new.call, "a_subscription": subscription, "at": at}
            if self._locks:
                self._connection.execute(_LINE_UP, line)
            values = {"event": new.event, "event_id": new.event_id, "kind": new.kind, "body": new.body}
            added = self._connection.execute(_add(self._dialect), {**line, **values}).one_or_none()
            if added is not None and added.next_at is not None:
                due.append(_due(added))
        return due

    def expect(self, call: str, subscription: int, peer: Mapping[str, str], at: datetime) -> None:
        """The receiver knows a call that is only about to be made: what it has said about it."""
        self._heard(call, subscription, at, peer)

    def due(self, subscription: int, at: datetime, limit: int, without: Collection[str]) -> list[DueEvent]:
        """The next ones of their calls whose time has come. ``without``: calls that are being told of."""
        statement = (
            select(*_ROW, _L.peer)
            .outerjoin(_LINES, _SAME_LINE)
            .where(_C.subscription_id == subscription, _C.next_at <= at)
            .order_by(_C.next_at, _C.seq)
            .limit(limit)
        )
        if without:
            statement = statement.where(_C.call_id.not_in(list(without)))
        return [_due(row) for row in self._connection.execute(statement)]

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
        self._heard(row.call, row.subscription, at, peer)
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
            self._heard(row.call, row.subscription, at, peer)
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
        """It is done, one way or another; the call's next event, whose turn it is now.

        ``peer``: what the receiver says of the call from now on, if that is new.
        """
        self._lock(row.call, row.subscription)
        if peer is not None:
            self._heard(row.call, row.subscription, at, peer)
        done = {
            "a_seq": row.seq,
            "before": row.state,
            "after": state,
            "at": at,
            "tries_now": row.tries + (1 if tried else 0),
            "status": status,
            "error": error[:_MOST_ERROR],
        }
        self._connection.execute(_DONE, done)
        # Of one that was dropped meanwhile the next one has its turn already, and keeps its time.
        line = {"a_call": row.call, "a_subscription": row.subscription, "at": at}
        following = self._connection.execute(_PROMOTE, line).one_or_none()
        return None if following is None else _due(following)

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
        self._lock(row.call, row.subscription)
        line = {"a_call": row.call, "a_subscription": row.subscription}
        first = self._connection.scalar(_FIRST, line)
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

    def _lock(self, call: str, subscription: int) -> None:
        """Until the transaction's end nobody else changes who is next there."""
        if self._locks:
            self._connection.execute(_HOLD, {"a_call": call, "a_subscription": subscription})

    def _heard(self, call: str, subscription: int, at: datetime, peer: Mapping[str, str]) -> None:
        """What it has said of the call. Locks its line as well."""
        values = {"call_id": call, "subscription_id": subscription, "peer": dict(peer), "touched_at": at}
        self._connection.execute(_hear(self._dialect), values)

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


def _due(row: Any) -> DueEvent:
    """Its last column is what the receiver has said of the call; null: nothing."""
    return DueEvent(OutboxRow(*row[:-1]), row[-1] or {})


_IS_NEVER_TOLD = and_(
    _L.touched_at < bindparam("before", type_=UtcDateTime()), ~select(_C.seq).where(_SAME_LINE).exists()
)
_NEVER_TOLD = select(_L.call_id, _L.subscription_id).where(_IS_NEVER_TOLD)
_FORGET = delete(_LINES).where(
    _L.call_id == bindparam("a_call"), _L.subscription_id == bindparam("a_subscription"), _IS_NEVER_TOLD
)
_FIRST = select(func.min(_C.seq)).where(_IN_LINE, WAITS)
_SAID = select(_L.peer).where(
    _L.call_id == bindparam("a_call"), _L.subscription_id == bindparam("a_subscription")
)
_HOLD = _SAID.with_for_update()
_DONE = (
    update(_TABLE)
    .where(_C.seq == bindparam("a_seq"), _C.state == bindparam("before"))
    .values(
        state=bindparam("after"),
        next_at=null(),
        done_at=bindparam("at"),
        tries=bindparam("tries_now"),
        last_status=bindparam("status"),
        last_error=bindparam("error"),
    )
)
_PROMOTE = (
    update(_TABLE)
    .where(_C.seq == _FIRST.correlate(None).scalar_subquery())
    .values(next_at=func.coalesce(_C.next_at, _AT))
    .returning(*_ROW, _SAID.scalar_subquery())
)
_LINE_UP = (
    postgresql.insert(_LINES)
    .from_select(
        ["call_id", "subscription_id", "peer", "touched_at"],
        select(
            bindparam("a_call", type_=Text()), _SUBSCRIPTIONS.id, bindparam("nothing", {}, JSON()), _AT
        ).where(_IS_TOLD),
    )
    .on_conflict_do_update(index_elements=["call_id", "subscription_id"], set_={"touched_at": _AT})
)


@cache
def _add(dialect: str) -> Any:
    """It is next if nothing of its line waits."""
    first = _FIRST.correlate(None).scalar_subquery()
    values: dict[str, Any] = {
        "subscription_id": _SUBSCRIPTIONS.id,
        "call_id": bindparam("a_call", type_=Text()),
        **{name: bindparam(name, type_=CleanText()) for name in ("event", "event_id", "kind", "body")},
        "state": literal(WAITING),
        "tries": literal(0),
        "step": literal(0),
        "next_at": case((first.is_(None), _AT), else_=null()),
        "last_error": literal(""),
        "created_at": _AT,
    }
    return (
        upsert_of(dialect, OutboxTable)
        .from_select(list(values), select(*values.values()).where(_IS_TOLD))
        .on_conflict_do_nothing(index_elements=["call_id", "subscription_id", "event"])
        .returning(*_ROW, _SAID.scalar_subquery())
    )


@cache
def _hear(dialect: str) -> Any:
    statement: Any = upsert_of(dialect, OutboxLineTable)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["call_id", "subscription_id"],
        set_={"touched_at": new.touched_at, "peer": new.peer},
    )

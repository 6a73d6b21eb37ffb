"""What calls make of tickets: theirs is opened, follows their news, and gets their disposition.

Every call passes here: statements are built once, and take their values as parameters. What people make of
a ticket is in tickets.py, and no news of a call overwrites it.
"""

from functools import cache
from typing import Any, cast

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from bridge.store.calls import CallTable
from bridge.store.client_tables import ClientTable
from bridge.store.rows import CalledTicket, TicketRow
from bridge.store.tables import CleanText, UtcDateTime, now, upsert_of
from bridge.store.ticket_changes import as_text, log
from bridge.store.ticket_tables import TICKET, TICKETS, TicketCallTable, TicketTable
from bridge.store.ticket_values import LONGEST, text_of


class SyncTickets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, call: str, subject: str, department: str, *, watched: bool = False) -> None:
        """There is a ticket of this call, which is kept: this one, unless it has one already.

        ``watched``: its department has due times, which are worked out from now on.
        """
        self._connection.execute(
            _open(self._connection.dialect.name, watched=watched),
            {
                "of_call": call,
                "news": subject[: LONGEST["subject"]],
                "place": department,
                "now": now(),
            },
        )

    def opened_by(self, ticket: int, by: str) -> None:
        """Somebody opened it by hand: that is in its log."""
        log(self._connection, ticket, now(), by, "create", [("source", "", "call")])

    def follow_call(
        self,
        call: str,
        subject: str,
        department: str,
        provisional: str = "",
        before: CalledTicket | None = None,
        *,
        watched: bool = False,
    ) -> int | None:
        """News of the call for the ticket that it opened: fills what is still empty and nobody edited.

        None when it changed nothing, else the ticket's id. ``provisional`` is a department that stands for
        "no queue yet" and gives way like an empty one; ``before`` is for whoever has it at hand; ``watched``:
        where the department changes, due times are worked out anew.
        """
        before = before or self.with_call(call)
        if before is None:
            return None
        at = now()
        values: dict[str, Any] = {
            "of_call": call,
            "news": subject[: LONGEST["subject"]],
            "place": department,
            "provisional": provisional,
            "now": at,
        }
        if before.reaction is not None:
            values["answered"] = before.reaction
        statement = _follow(watched=watched, answered=before.reaction is not None)
        row = self._connection.execute(statement, values).one_or_none()
        if row is None:
            return None
        ticket: int = row[0]
        was = (before.subject, before.department, before.assignee, before.ticket_client)
        changes = [
            (field, as_text(old), as_text(new))
            for field, old, new in zip(_FOLLOWING, was, row[1:], strict=True)
            if old != new
        ]
        log(self._connection, ticket, at, "", "call", changes)
        return ticket

    def with_call(self, call: str) -> CalledTicket | None:
        """The call's ticket and what it is made of; None when there is no ticket."""
        row: Any = self._connection.execute(_WITH_CALL, {"of_call": call}).one_or_none()
        return None if row is None else CalledTicket(*row)

    def id_by_call(self, call: str) -> int | None:
        found: int | None = self._connection.scalar(_ID_BY_CALL, {"of_call": call})
        return found

    def by_call(self, call: str) -> TicketRow | None:
        """The ticket that the call belongs to, which is not always the one that it opened."""
        row = self._connection.execute(_BY_CALL, {"of_call": call}).one_or_none()
        return None if row is None else TicketRow(*row)

    def dispose(self, call: str, agent: str, disposition: str, *, again: bool = False) -> int | None:
        """How the call ended, in the word of who talked; the latest counts. None when it has no ticket.

        ``again``: not where somebody has set it on the ticket since.
        """
        word = text_of("disposition", disposition)
        before = self._connection.execute(_DISPOSED, {"of_call": call}).one_or_none()
        if before is None:
            return None
        at = now()
        found: int | None = self._connection.scalar(
            _DISPOSE, {"of_ticket": before.id, "word": word, "agent": agent, "now": at, "again": again}
        )
        if found is not None and before.disposition != word:
            log(self._connection, found, at, "", "call", [("disposition", before.disposition, word)])
        return found


_FOLLOWING = ("subject", "department", "assignee", "client")
_CALL = bindparam("of_call", type_=CleanText())
_CALLS = CallTable.__table__.c
_OF_CALL = TicketCallTable.__table__.c
_CLIENT = select(_CALLS.client_id).where(_CALLS.id == _CALL).scalar_subquery()
# Who answered it. Before that its agent may be one whose phone is only being connected.
_ANSWERED_BY = case((_CALLS.answered_at.is_not(None), _CALLS.agent))
_AGENT = select(_ANSWERED_BY).where(_CALLS.id == _CALL).scalar_subquery()
_BELONGS_TO = select(_OF_CALL.ticket_id).where(_OF_CALL.call_id == _CALL).scalar_subquery()


_FOLLOWED = (TICKETS.id, TICKETS.subject, TICKETS.department, TICKETS.assignee, TICKETS.client_id)


@cache
def _open(dialect: str, *, watched: bool) -> Insert:
    subject, department = bindparam("news", type_=CleanText()), bindparam("place", type_=CleanText())
    at = bindparam("now", type_=UtcDateTime())
    values: dict[str, ColumnElement[Any]] = {
        "call_id": _CALLS.id,
        "client_id": _CALLS.client_id,
        "client_edited": false(),
        "subject": subject,
        "subject_edited": false(),
        "status": literal_column("'open'", Text),
        "priority": literal_column("'normal'", Text),
        "department": department,
        "department_edited": false(),
        "assignee": _ANSWERED_BY,
        "solution": literal_column("''", Text),
        "created_at": at,
        "updated_at": at,
        "disposition": _CALLS.disposition,
        "disposed_by": _CALLS.disposed_by,
        # To answer the call is the first reaction.
        "reacted_at": _CALLS.answered_at,
        "waiting_since": case((_CALLS.answered_at.is_(None), at)),
    }
    if watched:
        values["alarm_at"] = at
    # A call that somebody has put to another ticket before opens none.
    fresh = select(*values.values()).where(_CALLS.id == _CALL, ~exists().where(_OF_CALL.call_id == _CALL))
    return (
        upsert_of(dialect, TicketTable)
        .from_select(list(values), fresh)
        .on_conflict_do_nothing(index_elements=["call_id"])
    )


@cache
def _follow(*, watched: bool, answered: bool) -> Update:
    subject, department = bindparam("news", type_=CleanText()), bindparam("place", type_=CleanText())
    provisional, at = bindparam("provisional", type_=CleanText()), bindparam("now", type_=UtcDateTime())
    lacks_client = ~TICKETS.client_edited & TICKETS.client_id.is_(None)
    lacks_assignee = ~TICKETS.assignee_edited & TICKETS.assignee.is_(None)
    lacks_department = ~TICKETS.department_edited & or_(
        TICKETS.department == "", TICKETS.department == provisional
    )
    is_news = [
        and_(lacks_client, _CLIENT.is_not(None)),
        and_(lacks_assignee, _AGENT.is_not(None)),
        and_(lacks_department, TICKETS.department != department),
        and_(~TICKETS.subject_edited, TICKETS.subject != subject),
    ]
    values: dict[str, ColumnElement[Any]] = {
        "client_id": case((lacks_client, _CLIENT), else_=TICKETS.client_id),
        "assignee": case((lacks_assignee, _AGENT), else_=TICKETS.assignee),
        "department": case((lacks_department, department), else_=TICKETS.department),
        "subject": case((TICKETS.subject_edited, TICKETS.subject), else_=subject),
        "updated_at": at,
        "version": TICKETS.version + 1,
    }
    if answered:
        # As ticket_values.py has them, with the answer as the first reaction.
        reaction, lacks_one = bindparam("answered", type_=UtcDateTime()), TICKETS.reacted_at.is_(None)
        done = or_(
            TICKETS.closed_at.is_not(None),
            TICKETS.last_from_client_at.is_(None),
            TICKETS.last_from_client_at <= reaction,
        )
        runs = and_(TICKETS.closed_at.is_(None), TICKETS.clock_stopped_at.is_(None))
        values |= {
            "reacted_at": func.coalesce(TICKETS.reacted_at, reaction),
            "waiting_since": case((and_(lacks_one, done), null()), else_=TICKETS.waiting_since),
            "due_at": case((lacks_one, case((runs, TICKETS.resolution_due_at))), else_=TICKETS.due_at),
        }
        is_news.append(lacks_one)
    if watched:
        moves = and_(lacks_department, TICKETS.department != department)
        values["alarm_at"] = case((moves, at), else_=TICKETS.alarm_at)
    return (
        update(cast("Table", TicketTable.__table__))
        .where(
            TICKETS.call_id == _CALL,
            TICKETS.id == _BELONGS_TO,
            or_(*is_news),
        )
        .values(values)
        .returning(*_FOLLOWED)
    )


def _dispose() -> Update:
    word, agent = bindparam("word", type_=CleanText()), bindparam("agent", type_=CleanText())
    other = or_(TICKETS.disposition != word, TICKETS.disposed_by.is_distinct_from(agent))
    return (
        update(cast("Table", TicketTable.__table__))
        .where(
            TICKETS.id == bindparam("of_ticket", type_=Integer()),
            or_(
                ~bindparam("again", type_=Boolean()),
                TICKETS.disposition == "",
                TICKETS.disposed_by.is_not(None),
            ),
        )
        .values(
            disposition=word,
            disposed_by=agent,
            updated_at=case((other, bindparam("now", type_=UtcDateTime())), else_=TICKETS.updated_at),
            version=case((other, TICKETS.version + 1), else_=TICKETS.version),
        )
        .returning(TICKETS.id)
    )


_DISPOSE = _dispose()
_BY_CALL = (
    select(*TICKET)
    .select_from(TicketCallTable.__table__.join(TicketTable.__table__, TICKETS.id == _OF_CALL.ticket_id))
    .where(_OF_CALL.call_id == _CALL)
)
_ID_BY_CALL = select(_OF_CALL.ticket_id).where(_OF_CALL.call_id == _CALL)
_DISPOSED = (
    select(TICKETS.id, TICKETS.disposition)
    .select_from(TicketCallTable.__table__.join(TicketTable.__table__, TICKETS.id == _OF_CALL.ticket_id))
    .where(_OF_CALL.call_id == _CALL)
)
_WITH_CALL = (
    select(
        *_FOLLOWED,
        _CALLS.number,
        _CALLS.e164,
        _CALLS.name,
        _CALLS.withheld,
        _CALLS.dialled,
        _CALLS.queue,
        ClientTable.__table__.c.name,
        _CALLS.client_id,
        _ANSWERED_BY,
        case((and_(TICKETS.reacted_at.is_(None), TICKETS.call_id == _CALLS.id), _CALLS.answered_at)),
    )
    .select_from(
        TicketCallTable.__table__.join(TicketTable.__table__, TICKETS.id == _OF_CALL.ticket_id)
        .join(CallTable.__table__, _CALLS.id == _OF_CALL.call_id)
        .outerjoin(ClientTable.__table__, ClientTable.__table__.c.id == _CALLS.client_id)
    )
    .where(_OF_CALL.call_id == _CALL)
)

"""Tickets: one per call, and what people make of it, which no later news of the call overwrites."""

from datetime import datetime
from functools import cache
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    Insert,
    Table,
    Update,
    and_,
    bindparam,
    case,
    false,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.orders import CallRecord
from bridge.errors import BadInput, InternalError
from bridge.store.calls import CallTable, SyncCalls
from bridge.store.clients import ClientTable
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import CalledTicket, Page, TicketRow
from bridge.store.tables import Base, CleanText, UtcDateTime, in_one_go, now, upsert_of

STATUSES = ("open", "in_progress", "done")
PRIORITIES = ("normal", "medium", "urgent", "critical")
_UNSYNCED = {"synchronize_session": False}
_LONGEST = {"subject": 500, "department": 200, "solution": 20_000, "assignee": 100, "disposition": 100}


class TicketTable(Base):
    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'in_progress', 'done')", name="status"),
        CheckConstraint("priority IN ('normal', 'medium', 'urgent', 'critical')", name="priority"),
        Index(None, "client_id", "status", "id"),
        Index(None, "status", "id"),
        Index(None, "assignee", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id"), unique=True)
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


class TicketFields(TypedDict, total=False):
    client: int | None
    subject: str
    status: str
    priority: str
    department: str
    assignee: str | None
    solution: str
    disposition: str


_FIELDS = TicketTable.__table__.c
_TICKET = (
    _FIELDS.id,
    _FIELDS.call_id,
    _FIELDS.client_id,
    _FIELDS.subject,
    _FIELDS.status,
    _FIELDS.priority,
    _FIELDS.department,
    _FIELDS.assignee,
    _FIELDS.solution,
    _FIELDS.created_at,
    _FIELDS.updated_at,
    _FIELDS.disposition,
)


class SyncTickets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, call: str, subject: str, department: str) -> None:
        """There is a ticket of this call, which is kept: this one, unless it has one already."""
        at = now()
        self._connection.execute(
            _open(self._connection.dialect.name),
            {
                "of_call": call,
                "client_edited": False,
                "subject": subject[: _LONGEST["subject"]],
                "subject_edited": False,
                "status": "open",
                "priority": "normal",
                "department": department,
                "department_edited": False,
                "assignee_edited": False,
                "solution": "",
                "created_at": at,
                "updated_at": at,
            },
        )

    def follow_call(
        self, call: str, subject: str, department: str, provisional: str = ""
    ) -> TicketRow | None:
        """News of the call: fills what is still empty and nobody edited. None when it changed nothing.

        ``provisional`` is a department that stands for "no queue yet" and gives way like an empty one.
        """
        row = self._connection.execute(
            _FOLLOW,
            {
                "of_call": call,
                "news": subject[: _LONGEST["subject"]],
                "place": department,
                "provisional": provisional,
                "now": now(),
            },
        ).one_or_none()
        return None if row is None else TicketRow(*row)

    def with_call(self, call: str) -> CalledTicket | None:
        """The call's ticket and what it is made of; None when there is no ticket."""
        row = self._connection.execute(_WITH_CALL, {"of_call": call}).one_or_none()
        if row is None:
            return None
        width = len(_TICKET)
        return CalledTicket(TicketRow(*row[:width]), *row[width:])

    def by_call(self, call: str) -> TicketRow | None:
        row = self._connection.execute(_BY_CALL, {"of_call": call}).one_or_none()
        return None if row is None else TicketRow(*row)

    def dispose(self, call: str, agent: str, disposition: str, *, again: bool = False) -> int | None:
        """How the call ended, in the word of who talked; the latest counts. None when it has no ticket.

        ``again``: not where somebody has set it on the ticket since.
        """
        word = _text("disposition", disposition)
        found: int | None = self._connection.scalar(
            _DISPOSE, {"of_call": call, "word": word, "agent": agent, "now": now(), "again": again}
        )
        return found


class Tickets:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_for_call(self, record: CallRecord, subject: str, department: str) -> TicketRow:
        """The call's ticket: opened now, or the one that is there already. The call is saved as well."""

        def opened(sync: Connection) -> TicketRow | None:
            SyncCalls(sync).save(record)
            tickets = SyncTickets(sync)
            tickets.open(record.id, subject, department)
            return tickets.by_call(record.id)

        ticket = await in_one_go(self._session, opened)
        if ticket is None:
            raise InternalError(f"the ticket of call {record.id} was neither opened nor there")
        return ticket

    async def follow_call(
        self, call: str, subject: str, department: str, provisional: str = ""
    ) -> TicketRow | None:
        return await in_one_go(
            self._session, lambda sync: SyncTickets(sync).follow_call(call, subject, department, provisional)
        )

    async def dispose(self, call: str, agent: str, disposition: str) -> int | None:
        return await in_one_go(
            self._session, lambda sync: SyncTickets(sync).dispose(call, agent, disposition)
        )

    async def get(self, id: int) -> TicketRow | None:
        if not is_id(id):
            return None
        found = await self._all(select(*_TICKET).where(TicketTable.id == id))
        return found[0] if found else None

    async def by_call(self, call: str) -> TicketRow | None:
        return await in_one_go(self._session, lambda sync: SyncTickets(sync).by_call(call))

    async def page(
        self,
        cursor: str | None,
        limit: int,
        *,
        client: int | None = None,
        status: str | None = None,
        assignee: str | None = None,
    ) -> Page[TicketRow]:
        """The latest first."""
        before = read_id_cursor("tickets", cursor)
        statement = select(*_TICKET).order_by(TicketTable.id.desc()).limit(limit_of(limit) + 1)
        if before is not None:
            statement = statement.where(TicketTable.id < before)
        if client is not None:
            if not is_id(client):
                return Page(())
            statement = statement.where(TicketTable.client_id == client)
        if status is not None:
            statement = statement.where(TicketTable.status == _one_of("status", status, STATUSES))
        if assignee is not None:
            statement = statement.where(TicketTable.assignee == assignee)
        found = await self._all(statement)
        return page_of(found, limit, lambda row: row, lambda row: id_cursor("tickets", row.id))

    async def open_of_client(self, client: int) -> list[TicketRow]:
        """All that are not done, the latest first."""
        if not is_id(client):
            return []
        return await self._all(
            select(*_TICKET)
            .where(TicketTable.client_id == client, TicketTable.status.in_(["open", "in_progress"]))
            .order_by(TicketTable.id.desc())
            .limit(50)
        )

    async def update(self, id: int, /, **fields: Unpack[TicketFields]) -> TicketRow | None:
        """The changed ticket, or None when there is none."""
        unknown = fields.keys() - TicketFields.__optional_keys__
        if unknown:
            raise BadInput(f"ticket: there is no field {', '.join(sorted(unknown))}")
        if not is_id(id):
            return None
        values: dict[str, Any] = {"updated_at": now()}
        for field, value in fields.items():
            values |= await self._checked(field, value)
        found = await self._session.scalar(
            update(TicketTable).where(TicketTable.id == id).values(**values).returning(TicketTable.id),
            execution_options=_UNSYNCED,
        )
        return None if found is None else await self.get(id)

    async def _checked(self, field: str, value: Any) -> dict[str, Any]:
        match field:
            case "status":
                return {"status": _one_of(field, value, STATUSES)}
            case "priority":
                return {"priority": _one_of(field, value, PRIORITIES)}
            case "client":
                if value is not None and not await self._has_client(value):
                    raise BadInput(f"ticket client {value}: there is no such client")
                return {"client_id": value, "client_edited": True}
            case "assignee":
                wanted = None if value is None else _text(field, value)
                # Forms send it back unchanged with each edit: that is nobody's decision yet.
                edited = TicketTable.assignee_edited | TicketTable.assignee.is_distinct_from(wanted)
                return {field: wanted, "assignee_edited": edited}
            case "subject":
                text = " ".join(_text(field, value).split())
                if not text:
                    raise BadInput("ticket subject: it must not be empty")
                return {field: text, "subject_edited": True}
            case "disposition":
                wanted = _text(field, value)
                same = TicketTable.disposition == wanted  # as above
                return {field: wanted, "disposed_by": case((same, TicketTable.disposed_by), else_=None)}
            case "department":
                return {field: _text(field, value), "department_edited": True}
            case _:
                return {field: _text(field, value)}

    async def _has_client(self, client: int) -> bool:
        if not is_id(client):
            return False
        return await self._session.scalar(select(ClientTable.id).where(ClientTable.id == client)) is not None

    async def _all(self, statement: Any) -> list[TicketRow]:
        return [TicketRow(*row) for row in await self._session.execute(statement)]


# ── news of the call: statements are built once, and take their values as parameters ──

_CALL = bindparam("of_call", type_=CleanText())
_CALLS = CallTable.__table__.c
_CLIENT = select(_CALLS.client_id).where(_CALLS.id == _CALL).scalar_subquery()
# Who answered it. Before that its agent may be one whose phone is only being connected.
_AGENT = select(_CALLS.agent).where(_CALLS.id == _CALL, _CALLS.answered_at.is_not(None)).scalar_subquery()


@cache
def _open(dialect: str) -> Insert:
    return (
        upsert_of(dialect, TicketTable)
        .values(call_id=_CALL, client_id=_CLIENT, assignee=_AGENT)
        .on_conflict_do_nothing(index_elements=["call_id"])
    )


def _follow() -> Update:
    subject, department = bindparam("news", type_=CleanText()), bindparam("place", type_=CleanText())
    provisional = bindparam("provisional", type_=CleanText())
    lacks_client = ~_FIELDS.client_edited & _FIELDS.client_id.is_(None)
    lacks_assignee = ~_FIELDS.assignee_edited & _FIELDS.assignee.is_(None)
    lacks_department = ~_FIELDS.department_edited & or_(
        _FIELDS.department == "", _FIELDS.department == provisional
    )
    return (
        update(cast("Table", TicketTable.__table__))
        .where(
            _FIELDS.call_id == _CALL,
            or_(
                and_(lacks_client, _CLIENT.is_not(None)),
                and_(lacks_assignee, _AGENT.is_not(None)),
                and_(lacks_department, _FIELDS.department != department),
                and_(~_FIELDS.subject_edited, _FIELDS.subject != subject),
            ),
        )
        .values(
            client_id=case((lacks_client, _CLIENT), else_=_FIELDS.client_id),
            assignee=case((lacks_assignee, _AGENT), else_=_FIELDS.assignee),
            department=case((lacks_department, department), else_=_FIELDS.department),
            subject=case((_FIELDS.subject_edited, _FIELDS.subject), else_=subject),
            updated_at=bindparam("now", type_=UtcDateTime()),
        )
        .returning(*_TICKET)
    )


_FOLLOW = _follow()
_DISPOSE = (
    update(cast("Table", TicketTable.__table__))
    .where(
        _FIELDS.call_id == _CALL,
        or_(
            ~bindparam("again", type_=Boolean()),
            _FIELDS.disposition == "",
            _FIELDS.disposed_by.is_not(None),
        ),
    )
    .values(
        disposition=bindparam("word", type_=CleanText()),
        disposed_by=bindparam("agent", type_=CleanText()),
        updated_at=bindparam("now", type_=UtcDateTime()),
    )
    .returning(_FIELDS.id)
)
_BY_CALL = select(*_TICKET).where(_FIELDS.call_id == _CALL)
_WITH_CALL = (
    select(
        *_TICKET,
        _CALLS.number,
        _CALLS.e164,
        _CALLS.name,
        _CALLS.withheld,
        _CALLS.dialled,
        _CALLS.queue,
        ClientTable.__table__.c.name,
        _CALLS.client_id,
        case((_CALLS.answered_at.is_not(None), _CALLS.agent)),
    )
    .select_from(
        TicketTable.__table__.join(CallTable.__table__, _CALLS.id == _FIELDS.call_id).outerjoin(
            ClientTable.__table__, ClientTable.__table__.c.id == _CALLS.client_id
        )
    )
    .where(_FIELDS.call_id == _CALL)
)


def _one_of(field: str, value: Any, allowed: tuple[str, ...]) -> str:
    for word in allowed:
        if value == word:
            return word
    raise BadInput(f"ticket {field} {str(value)[:40]!r}: it must be one of {', '.join(allowed)}")


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadInput(f"ticket {field}: it must be text")
    longest = _LONGEST[field]
    if len(value) > longest:
        raise BadInput(f"ticket {field}: {len(value)} characters; at most {longest} are kept")
    return value

"""Tickets: one per call, and what people make of it, which no later news of the call overwrites."""

from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import CheckConstraint, ForeignKey, Index, and_, case, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.centre.orders import CallRecord
from bridge.errors import BadInput, InternalError
from bridge.store.calls import Calls, CallTable
from bridge.store.clients import ClientTable
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import Page, TicketRow
from bridge.store.tables import Base, now, upsert

STATUSES = ("open", "in_progress", "done")
PRIORITIES = ("normal", "medium", "urgent", "critical")
_UNSYNCED = {"synchronize_session": False}
_LONGEST = {"subject": 500, "department": 200, "solution": 20_000, "assignee": 100}


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


class TicketFields(TypedDict, total=False):
    client: int | None
    subject: str
    status: str
    priority: str
    department: str
    assignee: str | None
    solution: str


_TICKET = (
    TicketTable.id,
    TicketTable.call_id,
    TicketTable.client_id,
    TicketTable.subject,
    TicketTable.status,
    TicketTable.priority,
    TicketTable.department,
    TicketTable.assignee,
    TicketTable.solution,
    TicketTable.created_at,
    TicketTable.updated_at,
)


class Tickets:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_for_call(self, record: CallRecord, subject: str, department: str) -> TicketRow:
        """The call's ticket: opened now, or the one that is there already. The call is saved as well."""
        await Calls(self._session).save(record)
        at = now()
        await self._session.execute(
            upsert(self._session, TicketTable)
            .values(
                call_id=record.id,
                client_id=_client_of_call(record.id),
                client_edited=False,
                subject=subject[: _LONGEST["subject"]],
                subject_edited=False,
                status="open",
                priority="normal",
                department=department,
                department_edited=False,
                assignee=_agent_of_call(record.id),
                assignee_edited=False,
                solution="",
                created_at=at,
                updated_at=at,
            )
            .on_conflict_do_nothing(index_elements=[TicketTable.call_id])
        )
        ticket = await self.by_call(record.id)
        if ticket is None:
            raise InternalError(f"the ticket of call {record.id} was neither opened nor there")
        return ticket

    async def follow_call(
        self, call: str, subject: str, department: str, provisional: str = ""
    ) -> TicketRow | None:
        """News of the call: fills what is still empty and nobody edited. None when it has no ticket.

        ``provisional`` is a department that stands for "no queue yet" and gives way like an empty one.
        """
        subject = subject[: _LONGEST["subject"]]
        client = _client_of_call(call)
        lacks_client = ~TicketTable.client_edited & TicketTable.client_id.is_(None)
        agent = _agent_of_call(call)
        lacks_assignee = ~TicketTable.assignee_edited & TicketTable.assignee.is_(None)
        lacks_department = ~TicketTable.department_edited & TicketTable.department.in_(["", provisional])
        await self._session.execute(
            update(TicketTable)
            .where(
                TicketTable.call_id == call,
                or_(
                    and_(lacks_client, client.is_not(None)),
                    and_(lacks_assignee, agent.is_not(None)),
                    and_(lacks_department, TicketTable.department != department),
                    and_(~TicketTable.subject_edited, TicketTable.subject != subject),
                ),
            )
            .values(
                client_id=case((lacks_client, client), else_=TicketTable.client_id),
                assignee=case((lacks_assignee, agent), else_=TicketTable.assignee),
                department=case((lacks_department, department), else_=TicketTable.department),
                subject=case((TicketTable.subject_edited, TicketTable.subject), else_=subject),
                updated_at=now(),
            ),
            execution_options=_UNSYNCED,
        )
        return await self.by_call(call)

    async def get(self, id: int) -> TicketRow | None:
        if not is_id(id):
            return None
        return await self._one(select(*_TICKET).where(TicketTable.id == id))

    async def by_call(self, call: str) -> TicketRow | None:
        return await self._one(select(*_TICKET).where(TicketTable.call_id == call))

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
            case "department":
                return {field: _text(field, value), "department_edited": True}
            case _:
                return {field: _text(field, value)}

    async def _has_client(self, client: int) -> bool:
        if not is_id(client):
            return False
        return await self._session.scalar(select(ClientTable.id).where(ClientTable.id == client)) is not None

    async def _one(self, statement: Any) -> TicketRow | None:
        found = await self._all(statement)
        return found[0] if found else None

    async def _all(self, statement: Any) -> list[TicketRow]:
        return [TicketRow(*row) for row in await self._session.execute(statement)]


def _client_of_call(call: str) -> Any:
    return select(CallTable.client_id).where(CallTable.id == call).scalar_subquery()


def _agent_of_call(call: str) -> Any:
    """Who answered it. Before that its agent may be one whose phone is only being connected."""
    answered = (CallTable.id == call) & CallTable.answered_at.is_not(None)
    return select(CallTable.agent).where(answered).scalar_subquery()


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

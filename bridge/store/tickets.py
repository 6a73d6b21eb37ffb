"""Tickets as people see and change them. What calls make of them is in call_tickets.py, lists in
ticket_lists.py, the thread in entries.py.

A change names the version that it was made from: where somebody else was faster, nothing is overwritten.
"""

import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.centre.orders import CallRecord
from bridge.errors import BadInput, InternalError
from bridge.store.call_tickets import SyncTickets
from bridge.store.calls import SyncCalls
from bridge.store.client_tables import ClientTable
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.legs import LegTable
from bridge.store.rows import Page, TicketRow
from bridge.store.tables import in_one_go, now
from bridge.store.ticket_changes import differences, log
from bridge.store.ticket_merging import attach_call, merge
from bridge.store.ticket_rows import Conflict
from bridge.store.ticket_search import SyncTicketSearch
from bridge.store.ticket_tables import TICKET, TICKETS, TicketCallTable, TicketTable
from bridge.store.ticket_values import SOURCES, STATUSES, checked, due_at, one_of, waiting_since

_TABLE = cast("Table", TicketTable.__table__)
_UNSYNCED = {"synchronize_session": False}
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # without I and O, which are read as digits
_DERIVED = ("due_at", "waiting_since")
_SEARCHED = ("subject", "solution", "client")


class TicketFields(TypedDict, total=False):
    client: int | None
    subject: str
    status: str
    priority: str
    department: str
    assignee: str | None
    solution: str
    disposition: str


class TicketChange(TicketFields, total=False):
    """All that can be changed. With a status comes ``closed_at``: the store does not know what it means."""

    line: int
    classification: str
    fields: Mapping[str, Any]  # all of them, and not only those that change
    closed_at: datetime | None
    reopened: int
    reacted_at: datetime | None
    reaction_due_at: datetime | None
    resolution_due_at: datetime | None
    clock_stopped_at: datetime | None
    warned_at: datetime | None
    escalated_at: datetime | None
    alarm_at: datetime | None
    closes_at: datetime | None


class Tickets:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # ── of calls ─────────────────────────────────────────────────────────────

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
        """As ``SyncTickets.follow_call``, but with the ticket as it is then."""

        def followed(sync: Connection) -> TicketRow | None:
            tickets = SyncTickets(sync)
            changed = tickets.follow_call(call, subject, department, provisional)
            return None if changed is None else tickets.by_call(call)

        return await in_one_go(self._session, followed)

    async def dispose(self, call: str, agent: str, disposition: str) -> int | None:
        return await in_one_go(
            self._session, lambda sync: SyncTickets(sync).dispose(call, agent, disposition)
        )

    async def by_call(self, call: str) -> TicketRow | None:
        return await in_one_go(self._session, lambda sync: SyncTickets(sync).by_call(call))

    async def calls_of(self, ticket: int) -> list[str]:
        """The ids of its calls, the one that opened it among them."""
        return (await self.calls_of_each([ticket])).get(ticket, [])

    async def calls_of_each(self, tickets: Collection[int]) -> dict[int, list[str]]:
        """As ``calls_of``. Tickets without any are not in it."""
        ids = sorted(id for id in tickets if is_id(id))
        found: dict[int, list[str]] = {}
        if not ids:
            return found
        for ticket, call in await self._session.execute(
            select(TicketCallTable.ticket_id, TicketCallTable.call_id)
            .where(TicketCallTable.ticket_id.in_(ids))
            .order_by(TicketCallTable.call_id)
        ):
            found.setdefault(ticket, []).append(call)
        return found

    async def talked_in(self, tickets: Collection[int], agent: str) -> frozenset[int]:
        """Those of them in one of whose calls this agent talked."""
        ids = [id for id in tickets if is_id(id)]
        if not ids:
            return frozenset()
        found = await self._session.scalars(
            select(TicketCallTable.ticket_id)
            .join(LegTable, TicketCallTable.call_id == LegTable.call_id)
            .where(
                TicketCallTable.ticket_id.in_(ids),
                LegTable.agent == agent,
                LegTable.answered_at.is_not(None),
            )
            .distinct()
        )
        return frozenset(found)

    async def of_calls(self, calls: Collection[str]) -> dict[str, TicketRow]:
        """By call. Those without a ticket are not in it."""
        if not calls:
            return {}
        found = await self._session.execute(
            select(TicketCallTable.call_id, *TICKET)
            .join(TicketTable, TICKETS.id == TicketCallTable.ticket_id)
            .where(TicketCallTable.call_id.in_(calls))
        )
        return {row[0]: TicketRow(*row[1:]) for row in found}

    async def attach_call(self, call: str, ticket: int, *, by: str, at: datetime) -> TicketRow:
        """The call belongs to this ticket now: see ``ticket_merging.attach_call``."""
        return await in_one_go(self._session, lambda sync: attach_call(sync, call, ticket, by, at))

    async def merge(
        self, source: int, target: int, *, by: str, at: datetime, closed_too: bool = True
    ) -> TicketRow:
        """All of ``source`` goes to ``target``, which is given back: see ``ticket_merging.merge``."""
        return await in_one_go(
            self._session, lambda sync: merge(sync, source, target, by, at, closed_too=closed_too)
        )

    # ── by people ────────────────────────────────────────────────────────────

    async def create(self, *, source: str, fields: TicketChange, by: str, at: datetime) -> TicketRow:
        """A ticket without a call."""
        wanted = await self._checked(fields)
        if "subject" not in wanted:
            raise BadInput("ticket subject: it must be given")
        values: dict[str, Any] = {
            "client_edited": True,
            "subject_edited": True,
            "department_edited": True,
            "assignee_edited": True,
            "status": "open",
            "priority": "normal",
            "department": "",
            "solution": "",
            "source": one_of("source", source, SOURCES),
            "created_at": at,
            "updated_at": at,
            **_columns(wanted),
        }
        clocks = {name: values.get(name) for name in ("reacted_at", "reaction_due_at", "resolution_due_at")}
        closed, stopped = values.get("closed_at"), values.get("clock_stopped_at")
        values["due_at"] = due_at(closed, {**clocks, "clock_stopped_at": stopped})
        values["waiting_since"] = at if closed is None and clocks["reacted_at"] is None else None

        def created(sync: Connection) -> TicketRow:
            row = TicketRow(*sync.execute(insert(_TABLE).returning(*TICKET), values).one())
            log(sync, row.id, at, by, "create", [("source", "", source)])
            SyncTicketSearch(sync).index([row.id])
            return row

        return await in_one_go(self._session, created)

    async def change(
        self,
        id: int,
        /,
        *,
        if_version: int | None,
        fields: TicketChange,
        by: str,
        at: datetime,
        action: str = "edit",
    ) -> TicketRow | Conflict | None:
        """The changed ticket; Conflict when it is not of ``if_version`` any more; None when there is none.

        Without a version it is changed whatever it is now. What stays as it is is neither logged nor counted.
        """
        if not is_id(id):
            return None
        wanted = await self._checked(fields)

        def changed(sync: Connection) -> TicketRow | Conflict | None:
            return _change(sync, id, if_version, wanted, by, at, action)

        return await in_one_go(self._session, changed)

    async def update(self, id: int, /, **fields: Unpack[TicketFields]) -> TicketRow | None:
        """The changed ticket, or None when there is none. For who knows neither versions nor own statuses."""
        unknown = fields.keys() - TicketFields.__optional_keys__
        if unknown:
            raise BadInput(f"ticket: there is no field {', '.join(sorted(unknown))}")
        at = now()
        wanted = cast("TicketChange", dict(fields))
        if "status" in fields:
            status = one_of("status", fields["status"], STATUSES)
            before = await self.get(id)
            if before is not None and (before.closed_at is None) == (status == "done"):
                wanted["closed_at"] = at if status == "done" else None
        found = await self.change(id, if_version=None, fields=wanted, by="", at=at)
        if isinstance(found, Conflict):
            raise InternalError(f"ticket {id}: a change of any version met a conflict")
        return found

    async def token_of(self, id: int) -> str | None:
        """The ticket's mark for the subjects of letters, made when it is first asked for."""
        if not is_id(id):
            return None
        token = "".join(secrets.choice(_LETTERS) for _ in range(12))
        await self._session.execute(
            update(TicketTable).where(TicketTable.id == id, TicketTable.token.is_(None)).values(token=token),
            execution_options=_UNSYNCED,
        )
        found: str | None = await self._session.scalar(select(TicketTable.token).where(TicketTable.id == id))
        return found

    # ── reading ──────────────────────────────────────────────────────────────

    async def get(self, id: int) -> TicketRow | None:
        if not is_id(id):
            return None
        found = await self._all(select(*TICKET).where(TICKETS.id == id))
        return found[0] if found else None

    async def by_token(self, token: str) -> TicketRow | None:
        found = await self._all(select(*TICKET).where(TICKETS.token == token[:40]))
        return found[0] if found else None

    async def lock(self, id: int) -> TicketRow | None:
        """As ``get``; and until this unit ends nobody else changes it."""
        if not is_id(id):
            return None
        found = await self._all(select(*TICKET).where(TICKETS.id == id).with_for_update())
        return found[0] if found else None

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
        statement = select(*TICKET).order_by(TICKETS.id.desc()).limit(limit_of(limit) + 1)
        if before is not None:
            statement = statement.where(TICKETS.id < before)
        if client is not None:
            if not is_id(client):
                return Page(())
            statement = statement.where(TICKETS.client_id == client)
        if status is not None:
            statement = statement.where(TICKETS.status == checked("status", status))
        if assignee is not None:
            statement = statement.where(TICKETS.assignee == assignee)
        found = await self._all(statement)
        return page_of(found, limit, lambda row: row, lambda row: id_cursor("tickets", row.id))

    async def open_of_client(self, client: int) -> list[TicketRow]:
        """All that are not closed, the latest first."""
        if not is_id(client):
            return []
        return await self._all(
            select(*TICKET)
            .where(TICKETS.client_id == client, TICKETS.closed_at.is_(None))
            .order_by(TICKETS.id.desc())
            .limit(50)
        )

    async def _checked(self, fields: TicketChange) -> dict[str, Any]:
        unknown = fields.keys() - TicketChange.__optional_keys__
        if unknown:
            raise BadInput(f"ticket: there is no field {', '.join(sorted(unknown))}")
        wanted: dict[str, Any] = {}
        for field, value in fields.items():
            if field == "client":
                if value is not None and not await self._has_client(value):
                    raise BadInput(f"ticket client {value}: there is no such client")
                wanted[field] = value
            else:
                wanted[field] = checked(field, value)
        return wanted

    async def _has_client(self, client: Any) -> bool:
        if not isinstance(client, int) or not is_id(client):
            return False
        return await self._session.scalar(select(ClientTable.id).where(ClientTable.id == client)) is not None

    async def _all(self, statement: Any) -> list[TicketRow]:
        return [TicketRow(*row) for row in await self._session.execute(statement)]


def _change(
    connection: Connection,
    id: int,
    if_version: int | None,
    wanted: dict[str, Any],
    by: str,
    at: datetime,
    action: str,
) -> TicketRow | Conflict | None:
    # SQLite has one writer; PostgreSQL holds the row for us, so that nothing comes between.
    found = connection.execute(select(*TICKET).where(TICKETS.id == id).with_for_update()).one_or_none()
    if found is None:
        return None
    before = TicketRow(*found)
    if if_version is not None and before.version != if_version:
        return Conflict(before)
    after = {name: getattr(before, name) for name in TicketChange.__optional_keys__} | wanted
    derived = {"due_at": due_at(after["closed_at"], after), "waiting_since": waiting_since(before, after)}
    if before.merged_into is not None:
        derived = dict.fromkeys(_DERIVED)
    changed = {name: value for name, value in wanted.items() if getattr(before, name) != value}
    values = _columns(changed) | {
        name: value for name, value in derived.items() if getattr(before, name) != value
    }
    # What people have said stays, also when it is what the call had said. But a form sends the assignee and
    # the disposition back with each edit: unchanged they are nobody's decision.
    values |= {f"{name}_edited": True for name in ("client", "subject", "department") if name in wanted}
    if "assignee" in changed:
        values["assignee_edited"] = True
    if "disposition" in changed:
        values["disposed_by"] = None
    if changed:
        values |= {"version": before.version + 1, "updated_at": at}
    if not values:
        return before
    row = TicketRow(
        *connection.execute(update(_TABLE).where(TICKETS.id == id).values(values).returning(*TICKET)).one()
    )
    log(connection, id, at, by, action, differences(before, row, sorted(changed)))
    if changed.keys() & set(_SEARCHED):
        SyncTicketSearch(connection).index([id])
    return row


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"client_id" if name == "client" else name: value for name, value in fields.items()}

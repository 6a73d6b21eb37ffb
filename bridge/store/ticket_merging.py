"""Two tickets become one, and a call goes to another ticket. Everything that hangs on them moves along.

The merged one stays readable and points to the one it became, which is never a merged one itself: so there
is no chain to follow, and no circle.
"""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Integer,
    Table,
    and_,
    delete,
    exists,
    false,
    insert,
    literal,
    or_,
    select,
    update,
)

from bridge.errors import N_, BadInput
from bridge.store.keys import is_id
from bridge.store.recordings import RecordingTable
from bridge.store.rows import TicketRow
from bridge.store.tables import clean, upsert_of
from bridge.store.ticket_changes import log
from bridge.store.ticket_search import SyncTicketSearch
from bridge.store.ticket_tables import (
    TICKET,
    TICKETS,
    AttachmentTable,
    ChangeTable,
    EntryTable,
    TagTable,
    TicketCallTable,
    TicketLinkTable,
    TicketTable,
)

_TABLE = cast("Table", TicketTable.__table__)
_CALLS = cast("Table", TicketCallTable.__table__)
_RECORDINGS = cast("Table", RecordingTable.__table__)
_TAGS = cast("Table", TagTable.__table__)
_LINKS = cast("Table", TicketLinkTable.__table__)
_MOVING = tuple(
    cast("Table", one.__table__) for one in (EntryTable, TicketCallTable, RecordingTable, AttachmentTable)
)


def merge(
    connection: Connection, source: int, target: int, by: str, at: datetime, *, closed_too: bool = True
) -> TicketRow:
    """``target``, or what that was merged into, with all of ``source``. Said again it changes nothing.

    Not ``closed_too``: what is open does not go into what is closed.

    Entries, calls, recordings, attachments, tags and links move; the log of ``source`` stays with it.
    """
    if source == target:
        raise BadInput(N_("ticket %(ticket)s: it cannot be merged into itself"), ticket=source)
    given, into = _final(connection, source), _final(connection, target)
    if given.id == into.id:
        return into
    if given.id != source:
        words = N_("ticket %(ticket)s: it was merged into %(into)s; merge that one")
        raise BadInput(words, ticket=source, into=given.id)
    locked = connection.execute(
        select(*TICKET).where(TICKETS.id.in_([given.id, into.id])).order_by(TICKETS.id).with_for_update()
    )
    rows = {row[0]: TicketRow(*row) for row in locked}
    given, into = rows[given.id], rows[into.id]
    if given.merged_into is not None or into.merged_into is not None:
        raise BadInput(
            N_("ticket %(ticket)s: it was merged by somebody else at the same time; look at it again"),
            ticket=source,
        )
    if given.closed_at is None and not closed_too:
        demand_open(into)  # else what is open would be closed, and nobody would be asked
    for table in _MOVING:
        connection.execute(update(table).where(table.c.ticket_id == given.id).values(ticket_id=into.id))
    connection.execute(update(_TABLE).where(TICKETS.merged_into == given.id).values(merged_into=into.id))
    _move_tags(connection, given.id, into.id)
    _move_links(connection, given.id, into.id)
    connection.execute(
        update(_TABLE)
        .where(TICKETS.id == given.id)
        .values(
            merged_into=into.id,
            closed_at=given.closed_at or at,
            due_at=None,
            waiting_since=None,
            alarm_at=None,
            closes_at=None,
            updated_at=at,
            version=given.version + 1,
        )
    )
    log(connection, given.id, at, by, "merge", [("merged_into", "", str(into.id))])
    row = connection.execute(
        update(_TABLE).where(TICKETS.id == into.id).values(_gained(given, into, at)).returning(*TICKET)
    ).one()
    log(connection, into.id, at, by, "merge", [("merged", "", str(given.id))])
    SyncTicketSearch(connection).index([given.id, into.id])
    return TicketRow(*row)


def attach_call(connection: Connection, call: str, ticket: int, by: str, at: datetime) -> TicketRow:
    """The call, with its recordings, belongs to this ticket now, or to what that was merged into.

    The ticket that the call had opened is merged into it, unless people have touched that or it has other
    calls by now. A ticket of the call that stays goes on without it.
    """
    into = _final(connection, ticket)
    belongs = connection.scalar(select(_CALLS.c.ticket_id).where(_CALLS.c.call_id == clean(call)))
    if belongs == into.id:
        return into
    if belongs is not None and _untouched(connection, belongs, call):
        return merge(connection, belongs, into.id, by, at)
    if belongs is None:
        connection.execute(insert(_CALLS).values(call_id=call, ticket_id=into.id))
    else:
        connection.execute(update(_CALLS).where(_CALLS.c.call_id == clean(call)).values(ticket_id=into.id))
        connection.execute(
            update(_TABLE).where(TICKETS.id == belongs).values(version=TICKETS.version + 1, updated_at=at)
        )
        log(connection, belongs, at, by, "detach_call", [("call", call, "")])
    connection.execute(
        update(_RECORDINGS).where(_RECORDINGS.c.call_id == clean(call)).values(ticket_id=into.id)
    )
    row = connection.execute(
        update(_TABLE)
        .where(TICKETS.id == into.id)
        .values(version=TICKETS.version + 1, updated_at=at)
        .returning(*TICKET)
    ).one()
    log(connection, into.id, at, by, "attach_call", [("call", "", call)])
    SyncTicketSearch(connection).index([one for one in (belongs, into.id) if one is not None])
    return TicketRow(*row)


def demand_open(row: TicketRow) -> None:
    """Raises BadInput."""
    if row.closed_at is not None:
        raise BadInput(
            N_("ticket %(ticket)s: it is closed; open it again, or take an open one"), ticket=row.id
        )


def _final(connection: Connection, id: int) -> TicketRow:
    """The ticket, or the one that it was merged into."""
    wanted: int | None = id if is_id(id) else None
    for _ in range(2):
        found = connection.execute(select(*TICKET).where(TICKETS.id == wanted)).one_or_none()
        if found is None:
            break
        row = TicketRow(*found)
        if row.merged_into is None:
            return row
        wanted = row.merged_into
    raise BadInput(N_("ticket %(ticket)s: there is no such ticket"), ticket=id)


def _untouched(connection: Connection, ticket: int, call: str) -> bool:
    """The call opened it, and nobody has said a word to it since."""
    others = [
        exists().where(_CALLS.c.ticket_id == TICKETS.id, _CALLS.c.call_id != clean(call)),
        exists().where(ChangeTable.ticket_id == TICKETS.id, ChangeTable.by != ""),
        exists().where(EntryTable.ticket_id == TICKETS.id, EntryTable.kind != "call"),
        exists().where(TagTable.ticket_id == TICKETS.id),
        exists().where(AttachmentTable.ticket_id == TICKETS.id),
    ]
    edited = or_(
        TICKETS.client_edited,
        TICKETS.subject_edited,
        TICKETS.department_edited,
        TICKETS.assignee_edited,
        TICKETS.solution != "",
        TICKETS.status != "open",
    )
    found = connection.scalar(
        select(TICKETS.id).where(
            TICKETS.id == ticket,
            TICKETS.call_id == clean(call),
            TICKETS.merged_into.is_(None),
            edited == false(),
            and_(*(~one for one in others)),
        )
    )
    return found is not None


def _gained(given: TicketRow, into: TicketRow, at: datetime) -> dict[str, Any]:
    """What the merged one knew and the other did not."""
    values: dict[str, Any] = {"updated_at": at, "version": into.version + 1}
    for name in ("last_entry_at", "last_from_client_at"):
        moments = [one for one in (getattr(given, name), getattr(into, name)) if one is not None]
        values[name] = max(moments, default=None)
    if into.closed_at is None and given.closed_at is None:
        waits = [one for one in (given.waiting_since, into.waiting_since) if one is not None]
        values["waiting_since"] = min(waits, default=None)
    if into.client is None and given.client is not None:
        values["client_id"] = given.client
    if not into.disposition and given.disposition:
        values["disposition"] = given.disposition
    return values


def _move_tags(connection: Connection, given: int, into: int) -> None:
    moved = select(literal(into, Integer()), _TAGS.c.tag).where(_TAGS.c.ticket_id == given)
    connection.execute(
        upsert_of(connection.dialect.name, TagTable)
        .from_select(["ticket_id", "tag"], moved)
        .on_conflict_do_nothing()
    )
    connection.execute(delete(_TAGS).where(_TAGS.c.ticket_id == given))


def _move_links(connection: Connection, given: int, into: int) -> None:
    of_given = or_(_LINKS.c.a == given, _LINKS.c.b == given)
    links = connection.execute(select(_LINKS.c.a, _LINKS.c.b, _LINKS.c.kind).where(of_given)).all()
    if not links:
        return
    connection.execute(delete(_LINKS).where(of_given))
    moved = [(into if a == given else a, into if b == given else b, kind) for a, b, kind in links]
    rows = [
        dict(zip("ab", sorted((a, b)) if kind == "related" else (a, b), strict=True), kind=kind)
        for a, b, kind in moved
        if a != b
    ]
    if rows:
        connection.execute(upsert_of(connection.dialect.name, TicketLinkTable).on_conflict_do_nothing(), rows)

"""What marks tickets and ties them together: tags, and links to one another."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import N_, BadInput
from bridge.store.keys import is_id, limit_of
from bridge.store.rows import TicketRow
from bridge.store.tables import clean, in_one_go, upsert_of
from bridge.store.ticket_changes import log
from bridge.store.ticket_rows import TicketLinkRow
from bridge.store.ticket_tables import TICKET, TICKETS, TagTable, TicketLinkTable, TicketTable

MAX_TAG = 60
MAX_TAGS = 50  # of one ticket
MAX_LINKS = 200
_TABLE = cast("Table", TicketTable.__table__)
_TAGS = cast("Table", TagTable.__table__)
_LINKS = cast("Table", TicketLinkTable.__table__)
# What a link's kind is, seen from its other end.
_SEEN = {"related": "related", "duplicate": "duplicated_by", "parent": "child"}
_LAST = "\U0010ffff"  # sorts after everything that can follow a prefix


class TicketMarks:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # ── tags ─────────────────────────────────────────────────────────────────

    async def tags(self, tickets: Collection[int]) -> dict[int, tuple[str, ...]]:
        """In their order. Tickets without any are not in it."""
        ids = sorted(id for id in tickets if is_id(id))
        if not ids:
            return {}
        found: dict[int, list[str]] = {}
        for ticket, tag in await self._session.execute(
            select(_TAGS.c.ticket_id, _TAGS.c.tag)
            .where(_TAGS.c.ticket_id.in_(ids))
            .order_by(_TAGS.c.ticket_id, _TAGS.c.tag)
        ):
            found.setdefault(ticket, []).append(tag)
        return {ticket: tuple(tags) for ticket, tags in found.items()}

    async def known_tags(self, prefix: str, limit: int) -> list[str]:
        """Tags in use that begin so: for a choice."""
        wanted = prefix.casefold()[:MAX_TAG]
        found = await self._session.scalars(
            select(_TAGS.c.tag)
            .where(_TAGS.c.tag >= wanted, _TAGS.c.tag < wanted + _LAST)
            .distinct()
            .order_by(_TAGS.c.tag)
            .limit(limit_of(limit))
        )
        return list(found)

    async def set_tags(self, ticket: int, tags: Collection[str], *, by: str, at: datetime) -> tuple[str, ...]:
        """These and no others; the way they are kept: small letters, single spaces."""
        wanted = {_tag(tag) for tag in tags}
        if len(wanted) > MAX_TAGS:
            raise BadInput(
                N_("ticket tags: %(count)s; at most %(most)s are kept"), count=len(wanted), most=MAX_TAGS
            )

        def changed(sync: Connection) -> None:
            _must_be_there(sync, ticket)
            had = set(sync.scalars(select(_TAGS.c.tag).where(_TAGS.c.ticket_id == ticket)))
            if had == wanted:
                return
            gone = had - wanted
            if gone:
                sync.execute(delete(_TAGS).where(_TAGS.c.ticket_id == ticket, _TAGS.c.tag.in_(gone)))
            if wanted - had:
                sync.execute(
                    upsert_of(sync.dialect.name, TagTable).on_conflict_do_nothing(),
                    [{"ticket_id": ticket, "tag": tag} for tag in sorted(wanted - had)],
                )
            _noted(sync, ticket, by, at, "tag", [("tags", ", ".join(sorted(had)), ", ".join(sorted(wanted)))])

        await in_one_go(self._session, changed)
        return tuple(sorted(wanted))

    # ── links ────────────────────────────────────────────────────────────────

    async def link(self, a: int, b: int, kind: str, *, by: str, at: datetime) -> bool:
        """``a`` is the parent of ``b``, its duplicate, or related to it. Was that new?"""
        first, second = _ends(a, b, kind)

        def linked(sync: Connection) -> bool:
            for ticket in (a, b):
                _must_be_there(sync, ticket)
            count = sync.scalar(
                select(func.count()).select_from(_LINKS).where(or_(_LINKS.c.a == a, _LINKS.c.b == a))
            )
            if (count or 0) >= MAX_LINKS:
                words = N_("ticket %(ticket)s: it has %(count)s links; at most %(most)s are kept")
                raise BadInput(words, ticket=a, count=count, most=MAX_LINKS)
            new = sync.execute(
                upsert_of(sync.dialect.name, TicketLinkTable)
                .values(a=first, b=second, kind=kind)
                .on_conflict_do_nothing()
                .returning(_LINKS.c.a)
            ).one_or_none()
            if new is not None:
                _noted(sync, a, by, at, "link", [(kind, "", str(b))])
                _noted(sync, b, by, at, "link", [(_SEEN[kind], "", str(a))])
            return new is not None

        return await in_one_go(self._session, linked)

    async def unlink(self, a: int, b: int, kind: str, *, by: str, at: datetime) -> bool:
        """Was there such a link?"""
        first, second = _ends(a, b, kind)

        def unlinked(sync: Connection) -> bool:
            gone = sync.execute(
                delete(_LINKS)
                .where(_LINKS.c.a == first, _LINKS.c.b == second, _LINKS.c.kind == kind)
                .returning(_LINKS.c.a)
            ).one_or_none()
            if gone is not None:
                _noted(sync, a, by, at, "unlink", [(kind, str(b), "")])
                _noted(sync, b, by, at, "unlink", [(_SEEN[kind], str(a), "")])
            return gone is not None

        return await in_one_go(self._session, unlinked)

    async def links(self, ticket: int) -> list[TicketLinkRow]:
        """As seen from this ticket, by the other's id."""
        if not is_id(ticket):
            return []
        found = await self._session.execute(
            select(_LINKS.c.a, _LINKS.c.kind, *TICKET)
            .join(
                TicketTable,
                or_(
                    (_LINKS.c.a == ticket) & (TICKETS.id == _LINKS.c.b),
                    (_LINKS.c.b == ticket) & (TICKETS.id == _LINKS.c.a),
                ),
            )
            .where(or_(_LINKS.c.a == ticket, _LINKS.c.b == ticket))
            .order_by(TICKETS.id)
            .limit(2 * MAX_LINKS)
        )
        return [_link_row(ticket, *row) for row in found]


def _link_row(of: int, a: int, kind: str, *other: Any) -> TicketLinkRow:
    return TicketLinkRow(kind if a == of else _SEEN[kind], TicketRow(*other))


def _tag(tag: str) -> str:
    tag = clean(" ".join(tag.casefold().split()))
    if not tag or len(tag) > MAX_TAG or "," in tag:
        raise BadInput(
            N_("ticket tag %(tag)s: it must have from 1 to %(most)s characters and no comma among them"),
            tag=repr(tag[:40]),
            most=MAX_TAG,
        )
    return tag


def _ends(a: int, b: int, kind: str) -> tuple[int, int]:
    if kind not in _SEEN:
        raise BadInput(f"ticket link {kind[:40]!r}: it must be one of {', '.join(_SEEN)}")
    if a == b:
        raise BadInput(N_("ticket %(ticket)s: it cannot be linked with itself"), ticket=a)
    return (min(a, b), max(a, b)) if kind == "related" else (a, b)


def _must_be_there(connection: Connection, ticket: int) -> None:
    """And it is ours until the transaction ends."""
    found = None
    if is_id(ticket):
        found = connection.scalar(select(TICKETS.id).where(TICKETS.id == ticket).with_for_update())
    if found is None:
        raise BadInput(N_("ticket %(ticket)s: there is no such ticket"), ticket=ticket)


def _noted(connection: Connection, ticket: int, by: str, at: datetime, action: str, what: Any) -> None:
    connection.execute(
        update(_TABLE).where(TICKETS.id == ticket).values(version=TICKETS.version + 1, updated_at=at)
    )
    log(connection, ticket, at, by, action, what)

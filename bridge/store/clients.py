"""Clients and their numbers. A number may belong to several clients; who is meant is not decided here.

What is done, is done by the synchronous class, in one go; the other one is for those who await.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, Unpack, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import BadInput
from bridge.store.client_emails import ClientEmailTable, email_entries
from bridge.store.client_tables import ClientTable, NumberTable, WordTable
from bridge.store.client_tags import ClientTagTable, folded, tag_entries
from bridge.store.client_values import (
    ClientFields,
    NewClient,
    columns_of,
    digits_of,
    number_entries,
    texts_of,
    words_of,
)
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import ClientName, ClientRow, NumberRow, Page
from bridge.store.tables import in_one_go, now

T = TypeVar("T")

_LAST = "\U0010ffff"  # sorts after everything that can follow a prefix
_MAX_SEARCH = 100
_MAX_OWNERS = 50  # of one number

_CLIENTS, _NUMBERS, _WORDS, _EMAILS, _TAGS = (
    cast("Table", one.__table__)
    for one in (ClientTable, NumberTable, WordTable, ClientEmailTable, ClientTagTable)
)
_ID: ColumnElement[int] = _CLIENTS.c.id
_THESE: Any = bindparam("ids", expanding=True)
_ALL = select(_CLIENTS).order_by(_ID)
_OF_NUMBERS = (
    select(_NUMBERS.c.client_id, _NUMBERS.c.e164, _NUMBERS.c.as_dialled, _NUMBERS.c.label)
    .where(_NUMBERS.c.client_id.in_(_THESE))
    .order_by(_NUMBERS.c.id)
)
_OF_EMAILS = (
    select(_EMAILS.c.client_id, _EMAILS.c.email)
    .where(_EMAILS.c.client_id.in_(_THESE))
    .order_by(_EMAILS.c.position)
)
_OF_TAGS = select(_TAGS.c.client_id, _TAGS.c.tag).where(_TAGS.c.client_id.in_(_THESE)).order_by(_TAGS.c.tag)
_NAMES = (
    select(_ID, _CLIENTS.c.name, _CLIENTS.c.tier)
    .where(_ID.in_(select(_NUMBERS.c.client_id).where(_NUMBERS.c.e164 == bindparam("e164"))))
    .order_by(_ID)
    .limit(_MAX_OWNERS)
)
_OWNERS = (
    select(_ID, _CLIENTS.c.name, _NUMBERS.c.e164)
    .join_from(_NUMBERS, _CLIENTS, _NUMBERS.c.client_id == _ID)
    .where(_NUMBERS.c.e164.in_(bindparam("e164s", expanding=True)))
    .order_by(_ID)
)
_ADD = insert(_CLIENTS).returning(_ID, sort_by_parameter_order=True)


class SyncClients:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names_by_e164(self, e164: str) -> list[ClientName]:
        return [ClientName(*row) for row in self._connection.execute(_NAMES, {"e164": e164})]

    def owners(self, e164s: Collection[str]) -> list[tuple[int, str, str]]:
        """Id, name and number of all who have any of these numbers, the oldest first."""
        if not e164s:
            return []
        return [(*row,) for row in self._connection.execute(_OWNERS, {"e164s": sorted(e164s)})]

    def of_ids(self, ids: Collection[int]) -> list[ClientRow]:
        """Those that exist, by id."""
        wanted = [id for id in ids if is_id(id)]
        return self.rows(_ALL.where(_ID.in_(wanted))) if wanted else []

    def rows(self, statement: Select[Any]) -> list[ClientRow]:
        """Of a selection of clients, with all that belongs to them."""
        found = self._connection.execute(statement).all()
        ids = {"ids": [row.id for row in found]}
        numbers, emails, tags = defaultdict(list), defaultdict(list), defaultdict(list)
        if found:
            for id, *number in self._connection.execute(_OF_NUMBERS, ids):
                numbers[id].append(NumberRow(*number))
            for id, email in self._connection.execute(_OF_EMAILS, ids):
                emails[id].append(email)
            for id, tag in self._connection.execute(_OF_TAGS, ids):
                tags[id].append(tag)
        return [
            ClientRow(
                id=row.id,
                name=row.name,
                company=row.company,
                language=row.language,
                tier=row.tier,
                notes=row.notes,
                numbers=tuple(numbers[row.id]),
                fields=json.loads(row.fields),
                emails=tuple(emails[row.id]),
                tags=tuple(tags[row.id]),
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in found
        ]

    def add_many(self, clients: Sequence[NewClient]) -> list[int]:
        """Their ids, in the same order."""
        if not clients:
            return []
        at = now()
        values = [{**texts_of(columns_of(client)), "created_at": at, "updated_at": at} for client in clients]
        ids = list(self._connection.scalars(_ADD, values))
        new = list(zip(ids, clients, strict=True))
        self._insert(_NUMBERS, [row for id, one in new for row in number_entries(id, one.numbers)])
        self._insert(_EMAILS, [row for id, one in new for row in email_entries(id, one.emails)])
        self._insert(_TAGS, [row for id, one in new for row in tag_entries(id, one.tags)])
        self._insert(_WORDS, [row for id, one in new for row in _word_entries(id, one.name, one.company)])
        return ids

    def update(self, before: ClientRow, fields: ClientFields) -> None:
        """``numbers``, ``emails``, ``tags``, ``fields`` replace all of them. Nothing is done on BadInput."""
        unknown = fields.keys() - ClientFields.__optional_keys__
        if unknown:
            raise BadInput(f"client: there is no field {', '.join(sorted(unknown))}")
        values = texts_of(fields)
        parts: dict[Any, list[dict[str, Any]]] = {}
        if "numbers" in fields:
            parts[_NUMBERS] = number_entries(before.id, fields["numbers"])
        if "emails" in fields:
            parts[_EMAILS] = email_entries(before.id, fields["emails"])
        if "tags" in fields:
            parts[_TAGS] = tag_entries(before.id, fields["tags"])
        if "name" in values or "company" in values:
            name, company = values.get("name", before.name), values.get("company", before.company)
            parts[_WORDS] = _word_entries(before.id, name, company)
        self._connection.execute(
            update(_CLIENTS).where(_CLIENTS.c.id == before.id).values(**values, updated_at=now())
        )
        for table, entries in parts.items():
            self._connection.execute(delete(table).where(table.c.client_id == before.id))
            self._insert(table, entries)

    def _insert(self, table: Any, entries: list[dict[str, Any]]) -> None:
        if entries:
            self._connection.execute(insert(table), entries)


class Clients:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, id: int) -> ClientRow | None:
        found = await self.of_ids([id])
        return found[0] if found else None

    async def lock(self, id: int) -> ClientRow | None:
        """As ``get``; and until this unit ends nobody else changes it."""
        if not is_id(id):
            return None
        await self._session.execute(select(_ID).where(_CLIENTS.c.id == id).with_for_update())
        return await self.get(id)

    async def of_ids(self, ids: Collection[int]) -> list[ClientRow]:
        """Those that exist, by id."""
        return await self._go(lambda clients: clients.of_ids(ids))

    async def by_e164(self, e164: str, limit: int = _MAX_OWNERS) -> list[ClientRow]:
        """All whose number this is, up to ``limit``, the oldest first."""
        owners = select(_NUMBERS.c.client_id).where(_NUMBERS.c.e164 == e164)
        return await self._rows(_ALL.where(_ID.in_(owners)).limit(limit_of(limit)))

    async def names_by_e164(self, e164: str) -> list[ClientName]:
        """As ``by_e164``, but only what a look-up needs: it is made for each call."""
        return await self._go(lambda clients: clients.names_by_e164(e164))

    async def search(self, text: str, limit: int, tags: Collection[str] = ()) -> list[ClientRow]:
        """Clients whose number begins so, or whose name and company have words that begin like ``text``'s.

        Only those that have all ``tags``.
        """
        limit_of(limit)
        text = text[:_MAX_SEARCH]
        by_word = [
            _ID.in_(select(_WORDS.c.client_id).where(_WORDS.c.word >= word, _WORDS.c.word < word + _LAST))
            for word in sorted(words_of(text), key=len, reverse=True)[:5]
        ]
        if not by_word:
            return []
        condition = and_(*by_word)
        digits = digits_of(text)
        if len(digits) >= 3 and not re.search(r"[^\W\d_]", text):
            e164 = f"+{digits}"
            owners = select(_NUMBERS.c.client_id).where(
                or_(
                    and_(_NUMBERS.c.e164 >= e164, _NUMBERS.c.e164 < e164 + _LAST),
                    and_(_NUMBERS.c.digits >= digits, _NUMBERS.c.digits < digits + _LAST),
                )
            )
            condition = or_(condition, _ID.in_(owners))
        return await self._rows(_tagged(_ALL.where(condition), tags).limit(limit))

    async def page(self, cursor: str | None, limit: int, tags: Collection[str] = ()) -> Page[ClientRow]:
        """All, or those that have all ``tags``, the oldest first."""
        after = read_id_cursor("clients", cursor)
        statement = _tagged(_ALL, tags).limit(limit_of(limit) + 1)
        if after is not None:
            statement = statement.where(_CLIENTS.c.id > after)
        found = await self._rows(statement)
        return page_of(found, limit, lambda row: row, lambda row: id_cursor("clients", row.id))

    async def add(
        self,
        name: str,
        company: str = "",
        language: str = "",
        tier: str = "",
        notes: str = "",
        numbers: Sequence[NumberRow] = (),
        emails: Sequence[str] = (),
        fields: Mapping[str, str] | None = None,
        tags: Sequence[str] = (),
    ) -> ClientRow:
        new = NewClient(
            name, company, language, tier, notes, tuple(numbers), fields or {}, tuple(emails), tuple(tags)
        )
        return await self._go(lambda clients: clients.of_ids(clients.add_many([new]))[0])

    async def add_many(self, clients: Sequence[NewClient]) -> list[int]:
        """Their ids, in the same order."""
        return await self._go(lambda sync: sync.add_many(clients))

    async def update(self, id: int, /, **fields: Unpack[ClientFields]) -> ClientRow | None:
        """The changed client, or None for none. What consists of several values is replaced as a whole."""

        def changed(clients: SyncClients) -> ClientRow | None:
            for before in clients.of_ids([id]):
                clients.update(before, fields)
            return next(iter(clients.of_ids([id])), None)

        return await self._go(changed)

    async def _rows(self, statement: Select[Any]) -> list[ClientRow]:
        return await self._go(lambda clients: clients.rows(statement))

    async def _go(self, do: Callable[[SyncClients], T]) -> T:
        return await in_one_go(self._session, lambda connection: do(SyncClients(connection)))


def _tagged(statement: Select[Any], tags: Collection[str]) -> Select[Any]:
    for tag in tags:
        statement = statement.where(_ID.in_(select(_TAGS.c.client_id).where(_TAGS.c.tag == folded(tag))))
    return statement


def _word_entries(client: int, name: str, company: str) -> list[dict[str, Any]]:
    return [{"client_id": client, "word": word} for word in words_of(f"{name} {company}")]

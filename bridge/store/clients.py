"""Clients and their numbers. A number may belong to several clients; who is meant is not decided here."""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload
from sqlalchemy.sql.base import ExecutableOption

from bridge.errors import N_, BadInput
from bridge.store.client_emails import ClientEmails, ClientEmailTable, email_entries
from bridge.store.keys import id_cursor, is_id, limit_of, page_of, read_id_cursor
from bridge.store.rows import ClientName, ClientRow, NumberRow, Page
from bridge.store.tables import Base, OrderedText, in_one_go, now, upsert

MAX_NAME = 300
MAX_NOTES = 20_000
MAX_FIELDS = 200_000  # characters of all of a client's own fields together
MAX_NUMBERS = 50
_LAST = "\U0010ffff"  # sorts after everything that can follow a prefix
_MAX_SEARCH = 100
_MAX_WORDS = 40
_MAX_OWNERS = 50  # of one number


class ClientTable(Base):
    __tablename__ = "clients"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    company: Mapped[str]
    language: Mapped[str]
    tier: Mapped[str]
    notes: Mapped[str]
    fields: Mapped[str] = mapped_column(server_default="{}")  # the company's own, as JSON: key → text
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    numbers: Mapped[list["NumberTable"]] = relationship(order_by="NumberTable.id", viewonly=True)
    emails: Mapped[list[ClientEmailTable]] = relationship(order_by=ClientEmailTable.position, viewonly=True)


class NumberTable(Base):
    __tablename__ = "client_numbers"
    __table_args__ = (UniqueConstraint("client_id", "e164"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    e164: Mapped[str] = mapped_column(OrderedText, index=True)
    as_dialled: Mapped[str]
    digits: Mapped[str] = mapped_column(OrderedText, index=True)  # of as_dialled, for searching
    label: Mapped[str]


class WordTable(Base):
    """The words of a client's name and company, folded: what a search by prefix looks up."""

    __tablename__ = "client_words"
    __table_args__ = (Index(None, "client_id"),)

    word: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)


class ClientFields(TypedDict, total=False):
    name: str
    company: str
    language: str
    tier: str
    notes: str
    fields: Mapping[str, str]
    numbers: Sequence[NumberRow]
    emails: Sequence[str]


@dataclass(frozen=True, slots=True)
class NewClient:
    name: str
    company: str = ""
    language: str = ""
    tier: str = ""
    notes: str = ""
    numbers: tuple[NumberRow, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()


_FRESH = {"populate_existing": True}
_UNSYNCED = {"synchronize_session": False}
_WITH_NUMBERS: tuple[ExecutableOption, ...] = (
    selectinload(ClientTable.numbers),
    selectinload(ClientTable.emails),
)


_CLIENTS, _NUMBERS = ClientTable.__table__.c, NumberTable.__table__.c
_NAMES = (
    select(_CLIENTS.id, _CLIENTS.name, _CLIENTS.tier)
    .where(_CLIENTS.id.in_(select(_NUMBERS.client_id).where(_NUMBERS.e164 == bindparam("e164"))))
    .order_by(_CLIENTS.id)
    .limit(_MAX_OWNERS)
)


class SyncClients:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names_by_e164(self, e164: str) -> list[ClientName]:
        return [ClientName(*row) for row in self._connection.execute(_NAMES, {"e164": e164})]


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
        await self._session.execute(select(ClientTable.id).where(ClientTable.id == id).with_for_update())
        return await self.get(id)

    async def of_ids(self, ids: Collection[int]) -> list[ClientRow]:
        """Those that exist, by id."""
        wanted = [id for id in ids if is_id(id)]
        if not wanted:
            return []
        return await self._rows(
            select(ClientTable).where(ClientTable.id.in_(wanted)).order_by(ClientTable.id)
        )

    async def by_e164(self, e164: str, limit: int = _MAX_OWNERS) -> list[ClientRow]:
        """All whose number this is, up to ``limit``, the oldest first."""
        owners = select(NumberTable.client_id).where(NumberTable.e164 == e164)
        return await self._rows(
            select(ClientTable)
            .where(ClientTable.id.in_(owners))
            .order_by(ClientTable.id)
            .limit(limit_of(limit))
        )

    async def names_by_e164(self, e164: str) -> list[ClientName]:
        """As ``by_e164``, but only what a look-up needs: it is made for each call."""
        return await in_one_go(self._session, lambda sync: SyncClients(sync).names_by_e164(e164))

    async def by_numbers(self, e164s: Collection[str]) -> list[ClientRow]:
        """All clients that have any of these numbers: for imports, a batch at a time."""
        if not e164s:
            return []
        owners = select(NumberTable.client_id).where(NumberTable.e164.in_(sorted(e164s)))
        return await self._rows(
            select(ClientTable).where(ClientTable.id.in_(owners)).order_by(ClientTable.id)
        )

    async def search(self, text: str, limit: int) -> list[ClientRow]:
        """Clients whose number begins so, or whose name and company have words that begin like ``text``'s."""
        limit_of(limit)
        text = text[:_MAX_SEARCH]
        by_word = [
            ClientTable.id.in_(
                select(WordTable.client_id).where(WordTable.word >= word, WordTable.word < word + _LAST)
            )
            for word in sorted(words_of(text), key=len, reverse=True)[:5]
        ]
        if not by_word:
            return []
        condition = and_(*by_word)
        digits = _digits(text)
        if len(digits) >= 3 and not re.search(r"[^\W\d_]", text):
            e164 = f"+{digits}"
            owners = select(NumberTable.client_id).where(
                or_(
                    and_(NumberTable.e164 >= e164, NumberTable.e164 < e164 + _LAST),
                    and_(NumberTable.digits >= digits, NumberTable.digits < digits + _LAST),
                )
            )
            condition = or_(condition, ClientTable.id.in_(owners))
        return await self._rows(select(ClientTable).where(condition).order_by(ClientTable.id).limit(limit))

    async def page(self, cursor: str | None, limit: int) -> Page[ClientRow]:
        """All, the oldest first."""
        after = read_id_cursor("clients", cursor)
        statement = select(ClientTable).order_by(ClientTable.id).limit(limit_of(limit) + 1)
        if after is not None:
            statement = statement.where(ClientTable.id > after)
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
    ) -> ClientRow:
        new = NewClient(name, company, language, tier, notes, tuple(numbers), emails=tuple(emails))
        (added,) = await self.add_many([new])
        row = await self.get(added)
        assert row is not None  # noqa: S101  # inserted by the line above, in the same transaction
        return row

    async def add_many(self, clients: Sequence[NewClient]) -> list[int]:
        """Their ids, in the same order."""
        if not clients:
            return []
        at = now()
        values = [
            {
                "name": _name(client.name),
                "company": _bounded("company", client.company, MAX_NAME),
                "language": _bounded("language", client.language, 35),
                "tier": _bounded("tier", client.tier, 100),
                "notes": _bounded("notes", client.notes, MAX_NOTES),
                "fields": _fields(client.fields),
                "created_at": at,
                "updated_at": at,
            }
            for client in clients
        ]
        added = await self._session.scalars(
            insert(ClientTable).returning(ClientTable.id, sort_by_parameter_order=True), values
        )
        ids = list(added)
        numbers = [
            entry for id, client in zip(ids, clients, strict=True) for entry in _entries(id, client.numbers)
        ]
        if numbers:
            await self._session.execute(insert(NumberTable), numbers)
        emails = [
            entry
            for id, client in zip(ids, clients, strict=True)
            for entry in email_entries(id, client.emails)
        ]
        if emails:
            await self._session.execute(insert(ClientEmailTable), emails)
        await self._add_words(
            (id, word)
            for id, client in zip(ids, clients, strict=True)
            for word in words_of(f"{client.name} {client.company}")
        )
        return ids

    async def update(self, id: int, /, **fields: Unpack[ClientFields]) -> ClientRow | None:
        """The changed client, or None for none. ``numbers``, ``emails``, ``fields`` replace all of them."""
        unknown = fields.keys() - ClientFields.__optional_keys__
        if unknown:
            raise BadInput(f"client: there is no field {', '.join(sorted(unknown))}")
        before = await self.get(id)
        if before is None:
            return None
        values: dict[str, Any] = {"updated_at": now()}
        if "name" in fields:
            values["name"] = _name(fields["name"])
        if "company" in fields:
            values["company"] = _bounded("company", fields["company"], MAX_NAME)
        if "language" in fields:
            values["language"] = _bounded("language", fields["language"], 35)
        if "tier" in fields:
            values["tier"] = _bounded("tier", fields["tier"], 100)
        if "notes" in fields:
            values["notes"] = _bounded("notes", fields["notes"], MAX_NOTES)
        if "fields" in fields:
            values["fields"] = _fields(fields["fields"])
        await self._session.execute(
            update(ClientTable).where(ClientTable.id == id).values(**values), execution_options=_UNSYNCED
        )
        if "numbers" in fields:
            entries = _entries(id, fields["numbers"])
            await self._session.execute(
                delete(NumberTable).where(NumberTable.client_id == id), execution_options=_UNSYNCED
            )
            if entries:
                await self._session.execute(insert(NumberTable), entries)
        if "emails" in fields:
            await ClientEmails(self._session).set(id, fields["emails"])
        if "name" in values or "company" in values:
            await self._session.execute(
                delete(WordTable).where(WordTable.client_id == id), execution_options=_UNSYNCED
            )
            name, company = values.get("name", before.name), values.get("company", before.company)
            await self._add_words((id, word) for word in words_of(f"{name} {company}"))
        return await self.get(id)

    async def _add_words(self, words: Iterable[tuple[int, str]]) -> None:
        entries = [{"client_id": id, "word": word} for id, word in words]
        if entries:
            await self._session.execute(upsert(self._session, WordTable).on_conflict_do_nothing(), entries)

    async def _rows(self, statement: Any) -> list[ClientRow]:
        found = await self._session.scalars(statement.options(*_WITH_NUMBERS), execution_options=_FRESH)
        return [_row(client) for client in found]


def words_of(text: str) -> set[str]:
    """The words people search by: folded, so that neither case nor ё/е nor accents decide."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(mark for mark in folded if not unicodedata.combining(mark))
    return {word[:60] for word in re.findall(r"[^\W_]+", plain)[:_MAX_WORDS]}


def _digits(text: str) -> str:
    return "".join(str(unicodedata.decimal(mark)) for mark in text if mark.isdecimal())


def _bounded(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise BadInput(
            N_("client %(field)s: %(length)s characters; at most %(most)s are kept"),
            field=field,
            length=len(text),
            most=longest,
        )
    return text.strip()


def _fields(fields: Mapping[str, str]) -> str:
    """What their values may be is for ``crm`` to say: here they are only bounded."""
    text = json.dumps(dict(fields), ensure_ascii=False, sort_keys=True)
    if len(text) > MAX_FIELDS:
        raise BadInput(f"client fields: {len(text)} characters; at most {MAX_FIELDS} are kept")
    return text


def _name(name: str) -> str:
    name = " ".join(_bounded("name", name, MAX_NAME).split())
    if not name:
        raise BadInput(N_("client name: it must not be empty"))
    return name


def _entries(client: int, numbers: Sequence[NumberRow]) -> list[dict[str, object]]:
    by_e164 = {number.e164: number for number in reversed(numbers)}  # of equal ones the first stays
    if len(by_e164) > MAX_NUMBERS:
        words = N_("client numbers: %(count)s; at most %(most)s are kept")
        raise BadInput(words, count=len(by_e164), most=MAX_NUMBERS)
    for number in by_e164.values():
        if not re.fullmatch(r"\+[0-9]{3,15}", number.e164):
            raise BadInput(f"client number {number.e164[:40]!r}: it must be in the form +79161234567")
    return [
        {
            "client_id": client,
            "e164": number.e164,
            "as_dialled": _bounded("number", number.as_dialled, 100),
            "digits": _digits(number.as_dialled),
            "label": _bounded("number's label", number.label, 100),
        }
        for number in reversed(by_e164.values())
    ]


def _row(client: ClientTable) -> ClientRow:
    return ClientRow(
        id=client.id,
        name=client.name,
        company=client.company,
        language=client.language,
        tier=client.tier,
        notes=client.notes,
        numbers=tuple(NumberRow(number.e164, number.as_dialled, number.label) for number in client.numbers),
        fields=json.loads(client.fields),
        emails=tuple(one.email for one in client.emails),
        created_at=client.created_at,
        updated_at=client.updated_at,
    )

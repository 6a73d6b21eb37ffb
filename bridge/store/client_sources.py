"""Which external directory knows a client, by what id, and what it said of him last. And keeping that.

A field that people here have changed since is theirs: only what still is as the directory gave it, or empty,
follows the directory. A number that they took away does not come back.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, ForeignKey, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.client_values import MAX_NUMBERS, ClientFields, words_of
from bridge.store.clients import Clients
from bridge.store.keys import is_id
from bridge.store.rows import ClientName, ClientRow, ClientSourceRow, NumberRow
from bridge.store.tables import Base, OrderedText, upsert

FIELDS = ("name", "company", "tier", "language", "notes")


class ClientSourceTable(Base):
    __tablename__ = "client_sources"

    source: Mapped[str] = mapped_column(OrderedText, primary_key=True)  # the directory's name
    external_id: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), index=True)
    url: Mapped[str]  # the client's page there, or ""
    given: Mapped[str]  # what it said last, as JSON: field → value
    fetched_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class GivenClient:
    """A client as an external directory told of him; ``values`` are of FIELDS, the name among them."""

    id: str
    url: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Given:
    values: Mapping[str, str]
    numbers: list[str]  # by which it has named him


_ROW = (
    ClientSourceTable.client_id,
    ClientSourceTable.source,
    ClientSourceTable.external_id,
    ClientSourceTable.url,
    ClientSourceTable.fetched_at,
)
_OF_CLIENTS = (
    select(*_ROW)
    .where(ClientSourceTable.client_id.in_(bindparam("clients", expanding=True)))
    .order_by(ClientSourceTable.source, ClientSourceTable.external_id)
)


class SyncClientSources:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_clients(self, clients: Collection[int]) -> list[ClientSourceRow]:
        if not clients:
            return []
        found = self._connection.execute(_OF_CLIENTS, {"clients": [id for id in clients if is_id(id)]})
        return [ClientSourceRow(*row) for row in found]


class ClientSources:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._clients = Clients(session)

    async def of_clients(self, clients: Collection[int]) -> list[ClientSourceRow]:
        """By directory and id."""
        if not clients:
            return []
        found = await self._session.execute(_OF_CLIENTS, {"clients": [id for id in clients if is_id(id)]})
        return [ClientSourceRow(*row) for row in found]

    async def keep(
        self, source: str, e164: str, given: Sequence[GivenClient], at: datetime
    ) -> list[ClientName]:
        """Each as a client of our own, in their order. Who has the same number and name already is he."""
        kept: dict[int, ClientName] = {}
        for one in given:
            client = await self._kept(source, e164, one, at)
            kept[client.id] = ClientName(client.id, client.name, client.tier)
        return list(kept.values())

    async def _kept(self, source: str, e164: str, given: GivenClient, at: datetime) -> ClientRow:
        linked = await self._session.execute(
            select(ClientSourceTable.client_id, ClientSourceTable.given).where(
                ClientSourceTable.source == source, ClientSourceTable.external_id == given.id
            )
        )
        row = linked.one_or_none()
        if row is not None:
            client, before = await self._clients.get(row.client_id), _Given(**json.loads(row.given))
        else:
            client, before = await self._same(e164, given.values["name"]), _Given({}, [])
        values = {field: given.values.get(field, "") for field in FIELDS}
        numbers = before.numbers if e164 in before.numbers else [*before.numbers, e164][-MAX_NUMBERS:]
        if client is None:
            client = await self._clients.add(
                values["name"],
                company=values["company"],
                language=values["language"],
                tier=values["tier"],
                notes=values["notes"],
                numbers=[NumberRow(e164, e164)],
            )
        else:
            new = e164 if e164 not in before.numbers else None
            client = await self._refreshed(client, before.values, values, new)
        entry = {
            "source": source,
            "external_id": given.id,
            "client_id": client.id,
            "url": given.url,
            "given": json.dumps({"values": values, "numbers": numbers}, ensure_ascii=False),
            "fetched_at": at,
        }
        statement = upsert(self._session, ClientSourceTable).values(entry)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["source", "external_id"],
                set_={key: statement.excluded[key] for key in ("client_id", "url", "given", "fetched_at")},
            )
        )
        return client

    async def _same(self, e164: str, name: str) -> ClientRow | None:
        """The only one with this number whose name has the same words."""
        words = words_of(name)
        found = [one for one in await self._clients.by_e164(e164) if words_of(one.name) == words]
        return found[0] if len(found) == 1 and words else None

    async def _refreshed(
        self, client: ClientRow, before: Mapping[str, str], values: Mapping[str, str], number: str | None
    ) -> ClientRow:
        """``number``: by which the directory has not named him before."""
        news = ClientFields()
        for field in FIELDS:
            present = getattr(client, field)
            if values[field] and present != values[field] and present in ("", before.get(field, "")):
                news[field] = values[field]  # type: ignore[literal-required]
        known = {one.e164 for one in client.numbers}
        if number is not None and number not in known and len(known) < MAX_NUMBERS:
            news["numbers"] = [*client.numbers, NumberRow(number, number)]
        if not news:
            return client
        return await self._clients.update(client.id, **news) or client

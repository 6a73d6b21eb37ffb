"""Clients' tags: short words by which people here sort them."""

from collections.abc import Collection

from sqlalchemy import ForeignKey, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.tables import Base, OrderedText

MOST_TAGS = 20
_LONGEST = 40


class ClientTagTable(Base):
    __tablename__ = "client_tags"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(OrderedText, primary_key=True, index=True)


class ClientTags:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, client: int) -> tuple[str, ...]:
        if not is_id(client):
            return ()
        found = await self._session.scalars(
            select(ClientTagTable.tag).where(ClientTagTable.client_id == client).order_by(ClientTagTable.tag)
        )
        return tuple(found)

    async def set(self, client: int, tags: Collection[str]) -> tuple[str, ...]:
        """All of them, in place of those before; as they are kept. The client must exist. Raises BadInput."""
        wanted = sorted({plain for tag in tags if (plain := " ".join(tag.casefold().split()))})
        if len(wanted) > MOST_TAGS:
            raise BadInput(f"client tags: {len(wanted)}; at most {MOST_TAGS} are kept")
        for tag in wanted:
            if len(tag) > _LONGEST or not tag.isprintable() or "," in tag:
                raise BadInput(
                    f"client tag {tag[:_LONGEST]!a}: write at most {_LONGEST} characters, no comma"
                )
        await self._session.execute(
            delete(ClientTagTable).where(ClientTagTable.client_id == client),
            execution_options={"synchronize_session": False},
        )
        if wanted:
            await self._session.execute(
                insert(ClientTagTable), [{"client_id": client, "tag": tag} for tag in wanted]
            )
        return tuple(wanted)

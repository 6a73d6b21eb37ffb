"""Clients' mail addresses. One may belong to several clients; who is meant is not decided here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ForeignKey, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.tables import Base, OrderedText, clean

MOST_EMAILS = 20
_LONGEST = 254  # RFC 5321
_MOST_OWNERS = 50  # of one address


class ClientEmailTable(Base):
    __tablename__ = "client_emails"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    folded: Mapped[str] = mapped_column(OrderedText, primary_key=True, index=True)
    email: Mapped[str]  # as written
    position: Mapped[int]


class ClientEmails:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, client: int) -> tuple[str, ...]:
        """In their order."""
        if not is_id(client):
            return ()
        found = await self._session.scalars(
            select(ClientEmailTable.email)
            .where(ClientEmailTable.client_id == client)
            .order_by(ClientEmailTable.position)
        )
        return tuple(found)

    async def set(self, client: int, emails: Sequence[str]) -> tuple[str, ...]:
        """All of them, in place of those before; as they are kept. The client must exist. Raises BadInput.

        That each is an address is seen to outside the store.
        """
        entries = email_entries(client, emails)
        await self._session.execute(
            delete(ClientEmailTable).where(ClientEmailTable.client_id == client),
            execution_options={"synchronize_session": False},
        )
        if entries:
            await self._session.execute(insert(ClientEmailTable), entries)
        return tuple(entry["email"] for entry in entries)

    async def owners(self, email: str) -> list[int]:
        """The ids of all whose address this is, the oldest first."""
        found = await self._session.scalars(
            select(ClientEmailTable.client_id)
            .where(ClientEmailTable.folded == email.strip().casefold())
            .order_by(ClientEmailTable.client_id)
            .limit(_MOST_OWNERS)
        )
        return list(found)


def email_entries(client: int, emails: Sequence[str]) -> list[dict[str, Any]]:
    """Their rows, each address once."""
    wanted: dict[str, str] = {}
    for email in emails:
        written = clean(email).strip()
        if not written or len(written) > _LONGEST:
            raise BadInput(f"client email {written[:40]!r}: it must have from 1 to {_LONGEST} characters")
        wanted.setdefault(written.casefold(), written)
    if len(wanted) > MOST_EMAILS:
        raise BadInput(f"client emails: {len(wanted)}; at most {MOST_EMAILS} are kept")
    return [
        {"client_id": client, "folded": folded, "email": email, "position": position}
        for position, (folded, email) in enumerate(wanted.items())
    ]

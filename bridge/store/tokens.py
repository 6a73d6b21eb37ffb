"""Tokens of the API: what each may do and until when. Only their hashes are kept."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import JSON, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.keys import is_id
from bridge.store.rows import TokenRow
from bridge.store.tables import Base, now, upsert


class TokenTable(Base):
    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


_TOKEN = (
    TokenTable.id,
    TokenTable.name,
    TokenTable.scopes,
    TokenTable.expires_at,
    TokenTable.created_at,
    TokenTable.last_used_at,
)


class Tokens:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, name: str, token_hash: str, scopes: Sequence[str], expires_at: datetime | None = None
    ) -> TokenRow:
        name = name.strip()
        if not name or len(name) > 100:
            raise BadInput("token name: it must have 1 to 100 characters")
        created_at = now()
        added = await self._session.scalar(
            upsert(self._session, TokenTable)
            .values(
                name=name,
                token_hash=token_hash,
                scopes=list(scopes),
                expires_at=expires_at,
                created_at=created_at,
            )
            .on_conflict_do_nothing(index_elements=[TokenTable.token_hash])
            .returning(TokenTable.id)
        )
        if added is None:
            raise BadInput(f"token {name!r}: this very token is already known")
        return TokenRow(added, name, tuple(scopes), expires_at, created_at)

    async def by_hash(self, token_hash: str) -> TokenRow | None:
        """None when there is none, or when it expired."""
        found = await self._session.execute(
            select(*_TOKEN).where(
                TokenTable.token_hash == token_hash,
                or_(TokenTable.expires_at.is_(None), TokenTable.expires_at > now()),
            )
        )
        row = found.one_or_none()
        return None if row is None else _row(*row)

    async def used(self, id: int) -> None:
        await self._session.execute(
            update(TokenTable).where(TokenTable.id == id).values(last_used_at=now()),
            execution_options={"synchronize_session": False},
        )

    async def hashes(self) -> frozenset[str]:
        """Of all that there are, expired ones too."""
        return frozenset(await self._session.scalars(select(TokenTable.token_hash)))

    async def all(self) -> list[TokenRow]:
        found = await self._session.execute(select(*_TOKEN).order_by(TokenTable.id))
        return [_row(*row) for row in found]

    async def delete(self, id: int) -> bool:
        """Was there one?"""
        if not is_id(id):
            return False
        deleted = await self._session.scalar(
            delete(TokenTable).where(TokenTable.id == id).returning(TokenTable.id)
        )
        return deleted is not None


def _row(
    id: int,
    name: str,
    scopes: list[str],
    expires_at: datetime | None,
    created_at: datetime,
    last_used_at: datetime | None,
) -> TokenRow:
    return TokenRow(id, name, tuple(scopes), expires_at, created_at, last_used_at)

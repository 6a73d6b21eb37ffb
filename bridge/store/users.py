"""People who may log in, and their sessions. Passwords and tokens come here as hashes only."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import BadInput
from bridge.store.rows import SessionRow, UserRow
from bridge.store.tables import Base, now, upsert

ROLES = ("agent", "supervisor")
LANGUAGES = ("en", "ru")


class UserTable(Base):
    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('agent', 'supervisor')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    agent: Mapped[str | None]
    language: Mapped[str]


class SessionTable(Base):
    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


_USER = (
    UserTable.id,
    UserTable.login,
    UserTable.password_hash,
    UserTable.role,
    UserTable.agent,
    UserTable.language,
)


class Users:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, login: str, password_hash: str, role: str, agent: str | None = None, language: str = "en"
    ) -> UserRow:
        login = login.strip()
        if not login or len(login) > 100:
            raise BadInput("login: it must have 1 to 100 characters")
        if role not in ROLES:
            raise BadInput(f"role {role!r}: it must be one of {', '.join(ROLES)}")
        if language not in LANGUAGES:
            raise BadInput(f"language {language!r}: it must be one of {', '.join(LANGUAGES)}")
        added = await self._session.scalar(
            upsert(self._session, UserTable)
            .values(login=login, password_hash=password_hash, role=role, agent=agent, language=language)
            .on_conflict_do_nothing(index_elements=[UserTable.login])
            .returning(UserTable.id)
        )
        if added is None:
            raise BadInput(f"login {login!r}: there is already a user of this name")
        return UserRow(added, login, password_hash, role, agent, language)

    async def by_login(self, login: str) -> UserRow | None:
        found = await self._session.execute(select(*_USER).where(UserTable.login == login.strip()))
        row = found.one_or_none()
        return None if row is None else UserRow(*row)

    async def all(self) -> list[UserRow]:
        found = await self._session.execute(select(*_USER).order_by(UserTable.login))
        return [UserRow(*row) for row in found]

    async def set_password(self, login: str, password_hash: str) -> None:
        """And ends the user's sessions: who knew the old password is out."""
        user = await self.by_login(login)
        if user is None:
            raise BadInput(f"login {login!r}: there is no such user; add one with `callbridge user add`")
        await self._session.execute(
            update(UserTable).where(UserTable.id == user.id).values(password_hash=password_hash)
        )
        await self._session.execute(delete(SessionTable).where(SessionTable.user_id == user.id))


class Sessions:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, token_hash: str, user_id: int, csrf: str, expires_at: datetime) -> None:
        self._session.add(
            SessionTable(token_hash=token_hash, user_id=user_id, csrf=csrf, expires_at=expires_at)
        )
        await self._session.flush()

    async def get(self, token_hash: str) -> SessionRow | None:
        """None when there is none, or when it expired."""
        found = await self._session.execute(
            select(SessionTable.csrf, SessionTable.expires_at, *_USER)
            .join(UserTable, UserTable.id == SessionTable.user_id)
            .where(SessionTable.token_hash == token_hash, SessionTable.expires_at > now())
        )
        row = found.one_or_none()
        if row is None:
            return None
        csrf, expires_at, id, login, password_hash, role, agent, language = row
        return SessionRow(UserRow(id, login, password_hash, role, agent, language), csrf, expires_at)

    async def delete(self, token_hash: str) -> None:
        await self._session.execute(delete(SessionTable).where(SessionTable.token_hash == token_hash))

    async def sweep(self, at: datetime) -> None:
        """Forget what expired before ``at``."""
        await self._session.execute(delete(SessionTable).where(SessionTable.expires_at <= at))

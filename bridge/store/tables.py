"""What all tables share: the metadata, column types that tame what comes in, and the upsert of both dialects.

It holds no table of its own: each aggregate keeps its tables in its own file.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, DateTime, Dialect, MetaData, Table, Text, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from bridge.errors import InternalError

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware in, aware and UTC out. SQLite has no time zones: there the text is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise InternalError(f"a time without a zone cannot be stored: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def clean(text: str) -> str:
    """Text that every database takes: PostgreSQL refuses NUL, and no UTF-8 has lone surrogates.

    A caller's name may hold either; the call must be kept all the same.
    """
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


class CleanText(TypeDecorator[str]):
    """Text of any length, cleaned on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class OrderedText(TypeDecorator[str]):
    """Clean text that sorts by code point on both databases, so that a prefix is a range of the index."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Text(collation=self.collation(dialect)))

    @staticmethod
    def collation(dialect: Dialect) -> str | None:
        return "C" if dialect.name == "postgresql" else None

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, str: CleanText}  # noqa: RUF012


def upsert(session: AsyncSession, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ON CONFLICT, of the dialect in use."""
    if dialect_of(session) == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def upsert_of(dialect: str, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """As ``upsert``, to be built once and kept: values come with each execution.

    To put a large statement together costs several times what the database takes to carry it out.
    """
    # Past the ORM, which would look at the values of each execution.
    columns = cast("Table", table.__table__)
    return postgresql.insert(columns) if dialect == "postgresql" else sqlite.insert(columns)


def dialect_of(session: AsyncSession) -> str:
    return session.get_bind().dialect.name


async def in_one_go(session: AsyncSession, do: Callable[[Connection], T]) -> T:
    """What is written without awaiting, within a unit's own transaction."""
    return await session.run_sync(lambda sync: do(sync.connection()))


def now() -> datetime:
    return datetime.now(UTC)

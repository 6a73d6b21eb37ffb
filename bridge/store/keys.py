"""Keys that come from outside: row ids, page limits and cursors. Whatever is wrong with one is BadInput."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from bridge.errors import BadInput
from bridge.store.rows import Page

T = TypeVar("T")
R = TypeVar("R")

MAX_LIMIT = 500
_MAX_CURSOR = 400
_MAX_ID = 2**31 - 1  # ids are 32 bits wide on PostgreSQL; a larger one is no row's id

_Parts = tuple[str, int] | tuple[str, str, str] | tuple[str, int, str, int]


def is_id(value: int) -> bool:
    """Can this be a row's id at all? Larger integers do not even fit a parameter."""
    return 0 < value <= _MAX_ID


def limit_of(limit: int) -> int:
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"limit {limit}: it must be from 1 to {MAX_LIMIT}")
    return limit


def id_cursor(kind: str, value: int) -> str:
    return _encode((kind, value))


def time_cursor(kind: str, at: datetime, value: str) -> str:
    return _encode((kind, at.astimezone(UTC).isoformat(), value))


def read_id_cursor(kind: str, cursor: str | None) -> int | None:
    if cursor is None:
        return None
    parts = _decode(cursor, tuple[str, int])
    if parts[0] != kind or not is_id(parts[1]):
        raise _bad()
    return parts[1]


def read_time_cursor(kind: str, cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    tag, at, value = _decode(cursor, tuple[str, str, str])
    if tag != kind:
        raise _bad()
    try:
        when = datetime.fromisoformat(at).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad() from error
    return when, value


def place_cursor(kind: str, part: int, at: datetime | None, value: int) -> str:
    """A place in a list of several parts, each of which may be ordered by a time."""
    return _encode((kind, part, "" if at is None else at.astimezone(UTC).isoformat(), value))


def read_place_cursor(kind: str, cursor: str | None) -> tuple[int, datetime | None, int] | None:
    if cursor is None:
        return None
    tag, part, at, value = _decode(cursor, tuple[str, int, str, int])
    if tag != kind or not is_id(value):
        raise _bad()
    try:
        return part, datetime.fromisoformat(at).astimezone(UTC) if at else None, value
    except (ValueError, OverflowError) as error:
        raise _bad() from error


def page_of(found: Sequence[T], limit: int, row: Callable[[T], R], cursor: Callable[[T], str]) -> Page[R]:
    """A page out of ``limit + 1`` found entries: the one too many says that there is a next page."""
    shown = found[:limit]
    following = cursor(shown[-1]) if len(found) > limit else None
    return Page(tuple(row(item) for item in shown), following)


def _encode(parts: _Parts) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def _decode(cursor: str, kind: type[T]) -> T:
    if len(cursor) > _MAX_CURSOR:
        raise _bad()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise _bad() from error


def _bad() -> BadInput:
    return BadInput("cursor: it is not one that this list gave out; ask for the first page without a cursor")

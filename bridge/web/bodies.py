"""Owns reading what requests carry, within bounds of size and time: bodies, forms, forms with files.

A form with files (multipart) is read piece by piece, once, and in its order: the door reads as far as the
form's secret, which our pages put first, and the handler reads on from there.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http import HttpProcessingError

from bridge.web.labels import N_
from bridge.web.problems import Problem

T = TypeVar("T")

MAX_BODY = 512 * 1024  # 20,000 characters of any script in a form, or escaped in JSON
MAX_FIELDS = 1_000  # a department may have a hundred fields, each with its mark, some with many boxes
BODY_SECONDS = 10.0
_PIECE = 1 << 16
_PIECE_SECONDS = 30.0  # for each piece of a file
SECRET = "csrf"  # noqa: S105  the field's name
_WITH_FILES = "multipart/form-data"


async def read_body(request: web.Request, largest: int | None = None) -> bytes:
    """``largest``: bytes, fewer than the application takes; of more nothing is kept."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if largest is None:
                return await request.read()
            body = bytearray()
            while len(body) <= largest and (piece := await request.content.readany()):
                body += piece
    except TimeoutError as error:
        raise _too_slow() from error
    if len(body) > largest:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, N_("The request is too large."))
    return bytes(body)


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of a posted form without files; boxes of one name are one value, a line each."""
    if not request.can_read_body and not request.body_exists:
        return {}
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, N_("Only forms without files are taken here."))
    raw = await read_body(request)
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise _unreadable() from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        _put(fields, name, value)
    return fields


class FormWithFiles:
    """``fields``: those that came before the file that is read now; all of them after ``files``."""

    def __init__(self, reader: MultipartReader) -> None:
        self.fields: dict[str, str] = {}
        self._reader = reader
        self._file: BodyPartReader | None = None  # that has begun
        self._count = self._bytes = 0

    async def secret(self) -> str | None:
        """If it is the first of the fields: nothing else is read for it."""
        if not self._count:
            await self._next()
        return self.fields.get(SECRET)

    async def files(self) -> AsyncIterator["FileInForm"]:
        """In their order. What is not read of one is passed over."""
        while self._file is not None or await self._next():
            if self._file is None:
                continue
            file = FileInForm(self._file)
            yield file
            async for _ in file.pieces():
                pass
            self._file = None

    async def _next(self) -> bool:
        """The next field, or the beginning of the next file. False: that was all."""
        part = await _timely(self._reader.next())
        if part is None:
            return False
        self._count += 1
        if not isinstance(part, BodyPartReader) or self._count > MAX_FIELDS:
            raise _unreadable()
        if part.filename is not None:
            self._file = part
            return True
        value = b""
        while piece := await _timely(part.read_chunk(_PIECE)):
            value += piece
            self._bytes += len(piece)
            if self._bytes > MAX_BODY:
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, N_("The request is too large."))
        try:
            _put(self.fields, part.name or "", value.decode())
        except UnicodeDecodeError as error:
            raise _unreadable() from error
        return True


class FileInForm:
    """``name`` is empty where none was chosen."""

    def __init__(self, part: BodyPartReader) -> None:
        self.field, self.name = part.name or "", part.filename or ""
        self._part = part

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await _timely(self._part.read_chunk(_PIECE)):
            yield piece


_FORM: web.RequestKey[FormWithFiles] = web.RequestKey("form_with_files")


def has_files(request: web.Request) -> bool:
    return request.content_type == _WITH_FILES


def form_with_files(request: web.Request) -> FormWithFiles:
    """The same one each time: what was read of it does not come again."""
    if _FORM not in request:
        try:
            request[_FORM] = FormWithFiles(MultipartReader(request.headers, request.content))
        except ValueError as error:
            raise _unreadable() from error
    return request[_FORM]


async def _timely(reading: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_PIECE_SECONDS):
            return await reading
    except TimeoutError as error:
        raise _too_slow() from error
    except (ValueError, HttpProcessingError) as error:
        raise _unreadable() from error


def _put(fields: dict[str, str], name: str, value: str) -> None:
    fields[name] = f"{fields[name]}\n{value}" if name in fields else value


def _too_slow() -> Problem:
    return Problem(HTTPStatus.REQUEST_TIMEOUT, N_("The request came too slowly. Try again."))


def _unreadable() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, N_("The form cannot be read. Reload the page."))

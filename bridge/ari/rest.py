"""HTTP to ARI: one request, one reply or one typed error. Knows nothing of calls, and never tries again.

Every request is checked against the table of operations that Asterisk's own description gave. A retry is
the caller's decision: only he knows whether it is harmless.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
import structlog
from yarl import URL

from bridge.ari import models
from bridge.ari.http import HttpClient, NoConnection
from bridge.errors import (
    BadInput,
    Gone,
    InternalError,
    LinkDown,
    Refused,
    RemoteError,
    RequestTimeout,
    Unreachable,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")

REQUEST_SECONDS = 5.0
# The event socket's: Asterisk may first have to give up its last write to our former connection, for which it
# takes websocket_write_timeout (5 s in our ari.conf). One that we gave up would come behind the next one.
_CONNECT_SECONDS = 8.0
_ERROR_BODY_BYTES = 2048
_ERROR_WORDS = 200
_LARGEST_MESSAGE = 4 * 1024 * 1024

_ID = re.compile(r"\{\w+\}")
_CREATING = frozenset(
    {
        "channels.create",
        "channels.originate",
        "channels.originateWithId",
        "bridges.create",
        "bridges.createWithId",
    }
)


class Rest:
    """``url`` is Asterisk's HTTP address, with or without /ari at its end."""

    def __init__(self, url: str, username: str, password: str, *, seconds: float = REQUEST_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"asterisk.ari.url: {url!r} is no address of ARI; write http://asterisk:8088")
        self.url = url.rstrip("/").removesuffix("/ari")
        self._base = f"{urlsplit(self.url).path}/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password, encoding="utf-8")}
        self._seconds = seconds
        self._http = HttpClient(self.url, self._headers)
        self._session: aiohttp.ClientSession | None = None  # for the event socket
        self._closed = False

    def open(self) -> None:
        self._closed = False

    def forget_connections(self) -> None:
        """They may lead nowhere, which would be noticed only by waiting for a reply."""
        self._http.forget_connections()

    async def close(self) -> None:
        self._closed = True
        await self._http.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(
        self,
        operation: str,
        *ids: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Send one request; ``ids`` fill the path's {…} in order. Returns the reply's body."""
        method, target = self._target(operation, ids, query, body)
        content = None if body is None else msgspec.json.encode(body)
        with _errors_of(operation, self.url):
            reply = await self._http.request(method, target, content, self._seconds)
        if reply.status >= 300:
            raise error_of(operation, reply.status, reply.body[:_ERROR_BODY_BYTES])
        return reply.body

    async def unless_gone(self, operation: str, one: str, *, query: Mapping[str, str] | None = None) -> None:
        """``call`` for what aims at an end: that it is gone already is success."""
        try:
            await self.call(operation, one, query=query)
        except Gone as error:
            log.debug("already gone", action=operation, object_id=one, error=str(error))

    async def get(self, model: type[T], operation: str, *ids: str) -> T:
        """``call`` for a reply that is read as ``model``."""
        reply = await self.call(operation, *ids)
        try:
            return msgspec.json.decode(reply, type=model)
        except msgspec.MsgspecError as error:
            raise Refused(f"{operation}: Asterisk's reply cannot be read: {error}", status=200) from error

    async def stream(self, operation: str, *ids: str) -> AsyncIterator[bytes]:
        """The reply's body in chunks, however long it takes: only silence is limited."""
        method, target = self._target(operation, ids, None, None)
        with _errors_of(operation, self.url):
            async with self._http.stream(method, target, self._seconds) as reply:
                if reply.status >= 300:
                    body = [chunk async for chunk in reply.chunks()]
                    raise error_of(operation, reply.status, b"".join(body)[:_ERROR_BODY_BYTES])
                async for chunk in reply.chunks():
                    yield chunk

    async def connect(self, app: str) -> aiohttp.ClientWebSocketResponse:
        """The event socket. Never subscribeAll: lost on a reconnect, and it can deadlock Asterisk (#2170)."""
        _, target = self._target("events.eventWebsocket", (), {"app": app}, None)
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, cookie_jar=aiohttp.DummyCookieJar())
        try:
            with _errors_of("events.eventWebsocket", self.url):
                async with asyncio.timeout(max(_CONNECT_SECONDS, self._seconds)):
                    return await self._session.ws_connect(
                        URL(self.url).origin().join(URL(target, encoded=True)),
                        # The reader answers pings itself: they are no sign that events come.
                        autoping=False,
                        max_msg_size=_LARGEST_MESSAGE,
                        timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                    )
        except aiohttp.WSServerHandshakeError as error:
            raise error_of("events.eventWebsocket", error.status, b"") from error

    def _target(
        self,
        operation: str,
        ids: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> tuple[str, str]:
        """Method and request target. Raises when we are closed."""
        if self._closed:
            raise LinkDown("the link to ARI is closed")
        described = _check(operation, query, body)
        target = self._base + _path(operation, described, ids)
        return described.method, f"{target}?{urlencode(query, quote_via=quote)}" if query else target


@contextmanager
def _errors_of(operation: str, url: str) -> Iterator[None]:
    try:
        yield
    except aiohttp.WSServerHandshakeError:
        raise
    except TimeoutError as error:
        raise RequestTimeout(f"{operation}: no reply in time") from error
    except (NoConnection, aiohttp.ClientError, OSError) as error:
        raise LinkDown(f"no connection to {url}: {error}; is Asterisk running there?") from error


def error_of(operation: str, status: int, body: bytes) -> RemoteError:
    """What a reply that is no success means. ``body`` may be anything: it is bounded and only quoted."""
    words = _words(body)
    said = f"{operation}: {status} {words}".rstrip()
    match status:
        case 401:
            return Refused(
                f"{said}: the login is refused; compare asterisk.ari.username and ARI_PASSWORD with ari.conf",
                status=status,
            )
        case 403 if operation != "recordings.getStoredFile":
            return Refused(
                f"{said}: not allowed; is the user in ari.conf read_only, or an ACL on http.conf?",
                status=status,
            )
        case 404:
            return Gone(said, status=status)
        case 409 if operation.startswith(("channels.", "playbacks.")) and operation not in _CREATING:
            return Gone(said, status=status)  # "Channel not in Stasis application": it has left
        case 409 if "not in Stasis" in words and operation not in _CREATING:
            return Gone(said, status=status)  # a bridge that is being destroyed (22.10)
        case 412:
            return Gone(said, status=status)  # "Channel in invalid state": it is hanging up
        case 400 | 422 if operation in ("bridges.addChannel", "bridges.removeChannel"):
            return Gone(said, status=status)  # 400: no such channel; 422: not in the application any more
        case 500 if operation in _CREATING and "Allocation failed" in words:
            return Unreachable(f"{said}: the phone is unknown or not registered", status=status)
        case 503:
            return LinkDown(f"{said}: Asterisk is busy or still starting")
        case _:
            return Refused(said, status=status)


def _words(body: bytes) -> str:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        decoded = None
    words = ""
    if isinstance(decoded, dict):
        # ARI says "message"; a failed allocation says "error" (22.10).
        words = str(decoded.get("message") or decoded.get("error") or "")
    return " ".join((words or body.decode("utf-8", "replace")).split())[:_ERROR_WORDS]


def _check(
    operation: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None
) -> models.Operation:
    """Refuse a request that this version of Asterisk does not describe: our own fault."""
    described = models.OPERATIONS.get(operation)
    if described is None:
        raise InternalError(f"ARI has no operation {operation}")
    names = set(query or ())
    unknown = names - set(described.required) - set(described.optional)
    missing = set(described.required) - names
    if unknown or missing:
        raise InternalError(f"{operation}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    if body is not None and not described.body:
        raise InternalError(f"{operation} takes no body")
    return described


def _path(operation: str, described: models.Operation, ids: tuple[str, ...]) -> str:
    rest = iter(ids)
    path = _ID.sub(lambda _: quote(_present(operation, next(rest, "")), safe=""), described.path)
    if next(rest, None) is not None:
        raise InternalError(f"{operation}: too many ids for {described.path}")
    return path


def _present(operation: str, one: str) -> str:
    if one in ("", ".", ".."):
        raise InternalError(f"{operation}: {one!r} is no id")
    return one


async def all_of(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Side by side, and all of them to their end; then the first failure is raised."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results

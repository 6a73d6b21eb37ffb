"""HTTP to ARI: one request, one reply or one typed error. Knows nothing of calls, and never tries again.

Every request is checked against the table of operations that Asterisk's own description gave. A retry is
the caller's decision: only he knows whether it is harmless.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from yarl import URL

from bridge.ari import models
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

T = TypeVar("T")

REQUEST_SECONDS = 5.0
_ERROR_BODY_BYTES = 2048
_ERROR_WORDS = 200
_CHUNK_BYTES = 64 * 1024
_LARGEST_MESSAGE = 4 * 1024 * 1024
# Below Asterisk's session_keep_alive (15 s unless http.conf says otherwise): a POST sent on a connection
# that the server closes at that instant fails, and nobody could tell whether it was carried out.
_KEEP_ALIVE_SECONDS = 10.0

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
        self._base = f"{self.url}/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password, encoding="utf-8")}
        self._seconds = seconds
        self._opened: aiohttp.ClientSession | None = None
        self._closed = False

    def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        session, self._opened = self._opened, None
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
        async with self._send(operation, ids, query, body, self._whole()) as response:
            return await response.read()

    async def get(self, model: type[T], operation: str, *ids: str) -> T:
        """``call`` for a reply that is read as ``model``."""
        reply = await self.call(operation, *ids)
        try:
            return msgspec.json.decode(reply, type=model)
        except msgspec.MsgspecError as error:
            raise Refused(f"{operation}: Asterisk's reply cannot be read: {error}", status=200) from error

    async def stream(self, operation: str, *ids: str) -> AsyncIterator[bytes]:
        """The reply's body in chunks, however long it takes: only silence is limited."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._seconds, sock_read=self._seconds)
        async with self._send(operation, ids, None, None, timeout) as response:
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                yield chunk

    async def connect(self, app: str) -> aiohttp.ClientWebSocketResponse:
        """The event socket. Never subscribeAll: lost on a reconnect, and it can deadlock Asterisk (#2170)."""
        _check("events.eventWebsocket", {"app": app}, None)
        try:
            async with _errors_of("events.eventWebsocket", self.url), asyncio.timeout(self._seconds):
                return await self._session().ws_connect(
                    URL(f"{self._base}/events").with_query(app=app),
                    # Pings are the reader's own: it must see the pongs to know a half-open socket.
                    autoping=False,
                    max_msg_size=_LARGEST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise error_of("events.eventWebsocket", error.status, b"") from error

    def _whole(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._seconds, sock_connect=self._seconds)

    def _session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise LinkDown("the link to ARI is closed")
        if self._opened is None:
            connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=_KEEP_ALIVE_SECONDS)
            self._opened = aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._opened

    @asynccontextmanager
    async def _send(
        self,
        operation: str,
        ids: tuple[str, ...],
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        described = _check(operation, query, body)
        url = URL(self._base + _path(operation, described, ids), encoded=True)
        content = None if body is None else msgspec.json.encode(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        async with (
            _errors_of(operation, self.url),
            self._session().request(
                described.method,
                url.with_query(query) if query else url,
                data=content,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response,
        ):
            if response.status >= 300:
                raise error_of(operation, response.status, await response.content.read(_ERROR_BODY_BYTES))
            yield response


@asynccontextmanager
async def _errors_of(operation: str, url: str) -> AsyncIterator[None]:
    try:
        yield
    except aiohttp.WSServerHandshakeError:
        raise
    except aiohttp.ConnectionTimeoutError as error:
        raise LinkDown(f"no connection to {url} in time; is Asterisk running there?") from error
    except TimeoutError as error:
        raise RequestTimeout(f"{operation}: no reply in time") from error
    except (aiohttp.ClientError, OSError) as error:
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

"""HTTP/1.1 to one server, over connections that are kept: one request, one reply. Knows nothing of ARI.

A call is a dozen requests. What a general client spends on each (a session, a URL object, a stream, a
connector) was a quarter of a call's processor time: measured, four times what is here. Parsing is httptools'.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from bridge.engine.transports import give_up

_MOST_CONNECTIONS = 200
# Asterisk's HTTP server lets ten wait to be accepted (22.10). More of them look made to us, and what we send
# on them is lost for a second: so few are made at a time, and each counts until Asterisk has said something.
_CONNECTING_AT_ONCE = 4
_ACCEPTED_SECONDS = 0.25  # or until then: a reply that takes its time must not keep others from theirs
# To a host that drops what we send, the first packet is sent again after 1 s, then after 2 and 4 more: a new
# attempt comes sooner, so that little time is lost once packets get through.
_CONNECT_SECONDS = 1.5
# Below Asterisk's session_keep_alive (15 s unless http.conf says otherwise): a POST sent on a connection
# that the server closes at that instant fails, and nobody could tell whether it was carried out.
_KEEP_SECONDS = 10.0
_LARGEST_REPLY = 64 * 1024 * 1024
_READ_AHEAD = 1024 * 1024  # of a reply that is streamed


class NoConnection(Exception):
    """It could not be made, or it ended before the reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes


class Stream:
    """A reply whose body is read as it comes. Only silence is limited."""

    def __init__(self, connection: "_Connection", seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds

    @property
    def status(self) -> int:
        return self._connection.status

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            chunk = self._connection.take_body()
            if chunk:
                yield chunk
            elif self._connection.complete:
                return
            else:
                async with asyncio.timeout(self._seconds):
                    await self._connection.news()


class HttpClient:
    """``url``: scheme, host, port. ``headers`` are sent with each request.

    Raises NoConnection; TimeoutError when it takes too long.
    """

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        lines = {"Host": parts.netloc.rpartition("@")[2], **headers}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._slots = asyncio.Semaphore(_MOST_CONNECTIONS)
        self._connecting = asyncio.Semaphore(_CONNECTING_AT_ONCE)

    async def request(self, method: str, target: str, body: bytes | None, seconds: float) -> Reply:
        """``seconds`` are for all of it, the wait for a free connection included."""
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(seconds), self._slots:
                connection = await self._connection()
                connection.send(self._head(method, target, body), whole=True)
                while not connection.complete:
                    await connection.news()
                reply = Reply(connection.status, connection.take_body())
                self._release(connection)
                return reply
        except BaseException as error:
            if connection is not None:
                connection.abort()
            elif isinstance(error, TimeoutError):
                raise NoConnection("none in time") from error  # nothing was sent: that is worth knowing
            raise

    @asynccontextmanager
    async def stream(self, method: str, target: str, seconds: float) -> AsyncIterator[Stream]:
        """``seconds`` are for what comes before the body, and for each silence in it."""
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    connection = await self._connection()
            except TimeoutError as error:
                raise NoConnection("none in time") from error
            try:
                connection.send(self._head(method, target, None), whole=False)
                async with asyncio.timeout(seconds):
                    while not connection.status:
                        await connection.news()
                yield Stream(connection, seconds)
            except BaseException:
                connection.abort()
                raise
            self._release(connection)

    def forget_connections(self) -> None:
        """Use none of those that wait for their next request, and wait for no reply any more.

        What is read as it comes (a recording) notices by itself that nothing comes.
        """
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        for connection in list(self._open):
            if not connection.complete and connection.whole:
                connection.abort()

    async def close(self) -> None:
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        await asyncio.sleep(0)  # their ends are told by the loop

    def _head(self, method: str, target: str, body: bytes | None) -> bytes:
        head = f"{method} {target} HTTP/1.1\r\n{self._headers}"
        if body is None:
            return f"{head}Content-Length: 0\r\n\r\n".encode()
        kind = "Content-Type: application/json\r\n"
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _kept(self) -> "_Connection | None":
        """The one used last: the others may grow old."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < _KEEP_SECONDS:
                return connection
            connection.abort()
        return None

    async def _connection(self) -> "_Connection":
        connection = self._kept()
        if connection is None:
            await self._connecting.acquire()
            # While it waited for its turn, others may have finished.
            connection = self._kept()
            if connection is not None:
                self._connecting.release()
                return connection
            try:
                connection = await self._connect()
            except BaseException:
                self._connecting.release()
                raise
            accepted = connection.accepted
            accepted.add_done_callback(lambda _: self._connecting.release())
            asyncio.get_running_loop().call_later(_ACCEPTED_SECONDS, _settle, accepted)
        return connection

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self._open), self._host, self._port, ssl=self._tls
                )
        except TimeoutError as error:
            raise NoConnection(f"not within {_CONNECT_SECONDS:g} s") from error
        except OSError as error:
            raise NoConnection(str(error)) from error
        return connection

    def _release(self, connection: "_Connection") -> None:
        if not (connection.complete and connection.usable):
            connection.abort()
            return
        connection.take_body()  # of a stream that nobody read to its end
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class _Connection(asyncio.Protocol):
    """One exchange at a time. ``register`` holds it as long as it is open."""

    def __init__(self, register: "set[_Connection]") -> None:
        self.accepted = (
            asyncio.get_running_loop().create_future()
        )  # the server has said something, or is gone
        self.usable = True
        self.idle_since = 0.0
        self.status = 0  # of the exchange that goes on; 0 before its headers are here
        self.complete = True
        self._register = register
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._size = 0
        self.whole = True  # its reply is wanted whole, not as it comes
        self._paused = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def send(self, request: bytes, *, whole: bool) -> None:
        self.status, self.complete, self.whole = 0, False, whole
        self._transport.write(request)

    async def news(self) -> None:
        """Until there is more to be taken, or the reply is complete; of a whole reply only that."""
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
        if self._error is not None:
            raise self._error

    def take_body(self) -> bytes:
        body = b"".join(self._body)
        self._body.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return body

    def abort(self) -> None:
        self.usable = False
        give_up(self._transport)

    # ── of the transport ─────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._register.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._register.discard(self)
        _settle(self.accepted)
        self._fail(NoConnection(str(error) if error else "the connection was closed before the reply"))

    def data_received(self, data: bytes) -> None:
        _settle(self.accepted)
        if self.complete:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(NoConnection(f"what came is no HTTP: {error}"))
            self.abort()

    # ── of the parser ────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self.complete:
            self.usable = False  # a second reply, right behind the first: nobody asked

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.usable = False
        if not self.whole:
            self._tell()

    def on_body(self, body: bytes) -> None:
        if self.complete:
            return
        self._body.append(body)
        self._size += len(body)
        if not self.whole:
            if self._size > _READ_AHEAD and not self._paused:
                self._paused = True
                self._transport.pause_reading()
            self._tell()
        elif self._size > _LARGEST_REPLY:
            self._fail(NoConnection(f"a reply of more than {_LARGEST_REPLY} bytes"))
            self.abort()

    def on_message_complete(self) -> None:
        self.complete = True
        self._tell()

    def _fail(self, error: Exception) -> None:
        if self.complete:
            # Nothing is wrong with the reply. Of a file that grows Asterisk sends more than it said (22.10).
            return
        self._error = self._error or error
        self._tell()

    def _tell(self) -> None:
        if self._waiter is not None:
            _settle(self._waiter)

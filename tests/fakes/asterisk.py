"""A small Asterisk that speaks ARI on loopback: for unit tests, and for faults that a real one won't show.

Owns HTTP, the event sockets and the faults; what is behind them is in ari_handlers.py and pbx.py. The routes
are the generated table of operations: a request that Asterisk does not describe is answered with 400.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self
from urllib.parse import unquote

import aiohttp
import msgspec
from aiohttp import web

from bridge.ari.models import OPERATIONS
from tests.fakes.ari_handlers import AriHandlers, refusal
from tests.fakes.pbx import NOW, Phone, Request

__all__ = ["PASSWORD", "USERNAME", "FakeAsterisk", "Phone"]

USERNAME, PASSWORD = "callbridge", "secret"


class FakeAsterisk(AriHandlers):
    """``async with FakeAsterisk() as fake``; then ``fake.url``. Its attributes may be changed at any time."""

    def __init__(self, app: str = "callbridge") -> None:
        super().__init__(app)
        # faults
        self.delays: dict[str, float] = {}  # operation → seconds before its reply
        self.failures: dict[str, tuple[int, str]] = {}  # operation → status and body instead of its reply
        self.swallows: set[str] = set()  # operations that are carried out, but whose reply never comes
        self.breaks_handshakes = False  # read, and never answered
        self.silent = False  # half open, or the application is not active: no event
        # what happened
        self.requests: list[Request] = []
        self.connections = 0
        self.apps: set[str] = set()
        self.pulses = 0
        self._sockets: list[web.WebSocketResponse] = []
        self._transports: list[asyncio.BaseTransport] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    # ── life ─────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start, or start again on the same port."""
        application = web.Application()
        application.router.add_route("*", "/ari/{rest:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.drop_sockets()
        for channel in self.channels.values():
            for timer in channel.timers:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def drop_sockets(self) -> None:
        """Cut the event sockets without a word, as a crash does."""
        for transport in self._transports:
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        self._transports.clear()
        self._sockets.clear()

    # ── events ───────────────────────────────────────────────────────────────

    async def emit(self, type_: str, **fields: Any) -> None:
        event = {"type": type_, "application": self.app, "timestamp": NOW, "asterisk_id": "fake", **fields}
        await self.send(msgspec.json.encode(event).decode())

    async def send(self, text: str) -> None:
        """Any text at all on the event socket."""
        if self.silent:
            return
        for socket in list(self._sockets):
            if not socket.closed:
                await socket.send_str(text)

    async def ping(self) -> None:
        for socket in list(self._sockets):
            if not socket.closed:
                await socket.ping()

    # ── HTTP ─────────────────────────────────────────────────────────────────

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != aiohttp.encode_basic_auth(USERNAME, PASSWORD):
            return refusal(401, "Unauthorized")
        path = request.raw_path.split("?")[0].removeprefix("/ari")
        for operation, described in OPERATIONS.items():
            match = _pattern(described.path).fullmatch(path)
            if match is None or described.method != request.method:
                continue
            if set(request.query) - set(described.required) - set(described.optional):
                return refusal(400, f"{operation}: unknown parameter in {dict(request.query)}")
            if set(described.required) - set(request.query):
                return refusal(400, f"{operation}: parameter missing")
            return await self._carry_out(operation, tuple(map(unquote, match.groups())), request)
        return refusal(404, "Invalid resource")

    async def _carry_out(
        self, operation: str, ids: tuple[str, ...], request: web.Request
    ) -> web.StreamResponse:
        text = await request.text()
        body: dict[str, Any] = msgspec.json.decode(text) if text else {}
        sent = Request(operation, ids, dict(request.query), body)
        self.requests.append(sent)
        if operation in self.failures:
            status, said = self.failures[operation]
            return web.Response(status=status, text=said)
        if operation == "events.eventWebsocket":
            return await self._events(request)
        if operation in self.delays:
            await asyncio.sleep(self.delays[operation])
        name = "_" + operation.replace(".", "_")
        handler: Callable[[Request], Awaitable[web.StreamResponse]] = getattr(self, name)
        reply = await handler(sent)
        if operation in self.swallows:
            await asyncio.sleep(3600)
        return reply

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.breaks_handshakes and request.transport is not None:
            request.transport.abort()
            return web.Response()
        socket = web.WebSocketResponse(autoping=False, timeout=0.1)
        await socket.prepare(request)
        self.connections += 1
        self.apps.add(request.query["app"])
        await self.emit("ApplicationReplaced")  # to the former one, if there is any
        self._sockets = [socket]
        if request.transport is not None:
            self._transports.append(request.transport)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.PING and not self.silent:
                await socket.pong(message.data)
        return socket

    async def _events_userEvent(self, request: Request) -> web.StreamResponse:
        """Without anybody who listens it is carried out all the same, as by Asterisk."""
        if request.query["application"] not in self.apps:
            return refusal(404, "Application not found")
        self.pulses += 1
        (name,) = request.ids
        await self.emit("ChannelUserevent", eventname=name, userevent={"eventname": name})
        return web.Response(status=204)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))

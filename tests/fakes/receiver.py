"""A CRM that is told of calls: a real web server on loopback, which answers as a test wants it to."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


async def takes(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
    return web.json_response({})


def says(status: int, **headers: str) -> Answer:
    async def answer(_: web.Request, __: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


@dataclass
class Receiver:
    """``accepted``: of each call what was accepted, (id, type), in the order of coming."""

    secret: str = ""
    answer: Answer = takes
    port: int = 0
    tries: list[tuple[str, str, str]] = field(default_factory=list)  # call, id, type
    accepted: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    badly_signed: int = 0
    at_once: int = 0
    most_at_once: int = 0
    of_a_call: set[str] = field(default_factory=set)  # being told now
    overlaps: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        app = web.Application(client_max_size=2**20)
        app.router.add_post("/hook", self._hook)
        app.router.add_post("/elsewhere", self._hook)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def told(self, call: str) -> list[str]:
        return [kind for _, kind in self.accepted.get(call, [])]

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        id = request.headers["webhook-id"]
        if not self._is_signed(request, raw):
            self.badly_signed += 1
            return web.Response(status=401)
        body = await request.json()
        call, kind = body["data"]["call_id"], body["type"]
        self.tries.append((call, id, kind))
        self.bodies.append(body)
        self.overlaps += call in self.of_a_call
        self.of_a_call.add(call)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = await self.answer(request, body)
        finally:
            self.at_once -= 1
            self.of_a_call.discard(call)
        if 200 <= reply.status < 300:
            self.accepted.setdefault(call, []).append((id, kind))
        self.arrived.set()
        return reply

    def _is_signed(self, request: web.Request, raw: bytes) -> bool:
        """As a receiver does it by the specification."""
        id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id}.{timestamp}.".encode() + raw, hashlib.sha256).digest()
        wanted = "v1," + base64.b64encode(digest).decode()
        return wanted in request.headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiving(secret: str, answer: Answer = takes) -> AsyncIterator[Receiver]:
    receiver = Receiver(secret, answer)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()

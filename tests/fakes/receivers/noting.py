"""A receiver by Standard Webhooks that writes down what arrived and when, and that can be made to fail.

The fault suite counts by it, the benchmark measures by it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from tests.fakes.receivers.receiver import serving
from tests.fakes.receivers.standard_webhooks import StandardWebhooks


@dataclass(frozen=True)
class Arrival:
    """One event that was taken. Times are Unix seconds. ``agent`` and ``recording``: "" if it names none."""

    at: float  # when its headers were there
    taken_at: float
    id: str
    type: str
    call: str
    number: str
    agent: str = ""
    recording: str = ""
    again: bool = False  # this id had been taken before

    @classmethod
    def of(cls, at: float, id: str, said: dict[str, Any], *, again: bool) -> "Arrival":
        data = said["data"]
        agent, recording = ((data.get(name) or {}).get("id", "") for name in ("agent", "recording"))
        number = data["number"] or ""
        return cls(at, time.time(), id, said["type"], data["call_id"], number, agent, recording, again)


@dataclass
class Noting(StandardWebhooks):
    """``status``: it answers with that and takes nothing. ``slow_s``: it takes an event so much later."""

    arrivals: list[Arrival] = field(default_factory=list)
    status: int = 0
    slow_s: float = 0.0
    host: str = ""
    _up: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def _event(self, request: web.Request) -> web.Response:
        at = time.time()
        body = await request.read()
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        if self.status:
            return web.Response(status=self.status)
        id = request.headers.get("webhook-id", "")
        again = id in self.seen
        reply = await super()._event(request)
        if reply.status < 300:
            self.arrivals.append(Arrival.of(at, id, msgspec.json.decode(body), again=again))
        return reply

    async def start(self) -> None:
        """Where it was before, if it was."""
        port = int(self.url.rpartition(":")[2] or 0)
        await self._up.enter_async_context(serving(self, self.host, port))

    async def stop(self) -> None:
        """Its port refuses from now on."""
        await self._up.aclose()


@asynccontextmanager
async def noting(host: str, secret: str) -> AsyncIterator[Noting]:
    made = Noting(secrets=(secret,), host=host)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()

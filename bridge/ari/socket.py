"""The event socket: connects, reads in order, notices a dead peer, comes back. Knows nothing of calls.

Owns the connection's life and its state in words. Reading never waits for anything but ``take``, which puts
facts into the inbox: when that is full, the socket is not read, and Asterisk feels it. (It closes a socket
that it cannot write to for websocket_write_timeout: set 5000 in ari.conf.)
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
import structlog

from bridge.ari import models
from bridge.ari.decoding import MalformedEvent, UnknownEvent, decode_event
from bridge.ari.lease import ApplicationBusy, Lease
from bridge.ari.rest import Rest
from bridge.ari.translate import WANTED_EVENTS
from bridge.engine.backoff import Backoff
from bridge.engine.ports import LinkState
from bridge.errors import CallbridgeError, Gone, LinkDown, Refused, RemoteError, Unsupported

log = structlog.get_logger(__name__)

OLDEST_ASTERISK = (22, 5)
_NOT_LET_IN = (401, 403)
_VERSION = re.compile(r"(?:certified[-/])?(\d+)\.(\d+)")


class ApplicationTaken(Refused):
    """Another process connected under our application's name. We do not fight for it."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Seconds."""

    heartbeat: float = 4.0  # silence after which a ping is sent; as much again for its answer
    stable: float = 30.0  # a connection that lived so long starts the back-off anew
    unsupported: float = 30.0  # between attempts at an Asterisk that is too old
    refused: float = 10.0  # a wrong password does not become right by asking often


class EventSocket:
    """``take`` gets every event, in order. ``come_up`` runs once per connection, beside the reading."""

    def __init__(
        self,
        rest: Rest,
        app: str,
        *,
        take: Callable[[models.AnyEvent | UnknownEvent], Awaitable[None]],
        come_up: Callable[[], Awaitable[None]],
        go_down: Callable[[], None],
        lease: Lease | None = None,
        backoff: Backoff | None = None,
        limits: SocketLimits | None = None,
    ) -> None:
        self._rest = rest
        self._app = app
        self._lease = lease
        self._take = take
        self._come_up = come_up
        self._go_down = go_down
        # An attempt costs nothing, and while Asterisk is away callers are served by its native queues.
        self._backoff = backoff or Backoff(ceiling=1.0)
        self._limits = limits or SocketLimits()
        self.state = LinkState("ari", up=False, detail="not connected yet")

    async def run(self) -> NoReturn:
        """Until cancelled; raises ApplicationTaken or ApplicationBusy."""
        loop = asyncio.get_running_loop()
        while True:
            connected_at = loop.time()
            try:
                await self._connection()
            except (ApplicationTaken, ApplicationBusy) as error:
                self._down(error)
                raise
            except Unsupported as error:
                self._down(error)
                await asyncio.sleep(self._limits.unsupported)
                continue
            except RemoteError as error:
                self._down(error)
                if isinstance(error, Refused) and error.status in _NOT_LET_IN:
                    await asyncio.sleep(self._limits.refused)
                    continue
            if loop.time() - connected_at >= self._limits.stable:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_delay())

    def _down(self, error: CallbridgeError) -> None:
        detail = str(error)
        if self.state.up or self.state.detail != detail:  # said once, not at every attempt
            log.warning("link to ARI is down", action="ari.down", error=detail)
        self.state = LinkState("ari", up=False, detail=detail)

    async def _connection(self) -> None:
        try:
            info = await self._rest.get(models.AsteriskInfo, "asterisk.getInfo")
        except Gone as error:
            raise Unsupported(
                f"no ARI at {self._rest.url}: set enabled=yes in http.conf and ari.conf, and load res_ari"
            ) from error
        version = info.system.version if info.system is not None else ""
        check_version(version)
        if self._lease is not None:
            await self._lease.take()
        socket = await self._rest.connect(self._app)
        try:
            # Again after each connection: Asterisk forgets it together with the application.
            await self._rest.call("applications.filter", self._app, body=_filter())
            self.state = LinkState("ari", up=True, detail=f"Asterisk {version}")
            log.info("link to ARI is up", action="ari.up", version=version)
            await self._live(socket)
        finally:
            self.state = LinkState("ari", up=False, detail="the connection ended")
            self._go_down()
            self._rest.forget_connections()
            await socket.close()

    async def _live(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        # Reading starts at once: what come_up orders may wait for events.
        reader = asyncio.create_task(self._read(socket), name="ari reader")
        coming_up = asyncio.ensure_future(self._come_up())
        beside = [coming_up]
        if self._lease is not None:
            beside.append(asyncio.ensure_future(self._lease.keep()))
        try:
            await asyncio.wait({reader, coming_up}, return_when=asyncio.FIRST_EXCEPTION)
            if coming_up.done():
                coming_up.result()
            await reader
        finally:
            for task in (reader, *beside):
                task.cancel()
            await asyncio.gather(reader, *beside, return_exceptions=True)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> NoReturn:
        pinged = False
        while True:
            try:
                message = await socket.receive(timeout=self._limits.heartbeat)
            except TimeoutError:
                # Only time spent in waiting for Asterisk counts, never time spent in ``take``.
                if pinged:
                    raise LinkDown("Asterisk is silent: the connection is half open") from None
                pinged = True
                await _send(socket.ping())
                continue
            pinged = False
            match message.type:
                case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                    await self._handle(message.data)
                case aiohttp.WSMsgType.PING:
                    await _send(socket.pong(message.data))
                case aiohttp.WSMsgType.PONG:
                    pass
                case _:
                    raise LinkDown("Asterisk closed the event socket")

    async def _handle(self, message: str | bytes) -> None:
        try:
            event = decode_event(message)
        except MalformedEvent as error:
            log.error("event cannot be read", action="ari.event", error=str(error))
            return
        if isinstance(event, models.ApplicationReplaced) and event.application == self._app:
            raise ApplicationTaken(
                f"another process took the Stasis application {self._app!r}; "
                "stop it, or give this one another name in asterisk.ari.app"
            )
        await self._take(event)


def check_version(version: str) -> None:
    """Raises Unsupported for an Asterisk that lacks what we rely on."""
    found = _VERSION.match(version)
    if found is None:
        # Built from a branch ("GIT-22-1a2b3c"): nobody can tell, so it is let through.
        log.warning("version of Asterisk cannot be read", action="ari.version", version=version[:80])
        return
    if (int(found[1]), int(found[2])) < OLDEST_ASTERISK:
        oldest = ".".join(map(str, OLDEST_ASTERISK))
        raise Unsupported(f"Asterisk {version} is too old: Callbridge needs {oldest} or newer; upgrade it")


def _filter() -> dict[str, list[dict[str, str]]]:
    return {"allowed": [{"type": name} for name in WANTED_EVENTS], "disallowed": []}


async def _send(frame: Awaitable[None]) -> None:
    try:
        await frame
    except (aiohttp.ClientError, OSError) as error:
        raise LinkDown(f"the event socket broke: {error}") from error

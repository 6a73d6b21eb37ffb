"""The event socket: connects, reads in order, notices a dead peer, comes back. Knows nothing of calls.

Owns the connection's life and its state in words. Reading never waits for anything but ``take``, which puts
facts into the inbox: when that is full, the socket is not read, and Asterisk feels it. (It closes a socket
that it cannot write to for websocket_write_timeout: set 5000 in ari.conf.)

A socket that answers pings may still lead nowhere. Where our former connection was half open, our new one
waits for Asterisk's last write to it; then the former one's end may take the application from the new one,
and no event comes any more (22.10, seen). So what is tried is the whole way: an event that we send ourselves.
It has come before a connection counts as up.
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
from bridge.errors import CallbridgeError, Gone, LinkDown, Refused, RemoteError, RequestTimeout, Unsupported

log = structlog.get_logger(__name__)

OLDEST_ASTERISK = (22, 5)
PULSE = "callbridge-pulse"
_NOT_LET_IN = (401, 403)
_VERSION = re.compile(r"(?:certified[-/])?(\d+)\.(\d+)")


class ApplicationTaken(Refused):
    """Another process connected under our application's name. We do not fight for it."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Seconds. ``silence``: in which nothing came, not even what we sent to ourselves; ``fresh_silence`` of a
    connection that is younger than ``fresh``."""

    silence: float = 4.0
    fresh_silence: float = 1.5
    fresh: float = 3.0
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
        self._gave_up = False  # a handshake, and no connection has been stable since
        self._connected_at = 0.0  # the loop's time

    async def run(self) -> NoReturn:
        """Until cancelled; raises ApplicationTaken or ApplicationBusy."""
        loop = asyncio.get_running_loop()
        while True:
            self._connected_at = loop.time()
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
            if self._is_stable():
                self._backoff.reset()
                self._gave_up = False
            await asyncio.sleep(self._backoff.next_delay())

    def _is_stable(self) -> bool:
        return asyncio.get_running_loop().time() - self._connected_at >= self._limits.stable

    def _down(self, error: CallbridgeError) -> None:
        detail = str(error)
        if self.state.up or self.state.detail != detail:  # said once, not at every attempt
            log.warning("link to ARI is down", action="ari.down", error=detail)
        self.state = LinkState("ari", up=False, detail=detail)

    async def _connection(self) -> None:
        try:
            info = await self._rest.get(models.AsteriskInfo, "asterisk.getInfo")
        except Gone as error:
            # So it is also while Asterisk starts, until it has loaded that.
            raise LinkDown(
                f"no ARI at {self._rest.url}: set enabled=yes in http.conf and ari.conf, and load res_ari"
            ) from error
        version = info.system.version if info.system is not None else ""
        check_version(version)
        if self._lease is not None:
            await self._lease.take()
        socket = await self._handshake()
        try:
            # Again after each connection: Asterisk forgets it together with the application.
            await self._rest.call("applications.filter", self._app, body=_filter())
            await self._hear_ourselves(socket)
            self.state = LinkState("ari", up=True, detail=f"Asterisk {version}")
            log.info("link to ARI is up", action="ari.up", version=version)
            await self._live(socket)
        finally:
            self.state = LinkState("ari", up=False, detail="the connection ended")
            self._go_down()
            self._rest.forget_connections()
            await socket.close()

    async def _handshake(self) -> aiohttp.ClientWebSocketResponse:
        try:
            return await self._rest.connect(self._app)
        except (LinkDown, RequestTimeout):
            # An Asterisk that hung may take it all the same, and later than the next one.
            self._gave_up = True
            raise

    async def _hear_ourselves(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await self._rest.call("events.userEvent", PULSE, query={"application": self._app})
        try:
            message = await _next(socket, self._limits.fresh_silence)
        except TimeoutError:
            raise LinkDown(
                "Asterisk sends no events: a former connection's end took the application"
            ) from None
        await self._take_message(message)

    async def _live(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        fresh_until = asyncio.get_running_loop().time() + self._limits.fresh
        # Reading starts at once: what come_up orders may wait for events.
        reader = asyncio.create_task(self._read(socket, fresh_until), name="ari reader")
        pulse = asyncio.create_task(self._pulse(fresh_until), name="ari pulse")
        coming_up = asyncio.ensure_future(self._come_up())
        parts = (reader, coming_up, pulse)  # that the application is another's comes before all
        keeping = [] if self._lease is None else [asyncio.ensure_future(self._lease.keep())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_EXCEPTION)
            for part in parts:
                if part.done():
                    part.result()
        finally:
            for task in (*parts, *keeping):
                task.cancel()
            await asyncio.gather(*parts, *keeping, return_exceptions=True)

    def _silence(self, fresh_until: float) -> float:
        fresh = asyncio.get_running_loop().time() < fresh_until
        return self._limits.fresh_silence if fresh else self._limits.silence

    async def _pulse(self, fresh_until: float) -> NoReturn:
        """Events to ourselves, so that a connection that is whole is never silent for long."""
        while True:
            try:
                await self._rest.call("events.userEvent", PULSE, query={"application": self._app})
            except Gone as error:
                raise LinkDown(f"Asterisk has given up the application {self._app!r}: {error}") from error
            except RemoteError as error:
                log.debug("no pulse", action="ari.pulse", error=str(error))
            await asyncio.sleep(self._silence(fresh_until) / 4)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, fresh_until: float) -> NoReturn:
        silent = False
        while True:
            try:
                message = await _next(socket, self._silence(fresh_until) / 2)
            except TimeoutError:
                # Only time spent in waiting for Asterisk counts, never time spent in ``take``; and twice, for
                # a process that stood still finds only now what came meanwhile.
                if silent:
                    raise LinkDown("Asterisk is silent: the connection is half open") from None
                silent = True
                continue
            silent = False
            await self._take_message(message)

    async def _take_message(self, message: aiohttp.WSMessage) -> None:
        match message.type:
            case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                await self._handle(message.data)
            case _:
                raise LinkDown("Asterisk closed the event socket")

    async def _handle(self, message: str | bytes) -> None:
        try:
            event = decode_event(message)
        except MalformedEvent as error:
            log.error("event cannot be read", action="ari.event", error=str(error))
            return
        if isinstance(event, models.ApplicationReplaced) and event.application == self._app:
            if self._gave_up and not self._is_stable():
                raise LinkDown("a handshake that we had given up took the application")
            raise ApplicationTaken(
                f"another process took the Stasis application {self._app!r}; "
                "stop it, or give this one another name in asterisk.ari.app"
            )
        try:
            await self._take(event)
        except CallbridgeError:
            raise
        except Exception:
            # Our own fault, with one event of one call: it must not end the link for all the others.
            log.exception("event could not be taken", action="ari.event", event_type=type(event).__name__)


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


async def _next(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> aiohttp.WSMessage:
    """The next message that is no ping: those come also when no event does. Raises TimeoutError, LinkDown."""
    async with asyncio.timeout(seconds):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.PING:
            try:
                await socket.pong(message.data)
            except (aiohttp.ClientError, OSError) as error:
                raise LinkDown(f"the event socket broke: {error}") from error
        return message

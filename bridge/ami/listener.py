"""Keeps one AMI session alive and hands every event on, in order; it knows nothing of what events mean.

Reading never waits for whoever takes the events: they go to a queue, and above a high-water mark the socket
is not read any more, so that the peer's own buffer holds the rest. Nothing is dropped.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bridge.ami.headers import Headers
from bridge.ami.wire import Wire, check_action
from bridge.engine.backoff import Backoff
from bridge.engine.ports import LinkState
from bridge.engine.transports import give_up
from bridge.errors import Gone, LinkDown, Refused, RemoteError, RequestTimeout

_log = structlog.get_logger(__name__)

_HIGH_WATER = 5_000
_LOW_WATER = 500


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``ping`` is how long silence is trusted, ``reply`` how long an answer may take."""

    connect: float = 1.5  # a packet that was dropped is sent again after 1 s, and then later and later
    reply: float = 4.0
    ping: float = 4.0
    first_retry: float = 0.25
    longest_retry: float = 1.0  # an attempt costs nothing
    refused_retry: float = 30.0  # a wrong password does not become right by asking often


_SHUTTING_DOWN = "shutting down"  # the next Asterisk may let us in at once


class LoginRefused(Refused):
    """Asterisk does not let us in."""


class NotPermitted(Refused):
    """manager.conf does not let this user do it."""


class Listener:
    """``handle`` gets each event's headers, and empty headers about every ``ping`` seconds.

    ``on_lost`` is called at each connection's end, ``on_login`` or not.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        handle: Callable[[Headers], Awaitable[None]],
        on_login: Callable[[], Awaitable[None]],
        on_lost: Callable[[], None] | None = None,
        timing: Timing | None = None,
        high_water: int = _HIGH_WATER,
        low_water: int = _LOW_WATER,
    ) -> None:
        self._host, self._port = host, port
        self._username, self._secret = username, secret
        self._handle, self._on_login, self._on_lost = handle, on_login, on_lost
        self._timing = timing or Timing()
        self._high_water, self._low_water = high_water, low_water
        self._events: deque[Headers] = deque()
        self._some = asyncio.Event()
        self._lost = asyncio.Event()
        self._wire: Wire | None = None
        self._paused = False
        self._alarmed = False  # one warning until all that waited is handed on
        self.state = LinkState("ami", up=False, detail="not connected yet")

    async def run(self) -> None:
        """Connects, listens, and connects again, until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drain(), name="ami drain")
            tasks.create_task(self._stay_connected(), name="ami connection")

    async def ask(self, action: str, **headers: str) -> Headers:
        """One action's response. Raises BadInput, LinkDown, RequestTimeout, Gone or Refused."""
        check_action(headers)
        wire = self._wire
        if wire is None or not self.state.up:
            raise LinkDown(f"{action}: not connected to Asterisk's manager: {self.state.detail}")
        return await self._ask(wire, action, headers)

    async def _ask(self, wire: Wire, action: str, headers: dict[str, str]) -> Headers:
        try:
            response = await wire.ask({"Action": action, **headers}, self._timing.reply)
        except TimeoutError as error:
            raise RequestTimeout(f"{action}: no reply within {self._timing.reply:g} s") from error
        if response.get("response", "").lower() in ("success", "goodbye"):
            return response
        words = response.get("message", "") or "refused without a word"
        if "no such channel" in words.lower():
            raise Gone(f"{action}: {words}")
        if "permission denied" in words.lower():
            remedy = f"give {self._username} write = system,reporting,agent in manager.conf"
            raise NotPermitted(f"{action}: {words}; {remedy}")
        raise Refused(f"{action}: {words}")

    def drop(self, reason: str) -> None:
        """The connection leads nowhere: nothing sent on it may arrive later. ``run`` makes another."""
        if self._wire is not None:
            self._down(reason)
            give_up(self._wire.transport)

    def put(self, headers: Headers) -> None:
        """An event of our own, in line behind what was received."""
        self._events.append(headers)
        self._some.set()

    # ── the connection ───────────────────────────────────────────────────────

    async def _stay_connected(self) -> None:
        backoff = Backoff(self._timing.first_retry, self._timing.longest_retry)
        while True:
            try:
                await self._session()
            except LoginRefused as error:
                self._down(str(error))
                await asyncio.sleep(self._timing.refused_retry)
                continue
            except (OSError, RemoteError) as error:
                if self.state.up:
                    backoff.reset()
                self._down(str(error) or type(error).__name__)
            await asyncio.sleep(backoff.next_delay())

    async def _session(self) -> None:
        self._lost.clear()
        self._paused = False
        place = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._timing.connect):
                _, wire = await asyncio.get_running_loop().create_connection(
                    lambda: Wire(self._event, self._lost.set), self._host, self._port
                )
        except TimeoutError as error:
            raise LinkDown(f"no connection to {place} within {self._timing.connect:g} s") from error
        except OSError as error:
            raise LinkDown(f"no connection to {place}: {error.strerror or error}") from error
        self._wire = wire
        try:
            await self._log_in(wire)
            self.state = LinkState("ami", up=True)
            _log.info("AMI connected", action="ami_connect", place=place)
            await self._on_login()
            await self._watch(wire)
        finally:
            self._wire = None
            if self._on_lost is not None:
                self._on_lost()
            give_up(wire.transport)
            # Asyncio closes the socket in a call of its own: without this it might outlive the loop.
            await self._lost.wait()

    async def _log_in(self, wire: Wire) -> None:
        headers = {"Username": self._username, "Secret": self._secret, "Events": "on"}
        try:
            await self._ask(wire, "Login", headers)
        except RequestTimeout as error:
            raise LinkDown(f"{error}; is {self._host}:{self._port} Asterisk's manager port?") from error
        except Refused as error:
            if _SHUTTING_DOWN in str(error).lower():
                raise LinkDown(str(error)) from error
            raise LoginRefused(
                f"{error} for {self._username}; check asterisk.ami.username in the YAML file, AMI_PASSWORD "
                "in the secrets file, and secret, permit and deny of that user in manager.conf"
            ) from error

    async def _watch(self, wire: Wire) -> None:
        """Until the connection is lost. A half-open socket tells nothing: so we ask, with a deadline."""
        while True:
            try:
                async with asyncio.timeout(self._timing.ping):
                    await self._lost.wait()
                raise LinkDown("Asterisk closed the connection")
            except TimeoutError:
                self.put({})
            if self._paused:
                continue  # we do not read, so the answer could not come
            reads = wire.reads
            try:
                await self._ask(wire, "Ping", {})
            except RequestTimeout as error:
                # The answer may stand behind many events: as long as anything comes, the peer lives.
                if not self._paused and wire.reads == reads:
                    raise LinkDown(str(error)) from error

    def _down(self, detail: str) -> None:
        if self.state.up or self.state.detail != detail:
            _log.warning("AMI not connected", action="ami_connect", detail=detail)
        self.state = LinkState("ami", up=False, detail=detail)

    # ── the events ───────────────────────────────────────────────────────────

    def _event(self, headers: Headers) -> None:
        self.put(headers)
        if len(self._events) > self._high_water and not self._paused and self._wire is not None:
            self._paused = True
            self._wire.transport.pause_reading()
            if not self._alarmed:
                self._alarmed = True
                _log.warning("AMI events wait, reading paused", action="ami_read", waiting=len(self._events))

    async def _drain(self) -> None:
        while True:
            if not self._events:
                self._alarmed = False
                self._some.clear()
                await self._some.wait()
            await self._handle(self._events.popleft())
            if self._paused and len(self._events) <= self._low_water:
                self._paused = False
                if self._wire is not None and not self._wire.transport.is_closing():
                    self._wire.transport.resume_reading()

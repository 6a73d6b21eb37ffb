"""How we learn that a client's channel ended, whether or not it was still in the application.

A channel from outside is ours only while it is in Stasis: when its far end hangs up, StasisEnd is the last
that we hear, and it has no cause [run, 22.10]. So each is subscribed to when it comes; then
ChannelDestroyed arrives wherever it ends. A client whom we give back to the dialplan leaves on purpose.
When a channel leaves otherwise (an AMI Redirect, a transfer) and no end follows, Asterisk is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from bridge.ari.rest import Rest
from bridge.ari.translate import leg_of
from bridge.centre.facts import LegEnded
from bridge.centre.ids import LegId, call_of
from bridge.errors import Refused, RemoteError

log = structlog.get_logger(__name__)

# ChannelDestroyed follows StasisEnd within a millisecond or so.
_PATIENCE_SECONDS = 2.0
_NO_SUCH_CHANNEL = (404, 422)  # 422: “Event source does not exist”


class Departures:
    def __init__(
        self,
        rest: Rest,
        app: str,
        tell: Callable[[LegEnded], Awaitable[None]],
        *,
        seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._rest = rest
        self._app = app
        self._tell = tell
        self._seconds = seconds
        self._watched: dict[LegId, asyncio.TimerHandle] = {}
        self._alive: set[LegId] = set()  # clients of whose end we have not heard
        self._given_back: set[LegId] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    def follow(self, leg: LegId) -> None:
        """A client came: hear of his end. It is asked for beside everything else, nothing waits for it."""
        self._alive.add(leg)
        self._in_background(self._subscribe(leg))

    def adopt(self, leg: LegId) -> None:
        """A client is with us: follow him, unless we do. (What we subscribed to outlives a connection.)"""
        if leg not in self._alive:
            self.follow(leg)

    def give_back(self, leg: LegId) -> None:
        """We are sending it away ourselves."""
        self._given_back.add(leg)

    def kept(self, leg: LegId) -> None:
        """It could not be sent away."""
        self._given_back.discard(leg)

    def left(self, channel_id: str) -> None:
        leg = leg_of(channel_id)
        if leg is None or leg in self._given_back:
            self._given_back.discard(LegId(channel_id))
            return
        loop = asyncio.get_running_loop()
        self._cease(leg)
        self._alive.add(leg)
        self._watched[leg] = loop.call_later(self._seconds, self._begin, leg)

    async def gone(self, leg: LegId) -> None:
        """Asterisk has it no more. That is told, unless it was: by its event, or when it was asked for."""
        if leg in self._alive:
            self._alive.discard(leg)
            self._cease(leg)
            await self._tell(LegEnded(call_of(leg), leg))

    def ended(self, channel_id: str) -> None:
        self._alive.discard(LegId(channel_id))
        self._cease(channel_id)

    def _cease(self, channel_id: str) -> None:
        self._given_back.discard(LegId(channel_id))
        timer = self._watched.pop(LegId(channel_id), None)
        if timer is not None:
            timer.cancel()

    async def close(self) -> None:
        for timer in self._watched.values():
            timer.cancel()
        self._watched.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, leg: LegId) -> None:
        del self._watched[leg]
        self._in_background(self._find_out(leg))

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find_out(self, leg: LegId) -> None:
        if await self._subscribe(leg):
            log.warning("channel left the application and lives on", action="ari.left", channel_id=leg)

    async def _subscribe(self, leg: LegId) -> bool:
        """Whether it lives. Subscribing is the question as well: it fails for a channel that is gone."""
        source = {"eventSource": f"channel:{leg}"}
        try:
            await self._rest.call("applications.subscribe", self._app, query=source)
        except RemoteError as error:
            if isinstance(error, Refused) and error.status in _NO_SUCH_CHANNEL:
                await self.gone(leg)
            else:
                # After a reconnect, the list of channels settles it.
                log.error("a channel's fate is unknown", action="ari.left", channel_id=leg, error=str(error))
            return False
        return True

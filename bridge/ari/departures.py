"""Channels that left the application without having ended: found out what became of them.

A client whom we give back to the dialplan leaves on purpose. When a channel leaves otherwise (an AMI
Redirect, a transfer), no ChannelDestroyed will ever come for it, and its call would hang for ever. Owns that
watch: if no end follows, Asterisk is asked, and we subscribe to what still lives.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge.ari.rest import Rest
from bridge.ari.translate import leg_of
from bridge.centre.facts import LegEnded
from bridge.centre.ids import LegId, call_of
from bridge.errors import Gone, RemoteError

log = structlog.get_logger(__name__)

# ChannelDestroyed follows StasisEnd within a millisecond or so.
_PATIENCE_SECONDS = 2.0


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
        self._given_back: set[LegId] = set()
        self._tasks: set[asyncio.Task[None]] = set()

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
        self.ended(leg)
        self._watched[leg] = loop.call_later(self._seconds, self._begin, leg)

    def ended(self, channel_id: str) -> None:
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
        task = asyncio.get_running_loop().create_task(self._find_out(leg))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find_out(self, leg: LegId) -> None:
        # Subscribing is the question as well: it fails for a channel that is gone, and from then on its
        # ChannelDestroyed comes to us wherever it is.
        try:
            await self._rest.call(
                "applications.subscribe", self._app, query={"eventSource": f"channel:{leg}"}
            )
        except Gone:
            await self._tell(LegEnded(call_of(leg), leg))
        except RemoteError as error:
            # After a reconnect, the list of channels settles it.
            log.error(
                "channel left, its fate is unknown", action="ari.left", channel_id=leg, error=str(error)
            )
        else:
            log.warning("channel left the application and lives on", action="ari.left", channel_id=leg)

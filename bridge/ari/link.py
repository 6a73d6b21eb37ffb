"""The link to ARI: the one object that the rest of the house sees. Owns how the room's parts meet.

Facts are held back while ``on_up`` runs: it compares our memory with Asterisk's channels, and the events
that came meanwhile must be told after what that comparison found, in their order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import structlog

from bridge.ari import models, recordings
from bridge.ari.decoding import UnknownEvent
from bridge.ari.departures import Departures
from bridge.ari.interest import Interest
from bridge.ari.media import MediaDesk
from bridge.ari.rest import REQUEST_SECONDS, Rest
from bridge.ari.socket import EventSocket, SocketLimits
from bridge.ari.stasis import BadArguments
from bridge.ari.translate import leg_of, translate
from bridge.centre.facts import CallOffered, Fact, FeatureDialled
from bridge.centre.ids import LegId, is_dialled_leg
from bridge.centre.orders import MediaOrder, RingAgent, RingNumber, ToFallback
from bridge.engine.backoff import Backoff
from bridge.engine.ports import Inbox, LinkState
from bridge.errors import LinkDown, RemoteError

log = structlog.get_logger(__name__)


class AriLink:
    """Implements the engine's ports Media and RecordingFiles.

    ``on_up`` is called after each connection, also the first: what we knew may be out of date.
    """

    def __init__(
        self,
        *,
        url: str,
        username: str,
        password: str,
        app: str,
        inbox: Inbox,
        on_up: Callable[[], Awaitable[None]] | None = None,
        request_seconds: float = REQUEST_SECONDS,
        backoff: Backoff | None = None,
        limits: SocketLimits | None = None,
    ) -> None:
        self._app = app
        self._inbox = inbox
        self._on_up = on_up
        self._rest = Rest(url, username, password, seconds=request_seconds)
        self._interest = Interest()
        self._media = MediaDesk(self._rest, self._interest, app)
        self._departures = Departures(self._rest, app, self._tell)
        self._socket = EventSocket(
            self._rest,
            app,
            take=self._take,
            come_up=self._come_up,
            go_down=self._go_down,
            backoff=backoff,
            limits=limits,
        )
        self._held: list[Fact] | None = []  # None: nothing is held back
        self._order = asyncio.Lock()  # facts go into the inbox one after another, whoever brings them
        self._arrived: set[LegId] = set()  # clients that came while facts were held back

    @property
    def state(self) -> LinkState:
        return self._socket.state

    async def run(self) -> None:
        """Connect, read, come back, until cancelled. Raises when another process takes the application."""
        self._rest.open()
        try:
            await self._socket.run()
        finally:
            await self.close()

    async def close(self) -> None:
        """Only for a link that was used without ``run``."""
        await self._departures.close()
        await self._media.close()
        await self._rest.close()

    # ── Media ────────────────────────────────────────────────────────────────

    async def carry_out(self, order: MediaOrder) -> None:
        if isinstance(order, RingAgent | RingNumber) and not self.state.up:
            # Without events we would neither see the leg enter nor the phone ring.
            raise LinkDown(f"no ring without ARI: {self.state.detail}")
        if not isinstance(order, ToFallback):
            await self._media.carry_out(order)
            return
        self._departures.give_back(order.leg)
        try:
            await self._media.carry_out(order)
        except RemoteError:
            self._departures.kept(order.leg)
            raise

    async def channels(self) -> list[models.Channel]:
        return await self._rest.get(list[models.Channel], "channels.list")

    async def bridges(self) -> list[models.Bridge]:
        return await self._rest.get(list[models.Bridge], "bridges.list")

    async def our_channels(self) -> frozenset[LegId]:
        """The legs in our application now, without clients whose CallOffered is still to be told."""
        # The application's own list is not enough: a client who went back to the dialplan may stay in it
        # (22.10). Nor is what a channel executes: an agent's leg executes nothing that is shown.
        application, channels = await asyncio.gather(
            self._rest.get(models.Application, "applications.get", self._app), self.channels()
        )
        subscribed = set(application.channel_ids)
        legs = {
            leg
            for one in channels
            if (leg := leg_of(one.id)) is not None
            and one.id in subscribed
            and (is_dialled_leg(leg) or one.dialplan.app_name == "Stasis")
        }
        self._interest.adopt(legs)
        return frozenset(legs - self._arrived)

    async def info(self) -> models.AsteriskInfo:
        return await self._rest.get(models.AsteriskInfo, "asterisk.getInfo")

    # ── RecordingFiles ───────────────────────────────────────────────────────

    async def list_recordings(self) -> Sequence[str]:
        return await recordings.list_recordings(self._rest)

    def fetch_recording(self, name: str) -> AsyncIterator[bytes]:
        return recordings.fetch_recording(self._rest, name)

    async def delete_recording(self, name: str) -> None:
        await recordings.delete_recording(self._rest, name)

    # ── events ───────────────────────────────────────────────────────────────

    async def _take(self, event: models.AnyEvent | UnknownEvent) -> None:
        stray = self._interest.observe(event)
        if stray is not None:
            self._media.drop_stray(stray)
        match event:
            case UnknownEvent(type=kind):
                log.info("event of an unknown type", action="ari.event", type=kind[:80])
            case models.StasisStart(replace_channel=replaced, channel=channel) if replaced is not None:
                log.warning(
                    "channel took another's place",
                    action="ari.replaced",
                    channel_id=channel.id,
                    replaced_id=replaced.id,
                )
            case models.StasisEnd(channel=channel):
                self._departures.left(channel.id)
            case models.ChannelDestroyed(channel=channel):
                self._departures.ended(channel.id)
            case _:
                pass
        try:
            facts = translate(event)
        except BadArguments as error:
            channel_id = event.channel.id if isinstance(event, models.StasisStart) else ""
            log.error(
                "channel is not served", action="ari.arguments", channel_id=channel_id, error=str(error)
            )
            self._media.send_back(channel_id)
            return
        for fact in facts:
            if isinstance(fact, CallOffered):
                self._interest.begin(fact.call)
            if isinstance(fact, CallOffered | FeatureDialled):
                self._departures.follow(fact.leg)
            await self._tell(fact)

    async def _tell(self, fact: Fact) -> None:
        async with self._order:
            if self._held is None:
                await self._inbox.put(fact)
                return
            if isinstance(fact, CallOffered):
                self._arrived.add(fact.leg)
            self._held.append(fact)

    async def _come_up(self) -> None:
        try:
            if self._on_up is not None:
                await self._on_up()
        finally:
            await self._release()

    async def _release(self) -> None:
        """Tell what was held back; also when on_up failed: nothing is dropped."""
        async with self._order:
            while self._held:
                await self._inbox.put(self._held[0])
                del self._held[0]
            self._held = None
            self._arrived.clear()

    def _go_down(self) -> None:
        # Whatever a failed connection still held back stays first in line for the next one.
        self._held = self._held or []

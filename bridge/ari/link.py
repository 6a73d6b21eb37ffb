"""The link to ARI: the one object that the rest of the house sees. Owns how the room's parts meet.

Facts are held back while ``on_up`` runs: it compares our memory with Asterisk's channels, and the events
that came meanwhile must be told after what that comparison found, in their order. A client who comes
meanwhile is told once: by his own StasisStart, or by the survey that found him before it was read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

import structlog

from bridge.ari import models, recordings
from bridge.ari.decoding import UnknownEvent
from bridge.ari.departures import Departures
from bridge.ari.ears import Ears
from bridge.ari.interest import Interest
from bridge.ari.lease import ApplicationBusy, Lease
from bridge.ari.media import MediaDesk
from bridge.ari.rest import REQUEST_SECONDS, Rest
from bridge.ari.snoops import SnoopRecorder
from bridge.ari.socket import EventSocket, SocketLimits
from bridge.ari.stasis import BadArguments
from bridge.ari.survey import find
from bridge.ari.translate import Arrived, translate
from bridge.centre.facts import CallOffered, DigitReceived, Fact, RecordingCut, RecordingStarted
from bridge.centre.ids import Endpoint, LegId, PromptId, is_dialled_leg
from bridge.centre.orders import (
    MediaOrder,
    MuteRecording,
    RingAgent,
    RingNumber,
    StartRecording,
    StopRecording,
    ToDialplan,
    ToFallback,
)
from bridge.engine.backoff import Backoff
from bridge.engine.ports import Inbox, LinkState, Survey
from bridge.errors import LinkDown, RemoteError, RequestTimeout

log = structlog.get_logger(__name__)

# Phones that are being made to ring; the others wait for their turn. When a gap ends, dozens are rung in one
# instant, and Asterisk would take them in any order: who waited longest would be overtaken by a second.
_RINGS_AT_ONCE = 4


class AriLink:
    """Implements the engine's ports Media and RecordingFiles.

    ``on_up`` is called after each connection, also the first: what we knew may be out of date; ``on_told``
    when all that came meanwhile is told as well; ``on_down`` when such a connection has ended. With ``owner``
    it serves only while nobody of another name does. ``dialled``: an endpoint as Asterisk is to dial it.
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
        on_told: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[], None] | None = None,
        owner: str | None = None,
        dialled: Callable[[Endpoint], str] = str,
        request_seconds: float = REQUEST_SECONDS,
        backoff: Backoff | None = None,
        limits: SocketLimits | None = None,
    ) -> None:
        self._app = app
        self._inbox = inbox
        self._on_up = on_up
        self._on_told = on_told
        self._on_down = on_down
        self._rest = Rest(url, username, password, seconds=request_seconds)
        self._lease = Lease(self._rest, app, owner) if owner is not None else None
        self._interest = Interest()
        ears = Ears(self._rest, self._interest, app)
        self._media = MediaDesk(self._rest, self._interest, ears, app, dialled)
        self._snoops = SnoopRecorder(self._rest, ears)
        self._departures = Departures(self._rest, app, self._tell)
        self._socket = EventSocket(
            self._rest,
            app,
            take=self._take,
            come_up=self._come_up,
            go_down=self._go_down,
            lease=self._lease,
            backoff=backoff,
            limits=limits,
        )
        self._held: list[Fact] | None = []  # None: nothing is held back
        self._rings = asyncio.Semaphore(_RINGS_AT_ONCE)  # first come, first served
        self._gaps = 0
        self._came_up = False
        self._order = asyncio.Lock()  # facts go into the inbox one after another, whoever brings them
        self._arrived: set[LegId] = set()  # that came while facts were held back
        self._found: set[LegId] = set()  # by the last survey; they have not left since

    @property
    def state(self) -> LinkState:
        return self._socket.state

    async def claim(self, *, forced: bool) -> None:
        """Raises ApplicationBusy when another process serves; ``forced``: then it loses the application.

        Of an Asterisk that cannot be asked it is found out before we connect.
        """
        if self._lease is None:
            return
        self._lease.forced = forced
        try:
            await self._lease.take()
        except ApplicationBusy:
            await self.close()
            raise
        except RemoteError as error:
            log.info("Asterisk cannot be asked who serves", action="ari.lease", error=str(error))

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
        gaps = self._gaps
        match order:
            case RingAgent() | RingNumber():
                self._needs_the_link(gaps)
                async with self._rings:
                    self._needs_the_link(gaps)
                    await self._media.carry_out(order)
            case ToFallback() | ToDialplan():
                self._departures.give_back(order.leg)
                try:
                    await self._media.carry_out(order)
                except RemoteError:
                    self._departures.kept(order.leg)
                    raise
            case _:
                try:
                    await self._media.carry_out(order)
                except RequestTimeout as error:
                    if self.state.up and self._gaps == gaps:
                        raise
                    # Nothing is wrong with this one: nobody gets an answer.
                    raise LinkDown(str(error)) from error

    def _needs_the_link(self, gaps: int) -> None:
        """To ring: without events we would neither see the leg enter nor the phone ring.

        What was ordered before the latest gap has been found missing by the comparison, and is rung anew.
        """
        if not self.state.up or self._gaps > gaps:
            raise LinkDown(f"no ring without ARI: {self.state.detail}")

    async def start_recording(self, order: StartRecording) -> None:
        """While AMI is away. Its end is told when the recorded channel's is."""
        if not self.state.up:
            raise LinkDown(f"nobody to tell when it ends: {self.state.detail}")
        if order.muted:
            await self.mute_recording(order)  # what cannot be muted is not begun
            return
        await self._snoops.start(order)
        await self._tell(RecordingStarted(order.call, order.recording))

    async def stop_recording(self, order: StopRecording) -> None:
        """Only what it records itself."""
        await self._snoops.stop(order)

    async def mute_recording(self, order: MuteRecording | StartRecording) -> None:
        """Of what is recorded without AMI. Nobody would tell the end either while the socket is away."""
        if not self.state.up:
            raise LinkDown(f"nobody to tell when it ends: {self.state.detail}")
        if await self._snoops.end(order):
            await self._tell(RecordingCut(order.call, order.recording))

    async def channels(self) -> list[models.Channel]:
        return await self._rest.get(list[models.Channel], "channels.list")

    async def bridges(self) -> list[models.Bridge]:
        return await self._rest.get(list[models.Bridge], "bridges.list")

    async def our_channels(self) -> frozenset[LegId]:
        """For tests, and until the composition root asks for the survey only."""
        return frozenset((await self.survey({})).legs)

    async def survey(self, prompts: Mapping[PromptId, LegId]) -> Survey:
        """What Asterisk has, without those whose arrival is still to be told. Raises RemoteError.

        From now on we know of these channels, bridges and ``prompts`` what we would know had we made them.
        """
        told_later = frozenset(self._arrived)
        found = await find(self._rest, self._app, prompts)
        playing = {prompt: prompts[prompt] for prompt in found.playing}
        self._interest.adopt(found.legs, found.bridges, playing)
        for leg in found.legs:
            if not is_dialled_leg(leg):
                self._departures.adopt(leg)
        for leg in told_later - found.channels:
            self._arrived.discard(leg)
            await self._departures.gone(leg)  # between two connections
        legs = {leg: state for leg, state in found.legs.items() if leg not in self._arrived}
        arrivals = {leg: fact for leg, fact in found.arrivals.items() if leg in legs}
        self._found = set(arrivals)
        return Survey(
            legs=legs,
            bridges=found.bridges,
            channels=found.channels,
            calls=found.calls,
            arrivals=arrivals,
            playing=found.playing,
            started_at=found.started_at,
        )

    async def states(self) -> dict[LegId, str]:
        """Of all channels, ours or not; it changes nothing."""
        return {LegId(one.id): one.state for one in await self.channels()}

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
            case models.StasisStart(args=["transfer", *_], channel=channel):
                # With it the other half goes, and the client stays where he is. (22.10)
                self._media.drop_half(channel.id)
            case models.BridgeAttendedTransfer():
                halves = (event.destination_link_first_leg, event.replace_channel)
                for half in [half for half in halves if half is not None][:1]:
                    self._media.drop_half(half.id)
            case models.StasisEnd(channel=channel):
                self._found.discard(LegId(channel.id))
                self._departures.left(channel.id)
            case models.ChannelDestroyed(channel=channel):
                self._found.discard(LegId(channel.id))
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
            if isinstance(fact, DigitReceived) and self._interest.is_private(fact.leg):
                continue  # what they key in to each other (a card number) is between the two
            if isinstance(fact, Arrived) and fact.leg in self._found:
                self._found.discard(fact.leg)
                continue  # the survey overtook its event
            if isinstance(fact, CallOffered):
                self._interest.begin(fact.call)
            if isinstance(fact, Arrived):
                self._departures.follow(fact.leg)
            await self._tell(fact)

    async def _tell(self, fact: Fact) -> None:
        async with self._order:
            if self._held is None:
                await self._inbox.put(fact)
                return
            if isinstance(fact, Arrived):
                self._arrived.add(fact.leg)
            self._held.append(fact)

    async def _come_up(self) -> None:
        self._came_up = True
        try:
            if self._on_up is not None:
                await self._on_up()
        finally:
            await self._release()
        if self._on_told is not None:
            await self._on_told()

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
        self._gaps += 1
        self._interest.link_lost()
        if self._came_up and self._on_down is not None:
            self._on_down()
        self._came_up = False

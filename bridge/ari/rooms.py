"""Conversations: Asterisk's mixing bridges, and who is in which. Owns how a leg comes in and out of them.

A call has its own Conversation, and one more for each transfer in which two speak about the client. A bridge
stays until the call is cleared, empty or not: its id must not be used for a second one (#211).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

import structlog

from bridge.ari import models
from bridge.ari.interest import UNKNOWN_MUSIC, Interest
from bridge.ari.rest import Rest, all_of
from bridge.ari.sounds import Sounds
from bridge.centre.ids import CallId, ConversationId, LegId, conversation_id
from bridge.centre.orders import Connect, EnterWaitingRoom, Hold, Join, RingBack
from bridge.errors import Gone, Refused

log = structlog.get_logger(__name__)

_CONFLICT = 409
_LEAVING_PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # seconds


class Rooms:
    def __init__(self, rest: Rest, interest: Interest, sounds: Sounds, app: str) -> None:
        self._rest = rest
        self._interest = interest
        self._sounds = sounds
        self._app = app
        self._making: WeakValueDictionary[ConversationId, asyncio.Lock] = WeakValueDictionary()

    async def enter_waiting_room(self, order: EnterWaitingRoom) -> None:
        music = self._interest.music(order.leg)
        if music == order.music:
            return  # asking again would begin it anew
        # Who may be waiting already is told about it, and that goes on: the music begins after it.
        if music != UNKNOWN_MUSIC:
            for prompt in self._interest.running_prompts(order.leg):
                await self._sounds.stop_prompt(prompt)
        await self._leave(order.call, order.leg)
        await self._sounds.start_music(order.leg, order.music)

    async def hold(self, order: Hold) -> None:
        """As who waits, but nothing goes on that was said to him: he talked."""
        if self._interest.music(order.leg) == order.music:
            return
        await self._leave(order.call, order.leg)
        await self._sounds.silence(order.leg)
        await self._sounds.start_music(order.leg, order.music)

    async def ring_back(self, order: RingBack) -> None:
        if self._interest.rings_back(order.leg):
            return
        await self._leave(order.call, order.leg)
        await self._sounds.silence(order.leg)
        await self._sounds.ring_back(order.leg)

    async def join(self, order: Join) -> None:
        """From one bridge to another it goes by itself: nobody need take it out first. (22.10)"""
        self._interest.note_seat(order.leg, order.room)
        # A phone that held has left him with Asterisk's own music, of which we know nothing.
        self._interest.note_music(order.leg, UNKNOWN_MUSIC, confirmed=False)
        with self._unless_gone(order.leg):
            present, _ = await all_of(self._make(order.call, order.room), self._sounds.silence(order.leg))
            if order.leg not in present:
                await self._add(order.room, order.leg)

    async def bring(self, call: CallId, room: ConversationId, leg: LegId) -> None:
        """As ``join``, of a leg that is there to listen, or of an ear."""
        await self.join(Join(call, leg, room))

    async def move(self, call: CallId, room: ConversationId, leg: LegId) -> None:
        """As ``bring``, of a leg that hears nothing of its own: one request if the room is there."""
        if room in self._interest.seats(call, leg):
            return
        self._interest.note_seat(leg, room)
        try:
            await self._add(room, leg)
        except Gone:  # the leg, or the room is only being made for those whom it shall sit with
            await self.bring(call, room, leg)

    async def connect(self, order: Connect) -> None:
        room = conversation_id(order.call)
        for leg in (order.client, order.agent):
            self._interest.note_seat(leg, room)
        with self._unless_gone(order.client, order.agent):
            present, *_ = await all_of(
                self._make(order.call, room),
                self._sounds.silence(order.client),
                self._sounds.silence(order.agent),  # who heard that the number rang which he called
            )
            joining = [leg for leg in (order.client, order.agent) if leg not in present]
            if joining:
                # One request for both: Asterisk looks for all of them before it moves the first.
                await self._add(room, *joining)

    async def drop(self, bridge: str, *, empty: bool = False) -> None:
        """Destroy it when it is empty; ``empty``: that is known already.

        A channel that is just leaving (hung up, or sent back to the dialplan) when its bridge is destroyed
        stays in Asterisk for ever and cannot even be hung up: 11 of 1,600 (22.10.1). Of 1,600 whose bridge
        was empty first, none.
        """
        try:
            if not empty:
                await self._until_empty(bridge)
            await self._rest.call("bridges.destroy", bridge)
        except Gone:
            return

    async def _leave(self, call: CallId, leg: LegId) -> None:
        for room in self._interest.seats(call, leg):
            try:
                await self._rest.call("bridges.removeChannel", room, query={"channel": leg})
            except Gone as error:
                log.debug("is not in it", action="bridges.removeChannel", channel_id=leg, error=str(error))
        self._interest.note_seat(leg, None)

    async def _add(self, room: ConversationId, *legs: LegId) -> None:
        # Without connected line updates: Asterisk would send a re-INVITE to the agent's phone with the
        # client's own identity, withheld or not, and one to the client's trunk with the agent's (22.10).
        query = {"channel": ",".join(legs), "inhibitConnectedLineUpdates": "true"}
        await self._rest.call("bridges.addChannel", room, query=query)

    @contextmanager
    def _unless_gone(self, *legs: LegId) -> Iterator[None]:
        """They sit where they are brought to; if one of them is gone, nobody does."""
        try:
            yield
        except Gone:
            for leg in legs:
                self._interest.note_seat(leg, None)
            raise

    async def _make(self, call: CallId, room: ConversationId) -> frozenset[str]:
        """Returns the channels that are in it already: none in a new one.

        One at a time: to a second request while it makes the bridge Asterisk says that it cannot (500), or
        that it is there (409) though it does not find it yet (404) (22.10).
        """
        self._interest.note_room(call, room)
        async with self._making.setdefault(room, asyncio.Lock()):
            return await self._made(room)

    async def _made(self, room: ConversationId) -> frozenset[str]:
        try:
            # The name tells whose it is: ids of other applications' bridges may look like ours.
            # Without dtmf_events: Asterisk tells what they key in to each other all the same while somebody
            # records or three talk (22.10), so link drops it.
            query = {"type": "mixing", "name": self._app}
            await self._rest.call("bridges.createWithId", room, query=query)
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            found = await self._rest.get(models.Bridge, "bridges.get", room)
            return frozenset(found.channels)
        return frozenset()

    async def _until_empty(self, bridge: str) -> None:
        for pause in _LEAVING_PAUSES:
            found = await self._rest.get(models.Bridge, "bridges.get", bridge)
            if not found.channels:
                return
            await asyncio.sleep(pause)
        log.warning("bridge destroyed with channels in it", action="ari.drop_bridge", bridge_id=bridge)

"""A supervisor beside an agent: what brings the sound of a leg to another one, and back.

Owns how that is made. An ear (a snoop, ARI's word) on the agent's leg stands in a small bridge of its own
with the supervisor's leg: he hears all that the agent says and hears. Muted he listens; unmuted the agent
hears him, and nobody else does. To talk with everybody his leg goes to the bridge of the call, and the ear
stays: one request each way, which takes Asterisk some 10 ms, and 35 ms to the other bridge (22.10). An ear
ends with the leg that it is on.
"""

import asyncio

from bridge.ari.ears import Ears
from bridge.ari.interest import Interest
from bridge.ari.rest import Rest
from bridge.ari.rooms import Rooms
from bridge.centre.ids import LegId, ear_id, watch_room_id
from bridge.centre.orders import EndWatch, Watch
from bridge.centre.wish_facts import Supervise

_SETTLE = 0.3  # seconds: by then they are in one bridge, and an old ear's memory of the former sound is gone


class Watches:
    def __init__(self, rest: Rest, interest: Interest, rooms: Rooms, ears: Ears) -> None:
        self._rest = rest
        self._interest = interest
        self._rooms = rooms
        self._ears = ears

    async def watch(self, order: Watch) -> None:
        own = watch_room_id(order.call, order.number)
        ear = ear_id(own, order.target)
        self._interest.note_watcher(order.leg)
        if order.how is Supervise.LISTEN:
            await self._mute(order.leg, muted=True)  # before anything else: he must not be heard
        if self._interest.hears(order.leg, ear):
            await self._rooms.move(order.call, order.room or own, order.leg)
        else:
            await self._rooms.bring(order.call, order.room or own, order.leg)
            if order.later:
                await asyncio.sleep(_SETTLE)
            await self._ears.put(order.target, ear, spy="both", whisper="out")
            await self._rooms.bring(order.call, own, LegId(ear))
            self._interest.note_ear(order.leg, ear)
        if order.how is not Supervise.LISTEN:
            await self._mute(order.leg, muted=False)

    async def end(self, order: EndWatch) -> None:
        ear = ear_id(watch_room_id(order.call, order.number), order.target)
        self._interest.note_ear(order.leg, None)
        await self._ears.drop(ear)

    async def _mute(self, leg: LegId, *, muted: bool) -> None:
        # Each costs Asterisk some 69 ms, and a second mute would not be undone by one unmute.
        if self._interest.is_muted(leg) is muted:
            return
        operation = "channels.mute" if muted else "channels.unmute"
        await self._rest.call(operation, leg, query={"direction": "in"})
        self._interest.note_muted(leg, muted=muted)

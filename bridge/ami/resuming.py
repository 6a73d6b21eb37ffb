"""The follower that goes on with calls which it did not see begin: from the list of channels, by their ids.

Pure. Only calls that somebody knows are gone on with: of others there is nothing to end.
"""

from collections.abc import Collection, Mapping

from bridge.ami.call_events import CallEvent
from bridge.ami.calls import Call
from bridge.ami.follower import Follower
from bridge.ami.legs import Leg
from bridge.ami.messages import CoreShowChannel, Message


class ResumingFollower(Follower):
    def take(self, message: Message) -> list[CallEvent]:
        if isinstance(message, CoreShowChannel):
            self._listed(message)
        return super().take(message)

    def _listed(self, message: CoreShowChannel) -> None:
        leg = self._see(message.channel)
        leg.outgoing = leg.outgoing or message.dialled
        if leg.uniqueid in self.book.of:
            self._state(leg)  # it may have begun to ring meanwhile
        if message.bridge and message.bridge != leg.bridge:
            self._bridge_enter(leg, message.bridge, holding=False)
        elif not message.bridge:
            self.legs.leave(leg)

    def resume(self, calls: Mapping[str, bool]) -> tuple[list[CallEvent], list[str]]:
        """At the end of a list: what is going on in these calls, and those that are over.

        Each comes with whether its caller is in a queue. Those that are followed already only get whom nobody
        heard being dialled for them.
        """
        members: dict[str, list[Leg]] = {}
        for leg in self.legs:
            if leg.real:
                members.setdefault(leg.linkedid, []).append(leg)
        over: list[str] = []
        # First those whose own channel lives: it may be in another call's list as well, after a transfer.
        for call_id in sorted(calls, key=lambda call_id: (self.legs.get(call_id) is None, call_id)):
            legs = members.get(call_id, [])
            if call_id in self.book.by_id:
                self._aim_all(self.book.by_id[call_id], [leg for leg in legs if not leg.dialled])
                continue
            candidates = [self.legs.get(call_id), *sorted(legs, key=lambda leg: leg.outgoing)]
            caller = next((leg for leg in candidates if leg and leg.uniqueid not in self.book.of), None)
            if caller is None:
                over.append(call_id)
            else:
                self._go_on(Call(id=call_id, caller=caller, queued=calls[call_id], told=True), legs)
        return self.book.told(), over

    def _go_on(self, call: Call, legs: Collection[Leg]) -> None:
        self.book.by_id[call.id] = self.book.of[call.caller.uniqueid] = call
        self._aim_all(call, legs)

    def _aim_all(self, call: Call, legs: Collection[Leg]) -> None:
        for leg in legs:
            if leg is call.caller or not leg.outgoing or leg.uniqueid in self.book.of:
                continue
            call.add(leg)
            self.book.of[leg.uniqueid] = call
            self._state(leg)
            if leg.bridge is not None:
                self.book.joined(leg)

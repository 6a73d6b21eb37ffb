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
        if message.bridge and message.bridge != leg.bridge:
            self._bridge_enter(leg, message.bridge, holding=False)
        elif not message.bridge:
            self.legs.leave(leg)

    def resume(self, calls: Mapping[str, bool]) -> tuple[list[CallEvent], list[str]]:
        """At the end of a list: what is going on in these calls, and those that are over.

        Each comes with whether its caller is in a queue. Those that are followed already are left alone.
        """
        members: dict[str, list[Leg]] = {}
        for leg in self.legs:
            if leg.real:
                members.setdefault(leg.linkedid, []).append(leg)
        over: list[str] = []
        for call_id, queued in calls.items():
            if call_id in self._calls:
                continue
            legs = members.get(call_id, [])
            caller = self.legs.get(call_id) or next(iter(sorted(legs, key=lambda leg: leg.outgoing)), None)
            if caller is None:
                over.append(call_id)
            elif caller.uniqueid not in self._call_of:
                self._go_on(Call(id=call_id, caller=caller, queued=queued, told=True), legs)
        out, self._out = self._out, []
        return out, over

    def _go_on(self, call: Call, legs: Collection[Leg]) -> None:
        self._calls[call.id] = self._call_of[call.caller.uniqueid] = call
        for leg in legs:
            if leg is call.caller or not leg.outgoing or leg.uniqueid in self._call_of:
                continue
            call.add(leg)
            self._call_of[leg.uniqueid] = call
            self._state(leg)
            if leg.bridge is not None:
                self._joined(leg)

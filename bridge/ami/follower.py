"""Follows calls from AMI messages alone: channels come and go, and what happened to a call comes out. Pure.

Bounded by the channels that live: whatever ended is forgotten. It may start in the middle of calls: what it
cannot know of them it does not say.
"""

from collections.abc import Iterable

from bridge.ami import messages as ami
from bridge.ami.call_book import CallBook
from bridge.ami.call_events import CallEvent, CallEventType, Reason, Transfer
from bridge.ami.calls import Call
from bridge.ami.legs import Leg, Legs
from bridge.ami.messages import Channel, ChannelState, Message
from bridge.ami.transfers import Handover, attended, loses_its_caller

_MOST_LEGS = 20_000
_QueueMessage = ami.QueueCallerJoin | ami.QueueCallerLeave | ami.QueueCallerAbandon
# 183 Session Progress is all that many trunks send while the other side rings.
_RINGS = frozenset({"RINGING", "PROGRESS"})


class Follower:
    """``take`` messages in the order in which AMI gave them; it returns what they mean."""

    def __init__(self, most_legs: int = _MOST_LEGS) -> None:
        self._most_legs = most_legs
        self.legs = Legs()
        self.book = CallBook(self.legs)

    def __len__(self) -> int:
        """How many calls are being followed."""
        return len(self.book.by_id)

    def take(self, message: Message) -> list[CallEvent]:
        match message:
            case ami.Newchannel(channel) | ami.Newstate(channel):
                self._state(self._see(channel))
            case ami.CoreShowChannel(channel):
                self._see(channel)
            case ami.ChannelChanged(channel) if self.legs.get(channel.uniqueid) is not None:
                self._see(channel)  # of a Local half it may come after its Hangup as well [run]
            case ami.LocalBridge(one, two):
                self._see(one)
                self._see(two)
            case ami.DialBegin():
                self._dial_begin(message)
            case ami.DialState(source, dest, status):
                self._dial_state(source, self._see(dest), status)
            case ami.DialEnd():
                self._dial_end(message)
            case ami.BridgeEnter(channel, bridge, holding):
                self._bridge_enter(self._see(channel), bridge, holding)
            case ami.BridgeLeave(channel):
                self.legs.leave(self._see(channel))
            case ami.HangupRequest(channel, cause):
                self._hangup_request(self._see(channel), cause)
            case ami.Hangup(channel, cause):
                self._hangup(channel, cause)
            case ami.Hold(channel):
                self._hold(self._see(channel), holds=True)
            case ami.Unhold(channel):
                self._hold(self._see(channel), holds=False)
            case ami.BlindTransfer():
                self._blind_transfer(message)
            case ami.AttendedTransfer():
                self._attended_transfer(message)
            case ami.Pickup(channel, target):
                self._pickup(self._see(channel), self._see(target))
            case ami.QueueCallerJoin() | ami.QueueCallerLeave() | ami.QueueCallerAbandon():
                self._queue(message)
            case ami.FullyBooted():
                for leg in self.legs:
                    leg.stale = True
            case ami.CoreShowChannelsComplete():
                self._reap([leg for leg in self.legs if leg.stale])
            case ami.Shutdown():
                self._reap(self.legs)
            case _:
                pass
        return self.book.told()

    # ── what is seen ─────────────────────────────────────────────────────────

    def _see(self, channel: Channel) -> Leg:
        leg = self.legs.see(channel)
        if len(self.legs) > self._most_legs:
            self._reap([self.legs.oldest()])
        return leg

    def _state(self, leg: Leg) -> None:
        call = self.book.of.get(leg.uniqueid)
        if leg.state == ChannelState.RING and call is None and leg.real and not leg.dialled:
            self.book.begin(leg)
        elif leg.state == ChannelState.RINGING:
            self.book.rings(leg)
        elif leg.up and call is not None:
            if leg.uniqueid in call.others:
                call.caller = call.others.pop(leg.uniqueid)
            elif leg is not call.partner:
                self.book.rings(leg)  # a phone that answers without ringing first

    def _dial_begin(self, message: ami.DialBegin) -> None:
        dest = self._see(message.dest)
        dest.status, dest.forwarded, dest.stolen = "", False, False
        if message.source is None:
            dest.originated = True
            if dest.real:
                self._dialled_by_nobody(dest)
            return
        source = self._see(message.source)
        dest.dialler = source.uniqueid
        known = dest.uniqueid in self.book.of
        call = self.book.call_for(dest) if dest.real else self.book.of.get(source.uniqueid)
        # Queue() gives a whole interface (PJSIP/1001) as the dial string, Dial() only what follows the
        # technology: the one trace that app_queue leaves when agent events are not subscribed [run].
        if call is not None and "/" in message.dial_string.partition("@")[0]:
            call.queued = call.queued or message.dial_string.split("/")[0] == dest.name.split("/")[0]
        # Its Newstate may have come first [run]; one that is up and had a call of its own picks up this one.
        dest.takes = dest.up and known
        if dest.state in (ChannelState.RINGING, ChannelState.UP):
            self.book.rings(dest)

    def _dialled_by_nobody(self, dest: Leg) -> None:
        """Originate dials the first leg of a new call; ARI dials for the call that the leg is linked to."""
        if dest.linkedid == dest.uniqueid:
            self.book.call_for(dest)
            return
        caller = self.legs.get(dest.linkedid)
        call = self.book.by_id.get(dest.linkedid)
        if call is None and caller is not None and caller.real:
            call = self.book.of.get(caller.uniqueid) or self.book.begin(caller)
        if call is not None and call.caller is not dest:
            dest.by_app = True
            self.book.aim(call, dest)

    def _dial_state(self, source: Channel | None, dest: Leg, status: str) -> None:
        if source is not None and dest.dialler is None:
            dest.dialler = self._see(source).uniqueid
        if dest.real and status in _RINGS:
            self.book.rings(dest)

    def _dial_end(self, message: ami.DialEnd) -> None:
        dest = self._see(message.dest)
        if message.source is not None:
            source = self._see(message.source)
            dest.dialler = dest.dialler or source.uniqueid
            if dest.dialler != source.uniqueid:
                return  # a dial that was handed to somebody else meanwhile
        # app_queue ends a dial twice, the second time by CANCEL: the first end is the true one [run].
        if dest.status in ("", "CANCEL"):
            dest.status, dest.forwarded = message.status, bool(message.forward)
        if dest.real and dest.uniqueid not in self.book.of:
            self.book.call_for(dest)

    def _bridge_enter(self, leg: Leg, bridge: str, holding: bool) -> None:
        if not holding:  # in a holding bridge they do not hear each other
            self.legs.enter(leg, bridge)
            self.book.joined(leg)

    def _hangup_request(self, leg: Leg, cause: int) -> None:
        call = self.book.of.get(leg.uniqueid)
        if call is not None and call.caller is leg and not call.answered:
            declines = call.originated and not leg.up
            waiting = call.queued or bool(call.pending()) or not (leg.up or call.outcomes)
            call.gave_up = waiting and not declines and leg.state != ChannelState.BUSY
        elif call is not None and leg.uniqueid in call.targets:
            leg.cause = cause  # its call may be over before its Hangup comes [run]
        if call is not None and call.answered and leg in (call.caller, call.partner):
            call.first_gone = call.first_gone or leg.party()

    def _hold(self, leg: Leg, *, holds: bool) -> None:
        """Told of who talks; who rings cannot hold, and who waits in a queue holds nobody."""
        call = self.book.of.get(leg.uniqueid)
        known, leg.holds = leg.holds, holds
        if call is not None and call.answered and holds is not known and leg in (call.caller, call.partner):
            self.book.tell(call, CallEventType.HELD if holds else CallEventType.RESUMED, by=leg.party())

    def _hangup(self, channel: Channel, cause: int) -> None:
        if self.legs.get(channel.uniqueid) is not None:
            self._gone(self.legs.see(channel), cause)

    def _gone(self, leg: Leg, cause: int) -> None:
        leg.cause = cause
        call = self.book.of.get(leg.uniqueid)
        if call is not None:
            if leg.uniqueid in call.others:
                del call.others[leg.uniqueid]
            elif leg is call.caller and call.others:
                call.caller = call.others.pop(next(iter(call.others)))
            elif leg is call.caller:
                self.book.end(call, call.reason())
            else:
                self.book.target_gone(call, leg)
        self.book.of.pop(leg.uniqueid, None)
        self.legs.forget(leg)

    def _reap(self, legs: Iterable[Leg]) -> None:
        """These ended while we could not hear it: targets first, so that their calls end with reasons."""
        calls = ((self.book.of.get(leg.uniqueid), leg) for leg in legs)
        for _, leg in sorted(calls, key=lambda one: one[0] is not None and one[0].caller is one[1]):
            self._gone(leg, leg.cause)

    def _queue(self, message: _QueueMessage) -> None:
        leg = self._see(message.channel)
        call = self.book.of.get(leg.uniqueid)
        # Whoever is sent into a queue may be there before the transfer is told, or after it [run].
        leg.in_queue = isinstance(message, ami.QueueCallerJoin)
        if call is not None and call.transferring and leg.in_queue:
            call.waits_again(queued=True)
        if call is None or call.caller is not leg or call.answered:
            return
        match message:
            case ami.QueueCallerJoin():
                call.queued = True
            case ami.QueueCallerAbandon():
                call.unserved()
            case ami.QueueCallerLeave():
                call.queued = call.queued and (call.gave_up or bool(call.pending()))

    # ── transfers and pickup ─────────────────────────────────────────────────

    def _pickup(self, taker: Leg, ringing: Leg) -> None:
        call = self.book.of.get(ringing.uniqueid)
        if call is None or call.caller is ringing:
            return
        ringing.stolen = True
        taker.dialler, taker.takes = ringing.dialler, True
        self.book.aim(call, taker)

    def _blind_transfer(self, message: ami.BlindTransfer) -> None:
        transferer = self._see(message.transferer)
        transferee = self._see(message.transferee) if message.transferee is not None else None
        call = self.book.of.get(transferer.uniqueid)
        if not message.success or call is None:
            return
        if transferee is None or not transferee.real or transferee is transferer:
            transferee = call.other_party(transferer)
        if transferee is None:
            return
        call = self._leaves(call, transferer, transferee)
        call.transferring, call.passer = True, transferer.party()
        call.outcomes.clear()
        self.book.tell(call, CallEventType.PASSED_ON, by=call.passer, dialled=message.extension)
        if transferee.in_queue:
            call.waits_again(queued=True)

    def _attended_transfer(self, message: ami.AttendedTransfer) -> None:
        original, second = self._see(message.original), self._see(message.second)
        transferee = self._see(message.transferee) if message.transferee is not None else None
        target = self._see(message.target) if message.target is not None else None
        call, consulted = self.book.of.get(original.uniqueid), self.book.of.get(second.uniqueid)
        if loses_its_caller(call, consulted, original, second):
            original, second, transferee, target = second, original, target, transferee
            call, consulted = consulted, call
        if not message.success or call is None:
            return
        handover = attended(message.dest_type, call, consulted, original, second, transferee, target)
        if handover is None:
            return
        dialled_second = consulted is not None and consulted is not call and consulted.caller is second
        call = self._leaves(call, original, handover.transferee)
        if consulted is not None and consulted is not call:
            self._merge(consulted, call, second, handover)
        elif second is not original:
            self.book.of.pop(second.uniqueid, None)
        call.answered = handover.kind is Transfer.ATTENDED
        call.partner = handover.targets[0] if call.answered and handover.targets else None
        call.outcomes.clear()
        by, dialled = original.party(), second.exten if dialled_second else ""
        self.book.tell(
            call,
            CallEventType.TRANSFERRED,
            handover.targets,
            transfer=handover.kind,
            by=by,
            dialled=dialled,
        )
        if consulted is not None and consulted is not call:
            self.book.close(consulted, Reason.COMPLETED)

    def _leaves(self, call: Call, transferer: Leg, transferee: Leg) -> Call:
        """The transferer is out; the transferee stays, and is the caller from now on if he was not."""
        own = self.book.of.get(transferee.uniqueid)
        if own is not None and own is not call and own.caller is transferee:
            # We did not hear how they came together: what goes on is the transferee's.
            self.book.close(call, Reason.COMPLETED)
            call = own
        self.book.of.pop(transferer.uniqueid, None)
        call.targets.pop(transferer.uniqueid, None)
        call.partner = call.first_gone = None
        if call.caller is transferer:
            call.targets.pop(transferee.uniqueid, None)
            call.caller, call.originated = transferee, False
            self.book.of[transferee.uniqueid] = call
        return call

    def _merge(self, consulted: Call, call: Call, second: Leg, handover: Handover) -> None:
        """What was dialled in the consultation belongs to the surviving call."""
        self.legs.redial(second, handover.transferee)
        for leg in [consulted.caller, *consulted.targets.values()]:
            if leg is second:
                self.book.of.pop(leg.uniqueid, None)
            elif leg is not handover.transferee:
                call.targets[leg.uniqueid] = leg
                self.book.of[leg.uniqueid] = call
        consulted.targets = {}
        call.queued = consulted.queued

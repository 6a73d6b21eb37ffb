"""Follows calls from AMI messages alone: channels come and go, and what happened to a call comes out. Pure.

Bounded by the channels that live: whatever ended is forgotten. It may start in the middle of calls: what it
cannot know of them it does not say.
"""

from collections.abc import Iterable

from bridge.ami import messages as ami
from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason, Transfer
from bridge.ami.calls import Call
from bridge.ami.legs import Leg, Legs
from bridge.ami.messages import Channel, ChannelState, Message
from bridge.ami.transfers import Handover, attended, loses_its_caller, recalled

_MOST_LEGS = 20_000
_QueueMessage = ami.QueueCallerJoin | ami.QueueCallerLeave | ami.QueueCallerAbandon
# 183 Session Progress is all that many trunks send while the other side rings.
_RINGS = frozenset({"RINGING", "PROGRESS"})


class Follower:
    """``take`` messages in the order in which AMI gave them; it returns what they mean."""

    def __init__(self, most_legs: int = _MOST_LEGS) -> None:
        self._most_legs = most_legs
        self.legs = Legs()
        self._calls: dict[str, Call] = {}  # by id
        self._call_of: dict[str, Call] = {}  # by uniqueid of caller or target
        self._out: list[CallEvent] = []

    def __len__(self) -> int:
        """How many calls are being followed."""
        return len(self._calls)

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
        out, self._out = self._out, []
        return out

    # ── what is seen ─────────────────────────────────────────────────────────

    def _see(self, channel: Channel) -> Leg:
        leg = self.legs.see(channel)
        if len(self.legs) > self._most_legs:
            self._reap([self.legs.oldest()])
        return leg

    def _state(self, leg: Leg) -> None:
        call = self._call_of.get(leg.uniqueid)
        if leg.state == ChannelState.RING and call is None and leg.real and not leg.dialled:
            self._begin(leg)
        elif leg.state == ChannelState.RINGING:
            self._rings(leg)
        elif leg.up and call is not None:
            if leg.uniqueid in call.others:
                call.caller = call.others.pop(leg.uniqueid)
            elif leg is not call.partner:
                self._rings(leg)  # a phone that answers without ringing first

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
        known = dest.uniqueid in self._call_of
        call = self._call_for(dest) if dest.real else self._call_of.get(source.uniqueid)
        # Queue() gives a whole interface (PJSIP/1001) as the dial string, Dial() only what follows the
        # technology: the one trace that app_queue leaves when agent events are not subscribed [run].
        if call is not None and "/" in message.dial_string.partition("@")[0]:
            call.queued = call.queued or message.dial_string.split("/")[0] == dest.name.split("/")[0]
        # Its Newstate may have come first [run]; one that is up and had a call of its own picks up this one.
        dest.takes = dest.up and known
        if dest.state in (ChannelState.RINGING, ChannelState.UP):
            self._rings(dest)

    def _dialled_by_nobody(self, dest: Leg) -> None:
        """Originate dials the first leg of a new call; ARI dials for the call that the leg is linked to."""
        if dest.linkedid == dest.uniqueid:
            self._call_for(dest)
            return
        caller = self.legs.get(dest.linkedid)
        call = self._calls.get(dest.linkedid)
        if call is None and caller is not None and caller.real:
            call = self._call_of.get(caller.uniqueid) or self._begin(caller)
        if call is not None and call.caller is not dest:
            dest.by_app = True
            self._aim(call, dest)

    def _dial_state(self, source: Channel | None, dest: Leg, status: str) -> None:
        if source is not None and dest.dialler is None:
            dest.dialler = self._see(source).uniqueid
        if dest.real and status in _RINGS:
            self._rings(dest)

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
        if dest.real and dest.uniqueid not in self._call_of:
            self._call_for(dest)

    def _bridge_enter(self, leg: Leg, bridge: str, holding: bool) -> None:
        if not holding:  # in a holding bridge they do not hear each other
            self.legs.enter(leg, bridge)
            self._joined(leg)

    def _joined(self, leg: Leg) -> None:
        """Whose call is answered now that this leg hears others."""
        together = self.legs.connected(leg)
        waiting = recalled(leg, together, self._call_of)
        if waiting is not None:
            leg.takes = True
            self._aim(waiting, leg)
        for caller in together:
            call = self._call_of.get(caller.uniqueid)
            if call is None or call.caller is not caller or call.answered:
                continue
            heard = [other for other in together if other.uniqueid in call.targets]
            if heard:
                call.partner, call.answered, call.transferring = heard[0], True, False
                self._tell(call, CallEventType.ANSWERED, heard[:1])

    def _hangup_request(self, leg: Leg, cause: int) -> None:
        call = self._call_of.get(leg.uniqueid)
        if call is not None and call.caller is leg and not call.answered:
            declines = call.originated and not leg.up
            waiting = call.queued or bool(call.pending()) or not (leg.up or call.outcomes)
            call.gave_up = waiting and not declines and leg.state != ChannelState.BUSY
        elif call is not None and leg.uniqueid in call.targets:
            leg.cause = cause  # its call may be over before its Hangup comes [run]

    def _hangup(self, channel: Channel, cause: int) -> None:
        if self.legs.get(channel.uniqueid) is not None:
            self._gone(self.legs.see(channel), cause)

    def _gone(self, leg: Leg, cause: int) -> None:
        leg.cause = cause
        call = self._call_of.get(leg.uniqueid)
        if call is not None:
            if leg.uniqueid in call.others:
                del call.others[leg.uniqueid]
            elif leg is call.caller and call.others:
                call.caller = call.others.pop(next(iter(call.others)))
            elif leg is call.caller:
                self._end(call, call.reason())
            else:
                self._target_gone(call, leg)
        self._call_of.pop(leg.uniqueid, None)
        self.legs.forget(leg)

    def _reap(self, legs: Iterable[Leg]) -> None:
        """These ended while we could not hear it: targets first, so that their calls end with reasons."""
        calls = ((self._call_of.get(leg.uniqueid), leg) for leg in legs)
        for _, leg in sorted(calls, key=lambda one: one[0] is not None and one[0].caller is one[1]):
            self._gone(leg, leg.cause)

    def _queue(self, message: _QueueMessage) -> None:
        leg = self._see(message.channel)
        call = self._call_of.get(leg.uniqueid)
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
        call = self._call_of.get(ringing.uniqueid)
        if call is None or call.caller is ringing:
            return
        ringing.stolen = True
        taker.dialler, taker.takes = ringing.dialler, True
        self._aim(call, taker)

    def _blind_transfer(self, message: ami.BlindTransfer) -> None:
        transferer = self._see(message.transferer)
        transferee = self._see(message.transferee) if message.transferee is not None else None
        call = self._call_of.get(transferer.uniqueid)
        if not message.success or call is None:
            return
        if transferee is None or not transferee.real or transferee is transferer:
            transferee = call.other_party(transferer)
        if transferee is None:
            return
        call = self._leaves(call, transferer, transferee)
        call.transferring = True
        if transferee.in_queue:
            call.waits_again(queued=True)

    def _attended_transfer(self, message: ami.AttendedTransfer) -> None:
        original, second = self._see(message.original), self._see(message.second)
        transferee = self._see(message.transferee) if message.transferee is not None else None
        target = self._see(message.target) if message.target is not None else None
        call, consulted = self._call_of.get(original.uniqueid), self._call_of.get(second.uniqueid)
        if loses_its_caller(call, consulted, original, second):
            original, second, transferee, target = second, original, target, transferee
            call, consulted = consulted, call
        if not message.success or call is None:
            return
        handover = attended(message.dest_type, call, consulted, original, second, transferee, target)
        if handover is None:
            return
        call = self._leaves(call, original, handover.transferee)
        if consulted is not None and consulted is not call:
            self._merge(consulted, call, second, handover)
        elif second is not original:
            self._call_of.pop(second.uniqueid, None)
        call.answered = handover.kind is Transfer.ATTENDED
        call.partner = handover.targets[0] if call.answered and handover.targets else None
        call.outcomes.clear()
        self._tell(call, CallEventType.TRANSFERRED, handover.targets, transfer=handover.kind)
        if consulted is not None and consulted is not call:
            self._close(consulted, Reason.COMPLETED)

    def _leaves(self, call: Call, transferer: Leg, transferee: Leg) -> Call:
        """The transferer is out; the transferee stays, and is the caller from now on if he was not."""
        own = self._call_of.get(transferee.uniqueid)
        if own is not None and own is not call and own.caller is transferee:
            # We did not hear how they came together: what goes on is the transferee's.
            self._close(call, Reason.COMPLETED)
            call = own
        self._call_of.pop(transferer.uniqueid, None)
        call.targets.pop(transferer.uniqueid, None)
        call.partner = None
        if call.caller is transferer:
            call.targets.pop(transferee.uniqueid, None)
            call.caller, call.originated = transferee, False
            self._call_of[transferee.uniqueid] = call
        return call

    def _merge(self, consulted: Call, call: Call, second: Leg, handover: Handover) -> None:
        """What was dialled in the consultation belongs to the surviving call."""
        self.legs.redial(second, handover.transferee)
        for leg in [consulted.caller, *consulted.targets.values()]:
            if leg is second:
                self._call_of.pop(leg.uniqueid, None)
            elif leg is not handover.transferee:
                call.targets[leg.uniqueid] = leg
                self._call_of[leg.uniqueid] = call
        consulted.targets = {}
        call.queued = consulted.queued

    # ── calls ────────────────────────────────────────────────────────────────

    def _begin(self, caller: Leg, *, originated: bool = False) -> Call:
        # A Linkedid that is taken belongs to a call that this channel was once a part of.
        call_id = caller.linkedid if caller.linkedid not in self._calls else caller.uniqueid
        call = Call(id=call_id, caller=caller, originated=originated)
        self._calls[call_id] = self._call_of[caller.uniqueid] = call
        return call

    def _call_for(self, dest: Leg) -> Call | None:
        """The call for which this real leg is dialled; begun now if its caller has none yet."""
        origin = self.legs.origin(dest)
        if origin.caller is not None:
            call = self._call_of.get(origin.caller.uniqueid) or self._begin(origin.caller)
        elif origin.root is not None and origin.first:
            return self._first_leg(dest)
        elif origin.root is not None and origin.root.linkedid in self._calls:
            call = self._calls[origin.root.linkedid]
        else:
            return None
        self._aim(call, dest)
        if dest.bridge is not None:
            self._joined(dest)
        return call

    def _first_leg(self, leg: Leg) -> Call:
        """Click-to-dial: the phone that is rung first is the caller, whoever asked for it."""
        call = self._calls.get(leg.linkedid)
        if call is None or not call.originated or call.answered:
            return self._call_of.get(leg.uniqueid) or self._begin(leg, originated=True)
        if call.caller is not leg:
            call.others[leg.uniqueid] = leg
            self._call_of[leg.uniqueid] = call
        return call

    def _aim(self, call: Call, target: Leg) -> None:
        """The target is dialled for this call; a call of its own that nobody heard of never was one."""
        own = self._call_of.get(target.uniqueid)
        if own is call:
            return
        if own is not None and own.caller is target and not own.told:
            self._calls.pop(own.id, None)
        call.add(target)
        self._call_of[target.uniqueid] = call

    def _rings(self, leg: Leg) -> None:
        call = self._call_of.get(leg.uniqueid)
        if call is None and leg.real and leg.dialled:
            call = self._call_for(leg)
        if call is None or leg.uniqueid not in call.targets or leg.rung or leg.stolen or leg.takes:
            return
        leg.rung = True
        if call.transferring:
            call.transferring = False
            call.waits_again()
            self._tell(call, CallEventType.TRANSFERRED, call.pending() or [leg], transfer=Transfer.BLIND)
        self._tell(call, CallEventType.RINGING, [leg])

    def _target_gone(self, call: Call, leg: Leg) -> None:
        call.targets.pop(leg.uniqueid, None)
        if leg is call.partner:
            return
        reason = call.outcome_of(leg)
        if not leg.forwarded:
            call.outcomes.append(reason)
        if leg.rung:
            self._tell(call, CallEventType.RING_ENDED, [leg], reason=reason)

    def _end(self, call: Call, reason: Reason) -> None:
        for leg in list(call.targets.values()):
            # Its own hang-up may come later, but nobody expects news of a call that is over.
            self._call_of.pop(leg.uniqueid, None)
            if leg.rung and leg is not call.partner:
                self._tell(call, CallEventType.RING_ENDED, [leg], reason=call.outcome_of(leg))
        call.told = True
        self._close(call, reason)

    def _close(self, call: Call, reason: Reason) -> None:
        if call.told:
            self._tell(call, CallEventType.ENDED, reason=reason)
        if self._calls.get(call.id) is call:
            del self._calls[call.id]
        if self._call_of.get(call.caller.uniqueid) is call:
            del self._call_of[call.caller.uniqueid]

    def _tell(
        self,
        call: Call,
        kind: CallEventType,
        targets: Iterable[Leg] = (),
        *,
        transfer: Transfer | None = None,
        reason: Reason | None = None,
    ) -> None:
        call.told = True
        parties: tuple[Party, ...] = tuple(leg.party() for leg in targets)
        self._out.append(CallEvent(kind, call.id, call.caller.party(), parties, transfer, reason))

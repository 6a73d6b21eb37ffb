"""The calls that are followed: who is in which, how each begins and ends, what is told of it. Pure.

The graph of channels is ``legs``' and the messages are ``follower``'s; here is what both mean for calls.
"""

from collections.abc import Iterable

from bridge.ami.call_events import CallEvent, CallEventType, Party, Reason, Transfer
from bridge.ami.calls import Call
from bridge.ami.legs import Leg, Legs
from bridge.ami.transfers import recalled


class CallBook:
    """``by_id`` has every call, ``of`` the one of each caller's or target's uniqueid."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self._told: list[CallEvent] = []
        self.by_id: dict[str, Call] = {}
        self.of: dict[str, Call] = {}

    def told(self) -> list[CallEvent]:
        """What was told since it was asked last."""
        out, self._told = self._told, []
        return out

    def begin(self, caller: Leg, *, originated: bool = False) -> Call:
        # A Linkedid that is taken belongs to a call that this channel was once a part of.
        call_id = caller.linkedid if caller.linkedid not in self.by_id else caller.uniqueid
        call = Call(id=call_id, caller=caller, originated=originated)
        self.by_id[call_id] = self.of[caller.uniqueid] = call
        return call

    def call_for(self, dest: Leg) -> Call | None:
        """The call for which this real leg is dialled; begun now if its caller has none yet."""
        origin = self._legs.origin(dest)
        if origin.caller is not None:
            call = self.of.get(origin.caller.uniqueid) or self.begin(origin.caller)
        elif origin.root is not None and origin.first:
            return self._first_leg(dest)
        elif origin.root is not None and origin.root.linkedid in self.by_id:
            call = self.by_id[origin.root.linkedid]
        else:
            return None
        self.aim(call, dest)
        if dest.bridge is not None:
            self.joined(dest)
        return call

    def _first_leg(self, leg: Leg) -> Call:
        """Click-to-dial: the phone that is rung first is the caller, whoever asked for it."""
        call = self.by_id.get(leg.linkedid)
        if call is None or not call.originated or call.answered:
            return self.of.get(leg.uniqueid) or self.begin(leg, originated=True)
        if call.caller is not leg:
            call.others[leg.uniqueid] = leg
            self.of[leg.uniqueid] = call
        return call

    def aim(self, call: Call, target: Leg) -> None:
        """The target is dialled for this call; a call of its own that nobody heard of never was one."""
        own = self.of.get(target.uniqueid)
        if own is call:
            return
        if own is not None and own.caller is target and not own.told:
            self.by_id.pop(own.id, None)
        call.add(target)
        self.of[target.uniqueid] = call

    def rings(self, leg: Leg) -> None:
        call = self.of.get(leg.uniqueid)
        if call is None and leg.real and leg.dialled:
            call = self.call_for(leg)
        if call is None or leg.uniqueid not in call.targets or leg.rung or leg.stolen or leg.takes:
            return
        leg.rung = True
        if call.transferring:
            call.transferring = False
            call.waits_again()
            targets = call.pending() or [leg]
            self.tell(call, CallEventType.TRANSFERRED, targets, transfer=Transfer.BLIND, by=call.passer)
        self.tell(call, CallEventType.RINGING, [leg], by=self._consults(call, leg))

    def _consults(self, call: Call, leg: Leg) -> Party | None:
        """Who lets this leg ring while the call goes on: by DTMF, for on another line it is another call."""
        origin = self._legs.origin(leg).caller if call.answered else None
        return origin.party() if origin is not None and origin in (call.caller, call.partner) else None

    def target_gone(self, call: Call, leg: Leg) -> None:
        call.targets.pop(leg.uniqueid, None)
        if leg is call.partner:
            return
        reason = call.outcome_of(leg)
        if not leg.forwarded:
            call.outcomes.append(reason)
        if leg.rung:
            self.tell(call, CallEventType.RING_ENDED, [leg], reason=reason)

    def end(self, call: Call, reason: Reason) -> None:
        for leg in list(call.targets.values()):
            # Its own hang-up may come later, but nobody expects news of a call that is over.
            self.of.pop(leg.uniqueid, None)
            if leg.rung and leg is not call.partner:
                self.tell(call, CallEventType.RING_ENDED, [leg], reason=call.outcome_of(leg))
        if call.transferring:
            self.tell(call, CallEventType.NOT_TAKEN, reason=call.not_taken(), by=call.passer)
        call.told = True
        self.close(call, reason)

    def close(self, call: Call, reason: Reason) -> None:
        if call.told:
            self.tell(call, CallEventType.ENDED, reason=reason, by=call.first_gone)
        if self.by_id.get(call.id) is call:
            del self.by_id[call.id]
        if self.of.get(call.caller.uniqueid) is call:
            del self.of[call.caller.uniqueid]

    def tell(
        self,
        call: Call,
        kind: CallEventType,
        targets: Iterable[Leg] = (),
        *,
        transfer: Transfer | None = None,
        reason: Reason | None = None,
        by: Party | None = None,
        dialled: str = "",
    ) -> None:
        call.told = True
        parties = tuple(leg.party() for leg in targets)
        caller = call.caller.party()
        self._told.append(CallEvent(kind, call.id, caller, parties, transfer, reason, by, dialled))

    def joined(self, leg: Leg) -> None:
        """Whose call is answered now that this leg hears others."""
        together = self._legs.connected(leg)
        waiting = recalled(leg, together, self.of)
        if waiting is not None:
            leg.takes = True
            self.aim(waiting, leg)
        for caller in together:
            call = self.of.get(caller.uniqueid)
            if call is not None and call.answered and caller in (call.caller, call.partner):
                self._consulted(call, caller, together)
            if call is None or call.caller is not caller or call.answered:
                continue
            heard = [other for other in together if other.uniqueid in call.targets]
            if heard:
                call.partner, call.answered, call.transferring = heard[0], True, False
                self.tell(call, CallEventType.ANSWERED, heard[:1])

    def _consulted(self, call: Call, by: Leg, together: list[Leg]) -> None:
        """One of the two who talk hears another one instead, whom he let ring."""
        if call.other_party(by) in together:
            return
        for leg in together:
            if leg.uniqueid in call.targets and leg is not by and leg.up and leg.rung and not leg.consulted:
                leg.consulted = True
                self.tell(call, CallEventType.CONSULTED, [leg], by=by.party())

"""One followed call: who calls, who is dialled for it, and the reason for which each of them ends. Pure."""

from dataclasses import dataclass, field

from bridge.ami.call_events import Party, Reason
from bridge.ami.legs import Leg
from bridge.centre.causes import Cause

# Causes that say nothing about why: every leg that Asterisk itself ends has one of them.
_SILENT = frozenset({0, Cause.NORMAL_CLEARING, Cause.INTERWORKING, 31})
_OF_CAUSE = {
    Cause.USER_BUSY: Reason.BUSY,
    Cause.CALL_REJECTED: Reason.REJECTED,
    Cause.NO_ANSWER: Reason.NO_ANSWER,
    Cause.NO_USER_RESPONSE: Reason.NO_ANSWER,
    Cause.ANSWERED_ELSEWHERE: Reason.ANSWERED_ELSEWHERE,
}
_OF_STATUS = {
    "BUSY": Reason.BUSY,
    "NOANSWER": Reason.NO_ANSWER,
    "ANSWER": Reason.NO_ANSWER,  # it was answered, but never joined (a refused call confirmation)
    "CHANUNAVAIL": Reason.FAILED,
    "CONGESTION": Reason.FAILED,
    "INVALIDARGS": Reason.FAILED,
    "ABORT": Reason.CANCELLED,
    "DONTCALL": Reason.REJECTED,
    "TORTURE": Reason.REJECTED,
}
# When the targets ended differently, the one that leaves most hope speaks for the call.
_STRONGEST = (Reason.NO_ANSWER, Reason.BUSY, Reason.REJECTED, Reason.FAILED)


@dataclass(slots=True, eq=False)
class Call:
    """``id`` is the Linkedid of the caller's first channel, and stays through every transfer."""

    id: str
    caller: Leg
    originated: bool = False  # click-to-dial: the caller's own phone is rung first
    others: dict[str, Leg] = field(default_factory=dict)  # click-to-dial that rings several phones first
    targets: dict[str, Leg] = field(default_factory=dict)  # dialled for it, by uniqueid
    partner: Leg | None = None  # who answered
    answered: bool = False  # since the last transfer
    queued: bool = False  # he waits for an agent, rather than for one phone's answer
    transferring: bool = False  # a blind transfer whose target does not ring yet
    gave_up: bool = False  # the caller hung up first, while he waited
    told: bool = False  # an event of it was given out
    passer: Party | None = None  # who passed the caller on unseen, last
    first_gone: Party | None = None  # who of the two that talk hung up first
    outcomes: list[Reason] = field(default_factory=list)  # of the targets that ended unanswered

    def add(self, target: Leg) -> None:
        # A program that has answered the caller and dials for him keeps him in a queue.
        self.queued = self.queued or (target.by_app and self.caller.up)
        self.targets[target.uniqueid] = target

    def waits_again(self, *, queued: bool = False) -> None:
        """He was sent on: nobody has answered him since, and what came before does not count."""
        self.answered, self.partner, self.first_gone = False, None, None
        self.queued = self.queued or queued
        self.outcomes.clear()

    def unserved(self) -> None:
        """The queue says that he left without an agent: he gave up, or its own time is over [run].

        Who gave up has requested his hang-up before.
        """
        self.queued = True
        if not self.gave_up and not self.pending():
            self.outcomes.append(Reason.NO_ANSWER)

    def pending(self) -> list[Leg]:
        """Dialled, and neither answered nor given up."""
        open_legs = (leg for leg in self.targets.values() if not leg.up and not leg.stolen)
        return [leg for leg in open_legs if leg.status in ("", "CANCEL")]

    def other_party(self, leg: Leg) -> Leg | None:
        return self.partner if leg is self.caller else self.caller

    def outcome_of(self, target: Leg) -> Reason:
        """Why a target that did not get the call ceased to ring."""
        if target.stolen or target.cause == Cause.ANSWERED_ELSEWHERE:
            return Reason.ANSWERED_ELSEWHERE
        if target.forwarded:
            return Reason.REJECTED  # whose phone it is sent the caller on
        if target.cause in (Cause.USER_BUSY, Cause.CALL_REJECTED):
            return _OF_CAUSE[Cause(target.cause)]
        if target.status in _OF_STATUS:
            return _OF_STATUS[target.status]
        taken = self.answered or any(leg.up for leg in self.targets.values() if leg is not target)
        if taken:
            return Reason.ANSWERED_ELSEWHERE
        return Reason.CANCELLED if target.cause in _SILENT else _of_cause(target.cause)

    def _ends_to_come(self) -> list[Reason]:
        """Of targets whose dial is over, and whose channels live a moment longer than the caller's [run]."""
        over = (leg for leg in self.targets.values() if leg.status not in ("", "CANCEL", "ANSWER"))
        return [self.outcome_of(leg) for leg in over if leg is not self.partner and not leg.forwarded]

    def not_taken(self) -> Reason:
        """Why nobody rang for a caller who was passed on unseen; completed: something there heard him."""
        if self.pending():
            return Reason.CANCELLED
        outcomes = [*self.outcomes, *self._ends_to_come()]
        return next((reason for reason in _STRONGEST if reason in outcomes), Reason.COMPLETED)

    def reason(self) -> Reason:
        """Why the whole call ended, from its caller's hang-up."""
        if self.answered:
            return Reason.COMPLETED
        if self.gave_up or self.pending() or self.outcomes[-1:] == [Reason.CANCELLED]:
            return Reason.ABANDONED if self.queued else Reason.CANCELLED
        told = None if self.caller.cause in _SILENT else _of_cause(self.caller.cause)
        if told not in (None, Reason.FAILED):
            return told
        # Congestion is also what Asterisk tells the caller when the dialplan goes no further [run].
        outcomes = [*self.outcomes, *self._ends_to_come()]
        for reason in _STRONGEST:
            if reason in outcomes:
                return reason
        if told is not None:
            return told
        if any(leg.status == "ANSWER" for leg in self.targets.values()):
            return Reason.COMPLETED if self.caller.up else Reason.NO_ANSWER
        # Nobody was dialled: an announcement, an echo test, or a refusal by the dialplan.
        return Reason.COMPLETED if self.caller.up else Reason.FAILED


def _of_cause(cause: int) -> Reason:
    return _OF_CAUSE.get(Cause(cause), Reason.FAILED) if cause in set(Cause) else Reason.FAILED

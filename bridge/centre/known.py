"""Whether a call knows already what is told about one of its legs."""

from collections.abc import Mapping

from bridge.centre.call import Call
from bridge.centre.facts import CallerPresented, Fact, LegAnswered, LegEnded, LegRinging
from bridge.centre.ids import CallId


def leg_knows(fact: Fact, calls: Mapping[CallId, Call]) -> bool:
    if not isinstance(fact, LegRinging | LegAnswered | LegEnded | CallerPresented):
        return False
    call = calls.get(fact.call)
    if call is None:
        return False
    # AMI's list, asked for in the instant in which a caller left, may still have him.
    leg = call.legs.get(call.client_leg if isinstance(fact, CallerPresented) else fact.leg)
    if leg is None:
        return False
    match fact:
        case LegRinging():
            return leg.ringing_at is not None
        case LegAnswered():
            return leg.answered_at is not None
        case LegEnded() | CallerPresented():
            return not leg.alive

"""What is still to be done about a call that is forgotten, when something is told about it all the same."""

from bridge.centre.causes import Cause
from bridge.centre.facts import (
    CallFact,
    FailureReason,
    LegAnswered,
    LegEnded,
    LegMade,
    LegRinging,
    OrderFailed,
)
from bridge.centre.ids import LegId, is_dialled_leg
from bridge.centre.orders import ClearCall, HangUp, Order


def last_orders(fact: CallFact) -> list[Order]:
    """Nobody else would end what lives of it."""
    match fact:
        case LegMade(call=call, leg=leg):
            return [HangUp(call, leg)]
        case LegRinging(call=call, leg=leg) | LegAnswered(call=call, leg=leg) if is_dialled_leg(leg):
            return [HangUp(call, leg)]
        case LegEnded(call=call, leg=leg) if is_dialled_leg(leg):
            return [HangUp(call, LegId(call)), ClearCall(call)]  # a talk that was known to a lost journal
        case LegEnded(call=call):
            return [ClearCall(call)]
        case OrderFailed(call=call, order="ToFallback", reason=reason, leg=leg) if leg is not None:
            # A client whom not even the dialplan could take back must not stay in silence.
            return [] if reason is FailureReason.GONE else [HangUp(call, leg, Cause.TEMPORARY_FAILURE)]
        case _:
            return []

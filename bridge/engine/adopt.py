"""After the link to Asterisk is (back) up: what ended meanwhile is told, what is nobody's is ended.

Owns the comparison of the floor with Asterisk's own list of channels, which is the truth. What is not our
application's is never touched.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from bridge.centre.call import CallState
from bridge.centre.facts import Fact, LegEnded
from bridge.centre.floor import Floor
from bridge.centre.ids import LegId, call_of, is_agent_leg
from bridge.centre.orders import CallOrder, ClearCall, HangUp, LegKind, ToFallback

log = structlog.get_logger(__name__)

_NOT_IN_ASTERISK = (CallState.PRESENTED, CallState.OUTSIDE)


@dataclass(frozen=True, slots=True)
class Reconciled:
    facts: tuple[Fact, ...]
    orders: tuple[CallOrder, ...]


def reconcile(floor: Floor, ours: Collection[LegId], bridges: Collection[str] = ()) -> Reconciled:
    """``ours``: the channels that are in our application now; ``bridges``: all that there are, by id.

    Pure; the caller sends what comes out, orders of one call in their order.
    """
    facts: list[Fact] = []
    orders: list[CallOrder] = []
    living = set(ours)
    for call in floor.calls.values():
        if call.state in _NOT_IN_ASTERISK:
            continue
        # Agents' legs first: a client whose agent is also gone must not be offered to him again.
        for leg in sorted(call.alive_legs, key=lambda leg: leg.kind is LegKind.CLIENT):
            if leg.id not in living:
                facts.append(LegEnded(call.id, leg.id))
            elif call.state is CallState.CLEARING:
                orders.append(HangUp(call.id, leg.id))
    known = {leg for call in floor.calls.values() for leg in call.legs}
    for leg_id in sorted(living - known):
        call_id = call_of(leg_id)
        log.warning("a channel of ours that nobody knows", action="adopt.orphan", channel_id=leg_id)
        if is_agent_leg(leg_id):
            orders.append(HangUp(call_id, leg_id))
        else:
            orders.append(ToFallback(call_id, leg_id, None))
    for bridge_id in sorted(bridges):
        call_id = call_of(bridge_id)
        if call_id != bridge_id and call_id not in floor.calls:
            orders.append(ClearCall(call_id))
    return Reconciled(tuple(facts), tuple(orders))

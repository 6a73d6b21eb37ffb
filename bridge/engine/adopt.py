"""After the link to Asterisk is (back) up: what happened meanwhile is told, what is nobody's is ended.

Owns the comparison of the floor with what Asterisk has now, which is the truth. Every fact that comes out may
have been told before: the tables take it twice. What is not our application's is never touched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from bridge.centre.call import Call, CallState
from bridge.centre.facts import Fact, LegAnswered, LegEnded, LegJoined, LegRinging, PromptEnded
from bridge.centre.floor import Floor
from bridge.centre.ids import LegId, call_of, conversation_id, is_dialled_leg
from bridge.centre.orders import CallOrder, ClearCall, HangUp, LegKind, StopPrompt, ToFallback

log = structlog.get_logger(__name__)

_NOT_IN_ASTERISK = (CallState.PRESENTED, CallState.OUTSIDE)
_RINGING, _UP = "Ringing", "Up"  # Asterisk's names of channel states


@dataclass(frozen=True, slots=True)
class Found:
    """What Asterisk has. ``asked_at``: a leg that is younger may be missing and lives all the same."""

    asked_at: datetime
    legs: Mapping[LegId, str]  # our application's channels and their states
    bridges: Mapping[str, frozenset[str]] = field(default_factory=dict)  # all, with their members


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Facts in the order in which they happened; orders of one call in their order."""

    facts: tuple[Fact, ...]
    orders: tuple[CallOrder, ...]


def reconcile(floor: Floor, found: Found) -> Reconciled:
    """Pure; the caller sends what comes out."""
    facts: list[Fact] = []
    orders: list[CallOrder] = []
    for call in floor.calls.values():
        if call.state in _NOT_IN_ASTERISK:
            continue
        facts += _of_living_legs(call, found)
        facts += _of_gone_legs(call, found)
        if call.state is CallState.CLEARING:
            orders += [HangUp(call.id, leg.id) for leg in call.alive_legs if leg.id in found.legs]
        elif call.prompt is not None and call.client_leg in found.legs:
            # Whether it still plays is not known: its end may have been among what we did not hear.
            orders.append(StopPrompt(call.id, call.client_leg, call.prompt))
            facts.append(PromptEnded(call.id, call.prompt))
    for errand in floor.errands.values():
        if errand.leg not in found.legs:
            facts.append(LegEnded(errand.call, errand.leg))
    orders += _of_nobodys(floor, found)
    return Reconciled(tuple(facts), tuple(orders))


def _of_living_legs(call: Call, found: Found) -> Iterator[Fact]:
    for leg in call.alive_legs:
        state = found.legs.get(leg.id)
        if leg.kind is not LegKind.CLIENT and state in (_RINGING, _UP):
            yield LegRinging(call.id, leg.id)
        if leg.kind is not LegKind.CLIENT and state == _UP and leg.answered_at is None:
            yield LegAnswered(call.id, leg.id)
    members = found.bridges.get(conversation_id(call.id), frozenset())
    for leg in call.alive_legs:
        if leg.id in members:
            yield LegJoined(call.id, leg.id)


def _of_gone_legs(call: Call, found: Found) -> Iterator[Fact]:
    # Agents' legs first: a client whose agent is gone as well must not be offered to him again.
    for leg in sorted(call.alive_legs, key=lambda leg: leg.kind is LegKind.CLIENT):
        if leg.id not in found.legs and leg.created_at < found.asked_at:
            yield LegEnded(call.id, leg.id)


def _of_nobodys(floor: Floor, found: Found) -> Iterator[CallOrder]:
    known = {leg for call in floor.calls.values() for leg in call.legs}
    known |= {errand.leg for errand in floor.errands.values()}
    for leg_id in sorted(found.legs.keys() - known):
        call_id = call_of(leg_id)
        log.warning("a channel of ours that nobody knows", action="adopt.orphan", channel_id=leg_id)
        yield HangUp(call_id, leg_id) if is_dialled_leg(leg_id) else ToFallback(call_id, leg_id, None)
    for bridge_id in sorted(found.bridges):
        call_id = call_of(bridge_id)
        if call_id != bridge_id and call_id not in floor.calls:
            yield ClearCall(call_id)

"""After the link to Asterisk is (back) up: what happened meanwhile is told, what is nobody's is ended.

Owns the comparison of the floor with what Asterisk has now, which is the truth. Every fact that comes out may
have been told before: the tables take it twice. What is not our application's is never touched.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bridge.centre.call import Call, CallState, Leg, Seat
from bridge.centre.facts import (
    CallAdopted,
    CallLost,
    Fact,
    LegAnswered,
    LegEnded,
    LegJoined,
    LegLeft,
    LegLost,
    LegMade,
    LegRinging,
)
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, LegId, PromptId, call_of, conversation_id, is_dialled_leg
from bridge.centre.orders import CallOrder, ClearCall, HangUp, LegKind, ToFallback
from bridge.engine.ports import Survey

log = structlog.get_logger(__name__)

_NOT_IN_ASTERISK = (CallState.PRESENTED, CallState.OUTSIDE)
RINGS_WITHIN = timedelta(seconds=1.5)  # a phone that was dialled
_DOWN, _RINGING, _UP = "Down", "Ringing", "Up"  # Asterisk's names of channel states
_CLOCKS = timedelta(seconds=2)  # by which Asterisk's clock and ours may differ


@dataclass(frozen=True, slots=True)
class Told:
    """``at`` is when it happened, None for now."""

    fact: Fact
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Facts in the order in which they happened; orders of one call in their order."""

    facts: tuple[Told, ...]
    orders: tuple[CallOrder, ...]
    silent: frozenset[LegId] = frozenset()  # made, and not ringing yet: look at them again (``unrung``)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the floor knew when Asterisk was asked: younger legs may be missing there and yet live."""

    legs: frozenset[LegId]
    prompts: Mapping[PromptId, LegId]  # what may be being said, and to whom: to be asked about


def ask(floor: Floor) -> Asked:
    legs = frozenset(leg.id for call in floor.calls.values() for leg in call.alive_legs)
    legs |= {leg for call in floor.calls.values() for leg in call.watches}
    return Asked(legs | {errand.leg for errand in floor.errands.values()}, _prompts_of(floor))


def _prompts_of(floor: Floor) -> dict[PromptId, LegId]:
    prompts = {call.prompt: call.listener for call in floor.calls.values() if call.prompt is not None}
    return prompts | {errand.prompt: errand.leg for errand in floor.errands.values()}


def reconcile(
    floor: Floor, asked: Asked, survey: Survey, ends: Mapping[str, datetime], now: datetime
) -> Reconciled:
    """Pure; the caller sends what comes out. ``ends``: when channels ended that nobody of us heard end."""
    facts: list[Told] = []
    orders: list[CallOrder] = []
    for call in floor.calls.values():
        if call.state in _NOT_IN_ASTERISK:
            continue
        if _died_with_asterisk(call, survey):
            facts.append(Told(CallLost(call.id)))
            continue
        facts += _of_living_legs(call, survey)
        facts += _of_watches(call, asked, survey)
        for leg in _missing(call, asked, survey):
            facts.append(_end_of(call, leg, ends))
        overdue = [leg for leg in _silent(call, survey.legs) if _is_overdue(call, leg, now)]
        facts += [Told(LegLost(call.id, leg.id)) for leg in overdue]
        orders += [HangUp(call.id, leg.id) for leg in overdue]
        orders += [HangUp(call.id, leg.id) for leg in _unwanted(call) if leg.id in survey.legs]
        if call.listener in survey.legs:
            facts.append(Told(_adopted(call, survey)))
    for errand in floor.errands.values():
        if errand.leg in survey.legs:
            facts.append(Told(CallAdopted(errand.call, True, errand.prompt in survey.playing, False)))
        elif errand.leg in asked.legs:
            facts.append(Told(LegEnded(errand.call, errand.leg), ends.get(errand.leg)))
    for found in _of_nobodys(floor, survey):
        if isinstance(found, Told):
            facts.append(found)
        else:
            orders.append(found)
    silent = frozenset(
        leg.id
        for call in floor.calls.values()
        for leg in _silent(call, survey.legs)
        if not _is_overdue(call, leg, now)
    )
    return Reconciled(tuple(facts), tuple(orders), silent)


def unrung(floor: Floor, silent: Collection[LegId], states: Mapping[LegId, str]) -> Reconciled:
    """Of legs that did not ring: those that still do not. Made and never dialled is as good as none."""
    facts: list[Told] = []
    orders: list[CallOrder] = []
    for call in floor.calls.values():
        for leg in _silent(call, states):
            if leg.id in silent:
                facts.append(Told(LegLost(call.id, leg.id)))
                orders.append(HangUp(call.id, leg.id))
    return Reconciled(tuple(facts), tuple(orders))


def _silent(call: Call, states: Mapping[LegId, str]) -> Iterator[Leg]:
    """Dialled or not, it looks the same (22.10); of one that we never ordered to be dialled we know it."""
    for leg in call.alive_legs:
        if (
            leg.id != call.undialled
            and _is_ours(leg)
            and leg.ringing_at is None
            and states.get(leg.id) == _DOWN
        ):
            yield leg


def _is_ours(leg: Leg) -> bool:
    """Whether it rings, and is answered: a client's does when an agent called him."""
    return leg.kind is not LegKind.CLIENT or is_dialled_leg(leg.id)


def _is_overdue(call: Call, leg: Leg, now: datetime) -> bool:
    """A desk phone would ring by now; a number outside may take longer. Who waits must not wait for it."""
    return leg.id in call.offers and now - leg.created_at >= RINGS_WITHIN


def _died_with_asterisk(call: Call, survey: Survey) -> bool:
    return (
        survey.started_at is not None
        and call.offered_at + _CLOCKS < survey.started_at
        and call.client_leg not in survey.channels
    )


def _of_living_legs(call: Call, survey: Survey) -> Iterator[Told]:
    for leg in call.alive_legs:
        state = survey.legs.get(leg.id)
        if leg.id == call.undialled and state == _DOWN and not call.offers_made:
            yield Told(LegMade(call.id, leg.id))
        if _is_ours(leg) and state in (_RINGING, _UP):
            yield Told(LegRinging(call.id, leg.id))
        if _is_ours(leg) and state == _UP and leg.answered_at is None:
            yield Told(LegAnswered(call.id, leg.id))
    members = survey.bridges.get(conversation_id(call.id), frozenset())
    for leg_id in (*(leg.id for leg in call.alive_legs), *call.watches):
        if leg_id in members and leg_id not in call.joined:
            yield Told(LegJoined(call.id, leg_id))
        elif leg_id in call.joined and leg_id not in members and leg_id in survey.legs:
            yield Told(LegLeft(call.id, leg_id))


def _of_watches(call: Call, asked: Asked, survey: Survey) -> Iterator[Told]:
    """Of supervisors' legs, which are none of the call's own."""
    for leg, watch in call.watches.items():
        if survey.legs.get(leg) == _UP and not watch.answered:
            yield Told(LegAnswered(call.id, leg))
        elif leg in asked.legs and leg not in survey.legs:
            yield Told(LegEnded(call.id, leg))


def _missing(call: Call, asked: Asked, survey: Survey) -> list[Leg]:
    """Agents' legs first: a client whose agent is gone as well must not be offered to him again."""
    missing = [leg for leg in call.alive_legs if leg.id in asked.legs and leg.id not in survey.legs]
    return sorted(missing, key=lambda leg: leg.kind is LegKind.CLIENT)


def _unwanted(call: Call) -> list[Leg]:
    """Whose end was decided and perhaps never ordered: nobody is offered there, and nobody talks."""
    if call.state is CallState.CLEARING:
        return list(call.alive_legs)
    return [
        leg
        for leg in call.alive_legs
        if leg.kind is LegKind.AGENT and leg.id not in call.offers and leg.answered_at is None
    ]


def _end_of(call: Call, leg: Leg, ends: Mapping[str, datetime]) -> Told:
    if _is_ours(leg) and leg.answered_at is None:
        return Told(LegLost(call.id, leg.id))
    return Told(LegEnded(call.id, leg.id), ends.get(leg.id) or ends.get(call.client_leg))


def _adopted(call: Call, survey: Survey) -> CallAdopted:
    members = survey.bridges.get(conversation_id(call.id), frozenset())
    talking = {leg.id for leg in call.seated if leg.seat is Seat.TALK}
    if not talking and call.talking_leg is not None:  # from before there were seats
        talking = {call.client_leg, call.talking_leg.id}
    return CallAdopted(
        call.id,
        answered=survey.legs[call.listener] == _UP,
        playing=call.prompt in survey.playing,
        joined=len(talking) > 1 and talking <= members,
    )


def _is_served(floor: Floor, call_id: CallId) -> bool:
    call = floor.calls.get(call_id)
    return call is not None and call.state not in _NOT_IN_ASTERISK


def _of_nobodys(floor: Floor, survey: Survey) -> Iterator[Told | CallOrder]:
    known = {leg.id for call in floor.calls.values() for leg in call.alive_legs}
    known |= {leg for call in floor.calls.values() for leg in call.watches}
    known |= {errand.leg for errand in floor.errands.values()}
    talks = _talks_of_nobodys(floor, survey)
    unknown = survey.legs.keys() - known - {leg for legs in talks.values() for leg in legs}
    in_order = [leg for leg in survey.arrivals if leg in unknown]
    for leg_id in (*in_order, *sorted(unknown - survey.arrivals.keys())):
        call_id = call_of(leg_id)
        arrival = survey.arrivals.get(leg_id)
        if is_dialled_leg(leg_id):
            log.warning("a channel of ours that nobody knows", action="adopt.orphan", channel_id=leg_id)
            yield HangUp(call_id, leg_id)
        elif arrival is not None and not _is_served(floor, call_id):
            log.info("came while nobody heard it", action="adopt.arrival", channel_id=leg_id)
            yield Told(arrival)
        else:
            log.warning("a client whom nobody knows", action="adopt.orphan", channel_id=leg_id)
            yield ToFallback(call_id, leg_id, None)
    for bridge_id in sorted(survey.bridges):
        call_id = call_of(bridge_id)
        if call_id != bridge_id and call_id not in floor.calls and call_id not in talks:
            yield ClearCall(call_id)


def _talks_of_nobodys(floor: Floor, survey: Survey) -> dict[CallId, frozenset[LegId]]:
    """Who talk with each other, and the journal that knew of it is lost: they are let finish."""
    talks = {}
    for bridge_id, members in survey.bridges.items():
        call_id = call_of(bridge_id)
        if bridge_id != conversation_id(call_id) or call_id in floor.calls:
            continue
        legs = frozenset(leg for leg in map(LegId, members) if leg in survey.legs and call_of(leg) == call_id)
        if LegId(call_id) in legs and len(legs) > 1:
            log.warning("a talk that nobody knows goes on", action="adopt.talk", call_id=call_id)
            talks[call_id] = legs
    return talks

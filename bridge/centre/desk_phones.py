"""What an agent's phone dials by itself: a feature code, or another line beside the call that he is in.

Owns whose channel that is from then on: an errand's, which is hung up when the answer has been said; a
call's, whose facts it brings in under the call's own name; or nobody's.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.centre.facts import (
    AgentDialled,
    CallAdopted,
    CallFact,
    CallLost,
    FailureReason,
    Feature,
    FeatureDialled,
    LegEnded,
    OrderFailed,
    PromptEnded,
)
from bridge.centre.features import NO_SUCH_CODE, NOT_NOW, Errand, answer, before, said_about, wish
from bridge.centre.ids import AgentId, CallId
from bridge.centre.messages import AgentBusyOutside, Output
from bridge.centre.orders import ClearCall, HangUp, ToDialplan

if TYPE_CHECKING:
    from bridge.centre.floor import Floor

# ── feature codes ────────────────────────────────────────────────────────────


def code(floor: "Floor", event: FeatureDialled, now: datetime, out: Output) -> None:
    """Whose phone it is decides who is meant; a phone that is nobody's is told so."""
    agent = floor.plan.agent_at(event.endpoint)
    desk = floor.agents.get(agent.id) if agent is not None else None
    if desk is not None:
        # AMI tells it too, in a stream of its own: his phone must not ring while it speaks to him.
        floor.tell_agent(desk.id, AgentBusyOutside(event.call, desk.id, busy=True), now, out)
    if event.feature is Feature.SUPERVISE and _supervises(floor, event, now, out):
        return
    fact = wish(event, agent, floor.plan) if agent is not None else None
    # Whoever may be supervised at another moment is no wrong code.
    refused = agent is not None and event.feature is Feature.SUPERVISE
    sounds: tuple[str, ...] = NOT_NOW if refused else NO_SUCH_CODE
    if desk is not None and fact is not None:
        was = before(desk, floor.calls)
        floor.take(fact, now, out)
        sounds = said_about(fact, was, desk, floor.calls)
    language = agent.language if agent is not None else floor.plan.language
    errand, orders = answer(event, desk.id if desk is not None else None, sounds, language)
    floor.errands[event.call] = errand
    out.orders += orders


def _supervises(floor: "Floor", event: FeatureDialled, now: datetime, out: Output) -> bool:
    """This line of the supervisor's is a part of the call of whom he watches."""
    supervisor = floor.plan.agent_at(event.endpoint)
    own = floor.agents.get(supervisor.id) if supervisor is not None else None
    desk = floor.agents.get(AgentId(event.argument))
    call = floor.calls.get(desk.call) if desk is not None and desk.call is not None else None
    if own is None or own.call is not None or call is None or floor.call_watched_by(own.id) is not None:
        return False
    if not floor.tell_call(call.id, event, now, out) or event.leg not in call.watches:
        return False
    floor.lines[event.call] = call.id
    return True


def of_errand(floor: "Floor", errand: Errand, fact: CallFact, now: datetime, out: Output) -> None:
    match fact:
        case LegEnded() | CallLost() | OrderFailed(reason=FailureReason.GONE):
            del floor.errands[errand.call]
            out.orders.append(ClearCall(errand.call))
            if errand.agent is not None:
                free = AgentBusyOutside(errand.call, errand.agent, busy=False)
                floor.tell_agent(errand.agent, free, now, out)
        case PromptEnded() | OrderFailed() | CallAdopted(playing=False):
            out.orders.append(HangUp(errand.call, errand.leg))
        case _:
            pass  # the other stream's view of the same phone


# ── other lines ──────────────────────────────────────────────────────────────


def line(floor: "Floor", fact: AgentDialled, now: datetime, out: Output) -> None:
    """On a line of its own: a part of the call in which he is, or none of our affair."""
    agent = floor.plan.agent_at(fact.endpoint)
    desk = floor.agents.get(agent.id) if agent is not None else None
    call = floor.calls.get(desk.call) if desk is not None and desk.call is not None else None
    if call is not None and floor.tell_call(call.id, fact, now, out) and fact.leg in call.legs:
        floor.lines[fact.call] = call.id
    else:
        out.orders.append(ToDialplan(fact.call, fact.leg))


def of_line(floor: "Floor", fact: CallFact, call: CallId, now: datetime, out: Output) -> None:
    if isinstance(fact, LegEnded):
        del floor.lines[fact.call]
        out.orders.append(ClearCall(fact.call))
        agent = next((desk.id for desk in floor.agents.values() if fact.call in desk.outside), None)
        if agent is not None:
            floor.tell_agent(agent, AgentBusyOutside(fact.call, agent, busy=False), now, out)
    floor.tell_call(call, replace(fact, call=call), now, out)

"""An agent dials a feature code: what he asks for, and what is said to him about it, in his language.

Owns the errand, from the code to the hang-up. What the code changes is the agent's own, by the same facts as
from page and API.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.centre.agent import AgentDesk, AgentState
from bridge.centre.call import Call
from bridge.centre.facts import (
    AgentFact,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentPaused,
    AgentReady,
    AgentWished,
    CallDisposed,
    Feature,
    FeatureDialled,
    SupervisionWished,
    TransferWished,
    Wish,
    WishFact,
    WrapUpEnded,
    WrapUpExtended,
)
from bridge.centre.ids import AgentId, CallId, LegId, PromptId, prompt_id
from bridge.centre.orders import Answer, Order, Play
from bridge.centre.pauses import talk_is_recorded
from bridge.centre.plan import Agent, Plan

NO_SUCH_CODE = ("callbridge/no-such-code",)
NOT_NOW = ("callbridge/not-possible-now",)
DONE = ("callbridge/done",)
_WISHES = {
    Feature.COMPLETE: Wish.COMPLETE,
    Feature.GIVE_UP: Wish.GIVE_UP,
    Feature.SWAP: Wish.SWAP,
    Feature.CONFERENCE: Wish.CONFERENCE,
    Feature.PAUSE_RECORDING: Wish.PAUSE_RECORDING,
    Feature.RESUME_RECORDING: Wish.RESUME_RECORDING,
}


@dataclass(frozen=True, slots=True)
class Errand:
    """A phone that dialled a code and hears the answer; hung up when it has been said."""

    call: CallId
    leg: LegId
    prompt: PromptId
    agent: AgentId | None  # whose phone it is


@dataclass(frozen=True, slots=True)
class Before:
    """What of an agent tells afterwards whether his wish was granted."""

    state: AgentState
    extended: bool
    talk: tuple[object, ...]


def before(desk: AgentDesk, calls: Mapping[CallId, Call]) -> Before:
    return Before(desk.state, desk.extended, _talk_of(desk, calls))


def _talk_of(desk: AgentDesk, calls: Mapping[CallId, Call]) -> tuple[object, ...]:
    """What of his call a wish about it changes."""
    call = calls.get(desk.call) if desk.call is not None else None
    if call is None:
        return ()
    stage = call.transfer.stage if call.transfer is not None else None
    return call.state, stage, len(call.transfers), call.transfers[-1:]


def wish(event: FeatureDialled, agent: Agent, plan: Plan) -> AgentFact | WishFact | None:
    """None for an argument that the plan does not know."""
    match event.feature:
        case Feature.LOG_IN:
            return AgentLoggedIn(agent.id)
        case Feature.LOG_OUT:
            return AgentLoggedOut(agent.id)
        case Feature.READY:
            return AgentReady(agent.id)
        case Feature.PAUSE:
            reason = plan.pause_reasons.get(event.argument)
            return None if reason is None else AgentPaused(agent.id, reason)
        case Feature.END_WRAP_UP:
            return WrapUpEnded(agent.id)
        case Feature.EXTEND_WRAP_UP:
            return WrapUpExtended(agent.id)
        case Feature.DISPOSITION:
            disposition = plan.dispositions.get(event.argument)
            return None if disposition is None else CallDisposed(agent.id, disposition)
        case Feature.TRANSFER | Feature.CONSULT:
            # A number may be dialled without its plus.
            target = plan.target_of(event.argument) or plan.target_of(f"+{event.argument}")
            attended = event.feature is Feature.CONSULT
            return None if target is None else TransferWished(agent.id, target, attended)
        case Feature.SUPERVISE:
            return None  # of somebody who talks and may be supervised it never comes here
        case _:
            return AgentWished(agent.id, _WISHES[event.feature])


def said_about(
    fact: AgentFact | WishFact, before: Before, desk: AgentDesk, calls: Mapping[CallId, Call]
) -> tuple[str, ...]:
    """What became of the wish: told by the desk and its call, not by hope."""
    wanted = desk.after_call[0] if desk.after_call is not None else desk.state
    match fact:
        case AgentLoggedIn():
            done = desk.state is not AgentState.LOGGED_OUT
            return ("callbridge/agent-logged-in",) if done else NOT_NOW
        case AgentLoggedOut():
            done = wanted is AgentState.LOGGED_OUT
            return ("callbridge/agent-logged-out",) if done else NOT_NOW
        case AgentReady():
            on_a_call = desk.state in (AgentState.RINGING, AgentState.TALKING)
            done = desk.state is AgentState.READY or (on_a_call and desk.after_call is None)
            return ("callbridge/agent-ready",) if done else NOT_NOW
        case AgentPaused(reason=reason):
            done = wanted is AgentState.PAUSED
            # The reason last: should the engineer's own have no sound, the rest is heard all the same.
            spoken = f"callbridge/pause-{reason.replace('_', '-')}"
            return ("callbridge/agent-paused", spoken) if done else NOT_NOW
        case WrapUpEnded():
            done = before.state is AgentState.WRAP_UP and desk.state is not AgentState.WRAP_UP
            return ("callbridge/wrap-up-ended",) if done else NOT_NOW
        case WrapUpExtended():
            done = desk.extended and not before.extended
            return ("callbridge/wrap-up-extended",) if done else NOT_NOW
        case CallDisposed():
            return ("callbridge/disposition-kept",) if desk.last_call is not None else NOT_NOW
        case AgentWished(wish=Wish.PAUSE_RECORDING | Wish.RESUME_RECORDING):
            recorded = [call for call in calls.values() if call.leg_of(desk.id) and talk_is_recorded(call)]
            paused = fact.wish is Wish.PAUSE_RECORDING
            done = bool(recorded) and all((call.paused is not None) is paused for call in recorded)
            return DONE if done else NOT_NOW
        case TransferWished() | AgentWished() | SupervisionWished():
            return DONE if _talk_of(desk, calls) != before.talk else NOT_NOW


def answer(
    event: FeatureDialled, agent: AgentId | None, sounds: tuple[str, ...], language: str
) -> tuple[Errand, list[Order]]:
    prompt = prompt_id(event.call, 1)
    return Errand(event.call, event.leg, prompt, agent), [
        Answer(event.call, event.leg),
        Play(event.call, event.leg, prompt, sounds, language),
    ]

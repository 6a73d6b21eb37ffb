"""Owns who may be beside an agent who talks, and the refusals, for the supervisor's page and the API.

The floor decides, by the same rule; what came of it is in the call a moment later.
"""

from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import Supervise, SupervisionWished
from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan
from bridge.engine.ports import FloorView, LiveWatch
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.moves import by_whom
from bridge.web.problems import Problem
from bridge.web.talks import talk_of

BESIDE = (Supervise.LISTEN, Supervise.WHISPER, Supervise.BARGE)


def watch_of(floor: FloorView, who: AgentId | None) -> LiveWatch | None:
    """Beside whom he is."""
    return next((watch for call in floor.calls for watch in call.watches if watch.who == who), None)


def may_supervise(floor: FloorView, plan: Plan, supervisor: AgentId | None) -> frozenset[AgentId]:
    """Agents of his groups who talk in a call that is steered, while he is beside nobody and can be rung."""
    if supervisor is None or watch_of(floor, supervisor) is not None or cannot_ring(floor, supervisor):
        return frozenset()
    return _watchable(floor, plan, supervisor)


def why_nobody(floor: FloorView, plan: Plan, supervisor: AgentId | None) -> str:
    """Why he cannot be beside agents who might be listened to otherwise; empty where nothing hinders him."""
    if supervisor is None or watch_of(floor, supervisor) is not None:
        return ""
    return cannot_ring(floor, supervisor) if _watchable(floor, plan, supervisor) else ""


def _watchable(floor: FloorView, plan: Plan, supervisor: AgentId) -> frozenset[AgentId]:
    steered = (call for call in floor.calls if call.steered)
    talking = {party.agent for call in steered for party in call.parties if party.agent is not None}
    return frozenset(agent for agent in talking if agent != supervisor and plan.supervises(supervisor, agent))


def cannot_ring(floor: FloorView, who: AgentId) -> str:
    """Why his phone is not rung to be beside somebody; empty if it can be. Logged out or paused, it can."""
    live = next((one for one in floor.agents if one.agent == who), None)
    if live is None:
        return N_("There is no phone to ring for this.")
    if not live.reachable:
        return N_("The phone that would ring is not connected.")
    if live.call is not None or live.state in ("ringing", "talking"):
        return N_("The phone that would ring is in a call.")
    return ""


async def supervise(
    request: web.Request,
    supervisor: AgentId,
    agent: AgentId,
    do: Supervise,
    trainee: AgentId | None = None,
) -> None:
    """Raises Problem: 403 for an agent who is none of his, 409 for what is not possible now."""
    parts = parts_of(request)
    floor, plan = parts.desk.floor(), parts.in_force()
    watch = watch_of(floor, trainee or supervisor)
    if watch is not None:
        _demand_change(watch, supervisor, agent, do, trainee)
        if do is Supervise.TAKE_OVER and not _has_client(floor, agent):
            raise Problem(HTTPStatus.CONFLICT, N_("This does not fit the call any more. Look again."))
    else:
        if not plan.supervises(supervisor, agent):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                N_("This agent serves no queue of a department that you supervise."),
            )
        if do not in BESIDE:
            raise Problem(HTTPStatus.CONFLICT, N_("Listen to the agent first."))
        call = talk_of(floor, agent)
        if call is None:
            raise Problem(HTTPStatus.CONFLICT, N_("This agent is in no call now."))
        if not call.steered:
            raise Problem(
                HTTPStatus.CONFLICT,
                N_(
                    "This call is not steered by Callbridge, so nobody can be beside its agent. "
                    "Listen to one of his calls that come through Callbridge."
                ),
            )
        _demand_free(floor, trainee or supervisor, agent)
    await parts.desk.submit(SupervisionWished(supervisor, agent, do, by_whom(request), trainee))


def _demand_change(
    watch: LiveWatch, supervisor: AgentId, agent: AgentId, do: Supervise, trainee: AgentId | None
) -> None:
    if watch.supervisor != supervisor:
        raise Problem(HTTPStatus.FORBIDDEN, N_("Another supervisor has let this trainee in."))
    if watch.agent != agent and do is not Supervise.LEAVE:
        raise Problem(HTTPStatus.CONFLICT, N_("This phone is beside another agent already. Leave him first."))
    if trainee is not None and do not in (Supervise.LISTEN, Supervise.LEAVE):
        raise Problem(HTTPStatus.FORBIDDEN, N_("A trainee only listens."))


def _has_client(floor: FloorView, agent: AgentId) -> bool:
    """Not of a call that is being passed on without him, nor of one about which he is only consulted.

    Nor of one that is not steered: his phone may be in it while others ring for the client he passed on.
    """
    call = talk_of(floor, agent)
    return call is not None and call.steered and (not call.stage or call.transfers[-1].by == agent)


def _demand_free(floor: FloorView, who: AgentId, agent: AgentId) -> None:
    why = N_("There is no phone to ring for this.") if who == agent else cannot_ring(floor, who)
    if why:
        raise Problem(HTTPStatus.CONFLICT, why)

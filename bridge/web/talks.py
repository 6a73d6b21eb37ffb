"""Owns what may be asked of the call that an agent talks in, and the refusals, for his page and the API.

The floor decides; what came of it is in the call a moment later.
"""

from http import HTTPStatus

from aiohttp import web

from bridge.centre.facts import AgentWished, TransferWished, Wish
from bridge.centre.ids import AgentId
from bridge.centre.plan import Plan, Target, TargetKind
from bridge.engine.ports import LiveCall
from bridge.web.context import parts_of
from bridge.web.labels import N_
from bridge.web.problems import Problem, bad_field

MANY_TRANSFERS = 2  # a contact with more is worth a warning

_RINGING, _OPEN = ("ringing",), ("consulting", "swapped")
# wish → the stages of a transfer in which it makes sense; "" is none
_STAGES = {
    Wish.HOLD: ("",),
    Wish.RESUME: ("",),
    Wish.MUTE: ("", *_RINGING, *_OPEN),
    Wish.UNMUTE: ("", *_RINGING, *_OPEN),
    Wish.COMPLETE: (*_RINGING, *_OPEN),
    Wish.GIVE_UP: (*_RINGING, *_OPEN),
    Wish.SWAP: _OPEN,
    Wish.CONFERENCE: _OPEN,
}


def talk_of(request: web.Request, agent: AgentId) -> LiveCall | None:
    """The call in which he is, if his phone is in it."""
    calls = parts_of(request).desk.floor().calls
    return next((call for call in calls if agent in {party.agent for party in call.parties}), None)


def demand_talk(request: web.Request, agent: AgentId) -> LiveCall:
    call = talk_of(request, agent)
    if call is None:
        raise Problem(HTTPStatus.CONFLICT, N_("This agent is in no call now."))
    return call


async def wish(request: web.Request, agent: AgentId, wanted: Wish) -> None:
    """Raises Problem (409) for what the call is not in the middle of."""
    call = demand_talk(request, agent)
    if call.stage not in _STAGES[wanted]:
        raise Problem(HTTPStatus.CONFLICT, N_("This does not fit the call any more. Look again."))
    await parts_of(request).desk.submit(AgentWished(agent, wanted))


async def pass_on(request: web.Request, agent: AgentId, target: Target, *, attended: bool) -> None:
    """Raises Problem: 409 when he cannot pass anybody on now, 422 for where no client may be passed on to."""
    call = demand_talk(request, agent)
    if call.stage or len(call.parties) > 1:
        raise Problem(HTTPStatus.CONFLICT, N_("The call is being passed on, or three talk in it."))
    demand_target(parts_of(request).plan(), target, agent)
    await parts_of(request).desk.submit(TransferWished(agent, target, attended))


def demand_target(plan: Plan, target: Target, agent: AgentId) -> None:
    if target == Target(TargetKind.AGENT, agent):
        raise bad_field("to", N_("this is the agent himself; choose somebody else."))
    if not plan.leads(target):
        raise bad_field("to", N_("choose an agent, a queue or a permitted number."))

"""Owns the API's way to be beside an agent who talks."""

from http import HTTPStatus

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.web.api import talk_models
from bridge.web.api.operations import NoQuery, answer, body, query
from bridge.web.api.talks import said_talk
from bridge.web.context import parts_of
from bridge.web.moves import live_agent
from bridge.web.problems import not_found
from bridge.web.supervision import supervise
from bridge.web.talks import demand_talk, talk_of


async def order_supervision(request: web.Request) -> web.StreamResponse:
    query(request, NoQuery)
    live = live_agent(request)
    if live is None:
        raise not_found("There is no such agent.")
    wanted = (await body(request, talk_models.SupervisionOrder)).value
    trainee = AgentId(wanted.trainee) if wanted.trainee is not None else None
    before = demand_talk(request, live.agent)
    await supervise(request, AgentId(wanted.supervisor), live.agent, wanted.do, trainee)
    now = talk_of(parts_of(request).desk.floor(), live.agent) or before
    return answer(said_talk(now), status=HTTPStatus.ACCEPTED)
